"""Flips, their tests and KL against hand counts, scipy, and the paper's MMLU table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis.multiple_choice.choices import choice_columns, paired_choices
from analysis.multiple_choice.distances import kl_options, top_gap_nats, top_margin
from analysis.multiple_choice.flips import choice_comparison
from analysis.multiple_choice.ties import Ties
from analysis.rendering.sentences.clauses import clause
from analysis.statistics.item_scopes import ItemScope
from analysis.statistics.losses import mcnemar
from analysis.statistics.resampling import Resamplings
from analysis.statistics.transitions import transitions
from ledger.errors import StaleInput
from ledger.records import Choice

indices = st.integers(0, 3)


def made(model, logprobs, gold=0, item="i", digest="d", task="t", subject="s"):
    return Choice(
        model=model,
        task=task,
        item=item,
        subject=subject,
        item_digest=digest,
        logprobs=tuple(logprobs),
        characters=(1, 2, 4, 8)[: len(logprobs)],
        tokens=(1,) * len(logprobs),
        gold=gold,
        picked=int(np.argmax(logprobs)),
        picked_norm=int(np.argmax(np.array(logprobs) / np.array((1, 2, 4, 8)[: len(logprobs)]))),
    )


def paired(before, after):
    return paired_choices(choice_columns(before), choice_columns(after))


def rows_of(before, after):
    return choice_comparison(paired(before, after), Resamplings(1, 200), 1, 0.02).results


@pytest.mark.parametrize(("lost", "won", "p"), [(853, 642, 2.7e-8), (452, 341, 4.6e-5)])
def test_mcnemar_finds_the_losses_in_the_papers_mmlu_table(lost, won, p):
    assert mcnemar(lost, won)[0] == pytest.approx(p, rel=0.02)


def test_mcnemar_by_a_published_example():
    """Fagerland, Lydersen and Laake 2013: 1 against 7 of 21; two-sided exact p = 0.070, mid-p = 0.039."""
    exact, mid = mcnemar(7, 1)
    assert (2 * exact, 2 * mid) == pytest.approx((0.070, 0.039), abs=5e-4)


def test_mcnemar_equals_scipy_and_mid_p_takes_half_the_observed():
    exact, mid = mcnemar(9, 3)
    assert exact == pytest.approx(stats.binomtest(9, 12, alternative="greater").pvalue)
    assert mid == pytest.approx((220 / 2 + 66 + 12 + 1) / 4096)  # half the ways to lose 9 of 12, all to lose more
    assert mcnemar(5, 0)[0] == pytest.approx(0.03125)
    assert mcnemar(0, 0) == (1.0, 0.5)


def test_transitions_by_hand():
    gold, before, after = np.array([0, 0, 0, 0, 0]), np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 2])
    found = transitions(gold, before, after)
    assert (found.right_to_wrong, found.wrong_to_right, found.wrong_to_other) == (1, 1, 1)
    assert (found.flips, found.all_flips, found.right_before, found.right_after) == (2, 3, 2, 2)


@given(st.lists(st.tuples(indices, indices, indices), min_size=1, max_size=50))
def test_swapping_the_models_negates_the_change_and_keeps_the_flips(rows):
    gold, before, after = (np.array(column) for column in zip(*rows, strict=True))
    one, other = transitions(gold, before, after), transitions(gold, after, before)
    assert (one.flips, one.all_flips) == (other.flips, other.all_flips)
    assert one.right_after - one.right_before == other.right_before - other.right_after
    same = transitions(gold, before, before)
    assert same.all_flips == 0


rows_of_logprobs = st.lists(
    st.lists(st.floats(-20, 0, allow_nan=False), min_size=4, max_size=4), min_size=1, max_size=12
)


@given(rows_of_logprobs, rows_of_logprobs)
@settings(max_examples=50)
def test_kl_equals_scipy_and_is_zero_against_itself(one, other):
    n = min(len(one), len(other))
    before, after = np.array(one[:n]), np.array(other[:n])
    p, q = (np.exp(x) / np.exp(x).sum(axis=1, keepdims=True) for x in (before, after))
    assert kl_options(before, after) == pytest.approx(stats.entropy(p, q, axis=1), abs=1e-9)
    assert (kl_options(before, before) == 0).all()
    assert (kl_options(before, after) >= 0).all()


def test_items_with_fewer_options_are_padded():
    choices = [made("a", [-1.0, -2.0], item="x"), made("a", [-1.0, -2.0, -3.0], item="y")]
    padded = choice_columns(choices).logprobs
    assert padded.shape == (2, 3)
    assert kl_options(padded, padded) == pytest.approx([0, 0])
    assert top_margin(padded)[0] == pytest.approx((np.exp(-1) - np.exp(-2)) / (np.exp(-1) + np.exp(-2)))
    assert top_gap_nats(padded) == pytest.approx([1, 1])
    assert choice_columns([]).logprobs.shape == (0, 0)


def test_ties_and_close_items_are_counted_exactly():
    before = [
        made("a", [-1.0, -1.0, -3.0, -3.0], item="tied"),
        made("a", [-1.0, -1.1, -3.0, -3.0], item="close"),
        made("a", [-1.0, -2.0, -3.0, -3.0], item="clear"),
    ]
    after = [
        made("b", [-1.1, -1.0, -3.0, -3.0], item="tied"),
        made("b", [-1.2, -1.1, -3.0, -3.0], item="close"),
        made("b", [-1.0, -2.0, -3.0, -3.0], item="clear"),
    ]
    row = rows_of(before, after)[0]
    assert row.ties == Ties(step=None, tied=1, tied_after=0, close=2, close_flips=2)
    assert row.transitions.flips == 2


def test_acc_norm_divides_by_characters():
    before = [made("a", [-1.0, -1.2, -9.0, -9.0], gold=0, item=str(i)) for i in range(3)]
    rows = {row.scoring: row for row in rows_of(before, before)}
    assert rows["acc"].accuracy.value == 1
    assert rows["acc_norm"].accuracy.value == 0


def test_a_model_against_itself_has_no_flips_and_no_kl_but_an_interval():
    choices = [made("a", [-1.0 - i / 10, -2.0, -3.0, -4.0], gold=i % 2, item=str(i)) for i in range(10)]
    pairs = paired(choices, reversed(choices))
    row = rows_of(choices, reversed(choices))[0]
    assert pairs.identical
    assert (row.flips.value, row.distance("kl_options").value, row.accuracy_change.value) == (0, 0, 0)
    assert row.flips.interval[1] > 0
    assert row.accuracy_change.interval[0] < 0 < row.accuracy_change.interval[1]
    assert row.distance("kl_options").interval is None


def test_tasks_and_subjects_have_their_own_rows():
    choices = [
        made("a", [-1.0, -2.0], item=f"{t}{s}{i}", task=t, subject=s) for t in "uv" for s in "xy" for i in range(2)
    ]
    scopes = [str(row.scope) for row in rows_of(choices, choices)]
    assert scopes[:7] == ["all", "task u", "task v", "u: x", "u: y", "v: x", "v: y"]


def test_a_differing_item_is_refused_by_name():
    with pytest.raises(StaleInput, match="item t/i of b"):
        paired([made("a", [-1.0, -2.0])], [made("b", [-1.0, -2.0], digest="e")])


def test_items_that_only_one_model_scored_are_left_out_and_counted():
    one, two, three = (made("a", [-1.0, -2.0], item=name) for name in "xyz")
    pairs = paired([one, two], [two, three])
    assert (pairs.before.items.to_list(), pairs.left_out) == ([("t", "y")], 2)
    row = rows_of([one, two], [two, three])[0]
    assert row.accuracy_change.value is None
    assert row.accuracy_change.left_out == 2


def test_nothing_in_common_is_missing_and_no_crash():
    row = rows_of([], [])[0]
    assert clause(row.flips.missing).startswith("too few data")
    assert row.exact_p is None
    assert row.distance("kl_options").value is None


def test_a_subject_that_is_named_like_a_task_stays_a_subject():
    """Scopes were once told apart by how their names begin."""
    assert ItemScope("u", "task v").subject == "task v"
    assert not ItemScope("u", "task v").of_task
    assert ItemScope("task v").of_task
    assert [str(scope) for scope in (ItemScope(), ItemScope("all"), ItemScope("u", "x"))] == ["all", "task all", "u: x"]
    assert ItemScope("all") != ItemScope()
