"""Roles and margins task by task: what proves, guards or is shown; relative margins; what a baseline should score."""

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from analysis.decision.decisions import decisions, word_at
from analysis.decision.gate_words import Evidence, Gate, Word
from analysis.decision.task_states import State, TaskGate, loss_p, task_states
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import ALPHA
from analysis.statistics.intervals import paired_proportion, tango_statistic, wilson
from analysis.statistics.paired_ratio import Pairs, ratio_bound, ratio_loss_p, ratio_statistic, recovery
from assay.cli import run
from assay.reporting import report_of
from ledger.config import config_from
from ledger.decision_config import DecisionConfig, TaskRole
from ledger.errors import ConfigError
from tests.log_folders import damaged, lines, model_logs, pattern
from tests.review_factory import Factory

PROVES, GUARDS, SHOWN = TaskRole
MARGIN = 0.02


def gate(task="t", role=GUARDS, gains=0, losses=0, n=4000, right=3000, margin=MARGIN, relative=None) -> TaskGate:
    change = paired_proportion("accuracy_change", "items", gains, losses, n)
    pairs = Pairs(right - losses, gains, losses, n)
    p = [loss_p(gains, losses, n, -margin)] if margin else []
    p += [ratio_loss_p(pairs, 1 - relative)] if relative else []
    return TaskGate(
        task=task,
        role=role,
        change=change,
        threshold=-margin if margin else None,
        recovery=recovery(pairs) if relative else None,
        recovery_threshold=1 - relative if relative else None,
        baseline=wilson("accuracy", "items", right, n),
        chance=0.25,
        loss_p=min(p),
    )


def evidence(*tasks, primary_change=(0, 0), **more) -> Evidence:
    pooled = paired_proportion("accuracy_change", "items", *primary_change, 100_000)
    return Evidence("c", Gate(pooled, -MARGIN), (), tasks, **more)


def decided(*tasks, **more):
    return decisions([evidence(*tasks, **more)], "each")[0]


OPEN, LOST = {"n": 300, "right": 220, "losses": 3}, {"losses": 200}


def test_a_proving_task_must_be_cleared_a_guarding_one_is_named_a_shown_one_does_nothing():
    assert decided(gate(role=PROVES)).word is Word.SHIP
    words = {role: (decided(gate(role=role, **OPEN)).word, decided(gate(role=role, **LOST)).word) for role in TaskRole}
    assert words == {
        PROVES: (Word.INCONCLUSIVE, Word.HOLD),
        GUARDS: (Word.SHIP, Word.HOLD),
        SHOWN: (Word.SHIP, Word.SHIP),
    }
    blind = {role: decided(gate(role=role, **OPEN), open_tasks_block=True).word for role in TaskRole}
    assert blind == {PROVES: Word.INCONCLUSIVE, GUARDS: Word.INCONCLUSIVE, SHOWN: Word.SHIP}


def test_what_is_not_proven_is_said_with_what_would_settle_it():
    found = decided(gate("gsm8k", PROVES, **OPEN))
    assert "gsm8k must be cleared and is not (losses down to −" in sentence(found)
    assert "For gsm8k: About" in advice(found)
    guessing = decided(gate("gpqa", PROVES, right=1000))
    assert (guessing.word, guessing.causes[1].causes[0].kind) == (Word.INCONCLUSIVE, Kind.TASK_GUESSED)


def test_a_shown_task_takes_no_part_in_holm_and_a_blocker_outweighs_a_proof():
    near = gate("near", gains=1, losses=15, n=400, right=300)
    assert 0.025 < near.loss_p < 0.05
    assert [each.state for each in task_states([near, gate("lost", SHOWN, **LOST)], 1)] == [State.HOLD, State.HOLD]
    assert task_states([near, gate("lost", GUARDS)], 1)[0].state is State.OPEN
    assert decided(gate(role=PROVES), blockers=(Cause(Kind.ONE_MODEL),)).word is Word.UNFIT


def test_the_stricter_of_two_margins_counts():
    """Of a baseline at 75 %, 2 % relative are 1.5 points: a loss of 1.7 keeps within 2 points and not within 2 %."""
    lost = {"n": 40_000, "right": 30_000, "losses": 690, "gains": 10}
    assert [each.state for each in task_states([gate(**lost)], 1)] == [State.CLEARED]
    (both,) = task_states([gate(relative=0.02, **lost)], 1)
    (alone,) = task_states([gate(margin=None, relative=0.02, **lost)], 1)
    assert both.state is alone.state is State.HOLD
    (open_task,) = task_states([gate(relative=0.02, n=4000, right=3000, losses=50)], 1)
    assert (open_task.state, open_task.why.kind) == (State.OPEN, Kind.RECOVERY_POSSIBLE)


