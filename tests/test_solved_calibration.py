"""Do the statistics of solved tasks keep what they promise? Simulated reviews with a known truth, seeds fixed.

Items are drawn from KINDS (solved_scores.py): most are always or never right, and where the models differ they do so by
item, in both directions, so that nothing is lost in the mean while samples of one item move together.
"""

import numpy as np
import pytest
from scipy import stats

from analysis.benchmarks.disagreement import between, excess, excess_mean
from analysis.multiple_choice.choices import choice_columns, paired_choices
from analysis.statistics.losses import mcnemar
from analysis.statistics.paired_means import PairedMeans
from analysis.statistics.resampling import Resamplings
from analysis.summaries.item_pool import pooled_row
from tests.house import small_and_soak
from tests.solved_scores import KINDS, answered, answered_by_seeds, chances, paired, truth

pytestmark = pytest.mark.slow
INNER, SLACK = 599, 0.005
LOSING = ((0.02, 0.02, 0.40), (0.98, 0.98, 0.40), (0.6, 0.5, 0.15), (0.98, 0.3, 0.03), (0.02, 0.5, 0.02))
NO_CHOICES = paired_choices(choice_columns([]), choice_columns([]))


def astray(replications, share=0.05):
    """How far a share of so many replications strays by chance, at the most."""
    return 4 * np.sqrt(share * (1 - share) / replications)


def simulated(replications, items, repeats, kinds=KINDS, grades=1, seed=0):
    """Both sides' scores, new items and answers each time."""
    generator = np.random.default_rng([seed, items, repeats, grades])
    for _ in range(replications):
        yield tuple(answered(generator, each, repeats, grades) for each in chances(generator, items, kinds))


def coverage(replications, items, repeats, grades, kinds):
    """How often the intervals and both one-sided bounds of the change, then those of the recovery, held the truth."""
    draws, (old, new, _) = Resamplings(1, INNER), truth(kinds)
    held = np.zeros((2, 3))
    for before, after in simulated(replications, items, repeats, kinds, grades):
        means = PairedMeans(before.mean(axis=1), after.mean(axis=1), draws)
        for place, (found, true) in enumerate([(means.change(), new - old), (means.recovery(), new / old)]):
            low, high = found.interval
            held[place] += [low <= true <= high, found.lower_bounds[0] <= true, found.upper_bounds[0] >= true]
    return held / replications


@small_and_soak("replications", 300, 6000)
@pytest.mark.parametrize(
    ("items", "repeats", "kinds"),
    [(30, 4, KINDS), (1300, 4, KINDS), (1300, 8, KINDS), (1300, 1, LOSING), (1300, 8, LOSING)],
)
@pytest.mark.parametrize("grades", [1, 4])
def test_change_and_recovery_cover_and_their_bounds_hold(replications, items, repeats, grades, kinds):
    held = coverage(replications, items, repeats, grades, kinds)
    assert (held >= 0.95 - astray(replications) - SLACK).all()
    assert (held[:, 0] <= 0.97 + astray(replications)).all()  # and are not wide for nothing


@small_and_soak("replications", 400, 6000)
@pytest.mark.parametrize(("grades", "least"), [(1, 0.92), (4, 0.89)])
def test_losses_on_one_item_in_twenty_are_missed_by_thirty_items(replications, grades, least):
    """A limit, of any method: one sample of 30 in five has no such item, and noise on others hides that none was seen.

    The lower bound, which should hold in 95 %, held in 93 % of 6,000, with graded scores in 90 %; the others hold.
    """
    held = coverage(replications, 30, 4, grades, LOSING)
    strayed = astray(replications)
    assert (held[:, 1] >= least - strayed).all()
    assert (held[:, 0] >= 0.92 - strayed).all()
    assert (held[:, 2] >= 0.95 - strayed - SLACK).all()


@small_and_soak("replications", 250, 4000)
@pytest.mark.parametrize(("items", "repeats"), [(30, 4), (1300, 8)])
def test_the_p_of_a_loss_keeps_its_level_and_is_the_bounds_own(replications, items, repeats):
    """The true change and ratio are what is tested: both ps reject 5 % of the time, exactly where the bounds do."""
    draws, (old, new, _) = Resamplings(1, INNER), truth(LOSING)
    rejected = np.zeros(2)
    for before, after in simulated(replications, items, repeats, LOSING, seed=1):
        means = PairedMeans(before.mean(axis=1), after.mean(axis=1), draws)
        change, recovery = means.change(3), means.recovery(3)
        by_margin, by_share = means.loss_p(new - old), means.loss_p(0.0, new / old)
        rejected += [by_margin <= 0.05, by_share <= 0.05]
        for step in (1, 2, 3):
            assert (by_margin <= 0.05 / step) == (change.upper_bounds[step - 1] <= new - old)
            assert (by_share <= 0.05 / step) == (recovery.upper_bounds[step - 1] <= new / old)
        assert (change.interval[0] <= 0 <= change.interval[1]) == (recovery.interval[0] <= 1 <= recovery.interval[1])
    assert (rejected / replications <= 0.05 + astray(replications) + SLACK).all()


