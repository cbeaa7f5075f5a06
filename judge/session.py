"""A judge's whole part of a review: plan, ask what is not answered yet, derive, and write down what happened.

In: a Brief (whose answers, which judge, which prompts), a way to a Transport. Out: the judge's folder (attempts,
ratings, games, marks of exam and ladder, manifest) and a JudgeSummary.

A second run asks only what has no answer yet. However a session ends, also by Ctrl-C, what was answered is derived.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from judge.adversarial import adversarial_counts
from judge.attempts import shown
from judge.brief import Brief, ReviewPlan, outcomes
from judge.budget import spent
from judge.calls import Interviews, Tally
from judge.client import Transport
from judge.derivation import derived, derived_marks
from judge.history import Due, History
from judge.plan import TIE, Answers, Ask
from judge.summary import JudgeSummary
from ledger.errors import EndpointError, JudgeError
from ledger.facts import JudgeFacts
from ledger.judgments import Attempt, Outcome
from ledger.manifests import Manifest, open_manifest, read_manifest, write_manifest
from ledger.progress import Progress, Report, silent
from ledger.runs import JudgeFolder
from ledger.store import Writer, write_lock

REREAD = frozenset({"parsing"})  # by other rules, the stored replies may be read again
Learned = dict[str, Any]
MOST_CAUSES = 5
Connect = Callable[[Learned], AbstractContextManager[Transport]]


@dataclass
class Sitting:
    """A judge's folder, held by this process: what is planned, what was answered; derived again when it is left.

    `asks` has each conversation once, those of the ladder as its rungs are reached.
    """

    brief: Brief
    folder: JudgeFolder
    models: dict[str, Answers]
    plan: ReviewPlan
    history: History
    manifest: Manifest
    endpoint: Learned
    tally: Tally = field(default_factory=Tally)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    asks: list[Ask] = field(init=False)

    def __post_init__(self) -> None:
        self.asks = self.plan.asks(exam_only=self.brief.exam_only)
        self.climb()

    def due(self) -> list[tuple[Ask, Due]]:
        """The conversations that have no reply that stands, each with what has still to be asked."""
        self.climb()
        return list(self.history.pending(self.asks, self.brief.config.rules))

    def climb(self) -> list[Ask]:
        """What the verdicts so far bring of the ladder that was not asked for before: empty where it stops."""
        known = {ask.judgment for ask in self.asks}
        more = self.plan.ladder.opened(self.history, self.brief.config.rules)
        self.asks += (new := [ask for ask in more if ask.judgment not in known])
        return new

    def close(self) -> None:
        """Derive every record from the attempts, and write the manifest."""
        rules, plan = self.brief.config.rules, self.plan
        exam = derived_marks(plan.exam, self.history, rules)
        self.folder.exam.replace(exam)
        ladder = derived_marks(plan.ladder.marks(), self.history, rules)
        if ladder or self.folder.ladder.path.exists():
            self.folder.ladder.replace(ladder)
        self.counts = {"exam": outcomes(exam)} | ({"ladder": outcomes(ladder)} if ladder else {})
        if not self.brief.exam_only:
            ratings, games = derived(plan.ratings, self.history, rules), derived(plan.games, self.history, rules)
            self.folder.ratings.replace(ratings)
            self.folder.games.replace(games)
            self.counts |= {"ratings": outcomes(ratings), "games": outcomes(games)}
        before, config = JudgeFacts.of(self.manifest), self.brief.config
        asks = [*plan.asks(), *(ask for mark in plan.ladder.marks() for ask in mark.asks)]
        failures = self.history.failures(ask.judgment for ask in asks)
        # Of what this session did not look at, the earlier ones tell.
        seen = before.answers | {name: adversarial_counts(answers.values()) for name, answers in self.models.items()}
        found = JudgeFacts(
            review=self.brief.about,
            prompt_texts=self.brief.prompts.texts,
            judgments=before.judgments | self.counts,
            endpoint=dict(self.endpoint),
            pace=self.tally.pace or before.pace,
            failures=(*failures, *self.history.unheard(asks, rules, config.max_tokens)),
            answers={name: counts for name, counts in seen.items() if counts},
        )
        facts = self.manifest.facts | found.noted() | self.history.facts()
        if config.price:
            facts |= JudgeFacts(spent_usd=round(spent(self.history.all(), config), 6)).noted()
        write_manifest(self.folder.path, self.manifest.model_copy(update={"facts": facts}).ended())


@contextmanager
def sitting(brief: Brief) -> Iterator[Sitting]:
    """Hold the judge's folder; however the context ends, what was answered is derived.

    Raises MissingRecords (a model has no answers), StaleInput (other settings than those of the records there),
    StoreLocked, ConfigError (a prompt set without a fitting prompt).
    """
    models = brief.answers()
    folder = brief.run.judge(brief.config.name)
    with write_lock(folder.path):
        plan = brief.plan(models)
        history = History(folder.attempts.records())
        inputs = brief.inputs(models)
        if brief.exam_only:  # what was judged before stays held against the answers that it was judged from
            inputs |= before.inputs if (before := read_manifest(folder.path)) else {}
        free = REREAD if brief.reparsing else frozenset()
        about = (folder.path, "judge", brief.config.name, brief.settings, inputs, len(history))
        manifest = open_manifest(*about, may_differ=free)
        held = Sitting(brief, folder, models, plan, history, manifest, JudgeFacts.of(manifest).endpoint)
        try:
            yield held
        finally:
            held.close()


def judge_together(work: Sequence[tuple[Brief, Connect]], report: Report = silent) -> list[JudgeSummary]:
    """Have several judges work at the same time, in one event loop; each way to one is called only if something is due.

    Raises what `sitting` raises, and JudgeError when no judgment of a judge has an answer or an error met that every
    further call would meet; by then all that was answered, by all of them, is derived.
    """
    with ExitStack() as stack:
        sittings = [stack.enter_context(sitting(brief)) for brief, _ in work]
        dues = [[ask for ask, _ in held.due()] for held in sittings]
        interviews: list[tuple[Sitting, Interviews, list[Ask]]] = []
        for held, due, (_, connect) in zip(sittings, dues, work, strict=True):
            if due:
                transport = stack.enter_context(connect(held.endpoint))
                held.endpoint = getattr(transport, "facts", {})
                writer = stack.enter_context(Writer(held.folder.attempts))
                interviews.append((held, _interviews(transport, held, writer, len(due), report), due))
        if interviews:
            asyncio.run(_all(interviews))
    for held in sittings:
        _raise_failure(held)
    return [summary(held, due) for held, due in zip(sittings, dues, strict=True)]


async def _all(interviews: Sequence[tuple[Sitting, Interviews, list[Ask]]]) -> None:
    await asyncio.gather(*(_whole(*each) for each in interviews))


async def _whole(held: Sitting, interviews: Interviews, due: list[Ask]) -> None:
    """Put what is due, and then each rung of the ladder that the verdicts bring; all of it is due in the end."""
    await interviews.hold(due)
    while not held.tally.stopped and (more := held.climb()):
        due += more
        await interviews.hold(more)


def summary(held: Sitting, due: Sequence[Ask]) -> JudgeSummary:
    """What became of the judgments that were due."""
    tally, config, history = held.tally, held.brief.config, held.history
    pending = history.pending(due, config.rules)
    lost = {ask.judgment for ask, again in pending if history.next_number(ask.judgment, again.ask) > 1}
    replied = [ask for ask in due if history.answered(ask.judgment) and ask.judgment not in lost]
    ended = Counter(history.verdict(ask.judgment, ask.mode, config.rules)[0].outcome.value for ask in replied)
    answered = ended.pop(Outcome.SCORED.value, 0)
    return JudgeSummary(
        judge=config.name,
        asked=tally.asked,
        answered=answered,
        reused=len(held.asks) - len(due),
        failed=tally.failed,
        unread=dict(sorted(ended.items())),
        failures=history.failures(ask.judgment for ask in due),
        unheard=history.unheard(due, config.rules, config.max_tokens),
        calls=tally.calls,
        identical=sum(game.settled is TIE for game in held.plan.games),
        **{"ratings": {}, "games": {}, "exam": {}, "ladder": {}, **held.counts},
        prompt_tokens=tally.prompt_tokens,
        completion_tokens=tally.completion_tokens,
        spent_usd=spent(held.history.all(), config) if config.price else None,
        last_reply=next((shown(each) for each in reversed(list(history.all())) if each.status == "answered"), ""),
    )


def reparse(brief: Brief) -> dict[str, dict[str, int]]:
    """Read the stored replies again by the present rules, without a call; the outcomes by kind. Raises as `sitting`."""
    with sitting(brief) as held:
        pass
    return held.counts


def _interviews(transport: Transport, held: Sitting, writer: Writer[Attempt], due: int, report: Report) -> Interviews:
    before = len(held.asks) - due

    def tell(now: Tally) -> None:
        parts = [f"{now.failed} failed"] * bool(now.failed)
        parts += [f"${now.spent_usd:.2f}"] if now.spent_usd is not None else []
        report(Progress(f"judge {held.brief.config.name}", before + now.asked, len(held.asks), ", ".join(parts)))

    return Interviews(transport, held.brief.config, held.history, writer, tell, held.tally)


def _until_then(held: Sitting, stopped: EndpointError) -> str:
    """What a session that was stopped leaves: how many judgments have an answer, and why others failed before."""
    asks, history = held.asks, held.history
    kept = sum(history.answered(ask.judgment) for ask in asks)
    said = [f"What was answered is kept: {kept} of {len(asks)} judgments."] if kept else []
    for failure in history.failures(ask.judgment for ask in asks)[:MOST_CAUSES]:
        if stopped.what not in failure.words:
            said.append(f"{failure.judgments} judgments failed for good: {failure.words.rstrip('.')}.")
    return " ".join(said)


def _raise_failure(held: Sitting) -> None:
    if held.tally.stopped:
        raise held.tally.stopped.adding(_until_then(held, held.tally.stopped))
    asks = held.asks
    if asks and not any(held.history.answered(ask.judgment) for ask in asks):
        last = held.tally.last_error
        raise JudgeError(f"no judgment succeeded; the last call: {last}", where=f"judge {held.brief.config.name}")
