"""A study's findings as words: each with our number and interval beside the paper's, and whether it holds here.

In: a ReviewReport without a judge. Out: a Table of plain text. Source: arXiv 2407.09141; what is said of the paper is
what its abstract, its captions and two replications print, and `not found` where none of them does.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from analysis.rendering.sentences.cells import cell, value_cell
from analysis.rendering.sentences.numbers import number
from analysis.rendering.tables.review import Table
from analysis.rendering.tables.study import Variant, variants
from analysis.review.review_report import ReviewReport
from analysis.statistics.correlation import rank_correlation
from analysis.statistics.estimates import Estimate
from analysis.statistics.intervals import wilson

FEWEST_STEPS = 3
PAPER_RHO, SOME_RHO, PAPER_FLIPS = 0.96, 0.8, 0.05
CANCELLED = 0.1  # of what 90 % of the tokens span, a mean change may be
CAPTION = (
    "`yes`: every variant shows it (of accuracy: most, with flips of 5 % among them; of a sweep: one step), or the "
    "interval reaches what the paper says (of correlations: 0.96). `in part`: some variants do, or the correlation is "
    "over 0.8. `no`: nothing shows it. `not shown`: nothing here could. Cancelled: the mean change is under a tenth of "
    "what 90 % of the tokens span. A dash: nothing to hold it against."
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


def _holds(shown: int, of: int) -> str:
    """Whether a finding holds that `shown` of so many variants show."""
    return "not shown" if not of else "yes" if shown == of else "in part" if shown else "no"


def _hidden(found: Sequence[Variant]) -> tuple[str, ...]:
    small = [each for each in found if each.small]
    flips = sorted(each.row.flips.value or 0.0 for each in small)
    words, holds = f"{len(small)} of {len(found)} variants stay within 2 points", "no"
    if flips:
        least, middle, most = (number("flips", value) for value in (flips[0], float(np.median(flips)), flips[-1]))
        words = f"{words}; their flips: {least} to {most}, median {middle}"
        if flips[-1] >= PAPER_FLIPS:
            holds = "yes" if 2 * len(small) > len(found) else "in part"
    return ("Accuracy hardly changes while answers flip", "change 0 to 2 %, flips 5 to 13.6 %", words, holds)


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
    words = (
        f"{lost} against {gained} under noise ({cell(share, with_n=False)} lost); {every[0]} against {every[1]} in all"
    )
    return (name, claimed, words, "yes" if low <= 0.5 <= high else "no")


def _directed(found: Sequence[Variant]) -> tuple[int, int]:
    """Items that went right→wrong and wrong→right, over these variants."""
    moved = [each.row.transitions for each in found]
    return sum(each.right_to_wrong for each in moved), sum(each.wrong_to_right for each in moved)


def _kl_rows(found: Sequence[Variant]) -> Iterator[tuple[str, ...]]:
    """Flips against each KL, over all variants and among the least damaged half."""
    flips = [each.row.flips.value for each in found]
    measures = {
        "KL over the vocabulary": [each.vocabulary.value if each.vocabulary else None for each in found],
        "KL over the options": [each.row.distance("kl_options").value for each in found],
        "KL along answers": [each.trace.kl.value if each.trace else None for each in found],
    }
    half = np.median([value for value in flips if value is not None] or [0.0])
    near = [index for index, value in enumerate(flips) if value is not None and value <= half]
    for name, values in measures.items():
        rho = _spearman(values, flips)
        claimed = "Spearman 0.96 to 0.98 (0.981 on MMLU)" if name == "KL over the vocabulary" else "not found"
        yield (f"Flips follow {name}", claimed, f"Spearman {cell(rho)}", _follows(rho))
    rho = _spearman([measures["KL over the vocabulary"][i] for i in near], [flips[i] for i in near])
    words = f"Spearman {cell(rho)}, among the half with fewer flips"
    yield ("The same near the baseline", "not found (others: about 0)", words, "—")
    changes = _spearman(measures["KL over the vocabulary"], [each.row.accuracy_change.value for each in found])
    yield ("KL over the vocabulary against accuracy change", "not found", f"Spearman {cell(changes)}", "—")


def _spearman(xs: Sequence[float | None], ys: Sequence[float | None]) -> Estimate:
    """Over the variants that have both."""
    known = [(x, y) for x, y in zip(xs, ys, strict=True) if x is not None and y is not None]
    return rank_correlation([x for x, _ in known], [y for _, y in known])


def _follows(rho: Estimate) -> str:
    """Whether a correlation is as high as the paper's; without an interval nothing shows it."""
    if rho.value is None or rho.interval is None:
        return "not shown"
    return "yes" if rho.interval[1] >= PAPER_RHO else "in part" if rho.value > SOME_RHO else "no"


