"""FastChat's own numbers from the same rows, so that they can stand beside the strict ones.

In: rows as FastChat stores them. Out: its averages and its win rates, with every one of its habits kept.
Source: FastChat 0.2.36 `show_result.py`. It drops scores of -1, counts repeated and stale rows, averages over rows (not
over turns), drops a pair with one failed game, and calls an inconsistent verdict a tie.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.fastchat_audit.stored import StoredPair, StoredRating


@dataclass(frozen=True)
class FastChatScores:
    """What show_result prints for one model: the two turns and the average; None where it prints nothing."""

    first_turn: float | None
    second_turn: float | None
    average: float | None


@dataclass(frozen=True)
class FastChatWins:
    """What show_result prints for one model of a pair file."""

    model: str
    win: int
    loss: int
    tie: int

    @property
    def games(self) -> int:
        """All that it counts."""
        return self.win + self.loss + self.tie

    @property
    def win_rate(self) -> float:
        """Wins of all."""
        return self.win / self.games

    @property
    def loss_rate(self) -> float:
        """Losses of all."""
        return self.loss / self.games

    @property
    def win_rate_adjusted(self) -> float:
        """Wins and half of the ties, of all."""
        return (self.win + 0.5 * self.tie) / self.games


def fastchat_scores(rows: Sequence[StoredRating]) -> FastChatScores:
    """Of one model's rows."""
    kept = [(row.record.turn, row.score) for row in rows if row.score != -1]
    turns = [[score for turn, score in kept if turn == wanted] for wanted in (1, 2)]
    return FastChatScores(_mean(turns[0]), _mean(turns[1]), _mean([score for _, score in kept]))


def fastchat_wins(rows: Iterable[StoredPair]) -> tuple[FastChatWins, ...]:
    """Of every model in the rows, by name."""
    counts: dict[str, list[int]] = {}
    for row in rows:
        if "error" in row.winners:
            continue
        models = {"model_1": row.first, "model_2": row.second}
        same = row.winners[0] == row.winners[1] and row.winners[0] in models
        for name, model in models.items():
            place = (0 if row.winners[0] == name else 1) if same else 2
            counts.setdefault(model, [0, 0, 0])[place] += 1
    return tuple(FastChatWins(model, *found) for model, found in sorted(counts.items()))


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
