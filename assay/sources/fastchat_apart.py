"""Judgments of FastChat's that no current row stands for, that nobody could check, and that are beside others.

In: a FastChatReview and one of its models. Out: one LeftOut per judge and kind, about the rows of that model alone.

A row that is no longer today's, and that no other row of its turn stands for, keeps its candidate from SHIP: else a
blank added to the nine worst answers, or to their questions, would take their ratings out, below the floor of coverage.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from analysis.fastchat_audit.stored import USED, Freshness, StoredPair, StoredRating
from analysis.rendering.tables.audit_findings import stale_rows, unchecked_rows
from assay.sources.fastchat_reviews import AnyRow, FastChatReview, names_of, verdicts_in
from ledger.origins import LeftOut


def judgments_apart(review: FastChatReview, model: str) -> Iterator[LeftOut]:
    """What of the judgments of one model is left out, was not checked, or is averaged with others."""
    for judge in review.judges:
        rows = [row for row in review.rows(judge) if review.about(row)]
        mine = [row for row in rows if model in _whose(row, review.baseline)]
        outside = [row for row in mine if row.freshness not in USED]
        replaced = {row.about for row in rows if row.used}
        blocking = [row for row in outside if row.about not in replaced]
        others = [row for row in outside if row.about in replaced]
        unchecked = [row for row in mine if row.used and row.freshness is Freshness.UNCHECKED]
        if blocking:
            yield LeftOut(kind="judgments", name=f"stale judgments of {judge}", cause=f"{_stale(blocking)}; left out")
        if unchecked:
            yield LeftOut(kind="judgments", name=f"unchecked judgments of {judge}", cause=_unchecked(unchecked))
        if others:
            yield LeftOut(kind="beside", name=f"judgments of {judge}", cause=f"{_stale(others)}; left out")
        yield from _further(judge, model, rows, review)
        yield from _of_one_side(judge, model, rows, review)


def _further(judge: str, model: str, rows: Sequence[AnyRow], review: FastChatReview) -> Iterator[LeftOut]:
    """Further verdicts: a turn that one side was asked about more often keeps its candidate from SHIP.

    Their mean is no defense: who asks again where a verdict displeased, and of one side alone, moves it at will.
    """
    if model == review.baseline:
        return  # told with each candidate
    told = []
    for name in (review.baseline, model):
        if further := [row for row in rows if row.used and row.repeat and name in _whose(row, review.baseline)]:
            told.append(f"{_counted(further)} of {name} are further verdicts on a prompt, averaged within their turn")
    mine, theirs = _asked(model, rows), _asked(review.baseline, rows)
    shared = mine.keys() & theirs.keys()
    often = {
        model: sum(mine[turn] > theirs[turn] for turn in shared),
        review.baseline: sum(theirs[turn] > mine[turn] for turn in shared),
    }
    unequal = [f"{name} in {count} turns" for name, count in often.items() if count]
    if unequal:
        told.append(f"asked more often than the other side: {', '.join(unequal)}; ask both equally often")
    if told:
        cause = "; ".join(told)
        yield LeftOut(kind="judgments" if unequal else "beside", name=f"further verdicts of {judge}", cause=cause)


def _of_one_side(judge: str, model: str, rows: Sequence[AnyRow], review: FastChatReview) -> Iterator[LeftOut]:
    """Ratings that no rating of the other side's stands beside: of a judge who played no games either, they are found
    and not compared. The baseline's are so only where no candidate has any.
    """
    mine, rivals = _asked(model, rows), [name for name in review.models if name != review.baseline]
    against = rivals if model == review.baseline else [review.baseline]
    if not mine or any(mine.keys() & _asked(name, rows).keys() for name in against):
        return
    played = any(isinstance(row, StoredPair) and row.used and model in names_of(row) for row in rows)
    cause = f"{sum(mine.values())} ratings of {model}, and none of the same turns of {' or '.join(against)}"
    yield LeftOut(kind="beside" if played else "lines", name=f"one-sided ratings of {judge}", cause=cause)


def _asked(model: str, rows: Sequence[AnyRow]) -> Counter[tuple[str, int]]:
    """How many verdicts each question-turn of a model's has."""
    return Counter(
        (row.record.question, row.record.turn)
        for row in rows
        if isinstance(row, StoredRating) and row.used and row.record.model == model and row.record.score is not None
    )


def judgments_of_others(review: FastChatReview) -> Iterator[LeftOut]:
    """Judgments of models that are not in the review, each judge's by their number."""
    for judge in (*review.judges, *review.others):
        if others := [row for row in review.rows(judge) if not review.about(row)]:
            cause = f"{_counted(others)} are of other models"
            yield LeftOut(kind="beside", name=f"judgments of {judge}", cause=cause)


def _whose(row: AnyRow, baseline: str) -> set[str]:
    """The model that a row says something of: of a game with the baseline, its rival."""
    names = names_of(row)
    return names if isinstance(row, StoredRating) else names - {baseline}


def _kinds(rows: Sequence[AnyRow]) -> Iterator[tuple[str, list[AnyRow]]]:
    ratings: list[AnyRow] = [row for row in rows if isinstance(row, StoredRating)]
    games: list[AnyRow] = [row for row in rows if not isinstance(row, StoredRating)]
    yield from ((what, held) for what, held in (("ratings", ratings), ("games", games)) if held)


def _counted(rows: Sequence[AnyRow]) -> str:
    return " and ".join(f"{sum(map(verdicts_in, held))} {what}" for what, held in _kinds(rows))


def _stale(rows: Sequence[AnyRow]) -> str:
    """Why judgments stay outside, each cause with its count."""
    told = []
    for what, held in _kinds(rows):
        changed, mixed = Counter[str](), 0
        for row in held:
            if row.freshness is Freshness.MIXED:
                mixed += verdicts_in(row)
            else:
                changed[" and ".join(row.changed)] += verdicts_in(row)
        told += [stale_rows(dict(changed.most_common()), what)] if changed else []
        told += [f"{mixed} {what} share their turn with another prompt"] if mixed else []
    return ", ".join(told)


def _unchecked(rows: Sequence[AnyRow]) -> str:
    told = []
    for what, held in _kinds(rows):
        lacking = Counter[str]()
        for row in held:
            lacking[str(row.lacking)] += verdicts_in(row)
        told.append(unchecked_rows(dict(lacking.most_common()), what))
    return ", ".join(told)
