"""Whole comparisons of choices: swapped, of a model with itself, in any order, and a million of them as columns."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.multiple_choice.choices import choice_columns, paired_choices
from analysis.multiple_choice.flips import choice_comparison
from analysis.statistics.resampling import Resamplings
from ledger.records import Choice

logprob = st.floats(-12, -0.01).map(lambda value: round(value * 8) / 8)
option_rows = st.lists(logprob, min_size=4, max_size=4)
made_items = st.lists(
    st.tuples(st.sampled_from("uv"), st.sampled_from("xyz"), st.integers(0, 3), option_rows, option_rows),
    min_size=1,
    max_size=25,
)
DRAWS = Resamplings(1, 100)


def chosen(model, rows, side):
    return [
        Choice(
            model=model,
            task=row[0],
            item=str(number),
            subject=row[1],
            item_digest=f"{number}",
            logprobs=tuple(row[side]),
            characters=(1, 2, 4, 8),
            tokens=(),
            gold=row[2],
            picked=int(np.argmax(row[side])),
            picked_norm=int(np.argmax(np.array(row[side]) / (1, 2, 4, 8))),
        )
        for number, row in enumerate(rows)
    ]


def compared(before, after):
    pairs = paired_choices(choice_columns(before), choice_columns(after))
    return choice_comparison(pairs, DRAWS, 1, 0.02)


@given(made_items)
@settings(max_examples=40)
def test_swapping_negates_every_change_and_keeps_every_flip(rows):
    base, other = chosen("a", rows, 3), chosen("b", rows, 4)
    forward, back = compared(base, other), compared(other, base)
    for one, two in zip(forward.results, back.results, strict=True):
        assert (one.scope, one.scoring) == (two.scope, two.scoring)
        assert (one.flips.value, one.all_flips.value) == (two.flips.value, two.all_flips.value)
        assert (one.transitions.right_to_wrong, one.transitions.wrong_to_right) == (
            two.transitions.wrong_to_right,
            two.transitions.right_to_wrong,
        )
        if one.accuracy_change.value is not None:
            assert one.accuracy_change.value == -two.accuracy_change.value
            assert np.allclose(one.accuracy_change.interval, [-end for end in two.accuracy_change.interval[::-1]])
    for one, two in zip(forward.losses, back.losses, strict=True):
        assert np.isclose(one.same_p, two.same_p)


@given(made_items, st.randoms())
@settings(max_examples=40)
def test_a_model_against_itself_changes_nothing_anywhere_in_any_order(rows, random):
    base = chosen("a", rows, 3)
    again = list(base)
    random.shuffle(again)
    found = compared(base, again)
    for row in found.results:
        assert (row.flips.value, row.all_flips.value, row.transitions.flips) == (0, 0, 0)
        assert row.accuracy_change.value in (0, None)
        assert all(each.value in (0, None) for _, each in row.distances)
        if row.margins:
            assert (row.margins.changed.n, sum(x or 0 for x in row.margins.moved)) == (0, 0)
    assert not any(each.loss for each in found.losses)
    assert found == compared(again, base)


def test_scopes_hold_every_item_once():
    rows = [("u", "x", 0, [-1.0] * 4, [-2.0] * 4), ("v", "x", 0, [-1.0] * 4, [-2.0] * 4)] * 3
    results = [row for row in compared(chosen("a", rows, 3), chosen("b", rows, 4)).results if row.scoring == "acc"]
    by_scope = {str(row.scope): row.transitions.n for row in results}
    assert by_scope == {"all": 6, "task u": 3, "task v": 3}


def test_columns_of_many_choices_are_small():
    """Bytes per choice, digests and names included: a million fit in a quarter of a gigabyte."""
    rows = [("u", "x", 0, [-1.0, -2.0, -3.0, -4.0], [])] * 2000
    columns = choice_columns(chosen("a", rows, 3))
    held = columns.frame.memory_usage(deep=True, index=True).sum() + columns.logprobs.nbytes
    assert held / len(columns) < 250