@pytest.mark.parametrize("cells", [(50, 5, 12, 100), (50, 0, 12, 100), (50, 7, 0, 100), (60, 10, 10, 100)])
@pytest.mark.parametrize("ratio", [0.8, 0.95, 1.1])
def test_the_ratio_s_statistic_is_that_of_the_most_likely_probabilities(cells, ratio):
    """Found by a general optimizer over all four outcomes."""
    pairs = Pairs(*cells)
    counts = np.array([pairs.both, pairs.gains, pairs.losses, pairs.n - pairs.both - pairs.gains - pairs.losses])
    scores = np.array([1 - ratio, 1, -ratio, 0])
    rules = [{"type": "eq", "fun": lambda p: p.sum() - 1}, {"type": "eq", "fun": lambda p: p @ scores}]
    best = min(
        (
            optimize.minimize(
                lambda p: -np.sum(counts * np.log(np.maximum(p, 1e-15))),
                np.random.default_rng(seed).dirichlet(np.ones(4)),
                bounds=[(0, 1)] * 4,
                constraints=rules,
                options={"ftol": 1e-14, "maxiter": 1000},
            )
            for seed in range(4)
        ),
        key=lambda found: (not found.success, found.fun),
    )
    expected = counts @ scores / np.sqrt(pairs.n * (scores**2 @ best.x))
    assert ratio_statistic(pairs, ratio) == pytest.approx(expected, abs=2e-4)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 200), st.integers(0, 100))
def test_recovery_holds_100_percent_exactly_where_the_change_holds_zero(gains, losses, both, neither):
    n = gains + losses + both + neither
    pairs = Pairs(both, gains, losses, n)
    assert ratio_statistic(pairs, 1.0) == pytest.approx(tango_statistic(gains, losses, n, 0.0), abs=1e-9)
    if n < 2 or recovery(pairs).interval is None:
        return
    change, kept = paired_proportion("accuracy_change", "items", gains, losses, n).interval, recovery(pairs).interval
    assert (change[0] <= 0 <= change[1]) == (kept[0] <= 1 <= kept[1])


def test_recovery_is_missing_near_a_baseline_of_zero():
    assert recovery(Pairs(0, 3, 0, 100)).missing.kind is Kind.BASELINE_NEAR_ZERO
    assert recovery(Pairs(0, 0, 0, 100)).value is None
    assert ratio_loss_p(Pairs(0, 0, 0, 0), 0.9) is None
    whole = recovery(Pairs(700, 10, 40, 1000))
    assert whole.value == pytest.approx(710 / 740)
    assert whole.interval[0] < whole.lower_bounds[0] < whole.value < whole.upper_bounds[0] < whole.interval[1]


@pytest.mark.parametrize("accuracy", [0.35, 0.8])
def test_recovery_covers_and_a_relative_margin_keeps_its_level(accuracy):
    """4,000 reviews of 300 items whose candidate keeps exactly 95 %: bounds at 5 %, within three standard errors."""
    generator, replications, n, kept = np.random.default_rng(7), 4000, 300, 0.95
    flip = 0.04
    cells = np.array([accuracy - flip - (1 - kept) * accuracy / 2, flip - (1 - kept) * accuracy / 2])
    losses = accuracy - cells[0]
    counts = generator.multinomial(n, [*cells, losses, 1 - cells.sum() - losses], replications)
    truth = (cells[0] + cells[1]) / accuracy
    z = [ratio_statistic(Pairs(*map(int, each[:3]), n), truth) for each in counts]
    for share in (np.mean(np.array(z) > stats.norm.ppf(0.95)), np.mean(np.array(z) < stats.norm.ppf(0.05))):
        assert share == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / replications) + 0.005)
    pairs = Pairs(*map(int, counts[0][:3]), n)
    assert ratio_statistic(pairs, ratio_bound(pairs, ALPHA, 0)) == pytest.approx(stats.norm.ppf(0.95), abs=1e-6)


