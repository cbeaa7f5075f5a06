"""Overlap of two candidates' flipped items: counted by hand, chance by scipy, and what the report shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from analysis.multiple_choice.choices import choice_columns, paired_choices
from analysis.statistics.overlaps import overlaps as overlaps_of
from ledger.records import Choice


def choices(model, right):
    """One choice per item; `right` says whether it was answered rightly."""
    values = {"item_digest": "x", "logprobs": (-1.0, -2.0), "characters": (1, 1), "tokens": (1, 1), "picked_norm": 0}
    return [
        Choice(model=model, task="t", item=str(i), subject="s", gold=0, picked=0 if ok else 1, **values)
        for i, ok in enumerate(right)
    ]


def overlaps(baseline, candidates):
    before = choice_columns(baseline)
    pairs = [(name, paired_choices(before, choice_columns(found))) for name, found in candidates]
    flips = [(name, p.before.items, p.before.right("acc") != p.after.right("acc")) for name, p in pairs]
    return overlaps_of(before.items, flips)


def test_shared_flips_are_counted_and_held_against_chance():
    base = choices("base", [True] * 10)
    first = choices("a", [False] * 4 + [True] * 6)
    second = choices("b", [True, True] + [False] * 3 + [True] * 5)
    (found,) = overlaps(base, [("a", first), ("b", second)])
    assert (found.n, found.first_flips, found.second_flips, found.shared) == (10, 4, 3, 2)
    assert found.jaccard == pytest.approx(2 / 5)
    assert found.expected == pytest.approx(1.2)
    # P(2 or 3 of 3 drawn among 4 of 10) = (C(4,2)·6 + C(4,3)) / C(10,3)
    assert found.p == pytest.approx((36 + 4) / 120)


def test_no_flips_and_no_common_items():
    base = choices("base", [True] * 3)
    (same,) = overlaps(base, [("a", base), ("b", base)])
    assert (same.shared, same.jaccard, same.p) == (0, None, 1.0)
    assert list(overlaps(base, [("a", base[:1]), ("b", base[2:])])) == []
    assert list(overlaps(base, [("a", base)])) == []


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_the_order_of_candidates_and_items_does_not_matter(rows):
    base, first, second = (choices(name, [row[i] for row in rows]) for i, name in enumerate(("base", "a", "b")))
    (one,) = overlaps(base, [("a", first), ("b", second)])
    (other,) = overlaps(base[::-1], [("b", second[::-1]), ("a", first)])
    assert (one.shared, one.jaccard, one.expected) == (other.shared, other.jaccard, other.expected)
    assert one.p == pytest.approx(other.p)
    (itself,) = overlaps(base, [("a", first), ("a2", first)])
    assert itself.shared == itself.first_flips


def test_many_pairs_have_an_adjusted_p():
    base = choices("base", [True] * 12)
    others = [(f"m{n}", choices(f"m{n}", [item % (n + 2) > 0 for item in range(12)])) for n in range(4)]
    found = list(overlaps(base, others))
    assert [each.adjusted_p for each in found] == pytest.approx(false_discovery_control([each.p for each in found]))
