"""The report's tables, as words: flips and KL, correlations, cards, method notes.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterable

from analysis.correlation import Correlation
from analysis.estimates import Estimate
from analysis.flips import FlipResult
from analysis.model_reports import ItemReport
from analysis.numbers import cell, number, optional, probability, unmeasured
from analysis.report_tables import NO_FLOOR, NOISE_FLOOR, Table
from analysis.review_report import ReviewReport

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
    ("MDE", "The true change that this many units would have found with 80 % power at two-sided 5 %."),
    ("SHIP", "The primary's lower bound lies above minus the margin, and every limit's upper bound within its limit."),
    ("HOLD", "The primary's upper bound lies below minus the margin, or a limit's lower bound over its limit."),
    ("INCONCLUSIVE", "Neither: more evidence is needed."),
    ("UNFIT", "The evidence may not decide: coverage, the judge's exam, mixed judges or prompts, stale inputs."),
)


def flip_table(report: ReviewReport, *, brief: bool = False) -> Table:
    """Accuracy, flips and KL, the control's flips and KL beside every candidate.

    Over all items and each task, by acc and acc_norm; `brief`: over all items by acc, what the decision uses.
    """
    floors = _floors(report.choices)
    rows = []
    for each in report.choices:
        if each.fault or not each.results:
            rows.append((each.model, each.role, *["—"] * 2, unmeasured(each.fault or "no choices"), *["—"] * 10))
        rows += [
            _flip_row(each, row, floors.get((row.scope, row.scoring)))
            for row in each.results
            if (row.scope == "all" or row.scope.startswith("task ")) and not (brief and not _decides(row))
        ]
    header = ("model", "role", "items", "accuracy", "accuracy_change", "flips", "all flips", "KL (options)")
    rest = (
        NOISE_FLOOR,
        "right→wrong",
        "wrong→right",
        "wrong→other",
        "McNemar p (mid-p)",
        "tied items",
        "flips on close items",
    )
    return Table(
        "flips",
        "Flips (acc)" if brief else "Flips and KL",
        f"Multiple choice against {report.baseline}. None of this depends on a judge.",
        (*header, *rest),
        tuple(rows),
    )


def subject_table(report: ReviewReport) -> Table:
    """Accuracy change and flips by subject, acc."""
    floors = _floors(report.choices)
    rows = []
    for each in report.choices:
        for row in each.results:
            if row.scoring != "acc" or row.scope == "all" or row.scope.startswith("task "):
                continue
            floor = floors.get((row.scope, row.scoring))
            rows.append(
                (
                    each.model,
                    row.scope,
                    cell(row.accuracy_change),
                    cell(row.flips),
                    cell(floor.flips, with_n=False) if floor and each.role == "candidate" else "—",
                )
            )
    caption = "Subjects hold few items: they are shown, never gated."
    return Table(
        "subjects",
        "Flips by subject",
        caption,
        ("model", "subject", "accuracy_change", "flips", NOISE_FLOOR),
        tuple(rows),
    )


def overlap_table(report: ReviewReport) -> Table:
    """Which candidates flip the same items, acc."""
    rows = tuple(
        (
            f"{each.first}, {each.second}",
            f"{each.first_flips}, {each.second_flips} of {each.n}",
            str(each.shared),
            f"{each.expected:.1f}",
            "—" if each.jaccard is None else f"{each.jaccard:.2f}",
            probability(each.p),
        )
        for each in report.overlaps
    )
    header = ("candidates", "flips", "shared", "expected by chance", "shared of either", "p")
    caption = "Items that two candidates both flip. Far more than chance: items on which the baseline itself is unsure."
    return Table("overlaps", "Do candidates flip the same items?", caption, header, rows)


def correlation_table(report: ReviewReport) -> Table:
    """One row an outcome and predictor; the coefficient, its interval, n, p and leave-one-out range in one cell."""
    grouped: dict[tuple[str, str], list[Correlation]] = {}
    for each in report.correlations:
        grouped.setdefault((each.outcome, each.predictor), []).append(each)
    rows = [(*pair, *(_correlation_cell(each) for each in found)) for pair, found in grouped.items()]
    if not rows:
        rows = [("a judged outcome", "flips, KL, accuracy", *[unmeasured("no judge rated or compared")] * 3)]
    note = ""
    if any(each.descriptive for each in report.correlations):
        note = " The candidates come from several families, so that the pooled p is descriptive."
    return Table(
        "correlation",
        "Do the measures agree?",
        f"Across candidates: each judged change against what the candidates pick.{note}",
        ("outcome", "against", "Spearman", "Kendall", "Pearson"),
        tuple(rows),
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


def strongest_correlation(report: ReviewReport) -> str:
    """The largest measured coefficient in words, and out of how many it was picked; empty if none was measured."""
    found = [each for each in report.correlations if each.coefficient.value is not None]
    if not found:
        return ""
    most = max(found, key=lambda each: abs(each.coefficient.value or 0))
    pooled = ", several families: descriptive" if most.descriptive else ""
    return (
        f"Strongest of {len(found)} correlations: {most.outcome} against {most.predictor}, {most.method} "
        f"{_correlation_cell(most)} (not corrected for the picking{pooled})."
    )


def _decides(row: FlipResult) -> bool:
    return (row.scope, row.scoring) == ("all", "acc")


def _floors(choices: Iterable[ItemReport]) -> dict[tuple[str, str], FlipResult]:
    return {(row.scope, row.scoring): row for each in choices if each.role == "control" for row in each.results}


def _flip_row(each: ItemReport, row: FlipResult, floor: FlipResult | None) -> tuple[str, ...]:
    moved = row.transitions
    beside = "—" if each.role != "candidate" else _flip_floor(floor, row)
    scope = "" if row.scope == "all" else f", {row.scope}"
    return (
        each.model,
        each.role,
        f"{moved.n} ({row.scoring}{scope})",
        f"{_value(row.accuracy)}, baseline {_value(row.accuracy_baseline)}",
        cell(row.accuracy_change),
        cell(row.flips),
        cell(row.all_flips),
        cell(row.kl) if row.scoring == "acc" else "—",
        beside,
        str(moved.right_to_wrong),
        str(moved.wrong_to_right),
        str(moved.wrong_to_other),
        f"{probability(row.exact_p)} ({probability(row.mid_p)})",
        *_tied(row),
    )


def _tied(row: FlipResult) -> tuple[str, str]:
    """Items that rounding alone could tip; by acc only."""
    if row.ties is None:
        return "—", "—"
    each = row.ties
    step = "1/8 nat supposed" if each.step is None else f"step 1/{1 / each.step:.0f} nat"
    share = f"{each.close_flips} of {row.transitions.flips}"
    return f"{each.tied_after}, baseline {each.tied}", f"{share} (close items: {each.close}, {step})"


def _flip_floor(floor: FlipResult | None, row: FlipResult) -> str:
    if floor is None:
        return NO_FLOOR
    kl = f"; KL {_value(floor.kl)}" if row.scoring == "acc" else ""
    return f"flips {_value(floor.flips)}; all flips {_value(floor.all_flips)}{kl}"


def _value(estimate: Estimate) -> str:
    return optional(estimate.value, lambda value: number(estimate.measure, value))


def _correlation_cell(each: Correlation) -> str:
    if each.coefficient.value is None:
        return cell(each.coefficient)
    left = each.leave_one_out
    low_high = [number(each.method, end) for end in left] if left else []
    spread = f"; leaving one out {low_high[0]} to {low_high[1]}" if left else ""
    return f"{cell(each.coefficient)}; {probability(each.p)}, {each.p_method}{spread}"
