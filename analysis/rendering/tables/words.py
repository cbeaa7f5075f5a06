"""The report's words: what they mean, how the numbers are made, and what such a review cannot tell.

In: a ReviewReport. Out: Tables of plain text, and the word behind each column's name.
"""

from collections.abc import Iterator

from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.numbers import unsigned
from analysis.rendering.tables.review import NOISE_FLOOR, Table
from analysis.review.review_report import ReviewReport
from ledger.measures import MEASURES

METHOD_NOTES = (
    *((each.name, f"{each.definition} Source: {each.source}.") for each in MEASURES),
    ("change", "Candidate minus baseline, on the same questions or items."),
    ("rating", "Mean of the scored turn ratings, 1 to 10."),
    (
        "win_score",
        "Wins plus half of ties and inconsistent ones, over the question-turns whose two games both have a verdict.",
    ),
    ("game", "One comparison of two answers by a judge, in one order; each pair is played in both."),
    ("position", "Where an answer stands in a game: first or second."),
    ("judge inconsistency", "Two verdicts that differ when the answers are swapped; a tie against a pick counts too."),
    ("acc, acc_norm", "The option with the highest log-probability; the same divided by the option's characters."),
    ("same top token", "How often both models would have said the same next token, along those answers."),
    (
        "top margin kept",
        "The candidate's margins in favor of the baseline's best options, over the baseline's own; 100 %: none shrank.",
    ),
    (
        "near ties",
        "Items whose baseline's two best options are at most one step of its logits apart: rounding flips.",
    ),
    (
        "loop",
        "A passage three times in a row to the end of a text, four within it, and 32 words or marks of copies.",
    ),
    ("seen", "A change that sign flips tell from zero, or a likeness under the control's, after Holm: words, no gate."),
    ("noise floor", "The baseline run again with other seeds. Shown beside each value, never subtracted or tested."),
    ("interval", "95 %, two-sided, for reading. Decisions use one-sided bounds, at 5 % (Holm: 5 % over what is left)."),
    ("means", "On each side the wider of a studentized bootstrap over questions and Student's t; bounds never vanish."),
    ("proportions", "Wilson's interval; a paired change of accuracy by Tango's score interval."),
    (
        "p",
        "Ratings: sign flips of whole questions. Items: McNemar, one-sided for a loss. Coefficients: permutations. "
        "Shared flips: hypergeometric, one-sided.",
    ),
    (
        "not measured",
        "No number, and never zero: n is what there is, `needs` the fewest that the statistic can work with.",
    ),
    ("missing-data bounds", "Where a mean would lie if every missing judgment were as bad, or as good, as it can be."),
    ("at equal length", "The change that remains where both answers are equally long, by least squares on our pairs."),
    ("strength", "Bradley-Terry log-odds to beat the baseline, from all games."),
    ("AUC", "The chance that a flipped item has a higher KL than one that did not flip."),
    (
        "exam",
        "What a judge must tell apart before its word counts: whole answers from damaged ones, equal ones as a tie.",
    ),
    ("MDE", "The true change that this many units would have found with 80 % power at two-sided 5 %."),
    (
        "SHIP",
        "The primary's lower bound lies above minus the margin, every limit holds, no task is HOLD, and each task that "
        "proves is cleared.",
    ),
    ("HOLD", "The primary's upper bound lies below minus the margin, or a task's, or a limit's lower bound over it."),
    ("INCONCLUSIVE", "Neither: more evidence is needed."),
    ("UNFIT", "The evidence may not decide: coverage, exam, stale inputs, or something found and not compared."),
    ("cleared, open", "A task whose loss beyond the margin is ruled out; one where it is neither shown nor ruled out."),
    ("solution", "A generated answer that a program checked; its score is 0 to 1 by a metric under a filter."),
    (
        "within each model",
        "How often two answers of one model to one item differ: what sampling alone does to flips.",
    ),
    ("pass@k", "The chance that at least one of k answers to an item is right, without bias; averaged over items."),
    (
        "several answers",
        "The item is the unit: change and recovery by a studentized bootstrap over items; no McNemar on pass rates.",
    ),
    ("unread", "Cut at the limit, thoughts alone, empty, or nothing extracted: no sign of what is known."),
    ("guessing", "The accuracy of a model that picks at random: the mean of one over the number of options."),
)
ALIASES = {
    **{each.label: each.name for each in MEASURES},
    "inconsistent": "judge inconsistency",
    "Holm's p": "p",
    "lower bound": "interval",
    "upper bound": "interval",
    NOISE_FLOOR: "noise floor",
}
SAMPLED = "The questions are a sample: see the smallest change that this review could have found."
CATEGORIES = "A category holds few questions: it is a place to look, and never a finding of its own."
ONE_SET = "Every question comes from one set: another set may say something else."
MT_BENCH = "MT-Bench has been public since 2023: models may have seen it, and strong ones all score high."
JUDGE = "A model that judges has tastes (length, order, its own style). Exam, positions and length show some of them."
REFERENCES = "A judge with a wrong reference answer punishes right answers."
DISPUTED = "13 of MT-Bench's first 30 references are disputed."
NOT_ASKED = "Nothing here tells of what the questions and items leave out, nor of the speed and cost of serving."


def term(name: str) -> tuple[str, str] | None:
    """The word behind a column's name, and its meaning; None where the name says it."""
    word = ALIASES.get(name, name)
    return next(((known, meaning) for known, meaning in METHOD_NOTES if known == word), None)


def limit_table(report: ReviewReport) -> Table:
    """What the reader must not conclude from this review."""
    caption = "Read this before you sign."
    return Table("limits", "What this review cannot tell", caption, ("limit", "why"), tuple(_limits(report)))


def _limits(report: ReviewReport) -> Iterator[tuple[str, str]]:
    """The review's own number first; then what its questions, its judges and their references leave open."""
    official = report.question_source == "mt-bench"
    found = [mde for each in report.decisions if (mde := each.primary.estimate.mde)]
    if found:
        yield "this review", f"Its smallest detectable {report.primary} is {unsigned(report.primary, max(found))}."
    if report.questions:
        yield "the questions", SAMPLED
        yield "categories", CATEGORIES
        yield "one question set", MT_BENCH if official else ONE_SET
    if report.judges:
        yield "the judge", JUDGE
        yield "references", f"{REFERENCES} {DISPUTED}" if official else REFERENCES
    yield from ((area, clause(why)) for area, why in report.not_looked_at)
    yield "not asked", NOT_ASKED


def method_table() -> Table:
    """The words and methods of this report."""
    return Table(
        "methods",
        "Method notes",
        "What the words mean and how the numbers are made.",
        ("word", "meaning"),
        METHOD_NOTES,
    )
