"""The report's tables of choices, as words: flips and KL, tests of a loss, margins, subjects, overlaps.

In: a ReviewReport. Out: Tables of plain text.
"""

from collections.abc import Iterable

from analysis.decision.gate_estimates import item_estimate, pooled
from analysis.multiple_choice.distances import ITEM_DISTANCES
from analysis.multiple_choice.flips import FlipResult
from analysis.multiple_choice.margins import MarginGroup
from analysis.rendering.sentences.cells import cell, unmeasured, value_cell
from analysis.rendering.sentences.numbers import NOT_MEASURED, number, optional, probability, unsigned
from analysis.rendering.tables.review import NO_FLOOR, NOISE_FLOOR, Table
from analysis.review.review_report import ReviewReport
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, Estimate
from analysis.statistics.item_rows import ItemRow
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope
from analysis.statistics.losses import AGGREGATIONS, LossTests
from analysis.summaries.model_reports import ItemReport
from ledger.measures import MEASURES, measure_of

DISTANCE_LABELS = tuple(measure_of(name).label for name in ITEM_DISTANCES)
OF_PICKS = (
    "accuracy_change",
    *(each.label for each in MEASURES if each.section == "flips" and each.kind == "divergence"),
)
HEADLINES = ("accuracy_change", *(each.label for each in MEASURES if each.headline and each.section != "writing"))
"""The columns of the short tables: of a pull request, and of a terminal."""


