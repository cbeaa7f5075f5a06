"""What the models of a FastChat folder wrote, from the texts alone, each beside the baseline: no model and no judge.

In: Stored answers. Out: WritingReports. FastChat's files do not tell how an answer ended, so that is not measured;
thoughts that stand in a text are told by their marks.
"""

from collections.abc import Iterator, Sequence

from analysis.fastchat_audit.stored import Stored, StoredModel
from analysis.statistics.cells import Cell
from analysis.statistics.resampling import Resamplings
from analysis.writing.degradation import WrittenTurn, degradation_values
from analysis.writing.paired_writing import Signs, Texts, WritingReport, side_by_side, writing_reports
from analysis.writing.thoughts import thought_values
from ledger.thinking import split_stored

WrittenBeside = tuple[str, tuple[WritingReport, ...]]
"""The model that the others stand beside, and theirs."""


def written_models(stored: Stored, planned: Sequence[Cell], draws: Resamplings) -> WrittenBeside:
    """Every model with answers beside the baseline, or beside the first one by name where that has none."""
    wrote = {model.name: model for model in stored.models if model.written}
    first = wrote.pop(stored.baseline, None) or (wrote.pop(min(wrote)) if wrote else None)
    if first is None:
        return stored.baseline, ()
    before, signs = _written(first, stored)
    sides = []
    for name, model in sorted(wrote.items()):
        after, others = _written(model, stored)
        sides.append(side_by_side(name, "candidate", (before, after), (signs, others)))
    return first.name, writing_reports(sides, planned, draws)


def _written(model: StoredModel, stored: Stored) -> tuple[Texts, Signs]:
    """What stands behind the thoughts of each turn, and the signs of both."""
    texts = {cell: turn.text for cell, turn in _turns(model, stored)}
    return texts, {**degradation_values(_turns(model, stored)), **thought_values(_turns(model, stored))}


def _turns(model: StoredModel, stored: Stored) -> Iterator[tuple[Cell, WrittenTurn]]:
    for cell, whole in model.written.items():
        asked, (thinking, text) = stored.questions.get(cell.unit), split_stored(whole)
        yield cell, WrittenTurn(text, asked.turns[: cell.turn] if asked else (), None, thinking)
