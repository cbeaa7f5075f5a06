"""What was looked at, as words: what was found and not compared, whose records these are, what nobody looked at.

In: a ReviewReport. Out: Tables, and the lines that every format shows beside the decision. Nothing in these lines is
cut short: a name that is missing here is a task that hides.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from analysis.evidence.unseen_rows import Unseen
from analysis.rendering.sentences.clauses import clause, clauses
from analysis.rendering.sentences.decisions import sentence
from analysis.rendering.tables.review import Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Kind

UNSHOWN = "Identity not shown: no file tells which model made the records of {names}."
UNSTATED = "The version of {what} is not stated for {names}; another one alone can change scores."
MOST_FAILURES = 5


def review_lines(report: ReviewReport) -> tuple[str, ...]:
    """What holds for all: what was passed over and by whose word, what is not stated, what nobody looked at."""
    subjects = ", ".join(subject for subject, _ in report.not_looked_at)
    return (
        *unseen_lines(report),
        *_allowed(report),
        *identity_lines(report),
        *_equal(report),
        *_failed(report),
        f"This review did not look at: {subjects}.",
    )


def _failed(report: ReviewReport) -> Iterator[str]:
    """Why judgments are missing, in the endpoints' own words."""
    for judge in report.judges:
        yield from (clause(failure) for failure in judge.failures[:MOST_FAILURES])
        if more := judge.failures[MOST_FAILURES:]:
            yield f"{judge.name}: {int(sum(each.numbers['judgments'] for each in more))} more, for {len(more)} reasons"


def unseen_lines(report: ReviewReport) -> Iterator[str]:
    """What was found and not compared; what was declared and is not there, or left out on purpose; other files."""
    missing = [each for each in report.unseen if each.blocks and each.cause.kind is Kind.DECLARED_MISSING]
    judgments = [each for each in report.unseen if each.blocks and each.kind == "judgments"]
    blocking = [each for each in report.unseen if each.blocks and each not in (*missing, *judgments)]
    accepted = [each for each in report.unseen if each.declared and each.kind == "judgments"]
    declared = [each for each in report.unseen if each.declared and each not in accepted]
    others = dict.fromkeys(each.name for each in report.unseen if each.kind == "other")
    if blocking:
        yield f"Found and not compared: {'; '.join(_things(report, blocking))}."
    if judgments:
        what = "Judgments of other inputs than today's, unchecked, or of one side more often"
        yield f"{what}: {'; '.join(_things(report, judgments))}."
    if missing:
        yield f"Declared and not there: {'; '.join(_things(report, missing))}."
    if declared:
        yield f"Left out on purpose: {'; '.join(_things(report, declared))}."
    if accepted:
        yield f"Judgments that were accepted as they are: {'; '.join(_things(report, accepted))}."
    if others:
        yield f"Other files, not read: {', '.join(others)}."
    if beside := [each for each in report.unseen if each.kind == "beside"]:
        yield f"Of the answers and judgments: {'; '.join(_things(report, beside))}."
    scores = [each for each in report.unseen if each.kind == "score"]
    if scores:
        yield f"Scores in the logs that are not compared: {'; '.join(_things(report, scores))}."


def identity_lines(report: ReviewReport) -> Iterator[str]:
    """Models of which no file tells who they are, and versions that are not stated; only of records from elsewhere."""
    hidden = [each.model for each in report.identities if not each.shown]
    if hidden:
        yield UNSHOWN.format(names=_names(hidden, report))
    names = Counter(each.name for each in report.identities if each.shown and each.role != "control")
    for shared in (name for name, count in names.items() if count > 1 and name):
        arguments = "; ".join(
            f"{each.model}: {each.arguments or 'none'}" for each in report.identities if each.name == shared
        )
        yield f"Told apart by their arguments alone, all named {shared}: {arguments}."
    logged = [each for each in report.identities if each.logged and each.shown]
    for what, version in (("lm-evaluation-harness", "harness"), ("the library", "library")):
        unstated = [each.model for each in logged if not getattr(each, version)]
        if unstated:
            yield UNSTATED.format(what=what, names=_names(unstated, report))


def _names(models: list[str], report: ReviewReport) -> str:
    """These models by name, unless they are all."""
    return "any model" if len(models) == len(report.identities) else ", ".join(models)


def unseen_table(report: ReviewReport) -> Table:
    """Every thing that is not compared."""
    rows = tuple(
        (
            each.candidate,
            each.kind,
            each.name,
            clauses(each.causes),
            each.declared or ("nobody" if each.blocks else "—"),
        )
        for each in report.unseen
    )
    caption = (
        "What nobody left out on purpose keeps its candidate from SHIP; so does what was declared and is not there. "
        "Other files block nothing, nor do answers and judgments that others stand for, or that are averaged with "
        "others where both sides have as many."
    )
    header = ("candidate", "what", "name", "why", "left out by")
    return Table("unseen", "Found and not compared", caption, header, rows)


def identity_table(report: ReviewReport) -> Table:
    """Whose records these are."""
    rows = tuple(
        (
            each.model,
            each.role,
            *(text or "not stated" for text in (each.name, each.engine, each.arguments, each.harness, each.library)),
        )
        for each in report.identities
    )
    caption = "As the results files of logs, or the manifests of Assay's own runs, tell."
    header = ("model", "role", "name or weights", "engine", "arguments", "lm-evaluation-harness", "library")
    return Table("identities", "Whose records these are", caption, header, rows)


def _things(report: ReviewReport, rows: Iterable[Unseen]) -> Iterator[str]:
    """Each thing once, for which candidates where it is not all, and each reason once: not where a decision says it."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in rows:
        by = f", by {each.declared}" if each.declared else ""
        found.setdefault((each.name, f"{clauses(each.causes)}{by}"), []).append(each.candidate)
    alike: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (name, why), candidates in found.items():
        alike.setdefault((why, tuple(candidates)), []).append(name)
    said = {each.candidate: sentence(each) for each in report.decisions}
    for (why, whom), names in alike.items():
        whose = "" if len(whom) == len(report.candidates) else f" of {', '.join(whom)}"
        told = all(why in said.get(candidate, "") for candidate in whom)
        yield f"{', '.join(names)}{whose}" + ("" if told else f" ({why})")


def _equal(report: ReviewReport) -> Iterator[str]:
    """Tasks of which half the items or more are equal to the last bit: a cache that two models share looks so."""
    rows = [(each, *row) for each in report.choices for row in each.equal if each.role == "candidate"]
    counts = [
        f"{same} of {items} items of {task} ({each.model})"
        for each, task, (same, items) in rows
        if same < items and 2 * same >= items
    ]
    if counts:
        yield f"Log-probabilities equal to the last bit: {', '.join(counts)}."


def _allowed(report: ReviewReport) -> Iterator[str]:
    """What the config allows that else keeps a candidate from SHIP."""
    if report.allow_different:
        names = ", ".join(report.allow_different)
        values = "; ".join(
            f"{each.model} {', '.join(filter(None, (each.harness, each.library)))}" for each in report.identities
        )
        yield f"Allowed by the config to differ between the models: {names} ({values})."
    if report.same_name:
        yield 'Allowed by the config: two models may share a name and arguments (same_name = "allowed").'
    if report.identical:
        yield 'Allowed by the config: two models may compute the same to the last bit (identical = "allowed").'
