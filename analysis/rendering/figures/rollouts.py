"""KL along the candidates' own answers, drawn by position: where it arises, and what a mean over tokens hides.

In: a ReviewReport. Out: one RowChart in nats, the models side by side in each part; without rollouts there is none.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

from analysis.rendering.figures.forests import change_row
from analysis.rendering.figures.row_charts import ChartRow, Line, RowChart
from analysis.review.review_report import ReviewReport
from ledger.measures import measure_of


def rollout_figure(report: ReviewReport) -> Iterator[RowChart]:
    """A row per part and model, the parts in the order of their positions; the control is no floor and stands last."""
    parts: dict[str, list[ChartRow]] = {}
    for each in report.rollouts:
        name, control = ("control", True) if each.role == "control" else (each.model, False)
        for scope in each.scopes if not each.fault else ():
            row = change_row(f"{name}, {scope.scope}", scope.kl, "kl_rollout", part=control)
            if row.value is not None:
                words = f"{row.description} ({scope.positions} tokens)"
                parts.setdefault(scope.scope, []).append(replace(row, description=words))
    rows = tuple(row for found in parts.values() for row in sorted(found, key=lambda row: row.part))
    if rows:
        title, words = f"{measure_of('kl_rollout').words} by position", "KL a token (nats)"
        note = "Dot and 95 % interval over questions; positions are counted in each turn, the last of longer texts."
        yield RowChart("rollout-positions", title, note, words, rows, (Line(0.0, "0"),), (0.0, math.inf))
