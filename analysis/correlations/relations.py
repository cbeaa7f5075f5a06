"""From evidence to correlations: each candidate's measures, their values unit by unit, and what they say together.

In: a run's evidence, its measurements, and the unit values that measuring left behind. Out: Relations.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.correlations.across_candidates import (
    Candidates,
    Chance,
    Correlation,
    correlations,
    grid_adjusted,
)
from analysis.correlations.beyond_accuracy import Partial, Stronger, partials, stronger
from analysis.correlations.within_candidate import Within, auc, paired_spearman, spearman_p
from analysis.decision.gate_estimates import Measured, primary_judge
from analysis.decision.gates import gate
from analysis.evidence.run_evidence import JudgeEvidence, RunEvidence
from analysis.judged.games import turn_classes, verdicts, win_values
from analysis.multiple_choice.choices import PairedChoices
from analysis.multiple_choice.distances import finite_distances, kl_options
from analysis.statistics.cells import UNKNOWN, Cell, Unit, by_question
from analysis.statistics.question_means import paired_changes
from analysis.statistics.resampling import Floats, Resamplings
from analysis.statistics.unit_values import UnitTable, resampled, unit_table
from analysis.summaries.item_pool import ItemScores
from analysis.summaries.judge_records import judged_cells, scored_values
from analysis.summaries.model_rows import for_model
from analysis.summaries.panel import panel_evidence
from analysis.token_distributions.token_turns import Sums
from analysis.writing.paired_writing import SideBySide
from ledger.measures import measure_of, measures_in
from ledger.records import Key

OUTCOMES = tuple(name for name in measures_in("outcome") if measure_of(name).kind == "degradation")
DIVERGENCES = tuple(name for name in measures_in("outcome") if measure_of(name).kind == "divergence")
JUDGED = tuple(name for name in OUTCOMES if measure_of(name).mode)
PREDICTORS = measures_in("predictor")
OF_ITEMS = tuple(name for name in (*PREDICTORS, *OUTCOMES) if measure_of(name).unit == "items")
Compared = tuple[PairedChoices, ItemScores]
PERMUTATION_SALT = 1_000_000  # beyond any number of units


@dataclass
class Extras:
    """What measuring leaves behind for the correlations: kl_trace and kl_rollout by question, kl_vocabulary by item, of
    each model; what it wrote beside the baseline, turn by turn; the items of every rival that can be compared, without
    the tasks that are shown alone. For the report, the `echoes` that wrote the baseline's own words.
    """

    writing: dict[str, SideBySide] = field(default_factory=dict)
    traces: dict[str, Sums] = field(default_factory=dict)
    vocabulary: dict[str, Mapping[Key, float]] = field(default_factory=dict)
    compared: dict[str, Compared] = field(default_factory=dict)
    rollouts: dict[str, Sums] = field(default_factory=dict)
    echoes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relations:
    """Everything that says how the ways of looking agree; `divergences` are correlations of one with another, apart,
    because two measures of difference that agree say nothing of which model is worse.
    """

    correlations: tuple[Correlation, ...]
    divergences: tuple[Correlation, ...]
    partials: tuple[Partial, ...]
    stronger: tuple[Stronger, ...]
    within: tuple[Within, ...]


def relations(evidence: RunEvidence, measured: Measured, extras: Extras, draws: Resamplings) -> Relations:
    """Across candidates for every outcome, and within each rival; the control is no candidate."""
    candidates = _candidates(evidence, measured, extras, draws)
    written = [name for name in (*OUTCOMES, *DIVERGENCES) if name not in JUDGED and candidates.known(name).any()]
    judges = {name: primary_judge(measured.judges, name) for name in JUDGED}
    trusted = [name for name, judge in judges.items() if judge and not judge.unfit]
    outcomes = [name for name in OUTCOMES if name in written or name in trusted]
    apart = [name for name in DIVERGENCES if name in written]
    chance = Chance(lambda: draws.generator(PERMUTATION_SALT), (*outcomes, *apart))

    def grid(names: Sequence[str]) -> tuple[Correlation, ...]:
        return grid_adjusted([row for name in names for row in correlations(candidates, name, PREDICTORS, chance)])

    return Relations(
        correlations=grid(outcomes),
        divergences=grid(apart),
        partials=tuple(row for outcome in outcomes for row in partials(candidates, outcome, PREDICTORS)),
        stronger=tuple(row for outcome in outcomes for row in stronger(candidates, outcome, PREDICTORS, chance)),
        within=tuple(_within(evidence, measured, extras)),
    )


def _candidates(evidence: RunEvidence, measured: Measured, extras: Extras, draws: Resamplings) -> Candidates:
    names = [model.name for model in evidence.config.candidate]
    values = {
        measure: [gate(measured, name, measure, 0.0).estimate.value for name in names]
        for measure in (*PREDICTORS, *OUTCOMES, *DIVERGENCES)
    }
    by_question = list(_question_tables(evidence, measured, extras, names))
    by_item = _item_tables(evidence, extras, names) if extras.compared else []
    return Candidates(
        families=tuple(model.family for model in evidence.config.candidate),
        values={name: np.array(column, dtype=np.float64) for name, column in values.items()},
        resampled={**resampled(by_question, draws), **resampled(by_item, draws)},
    )


def _question_tables(
    evidence: RunEvidence, measured: Measured, extras: Extras, names: list[str]
) -> Iterator[UnitTable]:
    """Judged changes, what was written, kl_trace and kl_rollout over the questions, all resampled together."""
    units: list[Unit] = sorted(evidence.questions)
    if not units:
        return
    for outcome in JUDGED:
        judge = _evidence_of(evidence, measured, outcome)
        if judge:
            found = [by_question(_outcome_values(evidence, judge, name, outcome)) for name in names]
            yield unit_table(outcome, units, found)
    for outcome in (*OUTCOMES, *DIVERGENCES) if extras.writing else ():
        if outcome not in (*JUDGED, *OF_ITEMS):
            sides = [extras.writing.get(name) for name in names]
            yield unit_table(outcome, units, [by_question(side.values(outcome)) if side else {} for side in sides])
    for measure, of in (("kl_trace", extras.traces), ("kl_rollout", extras.rollouts)):
        if of:
            yield unit_table(measure, units, [of.get(name, {}) for name in names])


def _evidence_of(evidence: RunEvidence, measured: Measured, outcome: str) -> JudgeEvidence | None:
    """The records behind the primary judge, or those that a panel's verdicts make."""
    judge = primary_judge(measured.judges, outcome)
    if evidence.config.decision.panel and judge and judge is measured.judges[0]:
        return panel_evidence(evidence, measured.judges[1:])
    return next((each for each in evidence.judges if judge and each.config.name == judge.name), None)


