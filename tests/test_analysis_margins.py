"""Margins, probability changes and coarse logits, against counts by hand and plain numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.multiple_choice.distances import moved
from analysis.multiple_choice.margins import margins
from analysis.multiple_choice.ties import logit_step, ties, within_a_step

GENERATOR = np.random.default_rng(3)


def test_groups_by_hand():
    margin = np.array([0.1, 0.2, 0.61, 0.8])
    changed, right = np.array([True, False, False, False]), np.array([True, True, False, False])
    found = margins("all", margin, np.array([0.5, 0.4, 0.2, 0.1]), changed, right)
    assert (found.kept.n, found.changed.n, found.right.n, found.wrong.n) == (3, 1, 2, 2)
    assert found.kept.mean == pytest.approx(1.61 / 3)
    assert found.changed.quartiles == pytest.approx((0.1, 0.1, 0.1))
    assert (found.changed_right, found.changed_wrong) == (0.5, 0.0)
    assert (sum(found.kept.counts), found.changed.counts[2]) == (3, 1)
    assert found.moved[12] == pytest.approx(0.2)
    assert found.moved[0] is None
    assert found.moved_spearman == pytest.approx(-1)


def test_nothing_has_no_mean():
    none = np.zeros(0)
    found = margins("all", none, none, none.astype(bool), none.astype(bool))
    assert (found.kept.n, found.kept.mean, found.changed_right, found.moved_spearman) == (0, None, None, None)


@given(st.lists(st.lists(st.floats(-9, 0), min_size=3, max_size=3), min_size=1, max_size=9))
def test_probabilities_that_move_move_both_ways(rows):
    before = np.array(rows)
    after = before[:, ::-1]
    p, q = (np.exp(side) / np.exp(side).sum(axis=1, keepdims=True) for side in (before, after))
    assert moved(before, after) == pytest.approx(np.abs(p - q).sum(axis=1))
    assert moved(after, before) == pytest.approx(moved(before, after))
    assert (moved(before, before) == 0).all()


@pytest.mark.parametrize("step", [1 / 2, 1 / 8, 1 / 16])
def test_the_step_of_bfloat16_logits_is_seen(step):
    logits = GENERATOR.integers(0, 60, size=(200, 4)) * step
    shift = np.log(np.exp(logits).sum(axis=1, keepdims=True) + 5)
    stored = (logits - shift).astype(np.float32).astype(np.float64)
    assert logit_step(stored) == step
    best, gaps = (np.sort(each, axis=1)[:, -1] - np.sort(each, axis=1)[:, -2] for each in (logits, stored))
    assert np.array_equal(within_a_step(gaps, step), best <= step)


def test_float32_logits_lie_on_no_grid_and_few_gaps_say_nothing():
    assert logit_step(GENERATOR.normal(size=(200, 4))) is None
    assert logit_step(np.array([[-1.0, -2.0]] * 5)) is None
    assert logit_step(np.zeros((0, 0))) is None
    padded = np.column_stack([GENERATOR.integers(0, 60, size=(200, 3)) / 8, np.full(200, -np.inf)])
    assert logit_step(padded) == 1 / 8


def test_ties_are_counted_on_both_sides():
    gap, after = np.array([0, 0.125, 0.5]), np.array([0.1, 0, 0])
    found = ties(gap, after, gap <= 0.125, np.array([True, False, True]), 0.125)
    assert (found.tied, found.tied_after, found.close, found.close_flips) == (1, 2, 2, 1)
