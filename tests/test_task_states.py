"""Each task's state: exactly one of three, Holm over the tasks, and never cleared where the baseline guesses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.decision.decisions import decisions
from analysis.decision.gate_words import Evidence, Gate, Word
from analysis.decision.task_states import OtherScore, State, TaskGate, loss_p, task_states, worst
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import advice, cause_texts, sentence
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA, not_measured
from analysis.statistics.intervals import paired_proportion, tango_bound, wilson
from ledger.decision_config import TaskRole

MARGIN = 0.02


def gate(task="t", gains=0, losses=0, n=400, right=300, chance=0.25, steps=1, fit=True) -> TaskGate:
    change = paired_proportion("accuracy_change", "items", gains, losses, n, steps)
    p = loss_p(gains, losses, n, -MARGIN)
    unfit = None if fit else Cause(Kind.TASK_UNFIT, task)
    return TaskGate(task, change, -MARGIN, wilson("accuracy", "items", right, n), chance, p, unfit)


def lost_by(scoring) -> OtherScore:
    lost = gate("n", losses=40)
    return OtherScore(scoring, lost.change, None, lost.loss_p)


def states(*gates, step=1) -> list[State]:
    return [each.state for each in task_states(gates, step)]


def test_the_three_states():
    assert states(gate(n=4000, right=3000)) == [State.CLEARED]
    assert states(gate(losses=40)) == [State.HOLD]
    assert states(gate(losses=8)) == [State.OPEN]


@given(st.integers(0, 60), st.integers(0, 60), st.integers(130, 800))
def test_the_p_of_a_loss_is_that_of_the_upper_bound(gains, losses, n):
    bound = tango_bound(gains, losses, n, ALPHA, 1)
    p = loss_p(gains, losses, n, -MARGIN)
    if abs(bound + MARGIN) > 1e-6:
        assert (p < ALPHA) == (bound < -MARGIN)


def test_open_tasks_are_named_with_the_largest_loss_first():
    found = decided(gate("a", losses=6), gate("b", losses=9), gate("c", losses=7))
    assert [name for name in ("a (", "b (", "c (") if name in sentence(found)] == ["a (", "b (", "c ("]
    places = {name: sentence(found).index(f"{name} (losses") for name in "abc"}
    assert sorted(places, key=places.__getitem__) == ["b", "c", "a"]


def test_a_loss_by_another_score_that_is_not_ruled_out_leaves_a_task_open():
    """Cleared is what is cleared by every score that guards: a proof by the kindest of them is none."""
    sound, other = gate(n=4000, right=3000), gate("n", losses=8)
    (found,) = task_states([replace(sound, others=(OtherScore("acc_norm", other.change, None, other.loss_p),))], 1)
    assert (found.state, found.scoring, found.change.value) == (State.OPEN, "acc_norm", other.change.value)
    assert clause(found.why).startswith("losses by acc_norm down to")


def test_a_ruin_that_the_margin_would_hide_clears_nothing():
    """A model that only guesses loses 1.3 points here: within the margin of 2."""
    (found,) = task_states([gate(n=100_000, right=26_300)], 1)
    assert (found.state, found.why.kind) == (State.OPEN, Kind.RUIN_WITHIN_MARGIN)


def test_a_baseline_that_guesses_is_never_cleared_at_any_n():
    assert states(gate(n=100_000, right=25_000)) == [State.OPEN]
    assert states(gate(n=100_000, right=27_400)) == [State.CLEARED]  # its lower bound clears 25 % and the margin
    assert states(gate(n=400, losses=80, right=100)) == [State.HOLD]  # but a loss that is shown is shown


def test_evidence_that_is_unfit_neither_clears_nor_holds():
    assert states(gate(n=4000, right=3000, fit=False), gate("u", losses=40, fit=False)) == [State.OPEN] * 2
    by_norm = replace(gate("n", fit=False), others=(lost_by("acc_norm"),))
    assert states(by_norm) == [State.OPEN]
    (lost,) = task_states([replace(by_norm, unfit=None)], 1)
    assert (lost.state, lost.scoring, lost.change.value) == (State.HOLD, "acc_norm", -0.1)
    (both,) = task_states([replace(by_norm, unfit=None, loss_p=1e-9)], 1)
    assert (both.state, both.scoring, both.change.value) == (State.HOLD, "acc", 0.0)


def test_an_open_task_says_why_and_a_baseline_without_bounds_beats_nothing():
    none = replace(gate(n=4000, right=3000), baseline=not_measured("accuracy", "items", Cause(Kind.NO_CHOICES)))
    assert not none.beats_chance
    guessed = gate(n=100_000, right=25_000)
    whys = [task_states([each], 1)[0].why for each in (none, guessed, gate(losses=8), gate(fit=False), gate(losses=40))]
    assert [why and why.kind for why in whys] == [
        *(Kind.TASK_GUESSED, Kind.TASK_GUESSED, Kind.TASK_LOSS_POSSIBLE, Kind.TASK_UNFIT, None),
    ]


def test_holm_over_the_tasks():
    """One task at p = 0.04 is shown alone, and not among three; beside a p under 0.05 / 3 it has two tasks' level."""
    near = gate("near", losses=15, gains=1)
    assert 0.025 < near.loss_p < 0.05
    assert states(near) == [State.HOLD]
    sound = [gate(f"s{place}", losses=2, gains=2) for place in range(2)]
    assert states(near, *sound)[0] is State.OPEN
    assert states(near, gate("far", losses=60))[0] is State.HOLD


