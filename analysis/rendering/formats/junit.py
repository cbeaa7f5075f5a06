"""The decision as JUnit XML, so that a CI server shows each gate as a test and does not pass what may not ship.

In: a ReviewReport. Out: XML 1.0; text from outside is escaped, and what XML cannot hold is shown as its code.
Source: the schema of Jenkins' xUnit plug-in (junit-10.xsd). GitLab shows a test's classname, name and the failure's
text, Jenkins also its message and the properties: so the numbers stand in message and text, the candidate in classname.

A gate that holds is a failure, an open one a failure of the type "inconclusive", unfit evidence an error. Evidence that
falls short but decides nothing (another judge's exam) is skipped: neither green nor red.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree

from analysis.decision.decisions import Decision
from analysis.decision.gate_words import Gate, Word, limit_word, primary_word
from analysis.decision.task_states import State, TaskState
from analysis.rendering.formats.text import visible
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause, clauses
from analysis.rendering.sentences.decisions import advice, open_task, sentence
from analysis.rendering.sentences.numbers import count_of, number, unsigned
from analysis.rendering.tables.evidence import exam_bound
from analysis.rendering.tables.looked_at import review_lines
from analysis.rendering.tables.tasks import task_line, task_margin
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Cause
from analysis.statistics.coverage import shortfalls
from analysis.summaries.judge_reports import JudgeReport
from ledger.decision_config import TaskRole

Result = Literal["passed", "failure", "error", "skipped"]
RESULTS: dict[Word, tuple[Result, str]] = {
    Word.SHIP: ("passed", ""),
    Word.HOLD: ("failure", "hold"),
    Word.INCONCLUSIVE: ("failure", "inconclusive"),
    Word.UNFIT: ("error", "unfit"),
}
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}
DECIDES_NOTHING = "decides nothing here"
TASK_WORDS = {State.CLEARED: Word.SHIP, State.HOLD: Word.HOLD}
UNSEEN_CASE = "found and compared"


@dataclass(frozen=True)
class Case:
    """One test: what it is about, how it went (`kind` is the type of a failure or error), and the numbers behind."""

    name: str
    result: Result
    kind: str
    description: str
    more: str = ""


def report_junit(report: ReviewReport) -> str:
    """One testsuite per candidate; green are those that may ship, and only those."""
    root = ElementTree.Element("testsuites", {"name": visible(f"Assay review {report.name}")})
    suites = [(decision, tuple(_cases(report, decision))) for decision in report.decisions]
    totals = _counts([case for _, cases in suites for case in cases])
    totals.pop("skipped")  # the schema knows it for a testsuite only
    root.attrib |= totals | {"time": "0"}
    for decision, cases in suites:
        root.append(_suite(report, decision, cases))
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document.decode() + "\n"


def _suite(report: ReviewReport, decision: Decision, cases: tuple[Case, ...]) -> ElementTree.Element:
    candidate = visible(decision.candidate)
    about = {"name": candidate, **_counts(cases), "time": "0", "timestamp": visible(report.made_at[:19])}
    suite = ElementTree.Element("testsuite", about)
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _properties(report, decision).items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": visible(value)})
    for case in cases:
        test = ElementTree.SubElement(suite, "testcase")
        test.attrib |= {"classname": candidate, "name": visible(case.name), "time": "0"}
        if case.result == "passed":
            ElementTree.SubElement(test, "system-out").text = visible(case.description)
        else:
            found = ElementTree.SubElement(test, case.result, {"message": visible(case.description)})
            found.attrib |= {"type": case.kind} if case.kind else {}
            found.text = "\n".join(visible(line) for line in (case.description, case.more) if line)
    looked_at = filter(None, (task_line(decision, report.task_margin), *review_lines(report)))
    ElementTree.SubElement(suite, "system-out").text = "\n".join(map(visible, looked_at))
    return suite


def _properties(report: ReviewReport, decision: Decision) -> dict[str, str]:
    return {
        "word": decision.word.value,
        "sentence": sentence(decision),
        "config_digest": report.config_digest,
        "review": report.name,
        "baseline": report.baseline,
        "primary": report.primary,
        "alpha": str(decision.alpha),
    }


def _counts(cases: Sequence[Case]) -> dict[str, str]:
    found = Counter(str(case.result) for case in cases)
    return {"tests": str(len(cases))} | {name: str(found[result]) for name, result in COUNTED.items()}


def _cases(report: ReviewReport, decision: Decision) -> Iterator[Case]:
    """The primary measure, each limit, coverage, and each judge's exam."""
    primary, step = decision.primary, decision.step
    margin = f"margin {unsigned(report.primary, report.margin)}"
    own, why = RESULTS[primary_word(primary, step)], f"{sentence(decision)} {advice(decision)}".strip()
    yield Case(f"primary: {report.primary}", *own, _gate_text(primary, decision, margin), why)
    for limit in decision.limits:
        most = f"limit {number(limit.estimate.measure, limit.threshold)}"
        yield Case(f"limit: {limit.name}", *RESULTS[limit_word(limit, step)], _gate_text(limit, decision, most))
    yield from (_task_case(task, report) for task in decision.tasks)
    yield _unseen_case(report, decision)
    yield _coverage_case(report, decision)
    yield from (_exam_case(judge, decision) for judge in report.judges)


