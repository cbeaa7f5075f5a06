"""From measurements to gates: which estimate decides, what stands against it, and which tasks and subjects are told."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from analysis.decision.decisions import decisions
from analysis.decision.gate_estimates import GATE_ESTIMATES, Measured, primary_judge
from analysis.decision.gate_words import Evidence, Gate, Word, limit_word, primary_word
from analysis.decision.gates import decision_evidence, gate, task_gates
from analysis.decision.sample_size import needed, sizes
from analysis.multiple_choice.choices import choice_columns, paired_choices
from analysis.multiple_choice.flips import choice_comparison
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import sentence
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.coverage import Coverage
from analysis.statistics.estimates import Estimate, not_measured
from analysis.statistics.resampling import Resamplings
from analysis.summaries.model_reports import ItemReport
from ledger.config import config_from
from ledger.judgments import Mode
from tests.test_analysis_flips import made

CONFIG = config_from(
    {
        "name": "r",
        "baseline": {"model": "org/b", "label": "base"},
        "candidate": [{"model": "org/c", "label": "c"}],
        "task": [{"name": "t"}],
        "decision": {"margin": 0.02},
    },
    "test",
)


NOTHING = Cause(Kind.NO_RECORDS)


def measured(**parts):
    empty = dict.fromkeys(("judges", "items", "traces", "vocabulary", "writing", "coverage"), ())
    nothing = {"identical_answers": frozenset(), "unfinished": {"answers": (), "choices": (), "solutions": ()}}
    return Measured(CONFIG, **{**empty, **nothing, **parts})


def change(measure="rating_change", **more):
    return Estimate(measure, "questions", 80, 0.0, lower_bounds=(-0.1,), upper_bounds=(0.1,), **more)


def judge(estimate, planned=80, scored=80, modes=(Mode.SINGLE,)):
    row = Coverage("paired ratings", "c", "all", planned, scored, {}, {})
    scopes = (SimpleNamespace(change=estimate, win_change=estimate),)
    score = SimpleNamespace(model="c", role="candidate", scopes=scopes)
    return SimpleNamespace(name="j", modes=modes, scores=(score,), games=(score,), paired=(row,), unfit=())


def test_equal_answers_ship_only_where_they_were_measured_and_are_this_candidates():
    same, other = frozenset({"c"}), frozenset({"d"})
    for estimate, names, wanted in (
        (change(), same, True),
        (change(), other, False),
        (not_measured("rating_change", "questions", NOTHING), same, False),
    ):
        found = gate(measured(judges=(judge(estimate),), identical_answers=names), "c", "rating_change", -0.3)
        assert found.estimate.identical is wanted
    assert primary_word(found, 1) is Word.UNFIT


def test_a_judge_decides_only_in_its_own_mode_and_about_models_that_it_rated():
    judges = (judge(change(), modes=(Mode.PAIR,)), judge(change(), modes=(Mode.SINGLE, Mode.PAIR)))
    assert primary_judge(judges, "rating_change") is judges[1]
    assert primary_judge(judges, "win_change") is judges[0]
    estimate, reasons = GATE_ESTIMATES["rating_change"](measured(judges=judges[:1]), "c")
    assert (estimate.missing.kind, [each.kind for each in reasons]) == (Kind.NO_JUDGE, [Kind.NO_MEASURING_JUDGE])
    estimate, reasons = GATE_ESTIMATES["rating_change"](measured(judges=judges), "d")
    assert (estimate.missing.kind, list(map(clause, reasons))) == (Kind.NO_RECORDS, ["no paired ratings of d"])
    nothing = replace(judge(change()).paired[0], planned=0, scored=0)
    both = SimpleNamespace(**{**vars(judge(change())), "paired": (nothing, judge(change()).paired[0])})
    assert GATE_ESTIMATES["rating_change"](measured(judges=(both,)), "c")[1] == []
    (reason,) = GATE_ESTIMATES["rating_change"](measured(judges=(judge(change(), 0, 0),)), "c")[1]
    assert reason.kind is Kind.NOTHING_PLANNED


@pytest.mark.parametrize(("scored", "short"), [(72, False), (71, True)])
def test_nine_tenths_of_the_planned_judgments_are_enough(scored, short):
    _, reasons = GATE_ESTIMATES["rating_change"](measured(judges=(judge(change(), 80, scored),)), "c")
    assert len(reasons) == short


@pytest.mark.parametrize(
    ("measure", "part", "count", "unfinished"),
    [("kl_vocabulary", "vocabulary", "items", "choices"), ("kl_trace", "traces", "turns", "answers")],
)
def test_nine_tenths_of_the_planned_distributions_are_enough(measure, part, count, unfinished):
    def read(held, missing, fault=None, **more):
        row = SimpleNamespace(model="c", kl=change(measure), missing=missing, fault=fault, **{count: held})
        return GATE_ESTIMATES[measure](measured(**{part: (row,)}, **more), "c")

    assert read(90, 10) == (change(measure), [])
    assert clause(read(89, 11)[1][0]).startswith("only 89 of 100 ")
    assert read(90, 10, NOTHING)[1] == [Cause(Kind.UNMEASURED, measure, causes=(NOTHING,))]
    rest = {name: (Cause(Kind.UNFINISHED, name),) for name in ("answers", "choices", "solutions")}
    assert [each.subject for each in read(90, 10, unfinished=rest)[1]] == [unfinished]
    estimate, reasons = GATE_ESTIMATES[measure](measured(), "c")
    assert estimate.value is None
    assert len(reasons) == 1


def report(before, after):
    pairs = paired_choices(choice_columns(before), choice_columns(after))
    found = choice_comparison(pairs, Resamplings(1, 100), 1, 0.02)
    told = {"equal": pairs.equal, "results": found.results, "losses": found.losses, "identical": pairs.identical}
    return ItemReport("c", "candidate", **told)


def picks(model, *parts):
    """(task, subject, items, items right) each; four options, the wrong pick is the second."""
    return [
        made(model, [-1.0, -9, -9, -9] if n < right else [-9, -1.0, -9, -9], 0, f"{s}{n}", "d", task, s)
        for task, s, items, right in parts
        for n in range(items)
    ]


def gates_of(before, after):
    covered = Coverage("paired items", "c", "all", 10, 10, {}, {})
    return list(task_gates(measured(items=(report(before, after),), coverage=(covered,)), "c"))


def test_the_subject_that_lost_most_is_named_and_the_losses_that_are_shown():
    before = picks("base", ("t", "a", 100, 80), ("t", "b", 100, 80), ("t", "c", 100, 80), ("t", "d", 100, 80))
    after = picks("c", ("t", "a", 100, 78), ("t", "b", 100, 50), ("t", "c", 100, 95), ("t", "d", 100, 60))
    (found,) = gates_of(before, after)
    assert (found.worst_part[0], found.worst_part[1].value) == ("b", pytest.approx(-0.3))
    assert [name for name, _ in found.lost_parts] == ["b", "d"]
    assert (found.unfit, found.chance, found.change.identical) == (None, 0.25, False)
    (alone,) = gates_of(before[100:200], after[100:200])  # one subject is the task itself
    assert alone.lost_parts == ()
    (calm,) = gates_of(before, picks("c", *(("t", s, 100, 80) for s in "abc"), ("t", "d", 100, 81)))
    assert (calm.worst_part, calm.lost_parts) == (None, ())


def test_acc_norm_is_a_gate_of_its_own_where_it_moves_otherwise():
    before = [made("base", [-1.0, -1.2, -9.0, -9.0], gold=1, item=str(n)) for n in range(60)]
    after = [made("c", [-1.0, -3.2, -9.0, -9.0], gold=1, item=str(n)) for n in range(60)]
    (found,) = gates_of(before, after)  # by characters: -0.6 was best and right, -1.0 is best and wrong
    (other,) = found.others
    assert (other.scoring, found.change.value, other.change.value) == ("acc_norm", 0, -1)
    assert other.loss_p < 1e-6 < found.loss_p
    (same,) = gates_of(picks("base", ("t", "a", 50, 40)), picks("c", ("t", "a", 50, 30)))
    assert same.others == ()


def test_identical_choices_are_told_by_the_report_alone():
    rows = picks("base", ("t", "a", 50, 40))
    for own, wanted in ((picks("c", ("t", "a", 50, 40)), True), (picks("c", ("t", "a", 50, 39)), False)):
        parts = measured(items=(report(rows, own),))
        estimate, reasons = GATE_ESTIMATES["accuracy_change"](parts, "c")
        assert (estimate.identical, [each.kind for each in reasons]) == (wanted, [Kind.NO_TASK])
        assert GATE_ESTIMATES["kl_options"](parts, "c")[0].identical is wanted
    estimate, reasons = GATE_ESTIMATES["flips"](measured(), "c")
    assert (estimate.missing.kind, estimate.identical) == (Kind.NO_CHOICES, False)


def test_choices_are_held_to_the_coverage_of_paired_choices_alone():
    rows = (picks("base", ("t", "a", 50, 40)), picks("c", ("t", "a", 50, 40)))
    short = {kind: Coverage(kind, "c", "all", 100, 10, {}, {}) for kind in ("answers", "choices", "paired items")}
    whole = replace(short["paired items"], scored=100)

    def kinds(*covered):
        found = GATE_ESTIMATES["flips"](measured(items=(report(*rows),), coverage=covered), "c")[1]
        return [each.kind for each in found]

    assert kinds(short["answers"], short["choices"], whole) == []
    assert kinds(short["answers"], short["choices"]) == [Kind.NO_TASK]
    assert kinds(short["paired items"]) == [Kind.UNDER_COVERAGE]
    assert kinds(replace(short["paired items"], model="d"), whole) == []


def test_only_what_blocks_this_candidate_keeps_it_from_shipping():
    told = {
        name: Cause(Kind.RECORDED, names={"recorded": name}) for name in ("own", "declared", "other", "alarm", "far")
    }
    unseen = tuple(
        SimpleNamespace(candidate=candidate, blocks=blocks, cause=told[name])
        for name, candidate, blocks in (("own", "c", True), ("declared", "c", False), ("other", "d", True))
    )
    alarms = {"c": (told["alarm"],), "d": (told["far"],)}
    rows = (picks("base", ("t", "a", 50, 40)), picks("c", ("t", "a", 50, 40)))
    (found,) = decision_evidence(measured(items=(report(*rows),), unseen=unseen, alarms=alarms))
    assert (found.candidate, found.blockers) == ("c", (told["alarm"], told["own"]))
    assert (found.primary.threshold, found.open_tasks_block) == (-0.02, False)
    assert [each.task for each in found.tasks] == ["t"]


def test_accuracy_of_a_baseline_that_guesses_is_unfit_and_only_accuracy():
    rows = (picks("base", ("t", "a", 80, 20)), picks("c", ("t", "a", 80, 20)))
    covered = Coverage("paired items", "c", "all", 80, 80, {}, {})
    parts = measured(items=(report(*rows),), coverage=(covered,))
    (reason,) = gate(parts, "c", "accuracy_change", -0.02).unfit
    assert "not shown to beat guessing by more than the margin on any task (t 25.0 %)" in clause(reason)
    assert gate(parts, "c", "flips", 0.1).unfit == ()


def test_a_bound_that_touches_a_threshold_decides_nothing_but_a_limit_kept():
    """-0.3 and 0.08 themselves: the margin must be cleared, the limit may be reached, neither is broken."""
    at = replace(change(), lower_bounds=(-0.3,), upper_bounds=(-0.3,))
    assert primary_word(Gate(at, -0.3), 1) is Word.INCONCLUSIVE
    assert primary_word(Gate(replace(at, upper_bounds=(-0.31,)), -0.3), 1) is Word.HOLD
    flips = replace(change("flips"), lower_bounds=(0.08,), upper_bounds=(0.2,))
    assert limit_word(Gate(flips, 0.08), 1) is Word.INCONCLUSIVE
    assert limit_word(Gate(replace(flips, lower_bounds=(0.081,)), 0.08), 1) is Word.HOLD
    assert limit_word(Gate(replace(flips, upper_bounds=(0.08,)), 0.08), 1) is Word.SHIP


def test_each_word_takes_the_bounds_of_its_own_step():
    """Three candidates by Holm: the first step reads the third bounds, and so do the numbers in the decision."""
    lows, highs = (-0.1, -0.2, -0.29), (0.1, 0.2, 0.3)
    primary = Gate(replace(change(), lower_bounds=lows, upper_bounds=highs), -0.3)
    flips = Gate(replace(change("flips"), lower_bounds=(0.0, 0.0, 0.0), upper_bounds=(0.05, 0.06, 0.08)), 0.08)
    found = decisions([Evidence(name, primary, (flips,)) for name in "abc"], "holm")
    assert [(each.word, each.step, each.lower_bound, each.upper_bound) for each in found] == [
        (Word.SHIP, 3, -0.29, 0.3)
    ] * 3
    assert "at least −0.29, within the margin" in sentence(found[0])
    assert "flips at most 8.0 %, within" in sentence(found[0])


def test_a_sentence_names_every_limit_and_shortens_only_what_is_unfit():
    primary, calm = Gate(change(), -0.3), replace(change("flips"), lower_bounds=(0.0,), upper_bounds=(0.05,))
    limits = tuple(Gate(calm, most) for most in (0.06, 0.07, 0.08))
    (found,) = decisions([Evidence("c", primary, limits)], "each")
    assert len(found.causes) == 4
    assert [f"within the limit of {most}.0 %" in sentence(found) for most in (6, 7, 8)] == [True] * 3
    a, b, c, d = (Cause(Kind.RECORDED, names={"recorded": name}) for name in "abcd")
    (short,) = decisions([Evidence("c", replace(primary, unfit=(a, b, c)), (), (), (b, d))], "each")
    assert short.causes == (a, b, c, d)
    assert sentence(short).endswith("a; b; and 2 more reasons, listed in the report.")


def test_what_would_settle_it_asks_for_more_than_there_is():
    """By the normal formula 2 units and 1 sample would do; yet 80 and 2 did not."""
    open_still = Estimate("rating_change", "questions", 80, -0.2, sd=0.8, samples=2, sampling_sd=0.9)
    units, samples = map(clause, needed(open_still, 1.0, 0.05))
    assert units.startswith("About 81 questions (now 80) would settle rating_change against +1.00 ")
    assert samples == "So would about 3 samples of each question (now 2)."
    assert [each.kind for each in needed(replace(open_still, sampling_sd=None), 1.0, 0.05)] == [Kind.MORE_UNITS]
    assert [each.kind for each in needed(replace(open_still, sd=None), 1.0, 0.05)] == [Kind.NO_SPREAD_YET]
    assert [each.kind for each in needed(open_still, -0.2 + 1e-6, 0.05)] == [Kind.TOO_NEAR]
    assert [size.flips for size in sizes("accuracy_change", 0.02, 0.8)] == [0.02, 0.05, 0.1, 0.2]
    assert [size.units for size in sizes("accuracy_change", 0.02, 0.8)] == [310, 773, 1546, 3092]
