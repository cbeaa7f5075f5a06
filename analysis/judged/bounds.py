"""Bounds for missing judgments: where a mean would lie if every missing one were as bad, or as good, as it can be.

In: planned cells and what is known of each. Out: the lowest and the highest mean, or None where nothing is missing.
A turn's repeats, planned or not, are averaged first, as in the mean itself.
Source: Manski 1989 (no assumption about what is missing). It is not an interval: nothing random is in it.
"""

from collections.abc import Collection, Mapping, Sequence

from analysis.judged.games import WIN_RANGE, WORTH, turn_class
from analysis.judged.scores import RATING_RANGE
from analysis.statistics.cells import Cell, Values, turn_of
from ledger.judgments import Order, Winner

Bounds = tuple[float, float]


def rating_bounds(planned: Sequence[Cell], values: Values) -> Bounds | None:
    """Of a mean rating, if the missing ones were all 1, or all 10."""
    return _mean_bounds(_rating_ends(planned, values))


def change_bounds(planned: Sequence[Cell], baseline: Values, candidate: Values) -> Bounds | None:
    """Of a mean rating_change: a missing candidate's rating from 1 to 10, a missing baseline's too."""
    ends = zip(_rating_ends(planned, baseline), _rating_ends(planned, candidate), strict=True)
    return _mean_bounds([(after[0] - before[1], after[1] - before[0]) for before, after in ends])


def win_bounds(planned: Sequence[Cell], verdicts: Mapping[Cell, Mapping[Order, Winner | None]]) -> Bounds | None:
    """Of a win_score: one known game of two leaves a win or an inconsistent pair, a loss or one, or half a win.

    A missing game beside a tie moves no end: both bounds are then one number, which the mean without that cell is not.
    """
    known = [
        [[winner for winner in verdicts.get(cell, {}).values() if winner is not None] for cell in cells]
        for cells in _by_turn(planned, verdicts)
    ]
    if all(len(winners) == 2 for repeats in known for winners in repeats):
        return None
    return _means([_means([_worth(winners) for winners in repeats]) for repeats in known])


def _by_turn(planned: Sequence[Cell], known: Collection[Cell]) -> list[list[Cell]]:
    """The cells of each planned turn: its planned repeats, and those that there are besides."""
    turns: dict[Cell, set[Cell]] = {}
    for cell in planned:
        turns.setdefault(turn_of(cell), set()).add(cell)
    for cell in known:
        if turn_of(cell) in turns:
            turns[turn_of(cell)].add(cell)
    return [sorted(cells) for cells in turns.values()]


def _rating_ends(planned: Sequence[Cell], values: Values) -> list[Bounds]:
    return [_means([_rating(values.get(cell)) for cell in cells]) for cells in _by_turn(planned, values)]


def _worth(known: Sequence[Winner]) -> Bounds:
    if not known:
        return WIN_RANGE
    alone = WORTH[turn_class(known[0], known[-1])]
    return (alone, alone) if len(known) == 2 else (min(alone, 0.5), max(alone, 0.5))


def _rating(value: float | None) -> Bounds:
    return RATING_RANGE if value is None else (value, value)


def _mean_bounds(ends: Sequence[Bounds]) -> Bounds | None:
    return _means(ends) if any(low < high for low, high in ends) else None


def _means(ends: Sequence[Bounds]) -> Bounds:
    return sum(low for low, _ in ends) / len(ends), sum(high for _, high in ends) / len(ends)
