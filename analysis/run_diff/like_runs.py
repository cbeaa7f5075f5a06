"""Like is compared with like: what must agree between two runs before any number of theirs is subtracted.

In: the evidence of two runs. Out: nothing, or StaleInput or ConfigError that names the field and both values.
Items and their prompts are held against each other where choices are paired (analysis/multiple_choice/choices.py).
"""

from typing import Any

from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence, served_models
from ledger.changed_settings import refuse_other_settings
from ledger.digests import digest_of
from ledger.errors import ConfigError
from ledger.facts import JudgeSettings
from ledger.records import Question

SERVED = "served_models"
JUDGE_ALIKE = "No judged number is compared: judge both runs alike, or leave that part out with --without-judges."
ASK_ALIKE = "The two runs asked different things under one name; make the answers of both from one question set."


def refuse_unlike_runs(before: RunEvidence, after: RunEvidence, *, judged: bool) -> None:
    """Stop where judges (if `judged`) or questions that both runs have differ. Raises StaleInput, ConfigError."""
    runs = f"of {before.config.name} and {after.config.name}"
    if judged:
        _refuse_unlike_judges(before, after, runs)
    for unit in sorted(before.questions.keys() & after.questions.keys()):
        old, new = (_asked(run.questions[unit], judged) for run in (before, after))
        refuse_other_settings(f"question {'/'.join(unit)} {runs}", old, new, ASK_ALIKE)


def _refuse_unlike_judges(before: RunEvidence, after: RunEvidence, runs: str) -> None:
    first, second = ({judge.config.name: judge for judge in run.judges} for run in (before, after))
    for name in sorted(first.keys() ^ second.keys()):
        mine, theirs = (", ".join(sorted(names)) or "no judge" for names in (first, second))
        raise ConfigError(
            f"{name} is in one run only: A has {mine}, B has {theirs}.", where="judge", remedy=JUDGE_ALIKE
        )
    for name in first:
        held = _settings(first[name], before), _settings(second[name], after)
        served = all(each[SERVED] for each in held)  # what an endpoint does not tell is no difference
        old, new = ({field: value for field, value in each.items() if served or field != SERVED} for each in held)
        refuse_other_settings(f"judge {name} {runs}", old, new, JUDGE_ALIKE)


def _settings(judge: JudgeEvidence, run: RunEvidence) -> dict[str, Any]:
    """What a judge's numbers depend on. Raises ConfigError where no manifest tells it."""
    if judge.manifest is None:
        what = f"no manifest says how {judge.config.name} judged {run.config.name}."
        raise ConfigError(what, where="judge", remedy=JUDGE_ALIKE)
    settings = {name: judge.manifest.settings.get(name) for name in JudgeSettings.alike}
    return settings | {SERVED: served_models(judge.manifest)}


def _asked(question: Question, judged: bool) -> dict[str, Any]:
    """What the models saw, and what its judges saw beside that; long texts by their digest."""
    seen = {"turns": digest_of(question.turns), "temperature": question.temperature}
    shown = {"references": digest_of(question.references), "category": question.category}
    return seen | shown if judged else seen
