"""A judge's whole part of a review: plan, ask what is not answered yet, derive, and write down what happened.

In: a Brief (whose answers, which judge, which prompts), a way to a Transport. Out: the judge's folder (attempts,
ratings, games, exam marks, manifest) and a JudgeSummary.

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
from ledger.errors import EndpointError, JudgeError
from ledger.facts import CallFailure, JudgeFacts
from ledger.judgments import Attempt, Outcome
from ledger.manifests import Manifest, open_manifest, read_manifest, write_manifest
from ledger.progress import Progress, Report, silent
from ledger.runs import JudgeFolder
from ledger.store import Writer, write_lock

REREAD = frozenset({"parsing"})  # by other rules, the stored replies may be read again
Learned = dict[str, Any]
MOST_CAUSES = 5
Connect = Callable[[Learned], AbstractContextManager[Transport]]


@dataclass(frozen=True)
class JudgeSummary:
    """What a session did and what the judge's folder now holds.

    Of the judgments that need a call, `reused` were answered before this session, `asked` were put to the judge in it;
    of these `answered` now have a verdict, `unread` have a reply without one, by outcome, and `failed` are still due
    (also where the second call about one failed), for the reasons in `failures`; `unheard` has those of cut or filtered
    ones. `calls` counts attempts; tokens are this session's, None where the server does not count; `spent_usd` is
    the review's in all, None without a price.
    `ratings`, `games` and `exam` count outcomes, `identical` the ties without a call. `last_reply` is the last of all.
    """

    judge: str
    asked: int
    answered: int
    reused: int
    failed: int
    unread: dict[str, int]
    failures: tuple[CallFailure, ...]
    unheard: tuple[CallFailure, ...]
    calls: int
    identical: int
    ratings: dict[str, int]
    games: dict[str, int]
    exam: dict[str, int]
    prompt_tokens: int | None
    completion_tokens: int | None
    spent_usd: float | None
    last_reply: str = ""

    @property
    def nothing_judged(self) -> bool:
        """Whether calls were made, in this session or before, and not one of them gave a verdict.

        Where the records are not derived yet, as while a batch is taken in, its own replies alone tell.
        """
        kinds = (self.ratings, self.games, self.exam)
        if not any(kinds):
            return self.asked > 0 and not self.answered
        scored = sum(kind.get(Outcome.SCORED, 0) for kind in kinds)
        return bool(self.asked or self.reused) and scored <= self.identical


@dataclass
class Sitting:
    """A judge's folder, held by this process: what is planned, what was answered; derived again when it is left."""

    brief: Brief
    folder: JudgeFolder
    models: dict[str, Answers]
    plan: ReviewPlan
    history: History
    manifest: Manifest
    endpoint: Learned
    tally: Tally = field(default_factory=Tally)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def asks(self) -> list[Ask]:
        """Each conversation once."""
        return self.plan.asks(exam_only=self.brief.exam_only)

    def due(self) -> list[tuple[Ask, Due]]:
        """The conversations that have no reply that stands, each with what has still to be asked."""
        return list(self.history.pending(self.asks, self.brief.config.rules))

    def close(self) -> None:
        """Derive every record from the attempts, and write the manifest."""
        rules, plan = self.brief.config.rules, self.plan
        exam = derived_marks(plan.exam, self.history, rules)
        self.folder.exam.replace(exam)
        self.counts = {"exam": outcomes(exam)}
        if not self.brief.exam_only:
            ratings, games = derived(plan.ratings, self.history, rules), derived(plan.games, self.history, rules)
            self.folder.ratings.replace(ratings)
            self.folder.games.replace(games)
            self.counts |= {"ratings": outcomes(ratings), "games": outcomes(games)}
        before, config = JudgeFacts.of(self.manifest), self.brief.config
        failures = self.history.failures(ask.judgment for ask in self.plan.asks())
        # Of what this session did not look at, the earlier ones tell.
        seen = before.answers | {name: adversarial_counts(answers.values()) for name, answers in self.models.items()}
        found = JudgeFacts(
            review=self.brief.about,
            prompt_texts=self.brief.prompts.texts,
            judgments=before.judgments | self.counts,
            endpoint=dict(self.endpoint),
            pace=self.tally.pace or before.pace,
            failures=(*failures, *self.history.unheard(plan.asks(), rules, config.max_tokens)),
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
        interviews: list[tuple[Interviews, list[Ask]]] = []
        for held, due, (_, connect) in zip(sittings, dues, work, strict=True):
            if due:
                transport = stack.enter_context(connect(held.endpoint))
                held.endpoint = getattr(transport, "facts", {})
                writer = stack.enter_context(Writer(held.folder.attempts))
                interviews.append((_interviews(transport, held, writer, len(due), report), due))
        if interviews:
            asyncio.run(_all(interviews))
    for held in sittings:
        _raise_failure(held)
    return [summary(held, due) for held, due in zip(sittings, dues, strict=True)]


async def _all(interviews: Sequence[tuple[Interviews, list[Ask]]]) -> None:
    await asyncio.gather(*(each.hold(asks) for each, asks in interviews))


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
        **{"ratings": {}, "games": {}, "exam": {}, **held.counts},
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
    total = len(held.asks)

    def tell(now: Tally) -> None:
        parts = [f"{now.failed} failed"] * bool(now.failed)
        parts += [f"${now.spent_usd:.2f}"] if now.spent_usd is not None else []
        report(Progress(f"judge {held.brief.config.name}", total - due + now.asked, total, ", ".join(parts)))

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