def test_no_mixture_of_tasks_ships_a_damaged_proof_or_holds_sound_guards_more_often_than_its_level():
    """2,000 reviews: one proving task that lies exactly at its margin, three guards without any loss."""
    generator, replications, n = np.random.default_rng(19), 2000, 500
    shipped = held = 0
    for _ in range(replications):
        worse = generator.multinomial(n, [0.02, 0.04, 0.94])
        proof = gate("proof", PROVES, int(worse[0]), int(worse[1]), n, 375)
        sound = [
            gate(f"g{place}", GUARDS, *map(int, generator.multinomial(n, [0.03, 0.03, 0.94])[:2]), n, 375, margin=0.001)
            for place in range(3)
        ]
        shipped += decided(proof).word is Word.SHIP
        held += any(each.state is State.HOLD for each in task_states(sound, 1))
    allowed = 0.05 + 3 * np.sqrt(0.05 * 0.95 / replications)
    assert 0 < shipped / replications <= allowed
    assert 0 < held / replications <= allowed


@given(
    st.lists(st.tuples(st.sampled_from(TaskRole), st.integers(0, 30), st.integers(0, 60)), min_size=1, max_size=4),
    st.sampled_from((0.005, 0.01, 0.02)),
)
def test_states_are_exclusive_and_a_looser_margin_never_turns_ship_into_hold(tasks, margin):
    def made(margin):
        return [gate(f"t{i}", role, gains, losses, 900, 700, margin) for i, (role, gains, losses) in enumerate(tasks)]

    for each in task_states(made(margin), 1):
        assert (each.state is State.OPEN) == (each.why is not None)
        assert each.state in State
    strict, loose = (word_at(evidence(*made(each)), 1) for each in (margin, 2 * margin))
    assert (strict, loose) != (Word.SHIP, Word.HOLD)
    if strict is Word.SHIP:
        assert word_at(evidence(*made(margin), gate("sound", n=4000)), 1) is Word.SHIP


def test_a_sound_task_more_turns_ship_into_hold_no_more_often_than_its_level():
    """2,000 reviews that ship; the task that is added lies exactly at its margin, where a loss is shown most often."""
    generator, replications, n = np.random.default_rng(23), 2000, 500
    cleared = [gate(f"g{place}", GUARDS, 5, 5) for place in range(2)]
    assert word_at(evidence(*cleared), 1) is Word.SHIP
    held = 0
    for _ in range(replications):
        gains, losses, _ = map(int, generator.multinomial(n, [0.02, 0.04, 0.94]))
        word = word_at(evidence(*cleared, gate("more", GUARDS, gains, losses, n, 375)), 1)
        assert word in (Word.SHIP, Word.HOLD)
        held += word is Word.HOLD
    assert 0 < held / replications <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / replications)


def test_a_shown_task_is_in_no_pool(compared, tmp_path):
    """Its loss would be the primary measure's otherwise, and its flips would break the limit."""
    big, advice = pattern("big", 3000, 0.7), pattern("advice", 3000, 0.7)
    before = {"big": lines("big", big), "advice": lines("advice", advice)}
    after = {"big": lines("big", swapped(big, 0.01), 0.001), "advice": lines("advice", damaged(advice, 0.2), 0.001)}
    sides = [model_logs(tmp_path / name, name, tasks) for name, tasks in (("bf16", before), ("int4", after))]
    pooled = compared(*sides, "--limit", "flips=0.05", name="pooled")
    assert (pooled.code, pooled.decision["primary"]["estimate"]["n"]) == (10, 6000)
    alone = compared(*sides, "--limit", "flips=0.05", "--shown", "advice", name="alone")
    assert (alone.code, alone.decision["primary"]["estimate"]["n"]) == (0, 3000)
    assert alone.decision["limits"][0]["estimate"]["value"] == pytest.approx(0.02)
    assert alone.states == {"big": "cleared", "advice": "HOLD"}
    rows = {
        (row["scope"]["task"], row["scoring"]): row["transitions"]["n"] for row in alone.report["choices"][0]["results"]
    }
    assert (rows["", "acc"], rows["advice", "acc"]) == (3000, 3000)
    assert all(tests["benchmarks"] == 1 for tests in alone.report["choices"][0]["losses"])
    assert not [file for file in alone.unnamed("advice") if file not in ("junit.xml", "report.json")]


