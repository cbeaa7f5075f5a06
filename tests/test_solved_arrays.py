"""Solutions as arrays and pairs, pass@k, unread answers and the pool of items: laws that hold for any data."""

import math
import tracemalloc
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.benchmarks.paired_tasks import paired_tasks
from analysis.benchmarks.solution_columns import mark, solution_columns
from analysis.benchmarks.solutions import TextState
from analysis.benchmarks.solved_rows import pass_at
from analysis.benchmarks.unread import unread
from analysis.evidence.model_evidence import ModelEvidence
from analysis.multiple_choice.choices import choice_columns
from analysis.statistics.resampling import Resamplings
from analysis.summaries.model_reports import ItemReport, ItemRules, compared_items
from ledger.errors import UnlikeItem
from ledger.records import Choice, Finish
from ledger.solutions import Score, Solution
from tests.solved_scores import solved_task

RIGHT = st.sampled_from([0.0, 1.0, math.nan])
GRADES = st.sampled_from([0.0, 0.25, 0.5, 1.0])
NAMES = st.sampled_from(["a", "b", "c", "d", "e", "f"])
HELD = st.dictionaries(st.tuples(st.sampled_from(["sums", "forms"]), NAMES, st.integers(0, 2)), GRADES, max_size=20)


def solution(key, value, model="m", **told):
    task, item, repeat = key
    score = Score(metric="exact_match", value=value)
    digest = mark_of(task, item)
    return Solution(
        **{"model": model, "task": task, "item": item, "subject": task, "repeat": repeat, "item_digest": digest}
        | {"scores": (score,)}
        | told
    )


def columns(model, held, *, text=False):
    """One model's columns from scores by task, item and repeat; `text`: an answer says its repeat."""
    told = {key: {"text": str(key[2])} if text else {} for key in held}
    return solution_columns(solution(key, value, model, **told[key]) for key, value in held.items())


def mark_of(task, item):
    return f"{task}-{item}"  # no hexadecimal hash: a table of anybody's may name its documents so


@given(st.lists(st.lists(RIGHT, min_size=5, max_size=5), min_size=1, max_size=6), st.integers(1, 4))
def test_pass_at_is_the_share_of_subsets_with_a_right_answer(rows, k):
    scores = np.array([row for row in rows if sum(not math.isnan(each) for each in row) >= k]).reshape(-1, 5)
    for row, found in zip(scores, pass_at(scores, k), strict=True):
        subsets = [*combinations([each for each in row if not math.isnan(each)], k)]
        assert found == pytest.approx(sum(1.0 in each for each in subsets) / len(subsets), abs=1e-12)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(TextState), st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=30
    )
)
def test_unread_answers_are_counted_where_they_are_there_and_wanted(cells):
    cells = cells[: len(cells) // 2 * 2]
    held = np.array([each[1] for each in cells]).reshape(-1, 2)
    side = solved_task(np.where(held, 1.0, np.nan))
    side.readings[:] = np.array([each[0] for each in cells]).reshape(-1, 2)
    side.unparsed[0] = np.array([each[2] for each in cells]).reshape(-1, 2)
    wanted = np.array([each[3] for each in cells]).reshape(-1, 2)
    rows = np.arange(len(held))
    for chosen in (None, wanted):
        found = unread(side, rows, "exact_match", chosen)
        there = [each for each in cells if each[1] and (chosen is None or each[3])]
        told = [
            sum(each[0] is state for each in there)
            for state in (TextState.CUT, TextState.THOUGHTS_ONLY, TextState.EMPTY)
        ]
        assert (found.answers, found.cut, found.thoughts, found.empty) == (len(there), *told)
        assert found.unparsed == sum(each[2] for each in there)
        assert found.any <= found.answers


@settings(max_examples=60)
@given(HELD, HELD, st.randoms(use_true_random=False))
def test_tasks_are_paired_item_by_item_whatever_the_order_of_records(old, new, generator):
    sides = []
    for model, held in (("m", old), ("n", new)):
        keys = [*held]
        generator.shuffle(keys)
        sides.append(columns(model, {key: held[key] for key in keys}))
    pairs = {pair.task: pair for pair in paired_tasks(*sides)}
    assert pairs.keys() == {key[0] for key in old} & {key[0] for key in new}
    for name, pair in pairs.items():
        shared = min(len(side.numbers) for side in (pair.before, pair.after))
        assert shared == 1 or pair.before.numbers[:shared] == pair.after.numbers[:shared]
        items = [{key[1] for key in held if key[0] == name} for held in (old, new)]
        assert [*pair.before.items] == [*pair.after.items] == sorted(items[0] & items[1])
        assert pair.left_out == len(items[0] ^ items[1])
        for held, scores in zip((old, new), pair.scores("exact_match"), strict=True):
            side = pair.before if held is old else pair.after
            wanted = [[held.get((name, item, each), math.nan) for each in side.numbers] for item in side.items]
            np.testing.assert_array_equal(scores, np.array(wanted).reshape(scores.shape))


def test_repeats_stand_beside_the_same_repeat_of_the_other_model():
    """Same texts and new failures are told repeat by repeat, and seeds are shared: a side that lacks one stays put."""
    old = {("sums", item, repeat): float(repeat == 1) for item in "ab" for repeat in (0, 1, 2)}
    new = {("sums", item, repeat): float(repeat == 1) for item in "ab" for repeat in (1, 2, 3)}
    (pair,) = paired_tasks(*(columns(name, held, text=True) for name, held in (("m", old), ("n", new))))
    nan = math.nan
    for side, row in zip(pair.scores("exact_match"), ([0, 1, 0, nan], [nan, 1, 0, 0]), strict=True):
        np.testing.assert_array_equal(side, [row, row])
    assert (pair.equal.same, pair.equal.answers) == (4, 4)
    (row,) = [each for each in compared(old, new).solved if each.main]
    assert row.repeats == (3, 3)
    assert row.failures.answers == 0


def test_one_answer_each_is_one_answer_whatever_its_number():
    old, new = ({("sums", item, repeat): 1.0 for item in "ab"} for repeat in (0, 7))
    (row,) = compared(old, new).solved
    assert row.repeats == (1, 1)
    assert row.transitions.right_after == 2


def test_what_is_no_hash_still_tells_documents_apart():
    assert mark("") == 0
    assert mark("ab12") == 0xAB12
    assert mark("f" * 32) == 2**64 - 1
    assert len({mark(each) for each in ("doc 1", "doc 2", "d")}) == 3
    sides = [solution_columns([solution(("sums", "a", 0), 1.0, item_digest=each)]) for each in ("doc 1", "doc 2")]
    with pytest.raises(UnlikeItem, match="document of item sums/a"):
        [*paired_tasks(*sides)]


def evidence(name, solutions, choices=()):
    own = solution_columns(solutions)
    return ModelEvidence(name, "candidate", "", (), choice_columns(choices), None, solutions=own)


def compared(old, new, alone=(), picked=((), ())) -> ItemReport:
    """Two models' report of items; `old`, `new`: scores by task, item and repeat."""
    sides = []
    for name, held, rights in zip("mn", (old, new), picked, strict=True):
        solved = [solution(key, value, name, temperature=0.0) for key, value in held.items()]
        sides.append(evidence(name, solved, [choice(name, place, right) for place, right in enumerate(rights)]))
    rules = ItemRules(1, 0.02, lambda _: (None, None), alone, {}, control=False)
    return compared_items(*sides, rules, Resamplings(1, 199))


def choice(model, place, right):
    pick = 0 if right else 1
    return Choice(
        model=model,
        task="letters",
        item=str(place),
        subject="letters",
        item_digest=f"{place:x}",
        logprobs=(-1.0, -2.0) if right else (-2.0, -1.0),
        characters=(1, 1),
        tokens=(1, 1),
        gold=0,
        picked=pick,
        picked_norm=pick,
    )


OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=12)


