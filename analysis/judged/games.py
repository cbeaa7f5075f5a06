"""Games: what the two games of one question-turn mean together, and what that says about a candidate and its judge.

In: games in both orders. Out: classes (win, tie, loss, inconsistent, failed), win_score and win_change, position bias.

Both games for one model: a win or a loss. Both ties: a tie. Anything else with two verdicts is inconsistent: the
judge changed its verdict with the positions, be it pick against pick or tie against pick. A missing verdict in either
order: failed.
Source: juryrig's rule (tie ↔ pick is inconsistent, tie ↔ tie is not). FastChat counts both kinds as ties.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from scipy import stats

from analysis.statistics.cells import Cell, Scope, Values, by_turn, cell_of, turn_of
from analysis.statistics.estimates import Estimate, shifted
from analysis.statistics.intervals import share
from analysis.statistics.question_means import question_mean
from analysis.statistics.resampling import Resamplings
from ledger.judgments import Game, Order, Winner

WIN_RANGE = (0.0, 1.0)
GAPS = (0, 1, 2, 3)


class TurnClass(StrEnum):
    """What became of one question-turn, seen from the candidate."""

    WIN = "win"
    TIE = "tie"
    LOSS = "loss"
    INCONSISTENT = "flip"  # as report.json has it
    FAILED = "failed"


WORTH = {TurnClass.WIN: 1.0, TurnClass.TIE: 0.5, TurnClass.INCONSISTENT: 0.5, TurnClass.LOSS: 0.0}
BOTH_VERDICTS = frozenset(each.value for each in WORTH)
Verdicts = Mapping[Cell, Mapping[Order, Winner | None]]


@dataclass(frozen=True)
class PositionBias:
    """How much the positions of the two answers decide.

    `first_seat` is the first position's share of the single games with a winner, `flips` the judge inconsistency: the
    share of question-turns with two verdicts that differ between the orders. Of the swapped picks, `toward_first` went
    to the first position both times and `toward_second` to the second; `p` is the two-sided sign test between them.
    """

    first_seat: Estimate
    flips: Estimate
    toward_first: int
    toward_second: int
    p: float | None


@dataclass(frozen=True)
class GapInconsistency:
    """Of `n` question-turns whose answers were rated `gap` points apart (half points up), how many were
    judged inconsistently. The last of GAPS stands for all that are further apart: inconsistency there is alarming.
    """

    gap: int
    flips: int
    n: int


@dataclass(frozen=True)
class Played:
    """One scope of one candidate's games."""

    scope: str
    classes: dict[TurnClass, int]
    win_score: Estimate
    win_change: Estimate


def turn_class(baseline_first: Winner | None, candidate_first: Winner | None) -> TurnClass:
    """The class of one question-turn from its two verdicts."""
    if baseline_first is None or candidate_first is None:
        return TurnClass.FAILED
    if baseline_first is not candidate_first:
        return TurnClass.INCONSISTENT
    same = {Winner.TIE: TurnClass.TIE, Winner.CANDIDATE: TurnClass.WIN, Winner.BASELINE: TurnClass.LOSS}
    return same[baseline_first]


def verdicts(games: Iterable[Game]) -> dict[Cell, dict[Order, Winner | None]]:
    """Each question-turn's verdict by order; of one judge, baseline and candidate."""
    found: dict[Cell, dict[Order, Winner | None]] = {}
    for game in games:
        found.setdefault(cell_of(game), {})[game.order] = game.winner
    return found


def turn_classes(found: Verdicts) -> dict[Cell, TurnClass]:
    """The class of each question-turn of which at least one game was played."""
    both = (Order.BASELINE_FIRST, Order.CANDIDATE_FIRST)
    return {cell: turn_class(*(orders.get(order) for order in both)) for cell, orders in found.items()}


def win_values(classes: Mapping[Cell, TurnClass]) -> dict[Cell, float]:
    """1 for a win, 0.5 for a tie or an inconsistent judge, 0 for a loss, by turn; failed ones are left out."""
    return by_turn({cell: WORTH[found] for cell, found in classes.items() if found in WORTH})


def win_score(values: Values, draws: Resamplings, comparisons: int = 1, left_out: int = 0) -> Estimate:
    """Wins plus half of ties and inconsistent pairs, over question-turns with both verdicts; interval by question."""
    return question_mean("win_score", values, draws, WIN_RANGE, comparisons, left_out)


def played_scopes(
    classes: Mapping[Cell, TurnClass], scopes: Sequence[Scope], draws: Resamplings, comparisons: int
) -> tuple[Played, ...]:
    """Classes, win_score and win_change in each scope; only the first scope is prepared for several comparisons."""
    rows = []
    for index, scope in enumerate(scopes):
        inside = {cell: found for cell, found in classes.items() if scope.holds(cell)}
        counts = Counter(inside.values())
        failed = counts[TurnClass.FAILED]
        score = win_score(win_values(inside), draws, comparisons if index == 0 else 1, failed)
        by_class = {each: counts[each] for each in TurnClass}
        rows.append(Played(scope.name, by_class, score, shifted(score, "win_change", -0.5)))
    return tuple(rows)


def position_bias(found: Verdicts) -> PositionBias:
    """How often the position decided; the proportions treat games as independent and are descriptive."""
    first_wins = decisive = toward_first = toward_second = inconsistent = complete = 0
    for orders in found.values():
        won = [winning_position(order, winner) for order, winner in sorted(orders.items()) if winner is not None]
        decisive += sum(each is not None for each in won)
        first_wins += won.count("first")
        if len(won) < 2:
            continue
        complete += 1
        both = (orders[order] for order in (Order.BASELINE_FIRST, Order.CANDIDATE_FIRST))
        inconsistent += turn_class(*both) is TurnClass.INCONSISTENT
        toward_first += won == ["first", "first"]
        toward_second += won == ["second", "second"]
    hard = toward_first + toward_second
    return PositionBias(
        first_seat=share("first position's share", "decisive games", first_wins, decisive),
        flips=share("judge inconsistency", "question-turns", inconsistent, complete),
        toward_first=toward_first,
        toward_second=toward_second,
        p=float(stats.binomtest(toward_first, hard).pvalue) if hard else None,
    )


def gap_bin(change: float) -> int:
    """The bin of GAPS for two ratings so far apart, half points up."""
    return min(math.floor(abs(change) + 0.5), GAPS[-1])


def inconsistency_by_gap(classes: Mapping[Cell, TurnClass], changes: Values) -> tuple[GapInconsistency, ...]:
    """Inconsistency among the question-turns with both verdicts and both ratings, by the ratings' distance."""
    found = [
        (gap_bin(changes[turn_of(cell)]), each is TurnClass.INCONSISTENT)
        for cell, each in classes.items()
        if each is not TurnClass.FAILED and turn_of(cell) in changes
    ]
    rows = ((gap, [changed for distance, changed in found if distance == gap]) for gap in GAPS)
    return tuple(GapInconsistency(gap, sum(changed), len(changed)) for gap, changed in rows)


def winning_position(order: Order, winner: Winner) -> str | None:
    """The position that won: `first`, `second`, or None for a tie."""
    if winner is Winner.TIE:
        return None
    first = Winner.BASELINE if order is Order.BASELINE_FIRST else Winner.CANDIDATE
    return "first" if winner is first else "second"