def test_what_is_shown_alone_counts_in_no_relation(tmp_path):
    """As if it were not there, also where one of its items is infinitely far."""
    made = Factory(tmp_path / "r", questions=12, items=60, words=5)
    run = made.write()
    for name in made.candidates:
        keep_choices(run, name, infinite_others)
    shown = relations_of(made, run, {"shown": ["other"]})
    judged = [row for row in shown["correlations"] if row["outcome"] == "rating_change"]
    bootstraps = [row["bootstrap"] for row in judged if row["predictor"] == "kl_options"]
    assert bootstraps
    assert all(bootstraps)
    assert shown["within"] != relations_of(made, run, {})["within"]
    for name in ("bf16", "bf16@control", *made.candidates):
        keep_choices(run, name, lambda each: each if each.task == "made" else None)
    without = relations_of(made, run, {})
    assert (shown["within"], shown["overlaps"]) == (without["within"], without["overlaps"])


def infinite_others(each):
    values = (*each.logprobs[:-1], None)
    return each if each.task == "made" else each.model_copy(update={"logprobs": values})


def keep_choices(run, name, kept):
    store = run.generation(name).choices
    store.replace([each for each in map(kept, list(store.records())) if each])


def relations_of(made, run, rules):
    config = config_from(made.declaration | {"decision": made.decision | rules}, "test")
    report = report_of(config, run, "2026-11-30T00:00:00+00:00", redact=False)[0]
    return json.loads(report.model_dump_json(include={"correlations", "within", "overlaps"}))


@pytest.mark.parametrize(
    "more",
    [
        ["--task", "big", "--proves", "small"],
        ["--task", "big", "--expect", "small=0.7"],
        ["--task", "big", "--margin-relative", "small=0.1"],
    ],
)
def test_a_task_that_a_rule_counts_on_blocks_where_it_is_left_out(compared, logs, more):
    found = compared(*logs, *more)
    assert (found.code, found.decision["word"]) == (12, "UNFIT")
    assert "small was found and is not compared: was not chosen." in found.decision["sentence"]
    assert not [file for file in found.unnamed("small") if file != "report.json"]
    assert compared(*logs, "--task", "big", "--shown", "small", name="shown").code == 0


def test_a_proof_of_a_group_is_a_proof_of_all_its_parts(compared, tmp_path):
    sides = grouped(tmp_path)
    assert compared(*sides, "--proves", "mm", name="whole").code == 0
    for more in (["--leave-out", "mm_b"], ["--task", "mm_a"]):
        assert compared(*sides, *more, name=f"free{len(more[0])}").code == 0
        part = compared(*sides, *more, "--proves", "mm", name=f"part{len(more[0])}")
        assert part.code == 12
        assert "mm_b was found and is not compared" in part.read("report.html")


def grouped(folder, parts=("mm_a", "mm_b"), **more):
    """Two models' logs of a group with a score of its own, in a list without one; `more`: another task's accuracies."""
    sides = []
    for place, name in enumerate(("bf16", "int4")):
        known = {part: pattern(part, 2000, 0.7) for part in (*parts, *more)}
        tasks = {
            part: lines(part, swapped(right, 0.01) if place else right, 0.001 * place) for part, right in known.items()
        }
        right = float(np.mean([line["acc"] for part in parts for line in tasks[part]]))
        scores = {"groups": {"mm": {"acc,none": right}}, "group_subtasks": {"mm": list(parts), "board": ["mm"]}}
        sides.append(model_logs(folder / name, name, tasks, **scores))
    return sides


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        (["--proves", "mm_b"], "--proves: mm_b is no task by itself: it is a part of mm"),
        (["--shown", "mm_b"], "--shown: mm_b is no task by itself: it is a part of mm"),
        (["--limit", "mm_b.flips=0.1"], "--limit: mm_b is no task by itself: it is a part of mm"),
        (["--proves", "mm/3"], "--proves: mm/3 is no task by itself: it is an item of mm"),
        (["--proves", "board"], "--proves: board is no task by itself: it only lists mm"),
        (["--proves", "samples_old.jsonl"], "--proves: samples_old.jsonl is no task by itself: it is a file"),
    ],
)
def test_a_rule_of_less_or_more_than_a_task_is_refused(compared, tmp_path, rule, why):
    sides = grouped(tmp_path)
    (sides[0] / "samples_old.jsonl").write_text("")
    found = compared(*sides, *rule)
    assert found.code == 64
    assert why in found.error


