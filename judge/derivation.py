"""Ratings, games and marks of exam and ladder, made from the attempts; no call is made here.

In: planned judgments, tasks and the history of attempts. Out: the records, which replace the old files atomically.
A new parser needs only this: the attempts stay as they are.
"""

from collections.abc import Iterable

from judge.exam import M, PlannedMark
from judge.history import History
from judge.plan import SKIPPED, J, Planned
from judge.verdicts import Reading, Value
from ledger.judgments import Game, Order, Outcome, Parsing, Rating, Winner


def derived(planned: Iterable[Planned[J]], history: History, parsing: Parsing) -> list[J]:
    """The record of each planned judgment."""
    records = []
    for each in planned:
        verdict, reply = each.settled or SKIPPED, None
        if each.ask:
            verdict, reply = history.verdict(each.ask.judgment, each.ask.mode, parsing)
        records.append(_record(each.blank, verdict, reply))
    return records


def derived_marks(planned: Iterable[PlannedMark[M]], history: History, parsing: Parsing) -> list[M]:
    """The mark of each task of an exam or a ladder; the replies of a task with two asks are joined."""
    marks = []
    for task in planned:
        verdicts = [history.verdict(ask.judgment, ask.mode, parsing) for ask in task.asks]
        replies = [reply for _, reply in verdicts if reply is not None]
        readings = [verdict for verdict, _ in verdicts]
        unscored = next((r.outcome for r in readings if r.outcome is not Outcome.SCORED), None)
        mark = None if unscored else "right" if task.right([r.value for r in readings]) else "wrong"
        reply = "\n\n".join(replies) if replies else None
        marks.append(_changed(task.blank, outcome=unscored or Outcome.SCORED, mark=mark, reply=reply))
    return marks


def _record(blank: J, verdict: Reading, reply: str | None) -> J:
    value: Value | Winner = verdict.value
    if isinstance(blank, Game) and isinstance(value, str):
        value = _winner(value, blank.order)
    name = "score" if isinstance(blank, Rating) else "winner"
    return _changed(blank, outcome=verdict.outcome, reply=reply, **{name: value})


def _winner(position: str, order: Order) -> Winner:
    """Whose answer stood in the position that won."""
    if position == "C":
        return Winner.TIE
    return Winner.BASELINE if (position == "A") == (order is Order.BASELINE_FIRST) else Winner.CANDIDATE


def _changed(record: J, **fields: object) -> J:
    return type(record).model_validate({**dict(record), **fields})
