"""The tables of rollouts: how far a model and the baseline part along that model's own answers, and where.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterator

from analysis.rendering.sentences.cells import cell, unmeasured
from analysis.rendering.sentences.numbers import NOT_MEASURED, number
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.token_distributions.rollout_measures import RolloutReport

NO_FLOOR_HERE = (
    "The control's is near zero by construction, since its weights are the baseline's: it is no noise floor."
)


def rollout_table(report: ReviewReport) -> Table:
    """kl_rollout with its K, over tokens and as a sum, and the baseline's surprise, of every model."""
    caption = (
        f"Every model reads its own answers token by token, and {report.baseline} reads the same. KL is a lower bound: "
        "tokens that are not in both lists of the K most likely are one bucket. The mean over tokens falls where a "
        f"model repeats itself, because both then foresee the next token: see the positions. {NO_FLOOR_HERE}"
    )
    header = ("model", "role", "turns", "KL (rollout)", "sum over an answer", "K", "surprise")
    rest = (f"log-likelihood under {report.baseline}", f"of {report.baseline}'s own answers")
    rows = tuple(_row(each) for each in report.rollouts)
    return Table("rollouts", "On the candidates' own answers", caption, (*header, *rest), rows)


def rollout_position_table(report: ReviewReport) -> Table:
    """The same for the first tokens of each turn, and by position."""
    caption = (
        "Positions are counted in each turn. Where answers have ended, the later parts are of the longer ones alone: "
        "those that run on."
    )
    header = ("model", "role", "part", "tokens", "KL (rollout)", "surprise")
    return Table("rollout-positions", "Where along the answers", caption, header, tuple(_position_rows(report)))


def rollout_line(report: ReviewReport) -> str:
    """Each candidate's kl_rollout a token, in the first tokens and over an answer; empty where none was read."""
    told = [
        f"{each.model} {cell(each.kl, with_n=False)} a token, {cell(each.scopes[0].kl, with_n=False)} in the "
        f"{each.scopes[0].scope}, {cell(each.per_answer, with_n=False)} over an answer"
        for each in report.rollouts
        if each.role == "candidate" and not each.fault
    ]
    return f"KL along the candidates' own answers: {'; '.join(told)}." if told else ""


def _position_rows(report: ReviewReport) -> Iterator[tuple[str, ...]]:
    for each in report.rollouts:
        if not each.fault:
            for part in each.scopes:
                found = (cell(part.kl), cell(part.surprise))
                yield (each.model, each.role, part.scope, str(part.positions), *found)


def _row(each: RolloutReport) -> tuple[str, ...]:
    if each.fault:
        return (each.model, each.role, "—", unmeasured(each.fault), *["—"] * 5)
    lost = f", {each.missing} missing" if each.missing else ""
    floored = f" (floor at {each.floored} positions)" if each.floored else ""
    levels = (
        number("surprise", value) if value is not None else NOT_MEASURED for value in (each.loglik, each.loglik_own)
    )
    return (
        each.model,
        each.role,
        f"{each.turns} ({each.positions} tokens){lost}",
        f"{cell(each.kl)}{floored}",
        cell(each.per_answer),
        str(each.top_k),
        cell(each.surprise),
        *levels,
    )