def flip_table(report: ReviewReport, *, brief: bool = False) -> Table:
    """Accuracy, flips and KL, the control's flips and KL beside every candidate.

    Over all items and each task, by acc and acc_norm; `brief`: over all items by acc, what the decision uses.
    """
    floors = _floors(report.choices)
    lacking = NOT_MEASURED if report.control else NO_FLOOR
    rows = []
    for each in report.choices:
        whole = pooled(each)
        shown: list[ItemRow] = [whole] if whole else []
        if not brief:
            shown = [*each.results, *([each.pool] if each.pool else [])]
        if each.fault or not shown:
            nothing = ["—"] * (9 + len(DISTANCE_LABELS))
            rows.append((each.model, each.role, *["—"] * 2, unmeasured(each.fault or Cause(Kind.NO_CHOICES)), *nothing))
        rows += [
            _flip_row(each, row, _flip_floor(floors.get((row.scope, row.scoring))) or lacking)
            for row in shown
            if row.scope.shown and row.n
        ]
    header = ("model", "role", "items", "accuracy", "accuracy_change", "flips", "all flips", *DISTANCE_LABELS)
    rest = (
        NOISE_FLOOR,
        "right→wrong",
        "wrong→right",
        "wrong→other",
        "McNemar p (mid-p)",
        "tied items",
        "flips on near ties",
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
        for row in each.rows:
            if not row.main or row.scope.shown:
                continue
            floor = floors.get((row.scope, row.scoring))
            rows.append(
                (
                    each.model,
                    str(row.scope),
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
            probability(each.adjusted_p),
        )
        for each in report.overlaps
    )
    header = ("candidates", "flips", "shared", "expected by chance", "shared of either", "p", "adjusted p")
    caption = (
        "Items that two candidates both flip. Far more than chance: items on which the baseline itself is unsure. "
        "Adjusted: Benjamini and Hochberg's, over all pairs."
    )
    return Table("overlaps", "Do candidates flip the same items?", caption, header, rows)


def loss_table(report: ReviewReport) -> Table:
    """Whether a loss is real, and whether none is shown: over all items, and over the benchmarks one by one."""
    rows = tuple(_loss_row(each, tests) for each in report.choices for tests in each.losses)
    level = f"{ALPHA / AGGREGATIONS:.4f}"
    header = ("model", "role", "by", "pooled p", "largest drop p", "Fisher p", "a loss?", "same within the margin?")
    caption = (
        "One-sided tests of a loss over benchmarks (tasks, or the subjects of one task): all items pooled, the one "
        f"benchmark that drops furthest, Fisher's combination. Any p at or under {level} shows a loss at 5 %; of one "
        f"benchmark, its one p at or under {ALPHA:.2f}. No loss found is not the same as none: that is a test of its "
        "own (two one-sided tests within the margin)."
    )
    return Table("losses", "Is there a loss of accuracy?", caption, header, rows)


def margin_table(report: ReviewReport) -> Table:
    """How sure the baseline was of answers that stayed and changed, right and wrong ones; acc."""
    rows = []
    for each in report.choices:
        for row in each.results:
            found = row.margins
            if found is None or not row.scope.shown:
                continue
            groups = (found.kept, found.changed, found.right, found.wrong)
            shares = (_percent(found.changed_right), _percent(found.changed_wrong))
            moved = optional(found.moved_spearman, lambda value: number("spearman", value))
            kept = cell(row.top_margin_kept, with_n=False)
            rows.append((each.model, scope_name(row.scope), kept, *map(_margin_cell, groups), *shares, moved))
    caption = (
        "Top margin: the baseline's probability of its best option less that of its second, over the options; mean and "
        "quartiles. Kept: the candidate's margins in favor of the same options over the baseline's: 100 % if none "
        "shrank, 0 % if none is left. Last: rank correlation over items of the margin with the sum of absolute "
        "probability changes."
    )
    header = ("model", "items", "top margin kept", "kept answers", "changed answers", "right answers", "wrong answers")
    rest = ("right ones changed", "wrong ones changed", "margin and change")
    return Table("margins", "How sure was the baseline?", caption, (*header, *rest), tuple(rows))


def _floors(choices: Iterable[ItemReport]) -> dict[tuple[ItemScope, str], ItemRow]:
    """The control's rows; where items are solved too, all of them stand for all."""
    controls = [each for each in choices if each.role == "control"]
    rows = [row for each in controls for row in (*each.rows, *([each.pool] if each.pool else []))]
    return {(row.scope, row.scoring): row for row in rows}


def _flip_row(each: ItemReport, row: ItemRow, floor: str) -> tuple[str, ...]:
    """One row; that of all items, picked and solved, has the distances of those that were picked."""
    moved = row.transitions
    beside = floor if each.role == "candidate" else "—"
    scope = "" if row.scope == ALL_ITEMS else f", {row.scope}"
    return (
        each.model,
        each.role,
        f"{row.n} ({row.scoring}{scope}{', with solved ones' if row is each.pool and each.results else ''})",
        f"{value_cell(row.accuracy)}, baseline {value_cell(row.accuracy_baseline)}",
        cell(row.accuracy_change),
        cell(row.flips),
        cell(row.all_flips),
        *(cell(_distance(each, row, name)) if row.main else "—" for name in ITEM_DISTANCES),
        beside,
        *(map(str, (moved.right_to_wrong, moved.wrong_to_right, moved.wrong_to_other)) if moved else "———"),
        f"{probability(row.exact_p)} ({probability(row.mid_p)})",
        *_tied(row),
    )


def _distance(each: ItemReport, row: ItemRow, name: str) -> Estimate | None:
    if row is not each.pool:
        return row.estimate(name)
    return item_estimate(each, name) if each.results else None


def _tied(row: ItemRow) -> tuple[str, str]:
    """Items that rounding alone could tip; by acc only."""
    if not isinstance(row, FlipResult) or row.ties is None:
        return "—", "—"
    each = row.ties
    step = "1/8 nat supposed" if each.step is None else f"step 1/{1 / each.step:.0f} nat"
    share = f"{each.close_flips} of {row.transitions.flips}"
    return f"{each.tied_after}, baseline {each.tied}", f"{share} (near ties: {each.close}, {step})"


def _flip_floor(floor: ItemRow | None) -> str:
    """The control's flips and KL; empty where its choices cannot be compared."""
    if floor is None:
        return ""
    parts = [f"flips {value_cell(floor.flips)}", f"all flips {value_cell(floor.all_flips)}"]
    distances = floor.distances if isinstance(floor, FlipResult) else ()
    parts += [f"{measure_of(name).label} {value_cell(each)}" for name, each in distances]
    return "; ".join(parts)


def scope_name(scope: ItemScope) -> str:
    """A scope in words."""
    return "all items" if scope == ALL_ITEMS else scope.task if scope.of_task else str(scope)


def _margin_cell(group: MarginGroup) -> str:
    if group.mean is None or group.quartiles is None:
        return "none"
    low, middle, high = group.quartiles
    return f"{group.mean:.3f} [{low:.3f}, {middle:.3f}, {high:.3f}] (n {group.n})"


def _percent(share: float | None) -> str:
    return optional(share, lambda value: f"{100 * value:.1f} %")


def _loss_row(each: ItemReport, tests: LossTests) -> tuple[str, ...]:
    several = tests.benchmarks > 1
    within = f"(±{unsigned('accuracy_change', tests.margin)}, {probability(tests.same_p)})"
    drop = f"{probability(tests.max_drop_p)}, {tests.worst}" if several else "one benchmark"
    fisher = probability(tests.fisher_p) if several else "one benchmark"
    return (
        each.model,
        each.role,
        f"{tests.scoring}, {tests.benchmarks} benchmark{'s' * several}",
        probability(tests.pooled_p),
        drop,
        fisher,
        "yes" if tests.loss else "not shown",
        f"{'yes' if tests.same_p <= ALPHA else 'not shown'} {within}",
    )
