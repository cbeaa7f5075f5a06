"""The texts behind a page, packed: JSON, deflated, as base64, which no browser takes for markup or script.

In: Exhibits. Out: one ASCII text, that the page's script unpacks; invisible characters are written as their code.
Redacted, every text that a model, a judge or a questioner wrote is left out, and every number and verdict stays.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from analysis.evidence.run_evidence import JudgeEvidence
from analysis.rendering.formats.text import visible, visible_lines
from analysis.rendering.tables.review import CLASS_LABELS
from analysis.review.changed_solutions import NONE_CHANGED, ChangedSolution, ChangedSolutions
from analysis.review.exhibits import Exhibits, answers_by_place
from analysis.statistics.cells import Cell
from analysis.writing.loops import loop_of
from analysis.writing.pieces import pieces
from ledger.judgments import Judgment, Order
from ledger.records import AnswerTurn, Item
from ledger.solutions import Score, Solution

MOST_CHARACTERS = 20_000
SOLUTION_CHARACTERS = 3000
REPLY_CHARACTERS = (MOST_CHARACTERS, 1200, 800, 500, 300, 200, 100, 0)
WHOLE_ROWS = 60  # those that lost most: there the judges' replies are never shortened
MOST_BYTES = 1_250_000
SAMPLE = 16  # one judgment in so many tells how well all of them pack
List = list[Any]
Text = str | tuple[str, int] | None
"""A text, a text and how many of its characters are left out, or none."""


@dataclass(frozen=True)
class Packed:
    """The packed data; of a judge's reply it holds `reply_characters` at most, but whole ones in the first rows."""

    text: str
    reply_characters: int


def packed(
    exhibits: Exhibits,
    items: Iterable[Item],
    solved: ChangedSolutions = NONE_CHANGED,
    *,
    redact: bool,
) -> Packed:
    """Everything; with shorter replies of the judges where the page would grow beyond MOST_BYTES."""
    numbered = _Numbered(exhibits, redact)
    fixed = numbered.fixed(items) | {"solved": [*map(numbered.solved, solved[0])], "solved_left_out": solved[1]}
    room = MOST_BYTES - len(_packed(fixed))
    for most in REPLY_CHARACTERS:
        said = numbered.judgments(most)
        if not most or SAMPLE * len(_packed({name: rows[::SAMPLE] for name, rows in said.items()})) <= room:
            break
    return Packed(_packed({**fixed, **said}), most)


def _packed(data: dict[str, Any]) -> str:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return base64.b64encode(zlib.compress(text.encode())).decode()