def _outcome_values(evidence: RunEvidence, judge: JudgeEvidence, model: str, outcome: str) -> dict[Cell, float]:
    if outcome == "win_change":
        return win_values(turn_classes(verdicts(judge.games.get(model, {}).values())))
    cells = judged_cells(judge, evidence)
    return paired_changes(*(scored_values(judge, name, cells) for name in (evidence.baseline.name, model)))


def _item_tables(evidence: RunEvidence, extras: Extras, names: list[str]) -> list[UnitTable]:
    """Flips, KL and accuracy over all items, which are resampled together."""
    shape = (len(evidence.items), len(names))
    sums = {measure: np.zeros(shape) for measure in OF_ITEMS}
    weights = {measure: np.zeros(shape) for measure in OF_ITEMS}
    for column, name in enumerate(names):
        if name not in extras.compared:
            continue
        for measure, (items, found) in item_values(*extras.compared[name]).items():
            rows = evidence.items.get_indexer(items)
            sums[measure][rows, column], weights[measure][rows, column] = found, 1
        if tokens := extras.vocabulary.get(name):
            at = evidence.items.get_indexer(pd.MultiIndex.from_tuples(list(tokens)))
            known = at >= 0  # an item's choices may be gone where its tokens are not
            known &= np.array([key[0] not in evidence.config.decision.shown for key in tokens])
            sums["kl_vocabulary"][at[known], column] = np.fromiter(tokens.values(), np.float64)[known]
            weights["kl_vocabulary"][at[known], column] = 1
    return [UnitTable(measure, sums[measure], weights[measure]) for measure in OF_ITEMS if weights[measure].any()]


