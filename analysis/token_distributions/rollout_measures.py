"""How a model thinks along its own answers: KL(candidate ‖ baseline) there, and how much they surprise the baseline.

In: two models' traces of one model's answers, the baseline's of its own. Out: a RolloutReport with intervals over
questions. Source: arXiv 2306.08543 (MiniLLM), whose loss is KL(student ‖ teacher) along what the student writes.

The mean over tokens falls where a model repeats itself, for then both foresee the next token: a loop of a thousand
tokens hides what led into it. So the same is told by position, for the first tokens, and summed over an answer. The
distributions are those before any temperature, along a text that was sampled as declared.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean
from analysis.statistics.mean_distance import Tail, capped, tail, without_infinite
from analysis.statistics.resampling import Floats, Resamplings
from analysis.token_distributions.token_turns import (
    Sums,
    Traces,
    Turn,
    backward,
    compared_turns,
    endless,
    forward,
    kl_sums,
    position_distance,
    positions,
    same_records,
    seen_range,
)
from ledger.records import Key

FIRST = 64
BINS = ((0, 16), (16, 64), (64, 256), (256, 1024), (1024, None))
"""The parts by position, counted from 0 in each turn; the last has no end."""
Surprises = Mapping[Key, Floats]
"""Minus the baseline's log-probability of each token, by turn; (positions,), nats."""


@dataclass(frozen=True)
class RolloutScope:
    """Some positions of every turn, of which the candidate's answers have `positions`."""

    scope: str
    positions: int
    kl: Estimate
    surprise: Estimate


@dataclass(frozen=True)
class RolloutReport:
    """One model's answers, read by itself and by the baseline.

    `kl` is the mean over tokens, `per_answer` the mean over answers of the sum over all their tokens; both are lower
    bounds from the `top_k` most likely tokens. `surprise` is how much more the baseline is surprised at a token of this
    model's than at one of its own, question by question: `loglik_own` minus `loglik`, its mean log-likelihoods.
    `scopes` are the first tokens, then parts by position. `tail`, `floored`, `missing` and `fault` are as in a
    TraceReport, `missing` of this model's own turns.
    """

    model: str
    role: str
    kl: Estimate
    per_answer: Estimate
    surprise: Estimate
    loglik: float | None
    loglik_own: float | None
    scopes: tuple[RolloutScope, ...]
    tail: Tail | None
    top_k: int
    positions: int
    turns: int
    missing: int
    floored: int
    fault: Cause | None


def rollout_report(
    model: str,
    role: str,
    own: Traces,
    read: Traces,
    baseline: Traces,
    draws: Resamplings,
    comparisons: int,
    refusal: Cause | None = None,
    planned: Collection[Key] = (),
) -> tuple[RolloutReport, Sums]:
    """All rollout measures of one model, and the sum and number of kl_rollout values of each question.

    `own` is the model along its own answers, `read` the baseline along the same, `baseline` the baseline along its own;
    `planned` are the model's turns, also those that nobody has traced.
    """
    both = compared_turns(own, read, refusal, planned)
    fault = both.fault or (None if both.turns else Cause(Kind.NOT_TRACED, model))
    at = _surprises({key: read[key] for key in both.turns})
    found = _Rollouts(both.turns, at, _surprises(baseline), draws, comparisons, fault)
    whole, known = found.scope("all", 0, None), paired_means(at, found.before)
    finite = len(known) and np.isfinite(known).all()
    loglik, loglik_own = map(float, -known.mean(axis=0)) if finite else (None, None)
    bins = [found.scope(_bin_name(begin, end), begin, end) for begin, end in BINS]
    report = RolloutReport(
        model=model,
        role=role,
        kl=replace(whole.kl, identical=whole.kl.value is not None and same_records(own, read)),
        per_answer=found.per_answer({*planned, *own}),
        surprise=whole.surprise,
        loglik=loglik,
        loglik_own=loglik_own,
        scopes=(found.scope(f"first {FIRST} tokens", 0, FIRST), *(each for each in bins if each.positions)),
        tail=found.tail(),
        top_k=both.top_k,
        positions=whole.positions,
        turns=len(both.turns),
        missing=both.missing,
        floored=sum(turn.floored for turn in both.turns.values()),
        fault=fault,
    )
    return report, kl_sums(both.turns) if whole.kl.value is not None else {}


