"""What a review can see: which measures see a model that is known to be damaged, and how large that damage is.

In: evidence, and in it the review with its positive controls in the candidates' place. Out: PositiveControls, and for
several of them the smallest that each measure saw. Nothing here decides anything.
Source: ICH E10, section 1.5 (assay sensitivity): a trial that finds nothing should show that it could find something.

A change is seen where its 95 % interval lies wholly on the worse side of zero, or of a measure without a worse side
apart from zero; a distance where its interval lies above the control's, a likeness where it lies below. A control that
is the baseline to the last bit has no interval, and its value stands for it. Each measure stands alone: of many, one
may see by chance. What its evidence makes unfit is not seen, and said to be unfit.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from analysis.correlations.relations import Extras
from analysis.decision.gate_estimates import GATE_ESTIMATES, Measured, judged, judged_estimate
from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import RunEvidence
from analysis.review.measurements import measurements
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from analysis.statistics.resampling import Resamplings
from analysis.summaries.model_reports import ModelCard, model_card
from ledger.measures import MEASURES, is_change, measure_of

SIZES = (*(known.name for known in MEASURES if known.name.startswith("kl_") and "limit" in known.roles), "flips")
"""What says how large the damage is; by the first of the KLs that all have, several are put in order."""
OF_ROLLOUTS = ("kl_rollout", "surprise")
"""What a positive control is not asked for: the baseline does not read its answers."""


class Sight(StrEnum):
    """Whether a measure saw a positive control, and if not, why not."""

    SEEN = "seen"
    UNSEEN = "unseen"
    UNFIT = "unfit"
    NO_CONTROL = "no control"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Sighting:
    """One measure of one positive control; of a judged one by one judge. `floor` is the control's, of what has no zero.

    `reasons` is what makes it unfit.
    """

    measure: str
    judge: str
    estimate: Estimate
    floor: Estimate | None
    sight: Sight
    reasons: tuple[Cause, ...]

    @property
    def key(self) -> tuple[str, str]:
        """What measured it: the measure, and the judge or nobody."""
        return self.measure, self.judge


@dataclass(frozen=True)
class PositiveControl:
    """One damaged model: how it was made, how far it is from the baseline, and what saw it.

    `fault` says why there is nothing, `alarms` what makes it no second model, so that nothing here counts.
    """

    model: str
    scheme: str
    fault: Cause | None
    alarms: tuple[Cause, ...]
    sizes: tuple[tuple[str, Estimate], ...]
    sightings: tuple[Sighting, ...]
    card: ModelCard

    @property
    def counts(self) -> bool:
        """Whether what it shows may be read."""
        return not (self.fault or self.alarms)


@dataclass(frozen=True)
class SmallestSeen:
    """Of several positive controls, the smallest in measured KL (`by`) that a measure saw, and those that it did not.

    `model` is None where it saw none; `by` is empty where no KL puts them in order, and the config's order stands.
    `larger` are those of the unseen that are larger than the one it saw.
    """

    measure: str
    judge: str
    by: str
    model: str | None
    not_seen: tuple[str, ...]
    larger: tuple[str, ...]


def positive_controls(evidence: RunEvidence, draws: Resamplings) -> tuple[PositiveControl, ...]:
    """All that the config declares, in its order; those that made no records say so."""
    if evidence.positive is None:
        return ()
    damaged = replace(evidence.positive, redacted=evidence.redacted)
    measured = measurements(damaged, draws, Extras())
    pairs = zip(damaged.candidates, evidence.config.positive_control, strict=True)
    return tuple(_positive(model, declared.scheme, measured, damaged) for model, declared in pairs)


def smallest_seen(found: Sequence[PositiveControl]) -> tuple[SmallestSeen, ...]:
    """For each measure of several positive controls; empty for one alone."""
    counted = [each for each in found if each.counts]
    if not counted[1:]:
        return ()
    values = [dict(each.sizes) for each in counted]
    by = next((name for name in SIZES[:-1] if all(each[name].value is not None for each in values)), "")
    if by:
        counted.sort(key=lambda each: dict(each.sizes)[by].value or 0.0)
    keys = dict.fromkeys(row.key for each in counted for row in each.sightings)
    rows = []
    for measure, judge in keys:
        saw = {each.model: row.sight for each in counted for row in each.sightings if row.key == (measure, judge)}
        seen = [model for model, sight in saw.items() if sight is Sight.SEEN]
        unseen = tuple(model for model, sight in saw.items() if sight is Sight.UNSEEN)
        if seen or unseen:
            order = [*saw]
            larger = tuple(each for each in unseen if seen and order.index(each) > order.index(seen[0]))
            rows.append(SmallestSeen(measure, judge, by, next(iter(seen), None), unseen, larger))
    return tuple(rows)


def _positive(model: ModelEvidence, scheme: str, measured: Measured, evidence: RunEvidence) -> PositiveControl:
    made = bool(model.answers or len(model.scored))
    control = next((each.name for each in evidence.models if each.role == "control"), "")
    return PositiveControl(
        model=model.name,
        scheme=scheme,
        fault=None if made else Cause(Kind.NO_RECORDS, model.name),
        alarms=measured.alarms.get(model.name, ()) if made else (),
        sizes=tuple((name, GATE_ESTIMATES[name](measured, model.name)[0]) for name in SIZES),
        sightings=tuple(_sightings(model.name, control, measured)) if made else (),
        card=model_card(model),
    )


def _sightings(model: str, control: str, measured: Measured) -> Iterator[Sighting]:
    """By every judge in its modes, and by all else that measured anything, in the registry's order."""
    for known in MEASURES:
        if known.mode:
            for judge in (each for each in measured.judges if known.mode in each.modes):
                found, reasons = judged(judge, known.name, measured, model)
                floor = judged_estimate(judge, control, known.name) if control else None
                yield _sighting(known.name, judge.name, found, floor, reasons)
        elif known.name not in OF_ROLLOUTS:
            found, reasons = GATE_ESTIMATES[known.name](measured, model)
            floor = GATE_ESTIMATES[known.name](measured, control)[0] if control else None
            if found.value is not None or known.name in measured.config.decision.limits:
                yield _sighting(known.name, "", found, floor, reasons)


def _sighting(measure: str, judge: str, found: Estimate, floor: Estimate | None, reasons: Sequence[Cause]) -> Sighting:
    fit = Sight.UNFIT if reasons else sight_of(measure, found, floor)
    sight = Sight.NOT_MEASURED if found.value is None else fit
    shown = floor if floor and floor.value is not None else None
    return Sighting(measure, judge, found, shown, sight, tuple(reasons))


def sight_of(measure: str, found: Estimate, floor: Estimate | None) -> Sight:
    """Whether an interval lies apart from zero, or from the control's, on the worse side."""
    known, ends = measure_of(measure), found.interval
    if is_change(measure):
        sides = {"higher": bool(ends and ends[1] < 0), "lower": bool(ends and ends[0] > 0)}
        return _seen(sides.get(known.better, found.significant))
    if floor is None or floor.value is None:
        return Sight.NO_CONTROL
    low, high = floor.interval or (floor.value, floor.value)
    alike = known.section == "likeness"
    return _seen(bool(ends and (ends[1] < low if alike else ends[0] > high)))


def _seen(apart: bool) -> Sight:
    return Sight.SEEN if apart else Sight.UNSEEN
