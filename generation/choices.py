"""Multiple choice: the log-probability of each option of each item.

In: items, an engine, a writer of choices. Out: Choice records.
`continuation` scores the text of each option after the question; `letters` shows the options with letters and scores
the letters. Very small models answer the same letter to everything, which measures nothing; hence both. `rendered`
items bring their prompts with them (generation/harness.py). An item that does not fit the context gets no choice, and
is named.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from generation.engine import Engine, Reply, Request, Scored, ScoreRequest, drive
from ledger.digests import digest_of
from ledger.progress import Progress, Report, silent
from ledger.records import Choice, Item
from ledger.store import Writer, key_text

Style = Literal["continuation", "letters", "rendered"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
WRITTEN_TOGETHER = 32


def score_request(item: Item, style: Style) -> ScoreRequest:
    """The request that scores an item: `Question: …` and `Answer:`, then one blank before each continuation."""
    if style == "rendered":
        contexts = item.contexts[0] if len(item.contexts) == 1 else item.contexts
        return ScoreRequest(id=key_text(item.key), context=contexts, continuations=item.continuations)
    if style == "continuation":
        context = f"Question: {item.question}\nAnswer:"
        continuations = tuple(f" {option}" for option in item.options)
    else:
        shown = "\n".join(f"{LETTERS[i]}. {option}" for i, option in enumerate(item.options))
        context = f"{item.question.strip()}\n{shown}\nAnswer:"
        continuations = tuple(f" {LETTERS[i]}" for i in range(len(item.options)))
    return ScoreRequest(id=key_text(item.key), context=context, continuations=continuations)


def choice_from(model: str, item: Item, style: Style, logprobs: Sequence[Sequence[float]]) -> Choice:
    """What a model picked, from one tuple of token log-probabilities per option."""
    totals = [float(sum(tokens)) for tokens in logprobs]
    characters = [1 if style == "letters" else max(1, len(option)) for option in item.options]
    return Choice(
        model=model,
        task=item.task,
        item=item.id,
        subject=item.subject,
        item_digest=item.digest,
        prompt_digest=digest_of(score_request(item, style).pairs),
        logprobs=tuple(None if total == -math.inf else total for total in totals),
        characters=tuple(characters),
        tokens=tuple(len(tokens) for tokens in logprobs),
        gold=item.gold,
        picked=int(np.argmax(totals)),
        picked_norm=int(np.argmax(np.array(totals) / np.array(characters))),
    )


def write_choices(
    engine: Engine,
    pending: Sequence[tuple[Item, Style]],
    model: str,
    writer: Writer[Choice],
    report: Report = silent,
) -> list[str]:
    """Score each pending item in the given order of admission; give the names of those that do not fit the context."""
    under_way: dict[str, tuple[Item, Style]] = {}
    finished: list[Choice] = []
    too_long: list[str] = []
    done = 0
    work = f"{model}: choices"

    def requests() -> Iterator[Request]:
        for item, style in pending:
            request = score_request(item, style)
            under_way[request.id] = (item, style)
            yield request

    def follow(reply: Reply) -> None:
        nonlocal done
        assert isinstance(reply, Scored)
        item, style = under_way.pop(reply.id)
        if reply.logprobs:
            finished.append(choice_from(model, item, style, reply.logprobs))
        else:
            too_long.append(reply.id)
        done += 1
        if len(finished) >= WRITTEN_TOGETHER or not under_way:
            write()
            report(Progress(work, done, len(pending), f"{len(too_long)} too long" if too_long else ""))

    def write() -> None:
        """What could not be written for certain is not written again: it may be on the disk all the same."""
        held = finished.copy()
        finished.clear()
        writer.append(*held)

    report(Progress(work, 0, len(pending)))
    try:
        drive(engine, requests(), follow, model)
    finally:
        write()  # also where the engine failed or the user left: they were paid for
    return sorted(too_long)