@settings(max_examples=25)
@given(OUTCOMES, OUTCOMES, OUTCOMES)
def test_the_pool_counts_what_its_tasks_count(sums, forms, letters):
    old, new = {}, {}
    for name, outcomes in (("sums", sums), ("forms", forms)):
        for place, (was, now) in enumerate(outcomes):
            old[name, str(place), 0], new[name, str(place), 0] = float(was), float(now)
    picked = tuple(zip(*letters, strict=True))
    report = compared(old, new, picked=picked)
    own = [row.transitions for row in report.rows if row.main and row.scope.of_task and row.scope.task]
    for count in ("n", "right_to_wrong", "wrong_to_right", "right_before", "right_after"):
        assert getattr(report.pool.transitions, count) == sum(getattr(each, count) for each in own)
    assert len(own) == 3
    alone = compared(old, new, alone=("forms",), picked=picked)
    assert alone.pool.n == len(sums) + len(letters)
    assert {row.scope.task for row in alone.solved} == {"sums", "forms"}  # shown all the same


@settings(max_examples=20)
@given(st.lists(st.tuples(GRADES, GRADES, GRADES, GRADES), min_size=2, max_size=12))
def test_swapping_the_models_negates_the_change(rows):
    old, new = {}, {}
    for place, (*was, first, second) in enumerate(rows):
        for repeat in (0, 1):
            old["sums", str(place), repeat], new["sums", str(place), repeat] = was[repeat], (first, second)[repeat]
    there, back = compared(old, new), compared(new, old)
    for one, other in [(there.pool, back.pool), *zip(there.solved, back.solved, strict=True)]:
        assert one.accuracy_change.value == pytest.approx(-other.accuracy_change.value, abs=1e-12)
        assert one.excess_flips.value == pytest.approx(other.excess_flips.value, abs=1e-12)
        low, high = one.accuracy_change.interval
        assert other.accuracy_change.interval == pytest.approx((-high, -low), abs=0.05)  # its pivots are mirrored


@pytest.mark.parametrize(
    ("told", "reading"),
    [
        ({"finish": Finish.LENGTH, "text": "4"}, TextState.CUT),
        ({"finish": Finish.STOP, "text": " ", "thinking": "2+2"}, TextState.THOUGHTS_ONLY),
        ({"finish": Finish.EMPTY, "text": ""}, TextState.EMPTY),
        ({"finish": Finish.STOP, "text": "4"}, TextState.READ),
        ({"text": "4"}, TextState.NOT_TOLD),
    ],
)
def test_what_became_of_a_text(told, reading):
    task = solution_columns([solution(("sums", "a", 0), 0.0, **told)]).tasks["sums"]
    assert task.readings[0, 0] == reading


def test_a_million_answers_take_no_million_texts():
    """Of an answer its scores, marks and lengths stay; 64 digits of hashes and the texts go as they are read."""
    tracemalloc.start()
    try:
        held = solution_columns(
            solution(("sums", f"{place:07}", 0), 1.0, item_digest=f"{place:064x}", text="x" * 100 + str(place))
            for place in range(10_000)
        )
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(held) == 10_000
    assert kept / 10_000 < 160
    assert most / 10_000 < 500