def _gate_text(gate: Gate, decision: Decision, threshold: str) -> str:
    """The cell of the report's tables, the bounds that decided, what they are held against, and what is unfit."""
    estimate = gate.estimate
    sides = (("lower", estimate.lower_bounds), ("upper", estimate.upper_bounds))
    place = decision.step - 1
    bounds = [f"{side} bound {number(estimate.measure, ends[place])}" for side, ends in sides if ends]
    return "; ".join([f"{estimate.measure} {cell(estimate)}", *bounds, threshold, *map(clause, gate.unfit)])


def _task_case(task: TaskState, report: ReviewReport) -> Case:
    """A task that lost is red; one that is open is neither red nor green where the config only names or shows it."""
    numbers = f"{task.change.measure} {cell(task.change)}; margin {task_margin(task)}"
    if not task.decides:
        return Case(f"task: {task.task}", "skipped", "shown", f"shown, {task.state}; {numbers}")
    if task.state is not State.OPEN:
        return Case(f"task: {task.task}", *RESULTS[TASK_WORDS[task.state]], f"{task.state}; {numbers}")
    blocks = report.blind_spots == "inconclusive" or task.role is TaskRole.PROVES
    result = RESULTS[Word.INCONCLUSIVE] if blocks else ("skipped", "open")
    return Case(f"task: {task.task}", *result, f"open: {open_task(task)}; {numbers}")


def _unseen_case(report: ReviewReport, decision: Decision) -> Case:
    """What was found and not compared, and what looks like one model twice; green only if neither is there."""
    declared = [
        f"{each.name}: {clauses(each.causes)} (left out by {each.declared})"
        for each in report.unseen
        if each.candidate == decision.candidate and each.declared
    ]
    if decision.blockers:
        return Case(UNSEEN_CASE, *RESULTS[Word.UNFIT], clauses(decision.blockers), "\n".join(declared))
    return Case(UNSEEN_CASE, *RESULTS[Word.SHIP], "; ".join(declared) or "everything that was found is compared")


def _coverage_case(report: ReviewReport, decision: Decision) -> Case:
    """What of this candidate's plan can be used; short of the floor it is red where that is why a gate is unfit."""
    rows = [("", row) for row in report.coverage if row.kind == "paired items"]
    rows += [(f" by {judge.name}", row) for judge in report.judges for row in judge.paired if row.planned]
    rows = [(who, row) for who, row in rows if row.model == decision.candidate]
    usable = [f"{row.kind}{who} {count_of(row.scored, row.planned)}" for who, row in rows if row.scope == "all"]
    short = shortfalls([row for _, row in rows], report.coverage_floor)
    floor = f"floor {number('coverage', report.coverage_floor)}"
    description = "; ".join([*(usable or ["nothing was planned"]), floor, *map(clause, short)])
    return Case("coverage", *_evidence_result(short, decision), description)


def _exam_case(judge: JudgeReport, decision: Decision) -> Case:
    exam = judge.exam
    floor = f"floor {number('exam', exam.floor)}"
    parts = [exam.state, f"right {cell(exam.whole)}", f"lower bound {exam_bound(judge)}", floor]
    result = RESULTS[Word.SHIP] if exam.state == "passed" else _evidence_result(judge.unfit, decision)
    if exam.state == "not examined":
        result = "skipped", exam.state
    return Case(f"exam of {judge.name}", *result, "; ".join([*parts, *map(clause, exam.reasons)]))


def _evidence_result(faults: Sequence[Cause], decision: Decision) -> tuple[Result, str]:
    """How faults of the evidence weigh: as the gates took them."""
    if not faults:
        return RESULTS[Word.SHIP]
    if set(faults) & set(decision.primary.unfit):
        return RESULTS[Word.UNFIT]
    if any(set(faults) & set(limit.unfit) for limit in decision.limits):
        return RESULTS[Word.INCONCLUSIVE]
    return "skipped", DECIDES_NOTHING
