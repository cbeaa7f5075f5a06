"""One judge's whole part of a review: plan, ask what is not answered yet, derive, and write down what happened.

In: a run folder with answers, the judge's config, a prompt set, a way to a Transport. Out: the judge's folder
(attempts, ratings, games, exam marks, manifest) and a JudgeSummary.

A second run asks only what has no answer yet. However a session ends, also by Ctrl-C, what was answered is derived.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from judge.calls import Interviews, Limits, Tally
from judge.client import OPENAI_URL, Transport
from judge.derivation import derived, derived_marks
from judge.exam import PlannedMark, exam_plan, exam_tasks
from judge.history import History
from judge.plan import TIE, Answers, Ask, Planned, Planner, answers_by_key
from judge.prompt_sets import TEMPERATURE, PromptSet
from ledger.digests import file_digest
from ledger.errors import ConfigError, JudgeError, MissingRecords
from ledger.judge_config import JudgeConfig
from ledger.judgments import Game, Judgment, Rating
from ledger.manifests import Manifest, open_manifest, write_manifest
from ledger.progress import Progress, Report, silent
from ledger.runs import JudgeFolder, RunFolder
from ledger.store import Writer, write_lock


@dataclass(frozen=True)
class JudgeSummary:
    """What a session did and what the judge's folder now holds.

    Of the judgments that need a call, `reused` were answered before this session, `asked` were put to the judge in it;
    of these `answered` now stand and `failed` are still due. `calls` counts attempts; tokens are this session's, None
    where the server does not count. `ratings`, `games` and `exam` count outcomes, `identical` the ties without a call.
    """

    asked: int
    answered: int
    reused: int
    failed: int
    calls: int
    identical: int
    ratings: dict[str, int]
    games: dict[str, int]
    exam: dict[str, int]
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float


@dataclass(frozen=True)
class ReviewPlan:
    """All that one judge has to do in a review."""

    exam: list[PlannedMark]
    ratings: list[Planned[Rating]]
    games: list[Planned[Game]]

    def asks(self) -> list[Ask]:
        """Each conversation once, the exam first."""
        planned = (each.ask for each in chain[Planned[Rating] | Planned[Game]](self.ratings, self.games) if each.ask)
        exam = (ask for mark in self.exam for ask in mark.asks)
        return list({ask.judgment: ask for ask in chain(exam, planned)}.values())


def judge_review(
    run: RunFolder,
    config: JudgeConfig,
    prompt_set: PromptSet,
    connect: Callable[[], AbstractContextManager[Transport]],
    baseline: str,
    candidates: Sequence[str],
    control: str | None,
    seed: int,
    report: Report = silent,
) -> JudgeSummary:
    """Have one judge rate and compare the answers of a review; `connect` is called only if something is due.

    Raises MissingRecords (a model has no answers), StaleInput (other settings than those of the records there),
    StoreLocked, ConfigError (a prompt set without a fitting prompt), and JudgeError when no judgment has an answer or
    an error met that every further call would meet; by then all that was answered is derived.
    """
    started = time.monotonic()
    rivals = [control, *candidates] if control else list(candidates)
    models = {name: _answers(run, name) for name in [baseline, *rivals]}
    folder = run.judge(config.name)
    with write_lock(folder.path):
        plan = review_plan(config, prompt_set, models, baseline, rivals, seed)
        history = History(folder.attempts.records())
        inputs = _inputs(run, models)
        settings = _settings(config, prompt_set)
        manifest = open_manifest(folder.path, "judge", config.name, settings, inputs, len(history))
        asks = plan.asks()
        due = [ask for ask in asks if history.due(ask.judgment, ask.mode, config.rules)]
        tally = Tally()
        endpoint = manifest.facts.get("endpoint", {})
        try:
            if due:
                with connect() as transport:
                    endpoint = getattr(transport, "facts", {})
                    _interview(transport, config, history, folder, due, len(asks), tally, report)
        finally:
            counts = _derive(folder, plan, history, config)
            about = {"baseline": baseline, "candidates": list(candidates), "control": control, "seed": seed}
            facts = {"review": about, "judgments": counts, "endpoint": dict(endpoint)}
            _close(folder, manifest, {**facts, **history.facts()})
    _raise_failure(tally, history, asks, config)
    return JudgeSummary(
        asked=tally.asked,
        answered=tally.asked - tally.failed,
        reused=len(asks) - len(due),
        failed=tally.failed,
        calls=tally.calls,
        identical=sum(game.settled is TIE for game in plan.games),
        **counts,
        prompt_tokens=tally.prompt_tokens,
        completion_tokens=tally.completion_tokens,
        seconds=time.monotonic() - started,
    )


def review_plan(
    config: JudgeConfig, prompts: PromptSet, models: dict[str, Answers], baseline: str, rivals: Sequence[str], seed: int
) -> ReviewPlan:
    """All that a judge has to do; prompts are rendered for their digests and forgotten."""
    planner = Planner(config.name, prompts, models, config.repeats)
    tasks = exam_tasks(models[baseline], config.exam_tasks, seed) if config.exam else []
    return ReviewPlan(
        exam=list(exam_plan(tasks, config.modes, config.name, prompts)),
        ratings=list(planner.ratings()) if "single" in config.modes else [],
        games=list(planner.games(baseline, rivals)) if "pair" in config.modes else [],
    )


def refuse_contestant(judge_model: str, contestants: Iterable[str], allowed: bool) -> None:
    """Raise ConfigError when the judge is one of the contestants (their models and labels), unless that is allowed.

    Paths are compared as files; names also by their last part, as `org/model` may be served as `model`.
    """
    for contestant in contestants:
        if not allowed and _same_model(judge_model, contestant):
            raise ConfigError(
                f"the judge {judge_model} is also a contestant ({contestant}).",
                where="judge",
                remedy="Take another judge, or set judge_may_compete = true under [decision].",
            )


def _interview(
    transport: Transport,
    config: JudgeConfig,
    history: History,
    folder: JudgeFolder,
    due: Sequence[Ask],
    total: int,
    tally: Tally,
    report: Report,
) -> None:
    def tell(now: Tally) -> None:
        note = f"{now.failed} failed" if now.failed else ""
        report(Progress(f"judge {config.name}", total - len(due) + now.asked, total, note))

    limits = Limits(
        concurrency=config.concurrency,
        attempts=config.attempts,
        max_tokens=config.max_tokens,
        parsing=config.rules,
        form=config.form,
        requests_per_minute=config.requests_per_minute,
        tokens_per_minute=config.tokens_per_minute,
        deadline_seconds=config.deadline_seconds,
        price=config.price,
        budget_usd=config.budget_usd,
    )
    with Writer(folder.attempts) as writer:
        interviews = Interviews(transport, limits, history, writer, tell, tally)
        asyncio.run(interviews.hold(due))


def _derive(folder: JudgeFolder, plan: ReviewPlan, history: History, config: JudgeConfig) -> dict[str, dict[str, int]]:
    ratings = derived(plan.ratings, history, config.rules)
    games = derived(plan.games, history, config.rules)
    exam = derived_marks(plan.exam, history, config.rules)
    folder.ratings.replace(ratings)
    folder.games.replace(games)
    folder.exam.replace(exam)
    return {"ratings": _outcomes(ratings), "games": _outcomes(games), "exam": _outcomes(exam)}


def _outcomes(records: Iterable[Judgment]) -> dict[str, int]:
    return dict(sorted(Counter(record.outcome.value for record in records).items()))


def _close(folder: JudgeFolder, manifest: Manifest, facts: dict[str, Any]) -> None:
    write_manifest(folder.path, manifest.model_copy(update={"facts": facts}))


def _raise_failure(tally: Tally, history: History, asks: Sequence[Ask], config: JudgeConfig) -> None:
    if tally.stopped:
        raise tally.stopped
    if asks and not any(history.answered(ask.judgment) for ask in asks):
        last = tally.last_error
        raise JudgeError(f"no judgment succeeded; the last call: {last}", where=f"judge {config.name}")


def _answers(run: RunFolder, model: str) -> Answers:
    store = run.generation(model).answers
    answers = answers_by_key(store.records())
    if not answers:
        raise MissingRecords(store.path, f"answers of {model}", "Generate them before they are judged.")
    return answers


def _inputs(run: RunFolder, models: Iterable[str]) -> dict[str, str]:
    paths = [run.generation(model).answers.path for model in models]
    return {path.relative_to(run.path).as_posix(): file_digest(path) for path in paths}


def _settings(config: JudgeConfig, prompts: PromptSet) -> dict[str, Any]:
    return {
        "judge": config.name,
        "model": config.model or config.serve,
        "host": "served here" if config.serve else urlsplit(config.base_url or OPENAI_URL).hostname or "",
        "prompts": prompts.name,
        "prompts_digest": prompts.digest,
        "form": prompts.form,
        "temperature": TEMPERATURE,
        "parsing": config.parsing,
        "modes": list(config.modes),
        "repeats": config.repeats,
        "max_tokens": config.max_tokens,
    }


def _same_model(one: str, other: str) -> bool:
    paths = Path(one), Path(other)
    if all(path.exists() for path in paths):
        return paths[0].resolve() == paths[1].resolve()
    names = [name.rstrip("/").casefold() for name in (one, other)]
    return names[0] == names[1] or names[0].rsplit("/", 1)[-1] == names[1].rsplit("/", 1)[-1]