def test_what_a_rule_names_and_nobody_has_was_declared_and_is_not_found(compared, tmp_path):
    sides = grouped(tmp_path)
    assert compared(*sides).code == 0
    place = tmp_path / "runs" / "review" / "review.toml"
    plain = place.read_text()
    for name, why in (
        ("mm_b", "it is a part of mm; a rule is of a whole task"),
        ("mm/3", "it is a part of mm; a rule is of a whole task"),
        ("gpqa", "there are no items of it"),
    ):
        declared = plain.replace("[decision]\n", f"[decision]\nproves = {json.dumps([name])}\n")
        (other := tmp_path / "other.toml").write_text(declared)
        assert run(["analyze", str(other), "--runs", str(tmp_path / "runs"), "--amend"]) == 12
        files = {kind: (place.parent / "analysis" / kind).read_text() for kind in ("report.json", "report.md")}
        (found,) = json.loads(files["report.json"])["decisions"]
        assert f"{name} was declared and is not there: {why}" in found["sentence"]
        assert found["settle"] == f"Mend the config, or bring in choices of {name}, before this is signed."
        assert "Declared and not there: " in files["report.md"]
        assert "Found and not compared: " not in files["report.md"]


def test_a_task_of_one_side_is_named_also_where_a_part_of_it_was_left_out(compared, tmp_path):
    before, after = grouped(tmp_path, arc=0.7)
    for file in after.glob("samples_mm_*"):
        file.unlink()
    results = next(after.glob("results_*.json"))
    told_nothing = {name: {} for name in ("configs", "n-samples", "groups", "group_subtasks")}
    results.write_text(json.dumps(json.loads(results.read_text()) | told_nothing))
    found = compared(before, after, "--leave-out", "mm_b")
    assert found.code == 12
    assert "mm was found and is not compared: bf16 alone has items of it" in found.decision["sentence"]


def test_a_baseline_at_the_edge_of_its_tolerance_is_expected(compared, tmp_path):
    right = [place < 680 for place in range(1000)]
    sides = [
        model_logs(tmp_path / name, name, {"mmlu": lines("mmlu", right, noise)})
        for name, noise in (("bf16", 0.0), ("int4", 0.001))
    ]
    for place, expected in enumerate(("0.66", "0.70")):
        assert compared(*sides, "--expect", f"mmlu={expected}", name=f"edge{place}").code == 0
    beyond = compared(*sides, "--expect", "mmlu=0.65", name="beyond")
    assert beyond.code == 12
    assert beyond.decision["settle"].startswith("Check how mmlu was run, on both sides")
    assert "leave_out" not in beyond.decision["settle"]


def test_what_would_settle_a_proof_speaks_of_the_margin_that_is_open():
    both = gate(role=PROVES, n=200, right=140, losses=2, gains=1, margin=0.2, relative=0.02)
    assert "settle recovery against 98.0 %" in advice(decided(both))
    assert "accuracy_change against" not in advice(decided(both))
    alone = gate(role=PROVES, n=200, right=140, losses=2, gains=1, margin=None, relative=0.02)
    assert "settle recovery against 98.0 %" in advice(decided(alone))
    guessed = gate(role=PROVES, n=4000, right=1000)
    assert "No number of items clears it" in advice(decided(guessed))


def test_nothing_is_pooled_where_every_task_is_shown(compared, tmp_path):
    right = pattern("big", 900, 0.7)
    sides = [
        model_logs(tmp_path / name, name, {"big": lines("big", right, noise)})
        for name, noise in (("bf16", 0.0), ("int4", 0.001))
    ]
    found = compared(*sides, "--shown", "big")
    assert found.code == 12
    assert found.states == {"big": "cleared"}
    assert "every task is shown alone, so no item decides" in found.decision["sentence"]
    assert "0 (acc)" not in found.files["report.html"]


def decision(**settings) -> DecisionConfig:
    return config_from(
        {
            "name": "r",
            "baseline": {"model": "a"},
            "candidate": [{"model": "b", "engine": "imported"}],
            "task": [{"name": "assay"}],
            "decision": settings,
        },
        "test",
    ).decision


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"proves": ["a"], "shown": ["a"]}, "the task a has two roles"),
        ({"proves": ["a"], "leave_out": ["a"]}, "`leave_out` names a, which another rule"),
        ({"limits": {"a.kl_trace": 0.1}}, "kl_trace is not measured task by task"),
        ({"limits": {"a.flip": 0.1}}, "'flip' is no limit measure"),
        ({"limits": {".flips": 0.1}}, 'decision.limits: ".flips" is refused: no task stands before the dot'),
        ({"limits": {"mmlu.": 0.1}}, 'decision.limits: "mmlu." is refused: no measure is named, as in mmlu.flips'),
        ({"margins": {"": 0.1}}, 'decision.margins: "" is refused: a task has a name'),
        ({"proves": [""]}, "a task has a name"),
        ({"limits": {"a.flips": 8}}, "it is a share"),
        ({"margins": {"a": 2}}, "less than 1"),
        ({"expect": {"a": 0.6}, "shown": ["a"]}, "`shown` names a: a task decides nothing then"),
        ({"limits": {"a.flips": 0.1}, "shown": ["a"]}, "`shown` names a: a task decides nothing then"),
        ({"expect_tolerance": 0.9}, "less than or equal to 0.2"),
        ({"expect": {"a": 66}}, "less than or equal to 1"),
    ],
)
def test_rules_that_contradict_are_refused_by_name(settings, cause):
    with pytest.raises(ConfigError, match=cause):
        decision(**settings)