@small_and_soak("replications", 300, 3000)
def test_naive_intervals_and_mcnemar_fail_on_the_same_data(replications):
    """Answers to one item are no independent items, and a pass rate is no outcome; nothing is lost in the mean."""
    draws, (old, new, _) = Resamplings(1, INNER), truth(KINDS)
    assert old == pytest.approx(new)
    ours, naive, by_sample, by_majority, level = np.zeros(5)
    for before, after in simulated(replications, 1300, 8, seed=2):
        apart = (after - before).ravel()
        reach = stats.norm.ppf(0.975) * apart.std(ddof=1) / np.sqrt(apart.size)
        naive += abs(apart.mean()) <= reach
        by_sample += mcnemar(int((apart < 0).sum()), int((apart > 0).sum()))[0] <= 0.05
        was, now = before.mean(axis=1) > 0.5, after.mean(axis=1) > 0.5
        by_majority += mcnemar(int((was & ~now).sum()), int((~was & now).sum()))[0] <= 0.05
        means = PairedMeans(before.mean(axis=1), after.mean(axis=1), draws)
        low, high = means.change().interval
        ours += low <= 0 <= high
        level += means.loss_p(0.0) <= 0.05
    strayed, beyond = astray(replications), 0.03
    assert abs(ours / replications - 0.95) <= strayed + SLACK
    assert level / replications <= 0.05 + strayed + SLACK
    assert naive / replications <= 0.95 - 0.05 - strayed - beyond
    assert by_sample / replications >= 0.05 + strayed + beyond
    assert by_majority / replications >= 0.5


@small_and_soak("replications", 200, 2000)
def test_pooled_tasks_cover_the_mean_of_all_their_items(replications):
    """Three tasks of other sizes, difficulties and losses: their items are the units, the tasks are what they are."""
    draws, generator = Resamplings(1, INNER), np.random.default_rng(3)
    kinds = {
        "sums": (900, 4, LOSING),
        "proofs": (100, 8, ((0.1, 0.3, 0.5), (0.02, 0.02, 0.5))),
        "forms": (300, 2, KINDS),
    }
    sizes = {name: size for name, (size, *_) in kinds.items()}
    true = sum(size * (truth(told)[1] - truth(told)[0]) for size, _, told in kinds.values()) / sum(sizes.values())
    held = np.zeros(3)
    for _ in range(replications):
        tasks = []
        for name, (size, repeats, told) in kinds.items():
            sides = [answered(generator, each, repeats) for each in chances(generator, size, told)]
            tasks.append(paired(*sides, task=name))
        found = pooled_row(NO_CHOICES, tasks, draws, 1, control=False).accuracy_change
        low, high = found.interval
        held += [low <= true <= high, found.lower_bounds[0] <= true, found.upper_bounds[0] >= true]
    assert (held / replications >= 0.95 - astray(replications) - SLACK).all()


def missing(generator, scores, share):
    """The same with repeats missing here and there."""
    return np.where(generator.random(scores.shape) < share, np.nan, scores)


DESIGNS = [(2, 2, 0.0), (4, 4, 0.0), (2, 5, 0.0), (5, 2, 0.3), (4, 4, 0.3)]


@small_and_soak("replications", 200, 3000)
@pytest.mark.parametrize("seeded", [False, True], ids=["own seeds", "the same seeds"])
@pytest.mark.parametrize(("first", "second", "gaps"), DESIGNS)
@pytest.mark.parametrize("equal", [False, True], ids=["two models", "one model"])
def test_excess_flips_are_unbiased(replications, seeded, first, second, gaps, equal):
    """Their mean is that of (p - q)^2, whatever the repeats; zero for one model, whose raw flips are many."""
    generator, draws = np.random.default_rng([4, first, second, seeded]), Resamplings(1, INNER)
    kinds = ((0.5, 0.5, 0.6), (0.98, 0.98, 0.4)) if equal else KINDS
    true, values, raw, held = truth(kinds)[2], [], [], 0
    for _ in range(replications):
        chance = chances(generator, 300, kinds)
        seeds = generator.random((2, 300, max(first, second)))
        sides = [
            missing(generator, answered_by_seeds(seeds[0 if seeded else side][:, :repeats], chance[side]), gaps)
            for side, repeats in enumerate((first, second))
        ]
        found = excess(*sides)
        estimate = excess_mean(found[~np.isnan(found)], draws)
        low, high = estimate.interval
        values.append(estimate.value)
        raw.append(np.nanmean(between(*sides)))
        held += low <= true <= high
    error = np.std(values, ddof=1) / np.sqrt(replications)
    assert abs(np.mean(values) - true) <= 4 * error + 1e-12
    assert error < 0.004
    assert held / replications >= 0.95 - astray(replications) - SLACK
    assert np.mean(raw) > (0.3 if equal else 2 * true)


def test_answers_with_one_seed_held_together_would_hide_flips():
    """Two models that share seeds are right together: comparing equal repeats undercounts what own seeds show."""
    generator = np.random.default_rng(5)
    before, after = chances(generator, 4000)
    seeds = generator.random((4000, 4))
    sides = [answered_by_seeds(seeds, each) for each in (before, after)]
    paired_by_seed = np.abs(sides[0] - sides[1]).mean()
    assert paired_by_seed < between(*sides).mean() - 0.02