def item_values(pairs: PairedChoices, scores: ItemScores) -> Mapping[str, tuple[pd.Index, Floats]]:
    """Every measure of items with the items that have it: whether each flipped, the change of its score, distances."""
    once = scores.items[scores.once]
    flipped = scores.flipped[scores.once].astype(np.float64)
    other = flipped.copy()
    picked = pairs.before.picks("acc") != pairs.after.picks("acc")
    other[: len(picked)] = picked  # choices stand first, and each of them was made once
    found = {"flips": (once, flipped), "all_flips": (once, other), "accuracy_change": (scores.items, scores.change)}
    written = slice(len(picked), None)
    found["failed_answers"] = (scores.items[written], -scores.change[written])
    return found | {name: (pairs.before.items, each) for name, each in finite_distances(pairs).items()}


def _within(evidence: RunEvidence, measured: Measured, extras: Extras) -> Iterator[Within]:
    judge = _evidence_of(evidence, measured, "rating_change")
    for rival in evidence.rivals:
        flipped, kl = np.zeros(0, dtype=bool), np.zeros(0)
        if rival.name in extras.compared:
            found, _ = extras.compared[rival.name]
            flipped = found.before.right("acc") != found.after.right("acc")
            kl = kl_options(found.before.logprobs, found.after.logprobs)
        changes = by_question(_outcome_values(evidence, judge, rival.name, "rating_change")) if judge else {}
        traced = {unit: kl / count for unit, (kl, count) in extras.traces.get(rival.name, {}).items() if count}
        shift = {unit: total / count for unit, (total, count) in changes.items()}
        parts = [_by_category(side, evidence.categories) for side in (traced, shift)]
        by_subject = _by_subject(measured, rival.name, evidence.config.decision.shown)
        if len(kl) or traced:
            yield Within(
                model=rival.name,
                role=rival.role,
                kl_finds_flips=auc(kl, flipped),
                flips=int(flipped.sum()),
                trace_and_change=paired_spearman(traced, shift),
                p=spearman_p(traced, shift),
                by_category=paired_spearman(parts[0], parts[1], "categories"),
                by_subject=paired_spearman(*by_subject, "subjects"),
            )


def _by_category(values: Mapping[Any, float], categories: Mapping[Unit, str]) -> dict[str, float]:
    """The mean over the questions of each category."""
    grouped: dict[str, list[float]] = {}
    for unit in sorted(values):
        grouped.setdefault(categories.get(unit, UNKNOWN), []).append(values[unit])
    return {name: sum(found) / len(found) for name, found in grouped.items()}


def _by_subject(measured: Measured, model: str, alone: Collection[str]) -> tuple[dict[str, float], dict[str, float]]:
    """Mean kl_options, and flips, of each subject; of each task where no task has several subjects."""
    report = for_model(measured.items, model)
    found = report.results if report else ()
    rows = [row for row in found if row.main and row.scope.task not in ("", *alone)]
    subjects = [row for row in rows if row.scope.subject] or rows
    means = {str(row.scope): dict(row.means)["kl_options"] for row in subjects}
    kl = {scope: mean for scope, mean in means.items() if mean is not None}
    return kl, {str(row.scope): row.flips.value for row in subjects if row.flips.value is not None}