@dataclass
class _Numbered:
    """Numbers models and questions, so that each name and text stands once."""

    exhibits: Exhibits
    redact: bool
    models: dict[str, int] = field(init=False)
    questions: dict[tuple[str, str], int] = field(init=False)
    whole: frozenset[tuple[str, Cell]] = field(init=False)

    def __post_init__(self) -> None:
        evidence = self.exhibits.evidence
        names = [model.name for model in evidence.models if model.role != "control"]
        self.models = {name: number for number, name in enumerate(names)}
        self.questions = {unit: number for number, unit in enumerate(sorted(evidence.questions))}
        worst = self.exhibits.rows[:WHOLE_ROWS]
        baseline = evidence.baseline.name
        self.whole = frozenset((name, row.cell) for row in worst for name in (row.model, baseline))

    def fixed(self, items: Iterable[Item]) -> dict[str, Any]:
        """All but the judgments; the order of each list's fields is the one in which page.js reads them."""
        evidence = self.exhibits.evidence
        written = {model.name: answers_by_place(model) for model in evidence.models if model.name in self.models}
        texts = {} if self.redact else {(item.task, item.id): item for item in items}
        return {
            "redacted": self.redact,
            "models": [visible(name) for name in self.models],
            "judges": [visible(judge.config.name) for judge in evidence.judges],
            "questions": [self._question(unit) for unit in self.questions],
            "answers": [
                [number, self.questions[place[:2]], place[2], [self._turn(turn) for turn in answer.turns]]
                for name, number in self.models.items()
                for place, answer in sorted(written[name].items())
            ],
            "rows": [
                [
                    self.models[row.model],
                    *self._place(row.cell),
                    row.change,
                    row.verdict and CLASS_LABELS[row.verdict],
                    row.kinds,
                ]
                for row in self.exhibits.rows
            ],
            "items": [self._item(number, texts) for number in range(len(self.exhibits.changed_items))],
            "items_left_out": self.exhibits.changed_items_left_out,
        }

    def judgments(self, most: int) -> dict[str, Any]:
        """Ratings and games with their replies up to `most` characters."""
        judges = self.exhibits.evidence.judges
        return {
            "ratings": [row for number, judge in enumerate(judges) for row in self._ratings(number, judge, most)],
            "games": [row for number, judge in enumerate(judges) for row in self._games(number, judge, most)],
        }

    def _ratings(self, number: int, judge: JudgeEvidence, most: int) -> Iterator[List]:
        for name, model in self.models.items():
            for cell, rating in sorted(judge.ratings.get(name, {}).items()):
                place = self._place(cell)
                if place:
                    yield [number, model, *place, cell.repeat, rating.score, *self._said(rating, name, cell, most)]

    def _games(self, number: int, judge: JudgeEvidence, most: int) -> Iterator[List]:
        for name, model in self.models.items():
            for (cell, order), game in sorted(judge.games.get(name, {}).items()):
                place = self._place(cell)
                if place:
                    position = int(order is Order.CANDIDATE_FIRST)
                    yield [
                        number,
                        model,
                        *place,
                        cell.repeat,
                        position,
                        game.winner,
                        *self._said(game, name, cell, most),
                    ]

    def _said(self, judgment: Judgment, model: str, cell: Cell, most: int) -> tuple[str, Text]:
        whole = (model, cell._replace(repeat=0)) in self.whole
        return judgment.outcome.value, self._text(judgment.reply, MOST_CHARACTERS if whole else most)

    def _place(self, cell: Cell) -> tuple[int, ...]:
        """Question, sample and turn; empty for a question that no model answered."""
        number = self.questions.get(cell.unit)
        return () if number is None else (number, cell.sample, cell.turn)

    def _question(self, unit: tuple[str, str]) -> List:
        question = self.exhibits.evidence.questions[unit]
        turns, references = ([self._text(text) for text in texts] for texts in (question.turns, question.references))
        return [visible(unit[0]), visible(unit[1]), visible(question.category), turns, references]

    def _item(self, number: int, texts: dict[tuple[str, str], Item]) -> List:
        """The text stands only if it is the one that the models were given; the picks are of the unrounded values."""
        each = self.exhibits.changed_items[number]
        found = texts.get((each.task, each.item))
        shown = found if found and found.digest == each.digest else None
        return [
            self.models[each.model],
            *map(visible, (each.task, each.item, each.subject)),
            each.kind,
            each.gold,
            [round(x, 4) for x in each.before],
            [round(x, 4) for x in each.after],
            self._text(shown.question) if shown else None,
            [self._text(option) for option in shown.options] if shown else [],
            [side.index(max(side)) for side in (each.before, each.after)],
        ]

    def _turn(self, turn: AnswerTurn) -> List:
        """Text and finish; of one that loops also where its copies begin and end, as JavaScript counts characters."""
        told = [self._text(turn.text), turn.finish]
        loop = None if self.redact else loop_of(turn.text, pieces(turn.text))
        shown = [visible_lines(turn.text[:end]) for end in (loop.again, loop.end)] if loop else []
        return [*told, [len(each.encode("utf-16-le")) // 2 for each in shown]] if loop else told

    def solved(self, each: ChangedSolution) -> List:
        """What both models wrote for one item, and the score of each."""
        sides = [
            (each.before, self._score(each.before, each.scoring)),
            (each.after, self._score(each.after, each.scoring)),
        ]
        return [
            self.models[each.after.model],
            *map(visible, (each.task, each.after.item, each.after.subject)),
            each.kind,
            visible(each.scoring),
            each.after.repeat,
            self._text(each.asked.shown, SOLUTION_CHARACTERS) if each.asked else None,
            [self._text(target) for target in each.asked.targets] if each.asked else [],
            [
                [found.value, side.finish, self._text(side.text, SOLUTION_CHARACTERS), self._text(found.extracted, 200)]
                for side, found in sides
            ],
        ]

    @staticmethod
    def _score(solution: Solution, scoring: str) -> Score:
        return next(score for score in solution.scores if score.scoring == scoring)

    def _text(self, text: str | None, most: int = MOST_CHARACTERS) -> Text:
        if self.redact or text is None:
            return None
        return visible_lines(text) if len(text) <= most else (visible_lines(text[:most]), len(text) - most)
