"""What the numbers were made of, for a person who wants to look: answers, verdicts and flipped items, by text.

In: evidence. Out: Exhibits, rows sorted by how much a candidate lost there; no number of the report depends on them.
Redacted exhibits keep every name, score and verdict, and have no text that a model, a judge or a questioner wrote.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.games import TurnClass, turn_classes, verdicts
from analysis.review.changed_items import ChangedItem, changed_items
from analysis.statistics.cells import Cell
from analysis.statistics.question_means import paired_changes
from analysis.summaries.judge_records import judged_cells, scored_values
from analysis.summaries.writing_reports import written_turns
from analysis.writing.degradation import DEGRADATION
from analysis.writing.thoughts import THOUGHTS
from ledger.judgments import Judgment, Mode, Order, Outcome
from ledger.measures import MEASURES
from ledger.records import Answer, Finish

FAILED = "failed"
TEXT_SIGNS = tuple(
    each.name for each in MEASURES if each.verb and each.kind == "degradation" and each.name != "unfinished"
)
"""What a text itself shows, turn by turn; that it was cut is `truncated`."""
SIGNS = {**DEGRADATION, **{name: of for name, of in THOUGHTS.items() if name in TEXT_SIGNS}}
KINDS = (
    "regressed",
    "improved",
    "inconsistent",
    "disagree",
    "unreadable",
    "refused",
    "truncated",
    FAILED,
    "identical",
    *TEXT_SIGNS,
)
OUTCOME_KINDS = {
    Outcome.UNREADABLE: "unreadable",
    Outcome.CONTRADICTORY: "unreadable",
    Outcome.OUT_OF_RANGE: "unreadable",
    Outcome.REFUSED: "refused",
    Outcome.FILTERED: "refused",
    Outcome.TRUNCATED: "truncated",
    Outcome.FAILED: FAILED,
    Outcome.SKIPPED: FAILED,
}
HALF_POINT = 0.5  # where nobody rated, a game won or lost stands for half a point


@dataclass(frozen=True)
class ExhibitRow:
    """One turn of one candidate's answer beside the baseline's; `kinds` are names of KINDS.

    `change` is the first judge's rating_change (a panel's: the mean of its members'), `verdict` the class of the two
    games by the first judge that has one. `damage` is how many more signs of degradation it shows than the baseline's.
    """

    model: str
    cell: Cell
    change: float | None
    verdict: TurnClass | None
    kinds: tuple[str, ...]
    damage: float = 0.0

    @property
    def gain(self) -> float:
        """What the rows are sorted by: the change, the game where nobody rated, the damage where nobody judged."""
        if self.change is not None:
            return self.change
        if self.verdict is None:
            return -self.damage
        return {TurnClass.WIN: HALF_POINT, TurnClass.LOSS: -HALF_POINT}.get(self.verdict, 0.0)


@dataclass(frozen=True)
class Exhibits:
    """All that a page shows beside numbers: `rows` worst first, `counts` of each kind, the items that changed."""

    evidence: RunEvidence
    rows: tuple[ExhibitRow, ...]
    counts: Mapping[str, int]
    changed_items: tuple[ChangedItem, ...]
    changed_items_left_out: int


@dataclass(frozen=True)
class _Said:
    """What one judge said of one candidate, by cell, repeats apart from the first only in the changes' mean."""

    changes: Mapping[Cell, float]
    classes: Mapping[Cell, TurnClass]
    kinds: Mapping[Cell, set[str]]


def exhibits(evidence: RunEvidence) -> Exhibits:
    """Every turn of every candidate that both it and the baseline answered."""
    baseline = dict(_signs(evidence.baseline))
    rows = [row for model in evidence.candidates for row in _rows(model, evidence, baseline)]
    rows.sort(key=lambda row: (row.gain, -row.damage, row.model, row.cell))
    counts = {kind: sum(kind in row.kinds for row in rows) for kind in KINDS}
    return Exhibits(evidence, tuple(rows), counts, *changed_items(evidence))


def answers_by_place(model: ModelEvidence) -> dict[tuple[str, str, int], Answer]:
    """A model's answers by source, question and sample."""
    return {(a.question.source, a.question.id, a.sample): a for a in model.answers}


