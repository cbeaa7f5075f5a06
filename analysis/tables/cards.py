"""The report's tables, as words: cards, method notes.

In: a ReviewReport. Out: Tables of plain text.
"""

from analysis.review_report import ReviewReport
from analysis.tables.review import Table

METHOD_NOTES = (
    ("change", "Candidate minus baseline, on the same questions or items."),
    ("rating_change", "Mean difference of the turn ratings that both models have, paired by question."),
    ("win_score", "Wins plus half of ties and flips, over the question-turns whose two games both have a verdict."),
    ("win_change", "win_score minus 0.5."),
    ("flip of the judge", "Two verdicts that differ when the seats are exchanged; a tie against a pick is one too."),
    ("flips", "Items that went from right to wrong or from wrong to right, of all items. Accuracy can hide them."),
    ("all flips", "Flips, and items that went from one wrong option to another."),
    ("acc, acc_norm", "The option with the highest log-probability; the same divided by the option's characters."),
    ("KL", "KL(baseline ‖ candidate) over an item's options, in nats; kl_vocabulary is over all tokens."),
    ("kl_vocabulary", "KL over the whole vocabulary at the options' tokens; from the K most likely a lower bound."),
    ("kl_trace", "The same over tokens, on the baseline's own answers: a lower bound from the K most likely tokens."),
    ("same top token", "How often both models would have said the same next token, along those answers."),
    ("close items", "Items whose baseline has at most 1/8 nat between its two best options: rounding can flip them."),
    ("noise floor", "The baseline run again with other seeds. Shown beside each value, never subtracted or tested."),
    ("interval", "95 %, two-sided, for reading. Decisions use one-sided bounds, at 5 % (Holm: 5 % over what is left)."),
    ("means", "On each side the wider of a studentized bootstrap over questions and Student's t; bounds never vanish."),
    ("proportions", "Wilson's interval; a paired change of accuracy by Tango's score interval."),
    ("p", "Ratings: sign flips of whole questions. Items: McNemar, one-sided for a loss. Coefficients: permutations."),
    (
        "not measured",
        "No number, and never zero: n is what there is, `needs` the fewest that the statistic can work with.",
    ),
    ("bounds", "Where a mean would lie if every missing judgment were as bad, or as good, as it can be."),
    ("at equal length", "The change that remains where both answers are equally long, by least squares on our pairs."),
    ("strength", "Bradley-Terry log-odds to beat the baseline, from all games."),
    ("AUC", "The chance that a flipped item has a higher KL than one that did not flip."),
    ("MDE", "The true change that this many units would have found with 80 % power at two-sided 5 %."),
    ("SHIP", "The primary's lower bound lies above minus the margin, and every limit's upper bound within its limit."),
    ("HOLD", "The primary's upper bound lies below minus the margin, or a limit's lower bound over its limit."),
    ("INCONCLUSIVE", "Neither: more evidence is needed."),
    ("UNFIT", "The evidence may not decide: coverage, the judge's exam, mixed judges or prompts, stale inputs."),
)


def card_table(report: ReviewReport) -> Table:
    """What made the records, judge by judge and model by model."""
    rows = [
        ("review", "config digest", report.config_digest),
        ("review", "seed", str(report.seed)),
        ("review", "resamples", str(report.resamples)),
        ("review", "made at", report.made_at),
    ]
    rows += [(f"judge {judge.name}", name, value) for judge in report.judges for name, value in judge.card]
    rows += [(f"{model.role} {model.model}", name, value) for model in report.models for name, value in model.facts]
    return Table(
        "cards",
        "Judge card and reproducibility",
        "From the manifests of the run folder.",
        ("of", "what", "value"),
        tuple(rows),
    )


def method_table() -> Table:
    """The words and methods of this report."""
    return Table(
        "methods",
        "Method notes",
        "What the words mean and how the numbers are made.",
        ("word", "meaning"),
        METHOD_NOTES,
    )