def _all_flips(found: Sequence[Variant]) -> tuple[str, ...]:
    pairs = [(each.row.flips.value, each.row.all_flips.value) for each in found]
    rho = _spearman([alone for alone, _ in pairs], [both for _, both in pairs])
    ratios = [both / alone for alone, both in pairs if alone and both is not None]
    times = f"; all flips are {np.median(ratios):.2f} times the flips (median)" if ratios else ""
    return ("All flips follow flips", "shown side by side, no number", f"Spearman {cell(rho)}{times}", _follows(rho))


def _sweeps(report: ReviewReport, found: Sequence[Variant]) -> Iterator[tuple[str, ...]]:
    """In each sweep the variants whose flips are above the floor while a loss of accuracy is not shown."""
    floor = max(
        (each.row.flips.interval[1] for each in variants(report, "control") if each.row.flips.interval), default=0
    )
    swept = [each for each in found if each.family and each.amount is not None]
    for family in dict.fromkeys(each.family for each in swept):
        steps = sorted((each for each in swept if each.family == family), key=lambda each: each.amount or 0.0)
        if len(steps) < FEWEST_STEPS:
            continue
        hidden = [each.name for each in steps if _low(each.row.flips) > floor and _high(each.row.accuracy_change) >= 0]
        words = "; ".join(
            f"{each.name}: flips {value_cell(each.row.flips)}, accuracy {value_cell(each.row.accuracy_change)}"
            for each in (steps[0], steps[-1])
        )
        hidden_words = f"flips above the floor and no loss shown: {', '.join(hidden) or 'none'}"
        name = f"Flips rise while accuracy is still flat ({family})"
        yield (name, "shown for layers and WANDA", f"{hidden_words}. {words}", "yes" if hidden else "no")


def _low(estimate: Estimate) -> float:
    return estimate.interval[0] if estimate.interval else 0.0


def _high(estimate: Estimate) -> float:
    return estimate.interval[1] if estimate.interval else 0.0


def _margins(found: Sequence[Variant]) -> tuple[str, ...]:
    pairs = [(m.changed.mean, m.kept.mean) for each in found if (m := each.row.margins) and m.changed.n and m.kept.n]
    lower = sum(changed < kept for changed, kept in pairs if changed is not None and kept is not None)
    middles = [np.median([pair[side] for pair in pairs if pair[side] is not None]) for side in (0, 1)] if pairs else []
    words = f"in {lower} of {len(pairs)} variants" + (
        f"; median mean margin {middles[0]:.2f} against {middles[1]:.2f}" if pairs else ""
    )
    name = "Changed answers had a smaller top margin than kept ones"
    return (name, "shown, values not found", words, _holds(lower, len(pairs)))


def _changed_answers(found: Sequence[Variant]) -> tuple[str, ...]:
    pairs = [(m.changed_wrong, m.changed_right) for each in found if (m := each.row.margins)]
    known = [(wrong, right) for wrong, right in pairs if wrong is not None and right is not None]
    more = sum(wrong > right for wrong, right in known)
    name = "More of the baseline's wrong answers change than of its right ones"
    return (name, "shown, values not found", f"in {more} of {len(known)} variants", _holds(more, len(known)))


def _token_changes(found: Sequence[Variant]) -> tuple[str, ...]:
    name = "Gains and losses of tokens' log-likelihood cancel in perplexity"
    traced = [(each, each.trace) for each in found if each.trace and each.trace.logprob_quantiles]
    small = [(each, trace) for each, trace in traced if each.small and trace.logprob_change.value is not None]
    if not small:
        return (name, "shown as histograms", "no variant that was traced stays within 2 points", "not shown")
    parts = []
    for each, trace in small[:3]:
        low, _, high = (number("logprob_change", value) for value in trace.logprob_quantiles)
        mean = number("logprob_change", trace.logprob_change.value or 0.0)
        parts.append(f"{each.name}: mean {mean}, 90 % of tokens between {low} and {high}")
    spreads = [
        abs(trace.logprob_change.value or 0.0) <= CANCELLED * (trace.logprob_quantiles[2] - trace.logprob_quantiles[0])
        for _, trace in small
    ]
    parts.append(f"cancelled in {sum(spreads)} of the {len(small)} that stay within 2 points")
    return (name, "shown as histograms", "; ".join(parts), _holds(sum(spreads), len(spreads)))


def _floor(report: ReviewReport) -> tuple[str, ...]:
    control = next(iter(variants(report, "control")), None)
    words = f"flips {cell(control.row.flips)}" if control else "no control"
    claimed = "23.5 % where answers were sampled (BFCL), else not given"
    return ("A noise floor: the baseline run again", claimed, words, "—")
