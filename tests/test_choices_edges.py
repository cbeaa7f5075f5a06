"""Edges of what models picked: guessing, coarse logits, steps of several tasks, margins, shared flips; by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.correlations.relations import item_values
from analysis.multiple_choice.choices import choice_columns, paired_choices
from analysis.multiple_choice.distances import ITEM_DISTANCES, js_options, kl_options, moved, top_gap_nats, top_margin
from analysis.multiple_choice.flips import choice_comparison
from analysis.multiple_choice.margins import margins
from analysis.multiple_choice.ties import logit_step, ties, within_a_step
from analysis.statistics.item_scopes import ALL_ITEMS, ItemScope
from analysis.statistics.overlaps import overlaps
from analysis.statistics.resampling import Resamplings
from analysis.summaries.item_pool import item_scores
from ledger.errors import StaleInput
from tests.test_analysis_flips import made, paired, rows_of

DRAWS = Resamplings(1, 100)


def picks(model, places, golds, options=4, task="t", subject="s"):
    """One item per place: the pick stands there."""
    return [
        made(model, [-1.0 if n == place else -5.0 for n in range(options)], gold, f"{number:03}", "d", task, subject)
        for number, (place, gold) in enumerate(zip(places, golds, strict=True))
    ]


def chance_of(places, golds, options=4):
    rows = picks("a", places, golds, options)
    return rows_of(rows, rows)[0].chance


def test_guessing_scores_one_over_the_options_or_the_favorite_place():
    assert chance_of([0, 1, 2, 3] * 5, [0] * 10 + [1] * 10) == 0.25
    two, four = picks("a", [0, 1], [0, 1], 2), picks("a", [0, 1], [0, 1], 4)
    mixed = [*two, *(each.model_copy(update={"item": f"x{each.item}"}) for each in four)]
    assert rows_of(mixed, mixed)[0].chance == pytest.approx((1 / 2 + 1 / 4) / 2)
    # A baseline that always picks the third place, which is right in 40 %, guesses with 40 %; in 10 %, with 25 %.
    assert chance_of([2] * 50, [2] * 20 + [1] * 30) == pytest.approx(0.4)
    assert chance_of([2] * 50, [2] * 5 + [1] * 45) == 0.25


@pytest.mark.parametrize(("elsewhere", "chance"), [(1, 0.5), (2, 0.25)])
def test_a_favorite_place_is_one_that_is_picked_in_98_percent(elsewhere, chance):
    assert chance_of([2] * (50 - elsewhere) + [1] * elsewhere, [2] * 25 + [3] * 25) == chance


@pytest.mark.parametrize(("right", "chance"), [(48, 0.96), (49, 0.25), (50, 0.25)])
def test_a_place_where_nearly_every_gold_stands_tells_nothing(right, chance):
    assert chance_of([2] * 50, [2] * right + [3] * (50 - right)) == chance


def test_means_of_all_items_have_bounds_for_each_comparison_and_count_what_was_left_out():
    golds = [0, 1, 2, 3, 0, 1]
    before = [each for task in "uv" for each in picks("a", golds, golds, task=task)]
    after = [each.model_copy(update={"logprobs": (-1.0, -2.0, -3.0, -4.0 - n)}) for n, each in enumerate(before[:-1])]
    found = choice_comparison(paired(before, after), DRAWS, 3, 0.02).results
    whole, task = found[0], found[1]
    assert (whole.scope, task.scope) == (ALL_ITEMS, ItemScope("u"))
    for name in ("kl_options", "js_options"):
        assert (len(whole.distance(name).lower_bounds), whole.distance(name).left_out) == (3, 1)
        assert (len(task.distance(name).lower_bounds), task.distance(name).left_out) == (1, 0)
    assert [len(row.accuracy_change.lower_bounds) for row in found[:2]] == [3, 3]
    assert (whole.flips.left_out, task.flips.left_out) == (1, 0)
    assert [len(row.flips.lower_bounds) for row in found[:2]] == [3, 3]
    assert {(row.scoring, len(row.distances)) for row in found} == {("acc", len(ITEM_DISTANCES)), ("acc_norm", 0)}
    two = [each.model_copy(update={"subject": "xy"[n % 2]}) for n, each in enumerate(before[:6])]
    subjects = [row for row in rows_of(two, two) if row.scope.subject]
    assert [len(row.distances) for row in subjects] == [0] * 4
    assert [len(row.means) for row in subjects] == [2] * 4


def test_p_values_and_margins_of_a_row_by_hand():
    """Five items lost and one won of twelve; the picks that changed are those six."""
    golds = [0] * 12
    before, after = picks("a", [0] * 6 + [1] * 6, golds), picks("b", [0] + [1] * 6 + [1] * 4 + [0], golds)
    row = rows_of(before, after)[0]
    assert (row.transitions.right_to_wrong, row.transitions.wrong_to_right, row.transitions.flips) == (5, 1, 6)
    assert row.exact_p == pytest.approx((6 + 1) / 64)
    assert row.mid_p == pytest.approx((6 / 2 + 1) / 64)
    assert (row.margins.changed.n, row.margins.kept.n, row.margins.right.n, row.margins.wrong.n) == (6, 6, 6, 6)
    assert (row.margins.changed_right, row.margins.changed_wrong) == (pytest.approx(5 / 6), pytest.approx(1 / 6))
    assert (row.accuracy_baseline.value, row.accuracy.value) == (0.5, pytest.approx(2 / 12))


def coarse(model, task, step, gap, items=30):
    """Gaps that are multiples of a step; the two best lie `gap` apart."""
    return [
        made(model, [-1.0, -1.0 - gap, -1.0 - 6 * step, -1.0 - 9 * step], 0, f"{n}", "d", task) for n in range(items)
    ]


def test_each_task_has_the_step_of_its_own_logits():
    rows = [*coarse("a", "u", 1 / 16, 1 / 16), *coarse("a", "v", 1 / 2, 1 / 2), *coarse("a", "w", 1 / 2, 1.0)]
    found = {str(row.scope): row.ties for row in rows_of(rows, rows) if row.ties}
    assert [found[name].step for name in ("all", "task u", "task v", "task w")] == [None, 1 / 16, 1 / 2, 1 / 2]
    assert [found[name].close for name in ("all", "task u", "task v", "task w")] == [60, 30, 30, 0]
    alike = {str(row.scope): row.ties for row in rows_of(rows[30:], rows[30:]) if row.ties}
    assert (alike["all"].step, alike["all"].close) == (1 / 2, 30)


@pytest.mark.parametrize(("gaps", "step"), [(19, None), (20, 1 / 4)])
def test_twenty_gaps_are_the_fewest_for_a_step(gaps, step):
    assert logit_step(np.array([[-1.0, -1.25]] * gaps)) == step


@pytest.mark.parametrize(("power", "step"), [(1, 1 / 2), (8, 1 / 256), (9, None)])
def test_steps_from_a_half_to_a_256th(power, step):
    assert logit_step(np.array([[-1.0, -1.0 - odd * 2.0**-power] for odd in range(1, 80, 2)])) == step


@pytest.mark.parametrize(("off", "step"), [(5, 1 / 2), (6, None)])
def test_nineteen_of_twenty_gaps_must_lie_on_the_grid(off, step):
    gaps = np.array([0.5] * (100 - off) + [0.5 + 1 / 6] * off)
    assert logit_step(np.column_stack([np.zeros(100), -gaps])) == step
    assert logit_step(np.array([[0.0, -0.5 * (1 + 1 / 64)]] * 40)) == 0.5  # what rounding may add


def test_a_gap_of_a_step_is_close_and_a_little_more_is_not():
    gaps = np.array([0.0, 0.25, 0.25 * (1 + 1 / 64.5), 0.25 * (1 + 1 / 63.5)])
    assert within_a_step(gaps, 0.25).tolist() == [True, True, True, False]
    assert within_a_step(np.array([0.125, 0.13]), None).tolist() == [True, False]
    found = ties(np.array([0.0, 0.1]), np.array([0.0, 0.0]), np.array([True, True]), np.array([False, True]), None)
    assert (found.tied, found.tied_after, found.close, found.close_flips) == (1, 2, 2, 1)


LOG = np.log


def test_distances_by_hand():
    """Halves against 0.9 and 0.1; without an option on one side; an item with an option less."""
    half, sure = LOG([[0.5, 0.5]]), LOG([[0.9, 0.1]])
    assert kl_options(half, sure) == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1))
    middle = (0.7, 0.3)
    each = [sum(p * math.log(p / m) for p, m in zip(side, middle, strict=True)) for side in ((0.5, 0.5), (0.9, 0.1))]
    assert js_options(half, sure) == pytest.approx(sum(each) / 2)
    assert moved(half, sure) == pytest.approx(0.8)
    assert top_margin(sure) == pytest.approx(0.8)
    assert top_gap_nats(sure) == pytest.approx(math.log(9))
    one, other = np.array([[0.0, -np.inf]]), np.array([[-np.inf, 0.0]])
    assert js_options(one, other) == pytest.approx(math.log(2))
    assert kl_options(one, other) == np.inf
    assert moved(one, other) == 2
    three = LOG([[0.5, 0.3, 0.2], [0.6, 0.4, 1.0]])
    three[1, 2] = -np.inf
    assert top_margin(three) == pytest.approx([0.2, 0.2])
    nothing = np.zeros((0, 0))
    assert [len(of(nothing, nothing)) for of in (kl_options, js_options, moved)] == [0, 0, 0]
    assert [len(of(nothing)) for of in (top_margin, top_gap_nats)] == [0, 0]


def values(pairs):
    return {name: found for name, (_, found) in item_values(pairs, item_scores(pairs, [])).items()}


def test_values_of_items_by_hand_and_without_infinite_distances():
    before, after = picks("a", [0, 0, 1, 1], [0, 0, 0, 0]), picks("b", [0, 1, 0, 2], [0, 0, 0, 0])
    found = values(paired(before, after))
    assert {name: found[name].tolist() for name in ("flips", "all_flips", "accuracy_change")} == {
        "flips": [0, 1, 1, 0],
        "all_flips": [0, 1, 1, 1],
        "accuracy_change": [0, -1, 1, 0],
    }
    assert {"kl_options", "js_options"} <= found.keys()
    lost = [after[0].model_copy(update={"logprobs": (-1.0, None, -5.0, -5.0)}), *after[1:]]
    assert "kl_options" not in values(paired(before, lost))
    assert "js_options" in values(paired(before, lost))
    row = rows_of(before, lost)[0]
    assert dict(row.means)["kl_options"] is None
    assert row.distance("kl_options").value is None


def test_two_models_are_identical_only_where_every_item_is_and_none_is_left_out():
    rows = picks("a", [0, 1, 2], [0, 0, 0])
    same = paired(rows, rows)
    assert (same.identical, same.equal) == (True, (("t", (3, 3)),))
    assert not paired(rows, rows[:2]).identical
    assert not paired([], []).identical
    one = [rows[0].model_copy(update={"logprobs": (-1.0, -5.0, -5.0, np.nextafter(-5.0, 0))}), *rows[1:]]
    assert (paired(rows, one).identical, paired(rows, one).equal) == (False, (("t", (2, 3)),))
    both = [*rows, *picks("a", [0], [0], task="u")]
    assert paired(both, [*one, both[-1]]).equal == (("t", (2, 3)), ("u", (1, 1)))


def test_prompts_are_held_against_each_other_where_both_are_known():
    rows = picks("a", [0, 1], [0, 0])
    known, other = ([each.model_copy(update={"prompt_digest": name}) for each in rows] for name in "xy")
    assert paired(rows, known).left_out == 0
    with pytest.raises(Exception, match="prompt of item t/000 of a") as error:
        paired(known, other)
    assert isinstance(error.value, StaleInput)


def test_nothing_in_common_has_no_tests_of_a_loss():
    assert choice_comparison(paired([], []), DRAWS, 1, 0.02).losses == ()


def test_rows_are_cut_to_their_own_options():
    wide, narrow = picks("a", [3], [3], 4), picks("a", [1], [1], 2)[0].model_copy(update={"item": "n"})
    found = choice_columns([*wide, narrow])
    assert found.taken(np.array([1])).logprobs.tolist() == [[-5.0, -1.0]]
    assert found.taken(np.array([], dtype=int)).logprobs.shape == (0, 0)
    assert paired_choices(found, choice_columns([narrow])).before.logprobs.shape == (1, 2)


def test_margins_need_three_items_that_differ_for_a_correlation():
    flat, rising = np.array([0.5, 0.5, 0.5]), np.array([0.1, 0.2, 0.3])
    none = np.zeros(3, dtype=bool)
    for margin, change, wanted in (
        (rising, rising, 1.0),
        (rising, rising[::-1], -1.0),
        (flat, rising, None),
        (rising, flat, None),
        (rising[:2], rising[:2], None),
    ):
        found = margins(ALL_ITEMS, margin, change, none[: len(margin)], none[: len(margin)])
        assert found.moved_spearman == (None if wanted is None else pytest.approx(wanted))


def test_a_margin_of_one_lies_in_the_last_bin():
    found = margins(ALL_ITEMS, np.array([1.0, 0.0, 0.96]), np.array([0.3, 0.1, 0.5]), *np.zeros((2, 3), dtype=bool))
    assert (found.moved[0], found.moved[19], found.moved[1]) == (pytest.approx(0.1), pytest.approx(0.4), None)
    assert (found.kept.counts[0], found.kept.counts[19], len(found.kept.counts)) == (1, 2, 20)
    assert found.kept.quartiles == pytest.approx((0.48, 0.96, 0.98))
    assert (found.changed_right, found.changed_wrong) == (None, 0.0)


def test_shared_flips_among_items_that_all_three_scored():
    """The second candidate lacks one of the first's flips: over nine items 3 and 3 flips, 2 shared."""
    base = picks("a", [0] * 10, [0] * 10)
    first, second = picks("b", [1, 1, 1, 1] + [0] * 6, [0] * 10), picks("c", [0, 0, 1, 1, 1] + [0] * 5, [0] * 10)[1:]
    extra = [second[0].model_copy(update={"item": "unknown", "picked": 1})]
    sides = [(name, paired(base, rows)) for name, rows in (("b", first), ("c", [*second, *extra]), ("d", base[:0]))]
    flips = [(name, p.before.items, p.before.right("acc") != p.after.right("acc")) for name, p in sides]
    (found,) = overlaps(choice_columns(base).items, flips)
    assert (found.first, found.second, found.n) == ("b", "c", 9)
    assert (found.first_flips, found.second_flips, found.shared) == (3, 3, 2)
    assert (found.jaccard, found.expected) == (0.5, 1.0)
    assert found.p == pytest.approx((3 * 6 + 1) / 84)  # of three among nine, two or three of the first's
    assert found.p == pytest.approx(stats.fisher_exact([[2, 1], [1, 5]], alternative="greater").pvalue)
    assert replace(found, shared=0).shared == 0
