"""The table of graded damage in docs/writing.md: `python tests/damage_table.py RUN`, by hand when it is measured anew.

In: a run folder of SmolLM2 and graded damage of it. Out: a Markdown table, each measure's value bold where seen.
Seen: of writing, as the report says it (Holm over all of them); of accuracy, where McNemar's exact p of a loss, with
Holm over the candidates, is at most 5 %; of a distance, where its lower bound lies above the control's upper.
"""

import sys

import assay
from analysis.decision.gate_estimates import pooled
from analysis.statistics.multiple_testing import holm

WRITTEN = ("loops", "repetition", "unfinished", "similarity")
HEADER = ("model", "accuracy", "flips", "KL (options)", "KL (trace)", *WRITTEN)


def rows(run):
    """A row per candidate: what is shown, and whether it is seen, of each measure."""
    report = assay.load(run).report
    choices = {each.model: each for each in report.choices}
    traces = {each.model: each.kl for each in report.traces}
    writing = {each.model: each for each in report.writing}
    control = report.control
    lost = holm([choices[name].results[0].exact_p for name in report.candidates])
    for name, p in zip(report.candidates, lost, strict=True):
        row, lowered = pooled(choices[name]), p <= 0.05
        cells = [(f"{100 * row.accuracy_change.value:+.1f} pp", lowered)]
        cells.append((f"{100 * row.flips.value:.1f} %", above(row.flips, pooled(choices[control]).flips)))
        kl = options_kl(choices[name])
        cells.append((f"{kl.value:.3f}", above(kl, options_kl(choices[control]))))
        cells.append((f"{traces[name].value:.3f}", above(traces[name], traces[control])))
        for measure in WRITTEN:
            found = writing[name].row(measure)
            value = found.estimate.value
            cells.append((f"{value:.2f}" if measure == "similarity" else f"{100 * value:+.1f} pp", found.seen))
        yield name, cells


def options_kl(each):
    """KL over the options, of all items."""
    return each.results[0].distance("kl_options")


def above(estimate, floor):
    """Whether a distance lies above the control's."""
    low = estimate.interval[0] if estimate.interval else estimate.value
    high = floor.interval[1] if floor.interval else floor.value
    return low > high


if __name__ == "__main__":
    print("| " + " | ".join(HEADER) + " |\n|" + " --- |" * len(HEADER))
    for name, cells in rows(sys.argv[1]):
        print(f"| {name} | " + " | ".join(f"**{text}**" if seen else text for text, seen in cells) + " |")
