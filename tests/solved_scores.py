"""Solved tasks with a known truth: items of which each model is right with its own chance, answered several times.

In: chances, or scores. Out: scores as arrays, columns of one task, pairs of them.
"""

import numpy as np

from analysis.benchmarks.paired_tasks import PairedTask, paired_tasks
from analysis.benchmarks.solutions import SolutionColumns, SolvedTask, TextState
from analysis.evidence.model_evidence import ModelEvidence
from analysis.multiple_choice.choices import choice_columns
from analysis.statistics.resampling import Resamplings
from analysis.summaries.model_reports import ItemReport, ItemRules, compared_items

KINDS = (
    (0.02, 0.02, 0.37),
    (0.98, 0.98, 0.37),
    (0.65, 0.35, 0.10),
    (0.65, 0.95, 0.10),
    (0.98, 0.3, 0.03),
    (0.02, 0.7, 0.03),
)
"""Baseline's chance, candidate's, share of the items: most always or never right, of the rest some lost and won."""


def chances(generator, items, kinds=KINDS):
    """The chances of both models for items drawn from these kinds; (items,) each."""
    before, after, shares = np.array(kinds).T
    drawn = generator.choice(len(kinds), size=items, p=shares / shares.sum())
    return before[drawn], after[drawn]


def truth(kinds=KINDS):
    """The mean scores of both models, and the mean of (p - q)^2."""
    before, after, shares = np.array(kinds).T
    shares = shares / shares.sum()
    return float(before @ shares), float(after @ shares), float((before - after) ** 2 @ shares)


def answered(generator, chance, repeats, grades=1):
    """Scores of so many answers to each item; `grades` above 1: so many parts of an answer are right or wrong."""
    return generator.binomial(grades, chance[:, np.newaxis], (len(chance), repeats)) / grades


def answered_by_seeds(seeds, chance):
    """Right where the seed's draw lies under the chance: two models with the same seeds are right together."""
    return (seeds < chance[:, np.newaxis]).astype(float)


def solved_task(scores, task="sums", items=None, model="m", sampled=True, subjects=None):
    """One task of one scoring from its scores, (items, repeats); NaN where a repeat is missing."""
    held = ~np.isnan(scores)
    names = np.array([f"{place:05}" for place in range(len(scores))] if items is None else items, dtype=object)
    zeros = np.zeros(len(scores), dtype=np.uint64)
    return SolvedTask(
        model=model,
        task=task,
        items=names,
        subjects=np.array(subjects or [task] * len(scores), dtype=object),
        documents=zeros,
        prompts=zeros,
        scorings=("exact_match",),
        scores=scores[np.newaxis],
        unparsed=np.zeros((1, *scores.shape), dtype=bool),
        readings=np.where(held, TextState.READ, TextState.NOT_TOLD).astype(np.int8),
        texts=np.zeros(scores.shape, dtype=np.uint64),
        characters=np.zeros(scores.shape, dtype=np.int64),
        numbers=tuple(range(scores.shape[1])),
        temperatures=frozenset({0.7 if sampled else 0.0}),
    )


def paired(before, after, **told) -> PairedTask:
    """Both sides' scores of the same items as one PairedTask."""
    sides = [SolutionColumns({"sums": solved_task(each, **told)}) for each in (before, after)]
    (pair,) = paired_tasks(*sides)
    return pair


def compared_scores(before, after) -> ItemReport:
    """The report of both sides' scores of one task, (items, repeats) each."""
    sides = [
        ModelEvidence(name, "candidate", "", (), choice_columns([]), None, solutions=SolutionColumns({"sums": task}))
        for name, task in (("m", solved_task(before)), ("n", solved_task(after)))
    ]
    rules = ItemRules(1, 0.02, lambda _: (None, None), (), {}, control=False)
    return compared_items(*sides, rules, Resamplings(1, 399))
