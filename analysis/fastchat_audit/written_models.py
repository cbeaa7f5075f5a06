"""What the models of a FastChat folder wrote, from the texts alone, each beside the baseline: no model and no judge.

In: Stored answers. Out: WritingReports. FastChat's files do not tell how an answer ended, so that is not measured.
"""

from collections.abc import Iterator, Sequence

from analysis.fastchat_audit.stored import Stored, StoredModel
from analysis.statistics.cells import Cell
from analysis.statistics.resampling import Resamplings
from analysis.writing.degradation import WrittenTurn, degradation_values
from analysis.writing.paired_writing import WritingReport, side_by_side, writing_reports

WrittenBeside = tuple[str, tuple[WritingReport, ...]]
"""The model that the others stand beside, and theirs."""


def written_models(stored: Stored, planned: Sequence[Cell], draws: Resamplings) -> WrittenBeside:
    """Every model with answers beside the baseline, or beside the first one by name where that has none."""
    wrote = {model.name: model for model in stored.models if model.texts}
    first = wrote.pop(stored.baseline, None) or (wrote.pop(min(wrote)) if wrote else None)
    if first is None:
        return stored.baseline, ()
    signs = degradation_values(_turns(first, stored))
    sides = [
        side_by_side(name, "candidate", (first.texts, model.texts), (signs, degradation_values(_turns(model, stored))))
        for name, model in sorted(wrote.items())
    ]
    return first.name, writing_reports(sides, planned, draws)


def _turns(model: StoredModel, stored: Stored) -> Iterator[tuple[Cell, WrittenTurn]]:
    for cell, text in model.texts.items():
        asked = stored.questions.get(cell.unit)
        yield cell, WrittenTurn(text, asked.turns[: cell.turn] if asked else (), None)