def test_a_stricter_step_takes_the_bounds_of_its_own_level():
    clear = gate(losses=50, gains=50, n=900, right=600, steps=2)
    low = clear.change.lower_bounds
    assert low[0] > -MARGIN > low[1]
    assert states(clear) == [State.CLEARED]
    assert states(clear, step=2) == [State.OPEN]


def test_the_worst_task_is_one_on_hold_if_there_is_any():
    found = task_states([gate("few", losses=3, n=40, right=30), gate("many", losses=40)], 1)
    assert [each.state for each in found] == [State.OPEN, State.HOLD]
    assert worst(found).task == "many"
    assert worst(found[:1]).task == "few"
    lost = task_states([gate("some", losses=40), gate("most", losses=60), gate("tiny", losses=3, n=14, right=12)], 1)
    assert [each.state for each in lost] == [State.HOLD, State.HOLD, State.OPEN]
    assert worst(lost).task == "most"  # the tiny one lost 21 of 100, and that is not shown
    none = not_measured("accuracy_change", "items", Cause(Kind.NO_CHOICES))
    unknown = replace(gate("unknown", losses=1), change=none)
    open_tasks = task_states([gate("less", losses=2), gate("more", losses=6), unknown], 1)
    assert worst(open_tasks).task == "more"
    assert worst(()) is None


def test_a_shown_task_is_never_the_worst():
    found = task_states([gate("guards", losses=2), replace(gate("shown", losses=60), role=TaskRole.SHOWN)], 1)
    assert worst(found).task == "guards"
    assert worst(found[1:]) is None


def test_a_loss_is_shown_in_no_more_than_one_review_of_twenty_where_each_lies_at_the_margin():
    """Eight tasks that lose exactly the margin, 4,000 reviews: the share with any task on HOLD, at a nominal 5 %."""
    generator = np.random.default_rng(7)
    tasks, n = 8, 500
    lost = generator.binomial(n, 0.05, size=(4000, tasks))
    won = generator.binomial(n - lost, 0.03 / 0.95)
    false = sum(
        any(state is State.HOLD for state in states(*(gate(str(t), int(w), int(x), n, 350) for t, (x, w) in pairs)))
        for pairs in (list(enumerate(zip(row, wins, strict=True))) for row, wins in zip(lost[:600], won, strict=False))
    )
    assert false / 600 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)


def decided(*gates, low=-0.01, high=0.01, blockers=(), blocks=False):
    primary = paired_proportion("accuracy_change", "items", 0, 0, 4000)
    primary = replace(primary, lower_bounds=(low,), upper_bounds=(high,))
    told = tuple(Cause(Kind.NOT_COMPARED, name) for name in blockers)
    evidence = Evidence("c", Gate(primary, -MARGIN), (), tuple(gates), told, blocks)
    return decisions([evidence], "each")[0]


def test_a_task_on_hold_is_hold_whatever_the_rest_says():
    found = decided(gate("g", losses=40))
    assert found.word is Word.HOLD
    assert cause_texts(found) == ["g lost more than the margin: −10.0 pp [−13.3, −7.4] (n 400)"]
    assert decided(gate("g", losses=40), blockers=["x"]).word is Word.HOLD


@pytest.mark.parametrize(
    ("low", "high", "word"), [(-0.01, 0.01, Word.UNFIT), (-0.1, 0.1, Word.UNFIT), (-0.2, -0.1, Word.HOLD)]
)
def test_what_was_not_looked_at_makes_ship_and_inconclusive_unfit_and_leaves_hold(low, high, word):
    found = decided(low=low, high=high, blockers=["x"])
    assert found.word is word
    assert ("x was found" in sentence(found)) == (word is Word.UNFIT)
    assert ("leave_out" in advice(found)) == (word is Word.UNFIT)


def test_an_open_task_is_named_and_decides_only_where_the_config_says_so():
    found = decided(gate("g", losses=8))
    assert found.word is Word.SHIP
    assert sentence(found).endswith("open: g (losses down to −3.5 pp not excluded).")
    assert decided(gate("g", losses=8), blocks=True).word is Word.INCONCLUSIVE


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 60), st.integers(100, 390)), min_size=1, max_size=5),
    st.integers(1, 3),
)
def test_states_are_exhaustive_and_exclusive(counts, step):
    gates = [gate(str(t), gains, losses, 400, right, steps=3) for t, (gains, losses, right) in enumerate(counts)]
    found = task_states(gates, step)
    assert [each.task for each in found] == [each.task for each in gates]
    for each in found:
        lost = each.loss_p <= ALPHA / step
        visible = each.baseline.lower_bounds[0] - each.chance > MARGIN
        clear = each.lower_bound > -MARGIN and each.beats_chance and visible
        assert not (lost and clear)
        assert each.state is not State.HOLD or lost
        assert (each.state is State.CLEARED) == clear