def _signs(model: ModelEvidence) -> Iterator[tuple[Cell, Mapping[str, float]]]:
    """Each turn's signs of degradation."""
    for cell, turn in written_turns(model):
        yield cell, {name: of(turn) or 0.0 for name, of in SIGNS.items()}


def _rows(
    model: ModelEvidence, evidence: RunEvidence, baseline: Mapping[Cell, Mapping[str, float]]
) -> Iterator[ExhibitRow]:
    before, after = answers_by_place(evidence.baseline), answers_by_place(model)
    judges = [_said(judge, model.name, evidence) for judge in evidence.judges]
    signs = dict(_signs(model))
    first = slice(None) if evidence.config.decision.panel else slice(1)
    for cell in evidence.cells:
        place = (*cell.unit, cell.sample)
        if place not in before or place not in after:
            continue
        changes = [said.changes[cell] for said in judges if cell in said.changes]
        classes = [said.classes[cell] for said in judges if cell in said.classes]
        kinds = {kind for said in judges for kind in said.kinds.get(cell, ())}
        kinds |= _judged_kinds(changes, classes, changes[first])
        kinds |= _written_kinds(before[place], after[place], cell.turn)
        kinds |= {name for name in TEXT_SIGNS if signs[cell][name]}
        deciding = changes[first]
        yield ExhibitRow(
            model=model.name,
            cell=cell,
            change=sum(deciding) / len(deciding) if deciding else None,
            verdict=classes[0] if classes else None,
            kinds=tuple(kind for kind in KINDS if kind in kinds),
            damage=sum(signs[cell].values()) - sum(baseline[cell].values()),
        )


def _judged_kinds(changes: Sequence[float], classes: Sequence[TurnClass], deciding: Sequence[float]) -> set[str]:
    found = {"inconsistent"} if TurnClass.INCONSISTENT in classes else set()
    if any(change < 0 for change in deciding) or classes[:1] == [TurnClass.LOSS]:
        found.add("regressed")
    if any(change > 0 for change in deciding) or classes[:1] == [TurnClass.WIN]:
        found.add("improved")
    distinct = {TurnClass.TIE if each is TurnClass.INCONSISTENT else each for each in classes}
    if len(distinct) > 1 or (min(changes, default=0) < 0 < max(changes, default=0)):
        found.add("disagree")
    return found


def _written_kinds(before: Answer, after: Answer, turn: int) -> set[str]:
    found = {"truncated"} if after.turns[turn - 1].finish is Finish.LENGTH else set()
    same = all(one.text == other.text for one, other in zip(before.turns[:turn], after.turns[:turn], strict=True))
    return found | ({"identical"} if same else set())


def _said(judge: JudgeEvidence, model: str, evidence: RunEvidence) -> _Said:
    cells = judged_cells(judge, evidence)
    scores = [scored_values(judge, name, cells) for name in (evidence.baseline.name, model)]
    games = judge.games.get(model, {})
    classes = turn_classes(verdicts(game for (cell, _), game in games.items() if not cell.repeat))
    kinds: dict[Cell, set[str]] = {}
    for cell, judgment in _planned_judgments(judge, (evidence.baseline.name, model), cells):
        if kind := OUTCOME_KINDS.get(judgment.outcome) if judgment else FAILED:
            kinds.setdefault(cell._replace(repeat=0), set()).add(kind)
    return _Said(
        changes=paired_changes(*scores),
        classes={cell: each for cell, each in classes.items() if each is not TurnClass.FAILED},
        kinds=kinds,
    )


def _planned_judgments(
    judge: JudgeEvidence, models: tuple[str, str], cells: Sequence[Cell]
) -> Iterator[tuple[Cell, Judgment | None]]:
    """What a judge said in each cell of the baseline, of a candidate and of their games; None where no record is."""
    for cell in cells:
        if Mode.SINGLE in judge.config.modes:
            yield from ((cell, judge.ratings.get(model, {}).get(cell)) for model in models)
        if Mode.PAIR in judge.config.modes:
            yield from ((cell, judge.games.get(models[1], {}).get((cell, order))) for order in Order)