def test_a_task_that_is_named_again_in_one_list_is_one():
    assert decision(proves=["a", "b", "a"]) == decision(proves=["a", "b"])


def test_a_task_s_name_may_have_dots():
    assert decision(limits={"a.b.flips": 0.1}, expect={"c": 0.5}).named_tasks == ("c", "a.b")


def swapped(right, share):
    """As many items lost as gained."""
    count = int(share * len(right))
    lost = [place for place, each in enumerate(right) if each][:count]
    gained = [place for place, each in enumerate(right) if not each][:count]
    return [not each if place in {*lost, *gained} else each for place, each in enumerate(right)]


@pytest.fixture
def logs(tmp_path):
    """A sound task of 4,000 items and a small one that is open."""
    sides = {}
    for place, name in enumerate(("bf16", "int4")):
        tasks = {}
        for task, items in (("big", 4000), ("small", 120)):
            right = pattern(task, items, 0.7)
            tasks[task] = lines(task, swapped(right, 0.02) if place else right, 0.001 * place)
        sides[name] = model_logs(tmp_path / name, name, tasks, configs={task: {"task": task} for task in tasks})
    return list(sides.values())


def test_the_command_line_has_every_rule(compared, logs):
    def made(*more):
        return compared(*logs, *more, name=f"r{len(more)}{abs(hash(more))}")

    assert made().code == made("--proves", "big").code == 0
    proven = made("--proves", "small")
    assert (proven.code, proven.decision["word"]) == (11, "INCONCLUSIVE")
    assert "small must be cleared and is not" in proven.decision["sentence"]
    wrong = made("--expect", "big=0.9", "--expect", "small=0.75")
    assert wrong.code == 12
    assert "the baseline scores 69.6 % on big, expected 90.0 % ± 2.0 pp" in wrong.decision["sentence"]
    assert made("--expect", "big=0.71").code == 0
    assert made("--margin", "big=0.05", "--margin", "big=0.05", "--proves", "big", "--proves", "big").code == 0
    limited = made("--limit", "small.flips=0.01")
    assert limited.code == 10
    assert re.search(r"flips of small at least [\d.]+ %, over the limit of 1.0 %", limited.decision["sentence"])
    assert made("--margin", "0.01", "--margin", "small=0.2", "--proves", "small").code == 0
    assert made("--margin-relative", "big=0.03", "--proves", "big", "--shown", "small").code == 0


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        (["--proves", "smal"], "there is no 'smal' in these logs"),
        (["--expect", "0.66"], "is of no task"),
        (["--margin", "small=much"], "--margin: 'much' is no number, in 'small=much'"),
        (["--margin", "nan"], "--margin: 'nan' is no number"),
        (["--limit", "flips=inf"], "--limit: 'inf' is no number, in 'flips=inf'"),
        (["--limit", "nothing.flips=0.1"], "there is no 'nothing'"),
        (["--limit", ".flips=1"], "no task stands before the dot"),
        (["--margin", "=0.5"], "'=0.5' has no name"),
        (["--margin", "big=0.5", "--margin", "big=0.1"], "--margin: big is given twice, as 0.5 and as 0.1"),
        (["--margin", "0.5", "--margin", "0.1"], "--margin: a number alone is given twice"),
        (["--margin-relative", "big=0.5", "--margin-relative", "big=0.1"], "--margin-relative: big is given twice"),
        (["--expect", "big=0.7", "--expect", "big=0.6"], "--expect: big is given twice"),
        (["--limit", "flips=0.2", "--limit", "flips=0.1"], "--limit: flips is given twice"),
    ],
)
def test_a_rule_that_names_nothing_or_two_things_is_refused(compared, logs, more, cause):
    found = compared(*logs, *more)
    assert found.code == 64
    assert cause in found.error
