"""The report's evidence, as words: what was planned, what of it can be used, and the judge's exam.

In: a ReviewReport. Out: Tables and lines of plain text.
"""

from collections.abc import Collection, Iterable, Mapping

from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import count_of, number, optional
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.coverage import Coverage
from analysis.summaries.judge_reports import JudgeReport

KINDS = ("answers", "choices", "solutions", "paired items", "ratings", "paired ratings", "games", "question-turns")
BY_TASK = ("choices", "solutions")
NONE_PLANNED = "none planned"
Counts = dict[str, dict[str, Coverage]]


def evidence_table(report: ReviewReport) -> Table:
    """One row per kind of record and one column per model: usable of planned, and what became of the rest."""
    models = [model.model for model in report.models]
    rows = [(what, *_cells(models, found)) for what, found in evidence_counts(report).items()]
    for judge in report.judges:
        flips = {games.model: cell(games.bias.flips) for games in judge.games}
        if flips:
            rows.append((f"judge inconsistency{_of(judge, report)}", *(flips.get(model, "—") for model in models)))
    floor = number("coverage", report.coverage_floor)
    exams = " ".join(f"Exam of {judge.name}: {exam_mark(judge)}." for judge in report.judges)
    return Table(
        "evidence",
        "Evidence",
        f"Usable of planned; the floor is {floor}, overall and in each turn. {exams}",
        ("what", *models),
        tuple(rows),
    )


def incomplete_table(report: ReviewReport) -> Table:
    """The rows of the evidence that are not complete, as bare counts; `shortfall_line` says what became of the rest."""
    models = [model.model for model in report.models]
    counts = {what: found for what, found in evidence_counts(report).items() if _unusable(found.values())}
    rows = [
        (what, *(_usable([found[model]]) if model in found else "—" for model in models))
        for what, found in counts.items()
    ]
    return Table("evidence", "Incomplete evidence", "Usable of planned.", ("what", *models), tuple(rows))


def shortfall_line(report: ReviewReport) -> str:
    """What became of the records that cannot be used, over all models; or that there are none."""
    parts = []
    for what, found in evidence_counts(report).items():
        rest, unplanned = _unusable(found.values()), [model for model, row in found.items() if not row.planned]
        outcomes = [f"{count} {outcome}" for outcome, count in sorted(rest.items()) if outcome != NONE_PLANNED]
        outcomes += [f"{NONE_PLANNED} for {', '.join(unplanned)}"] if unplanned else []
        if len(unplanned) == len(found):
            parts.append(f"no {what} were planned")
        elif outcomes:
            parts.append(f"{what} {_usable(found.values())} ({', '.join(outcomes)})")
    parts += [f"no verdict of {judge.name} is there" for judge in report.judges if not judge.asked]
    return f"Usable: {'; '.join(parts)}." if parts else "Evidence: every planned record is there and usable."


def evidence_counts(report: ReviewReport) -> Counts:
    """The counts over the whole plan: by kind of record, then by model."""
    rows = [("", row) for row in _ordered(report.coverage)]
    for judge in report.judges:
        if not judge.asked:
            continue
        rows += [(_of(judge, report), row) for row in _ordered((*judge.coverage, *judge.paired))]
    found: Counts = {}
    for judged, row in rows:
        what = f"{row.kind} of {row.scope}" if row.kind in BY_TASK else row.kind
        found.setdefault(what + judged, {})[row.model] = row
    return found


def exam_mark(judge: JudgeReport) -> str:
    """The exam's state in capitals and the share of right marks; and where no verdict is there, that."""
    spared = "" if judge.asked else ", no verdict is there"
    return f"{judge.exam.state.upper()}, {cell(judge.exam.whole)}{spared}"


def exam_bound(judge: JudgeReport) -> str:
    """The lower bound of the share of right marks, which the floor is held against."""
    bounds = judge.exam.whole.lower_bounds
    return optional(bounds[0] if bounds else None, lambda bound: number("exam", bound))


def exam_table(judge: JudgeReport) -> Table:
    """Marks by mode and part."""
    reached = f"lower bound {exam_bound(judge)}, floor {number('exam', judge.exam.floor)}"
    total = ("all", "whole exam", cell(judge.exam.whole), reached, judge.exam.state)
    parts = [
        (p.mode, p.part, cell(p.right), f"floor {number('exam', p.floor)}", "passed" if p.passed else "failed")
        for p in judge.exam.parts
    ]
    parts += [(p.mode, f"category {p.part}", cell(p.right), "—", "shown") for p in judge.exam.categories]
    return Table(
        "exam",
        f"Exam of {judge.name}",
        "Share of right marks with Wilson intervals over questions; a pair counts only if both orders are right.",
        ("mode", "part", "right", "must reach", "result"),
        (total, *parts),
    )


def coverage_table(report: ReviewReport) -> Table:
    """Everything planned, by turn, category and task."""
    rows = [("answers and choices", row) for row in report.coverage]
    rows += [(f"judge {judge.name}", row) for judge in report.judges for row in (*judge.coverage, *judge.paired)]
    return Table(
        "coverage",
        "Coverage by turn and category",
        "Each planned record once, by what became of it.",
        ("part", "what", "model", "scope", "usable", "outcomes"),
        tuple(
            (
                part,
                row.kind,
                row.model,
                row.scope,
                count_of(row.scored, row.planned),
                ", ".join(f"{count} {name}" for name, count in row.outcomes.items()) or "—",
            )
            for part, row in rows
        ),
    )


def _cells(models: Iterable[str], found: Mapping[str, Coverage]) -> tuple[str, ...]:
    return tuple(_count(found[model]) if model in found else "—" for model in models)


def _count(row: Coverage) -> str:
    """`usable/planned`, and by outcome what cannot be used."""
    rest = ", ".join(f"{count} {outcome}" for outcome, count in row.unusable.items())
    return _usable([row]) + (f": {rest}" if rest else "")


def _usable(rows: Collection[Coverage]) -> str:
    planned = sum(row.planned for row in rows)
    return f"{sum(row.scored for row in rows)}/{planned}" if planned else NONE_PLANNED


def _ordered(rows: Iterable[Coverage]) -> list[Coverage]:
    whole = [row for row in rows if row.scope == "all" or row.kind in BY_TASK]
    return sorted(whole, key=lambda row: KINDS.index(row.kind))


def _unusable(rows: Iterable[Coverage]) -> dict[str, int]:
    rest: dict[str, int] = {}
    for row in rows:
        for outcome, count in (row.unusable if row.planned else {NONE_PLANNED: 1}).items():
            rest[outcome] = rest.get(outcome, 0) + count
    return rest


def _of(judge: JudgeReport, report: ReviewReport) -> str:
    """Which judge a row is about, where there are several."""
    return f", {judge.name}" if len(report.judges) > 1 else ""