@dataclass(frozen=True)
class _Rollouts:
    """What was read of one model, and of the baseline's own answers (`before`)."""

    turns: Mapping[Key, Turn]
    at: Surprises
    before: Surprises
    draws: Resamplings
    comparisons: int
    fault: Cause | None

    def scope(self, name: str, begin: int, end: int | None) -> RolloutScope:
        """The positions of each turn from `begin`, counted from 0, up to and without `end`."""
        there = {key: part for key, turn in self.turns.items() if len((part := turn.part(begin, end)).kl)}
        if not there:
            cause = self.fault or Cause(Kind.NO_RECORDS, name)
            kl, surprise = (not_measured(measure, "questions", cause) for measure in ("kl_rollout", "surprise"))
            return RolloutScope(name, 0, kl, surprise)
        sides = ({key: each[begin:end] for key, each in side.items()} for side in (self.at, self.before))
        return RolloutScope(
            scope=name,
            positions=sum(len(turn.kl) for turn in there.values()),
            kl=position_distance("kl_rollout", there, forward, self.draws, self.comparisons),
            surprise=self._surprise(paired_means(*sides)),
        )

    def _surprise(self, means: Floats) -> Estimate:
        """Paired by question."""
        if not np.isfinite(means).all():
            return not_measured("surprise", "questions", endless(), len(means))
        change = means[:, 0] - means[:, 1]

        def compute() -> Estimate:
            weights, drawn = np.ones(len(change)), self.draws.of(len(change))
            return cluster_mean("surprise", "questions", change, weights, drawn, seen_range(change), self.comparisons)

        return estimate_or_missing("surprise", "questions", compute)

    def per_answer(self, planned: Collection[Key]) -> Estimate:
        """The mean over answers of the sum over their tokens; an answer with a turn that is missing is left out."""
        if self.fault:
            return not_measured("kl_rollout", "questions", self.fault)
        torn = {key[:3] for key in planned if key not in self.turns}
        answers: dict[Key, float] = {}
        for key, turn in self.turns.items():
            if key[:3] not in torn:
                answers[key[:3]] = answers.get(key[:3], 0.0) + float(turn.kl.sum())
        sums = np.array(list(answers.values()))
        by_question: dict[Key, Floats] = {}
        for key, total in zip(answers, capped(sums), strict=True):
            by_question[key[:2]] = by_question.get(key[:2], np.zeros(2)) + np.array([total, 1])
        table = np.array([by_question[question] for question in sorted(by_question)]).reshape(-1, 2)

        def compute() -> Estimate:
            columns, drawn = (table[:, 0], table[:, 1]), self.draws.of(len(table))
            return cluster_mean("kl_rollout", "questions", *columns, drawn, (0.0, math.inf), self.comparisons)

        return without_infinite(estimate_or_missing("kl_rollout", "questions", compute, len(torn)), sums, "answers")

    def tail(self) -> Tail | None:
        """What the mean over tokens hides, and the mean the other way."""
        if not self.turns:
            return None
        back = position_distance("kl_rollout", self.turns, backward, self.draws, self.comparisons)
        return tail(positions(self.turns, forward), back)


def paired_means(at: Surprises, before: Surprises) -> Floats:
    """The mean over the positions of each question that both sides have, (questions, 2), nats."""
    sides = []
    for side in (at, before):
        held: dict[Key, list[Floats]] = {}
        for key, values in side.items():
            if len(values):
                held.setdefault(key[:2], []).append(values)
        sides.append({question: float(np.concatenate(parts).mean()) for question, parts in held.items()})
    first, second = sides
    return np.array([(first[each], second[each]) for each in sorted(first.keys() & second.keys())]).reshape(-1, 2)


def _surprises(traces: Traces) -> Surprises:
    return {key: -each.logprobs.astype(np.float64) for key, each in traces.items()}


def _bin_name(begin: int, end: int | None) -> str:
    """Tokens as people count them, from 1."""
    return f"tokens {begin + 1} to {end}" if end else f"tokens from {begin + 1}"
