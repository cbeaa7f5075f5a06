"""A study's findings as words: each with our number and interval beside the paper's, and whether it holds here.

In: a ReviewReport without a judge. Out: a Table of plain text. Source: arXiv 2407.09141; what is said of the paper is
what its abstract, its captions and two replications print, and `not found` where none of them does.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.correlation import coefficient, fisher_interval
from analysis.estimates import Estimate
from analysis.intervals import wilson
from analysis.numbers import cell, number
from analysis.review_report import ReviewReport
from analysis.tables.review import Table
from analysis.tables.study import Variant, variants

FEWEST = 4
PAPER_RHO, PAPER_FLIPS = 0.96, 0.05
CANCELLED = 0.1  # of what 90 % of the tokens span, a mean change may be
CAPTION = (
    "`yes`: the interval reaches the paper's number, or every variant (of accuracy: most) shows it; `in part`: some. "
    "Cancelled: the mean change is under a tenth of what 90 % of the tokens span. A dash: nothing to hold it against."
)


def finding_table(report: ReviewReport) -> Table:
    """What the paper found, and what is found here."""
    found = variants(report)
    rows = (
        _hidden(found),
        _directions(found),
        *_kl_rows(found),
        _all_flips(found),
        *_sweeps(report, found),
        _margins(found),
        _changed_answers(found),
        _token_changes(found),
        _floor(report),
    )
    header = ("the paper", "its number", "here", "holds here?")
    return Table("findings", "Findings", CAPTION, header, rows)


def _hidden(found: Sequence[Variant]) -> tuple[str, ...]:
    small = [each for each in found if each.small]
    flips = sorted(each.row.flips.value or 0.0 for each in small)
    told = f"{len(small)} of {len(found)} variants stay within 2 points"
    if not flips:
        return ("Accuracy hardly changes while answers flip", "0 to 2 %; flips 5 to 13.6 %", told, "no")
    least, middle, most = (number("flips", value) for value in (flips[0], float(np.median(flips)), flips[-1]))
    ends = f"{least} to {most}, median {middle}"
    holds = "yes" if 2 * len(small) > len(found) and flips[-1] >= PAPER_FLIPS else "in part"
    return (
        "Accuracy hardly changes while answers flip",
        "change 0 to 2 %, flips 5 to 13.6 %",
        f"{told}; their flips: {ends}",
        holds,
    )


def _directions(found: Sequence[Variant]) -> tuple[str, ...]:
    """Under noise alone, where the paper says so too, and over all variants.

    Variants whose accuracy hardly changed are no test of this: their two directions are near each other by definition.
    """
    name, claimed = "Right→wrong and wrong→right in proportion, also under noise", "about equal"
    noise = [each for each in found if each.family == "noise"] or list(found)
    lost, gained = _directed(noise)
    if not lost + gained:
        return (name, claimed, "no flips", "not shown")
    share = wilson("flips", "flips", lost, lost + gained)
    low, high = share.interval or (0.0, 1.0)
    every = _directed(found)
    told = (
        f"{lost} against {gained} under noise ({cell(share, with_n=False)} lost); {every[0]} against {every[1]} in all"
    )
    return (name, claimed, told, "yes" if low <= 0.5 <= high else "no")


def _directed(found: Sequence[Variant]) -> tuple[int, int]:
    """Items that went right→wrong and wrong→right, over these variants."""
    moved = [each.row.transitions for each in found]
    return sum(each.right_to_wrong for each in moved), sum(each.wrong_to_right for each in moved)


def _kl_rows(found: Sequence[Variant]) -> Iterator[tuple[str, ...]]:
    """Flips against each KL, over all variants and among the least damaged half."""
    flips = [each.row.flips.value for each in found]
    measures = {
        "KL over the vocabulary": [each.vocabulary.value if each.vocabulary else None for each in found],
        "KL over the options": [each.row.kl.value for each in found],
        "KL along answers": [each.trace.kl.value if each.trace else None for each in found],
    }
    half = float(np.median([value for value in flips if value is not None]))
    near = [index for index, value in enumerate(flips) if value is not None and value <= half]
    for name, values in measures.items():
        rho = _spearman(values, flips)
        claimed = "Spearman 0.96 to 0.98 (0.981 on MMLU)" if name == "KL over the vocabulary" else "not found"
        high = rho.interval[1] if rho.interval else rho.value or 0.0
        holds = (
            "not shown" if rho.value is None else "yes" if high >= PAPER_RHO else "in part" if rho.value > 0.8 else "no"
        )
        yield (f"Flips follow {name}", claimed, f"Spearman {cell(rho)}", holds)
    rho = _spearman([measures["KL over the vocabulary"][i] for i in near], [flips[i] for i in near])
    told = f"Spearman {cell(rho)}, among the half with fewer flips"
    yield ("The same near the baseline", "not found (others: about 0)", told, "—")
    changes = _spearman(measures["KL over the vocabulary"], [each.row.accuracy_change.value for each in found])
    yield ("KL over the vocabulary against accuracy change", "not found", f"Spearman {cell(changes)}", "—")


def _spearman(xs: Sequence[float | None], ys: Sequence[float | None]) -> Estimate:
    known = [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
    x, y = (np.array([pair[side] for pair in known]) for side in (0, 1))
    rho = coefficient("spearman", x, y) if len(known) >= FEWEST else None
    ends = None if rho is None else fisher_interval("spearman", rho, len(known))
    return Estimate("spearman", "candidates", len(known), rho, ends, "too few" if rho is None or not ends else None)


def _all_flips(found: Sequence[Variant]) -> tuple[str, ...]:
    pairs = [(each.row.flips.value, each.row.all_flips.value) for each in found]
    rho = _spearman(*zip(*pairs, strict=True)) if pairs else _spearman((), ())
    ratios = [both / alone for alone, both in pairs if alone and both is not None]
    told = (
        f"Spearman {cell(rho)}; all flips are {np.median(ratios):.2f} times the flips (median)"
        if ratios
        else "no flips"
    )
    return (
        "All flips follow flips",
        "shown side by side, no number",
        told,
        "yes" if (rho.value or 0) > 0.9 else "in part",
    )


def _sweeps(report: ReviewReport, found: Sequence[Variant]) -> Iterator[tuple[str, ...]]:
    """In each sweep the variants whose flips are above the floor while a loss of accuracy is not shown."""
    floor = max(
        (each.row.flips.interval[1] for each in variants(report, "control") if each.row.flips.interval), default=0
    )
    for family in dict.fromkeys(each.family for each in found if each.amount is not None):
        steps = [each for each in found if each.family == family]
        if len(steps) < FEWEST - 1:
            continue
        hidden = [each.name for each in steps if _low(each.row.flips) > floor and _high(each.row.accuracy_change) >= 0]
        ends = [steps[0], steps[-1]]
        told = "; ".join(
            f"{e.name}: flips {number('flips', e.row.flips.value or 0)}, "
            f"accuracy {number('accuracy_change', e.row.accuracy_change.value or 0)}"
            for e in ends
        )
        hidden_told = f"flips above the floor and no loss shown: {', '.join(hidden) or 'none'}"
        name = f"Flips rise while accuracy is still flat ({family})"
        yield (name, "shown for layers and WANDA", f"{hidden_told}. {told}", "yes" if hidden else "no")


def _low(estimate: Estimate) -> float:
    return estimate.interval[0] if estimate.interval else 0.0


def _high(estimate: Estimate) -> float:
    return estimate.interval[1] if estimate.interval else 0.0


def _margins(found: Sequence[Variant]) -> tuple[str, ...]:
    pairs = [(m.changed.mean, m.kept.mean) for each in found if (m := each.row.margins) and m.changed.n and m.kept.n]
    lower = sum(changed < kept for changed, kept in pairs if changed is not None and kept is not None)
    middles = [np.median([pair[side] for pair in pairs if pair[side] is not None]) for side in (0, 1)] if pairs else []
    told = f"in {lower} of {len(pairs)} variants" + (
        f"; median mean margin {middles[0]:.2f} against {middles[1]:.2f}" if pairs else ""
    )
    name = "Changed answers had a smaller top margin than kept ones"
    return (name, "shown, values not found", told, "yes" if pairs and lower == len(pairs) else "in part")


def _changed_answers(found: Sequence[Variant]) -> tuple[str, ...]:
    pairs = [(m.changed_wrong, m.changed_right) for each in found if (m := each.row.margins)]
    known = [(wrong, right) for wrong, right in pairs if wrong is not None and right is not None]
    more = sum(wrong > right for wrong, right in known)
    name = "More of the baseline's wrong answers change than of its right ones"
    return (
        name,
        "shown, values not found",
        f"in {more} of {len(known)} variants",
        "yes" if known and more == len(known) else "in part",
    )


def _token_changes(found: Sequence[Variant]) -> tuple[str, ...]:
    name = "Gains and losses of tokens' log-likelihood cancel in perplexity"
    traced = [(each, each.trace) for each in found if each.trace and each.trace.logprob_quantiles]
    small = [(each, trace) for each, trace in traced if each.small and trace.logprob_change.value is not None]
    if not small:
        return (name, "shown as histograms", "no variant stays within 2 points", "not shown")
    told = []
    for each, trace in small[:3]:
        low, _, high = (number("logprob_change", value) for value in trace.logprob_quantiles)
        mean = number("logprob_change", trace.logprob_change.value or 0.0)
        told.append(f"{each.name}: mean {mean}, 90 % of tokens between {low} and {high}")
    spreads = [
        abs(trace.logprob_change.value or 0.0) <= CANCELLED * (trace.logprob_quantiles[2] - trace.logprob_quantiles[0])
        for _, trace in small
    ]
    told.append(f"cancelled in {sum(spreads)} of the {len(small)} that stay within 2 points")
    return (
        name,
        "shown as histograms",
        "; ".join(told),
        "yes" if all(spreads) else "in part" if any(spreads) else "no",
    )


def _floor(report: ReviewReport) -> tuple[str, ...]:
    control = next(iter(variants(report, "control")), None)
    told = f"flips {cell(control.row.flips)}" if control else "no control"
    return (
        "A noise floor: the baseline run again",
        "23.5 % where answers were sampled (BFCL), else not given",
        told,
        "—",
    )
