"""What each rival wrote beside the baseline: the turns that the records hold, measured from their texts alone.

In: the evidence of a run folder. Out: each rival's values beside the baseline's, turn by turn;
writing/paired_writing.py averages them.
"""

from collections.abc import Iterator, Mapping

from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from analysis.statistics.cells import Cell
from analysis.writing.degradation import WrittenTurn, degradation_values
from analysis.writing.paired_writing import SideBySide, Signs, side_by_side
from analysis.writing.thoughts import thought_values
from ledger.engines import IMPORTED
from ledger.facts import ModelSettings
from ledger.records import Finish


def written_turns(model: ModelEvidence) -> Iterator[tuple[Cell, WrittenTurn]]:
    """Every turn of a model; how one ended is not told where an importer counted no token of it.

    A turn of blanks alone is empty on record; it was cut as well where it has all the tokens that were allowed.
    """
    settings = ModelSettings.of(model.manifest)
    imported = settings.engine == IMPORTED
    for answer in model.answers:
        asked = answer.question
        for number, turn in enumerate(answer.turns, start=1):
            cut = turn.finish is Finish.EMPTY and 0 < settings.max_tokens <= turn.completion_tokens
            finish = None if imported and not turn.completion_tokens else Finish.LENGTH if cut else turn.finish
            cell = Cell(asked.source, asked.id, answer.sample, number, 0)
            yield cell, WrittenTurn(turn.text, asked.turns[:number], finish, turn.thinking)


def written_side_by_side(evidence: RunEvidence) -> Iterator[SideBySide]:
    """Every rival that wrote what the baseline wrote too; the texts of the baseline are read once."""
    rivals = [rival for rival in evidence.rivals if rival.answers and evidence.baseline.answers]
    if not rivals:
        return
    before, signs = _texts(evidence.baseline), _signs(evidence.baseline)
    for rival in rivals:
        texts = (before, _texts(rival))
        yield side_by_side(rival.name, rival.role, texts, (signs, _signs(rival)))


def _texts(model: ModelEvidence) -> Mapping[Cell, str]:
    return {cell: turn.text for cell, turn in written_turns(model)}


def _signs(model: ModelEvidence) -> Signs:
    return {**degradation_values(written_turns(model)), **thought_values(written_turns(model))}
