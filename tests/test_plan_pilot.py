"""Plans with real churn: what was published of a benchmark, and what a small run of one's own shows."""

import numpy as np
import pytest

from analysis.benchmarks.disagreement import sampling_sd
from analysis.decision.pilot import pilots
from analysis.decision.published_churn import PUBLISHED
from analysis.decision.sample_size import needed, published_size
from analysis.rendering.sentences.clauses import clause
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.paired_means import PairedMeans
from analysis.statistics.resampling import Resamplings
from assay.cli import run
from tests.log_folders import flipped, generated, lines, pair, pattern
from tests.solved_scores import KINDS, answered, answered_by_seeds, chances, compared_scores, truth


def test_published_churn_gives_back_the_published_sizes():
    """Also MMLU's for +-1 point, and the flips of the first table where they are the same in both."""
    found = {name: published_size(each, 0.02, 0.8)[0] for name, each in PUBLISHED.items()}
    assert {name: each.units for name, each in found.items()} == {name: each.needed for name, each in PUBLISHED.items()}
    assert published_size(PUBLISHED["mmlu"], 0.01, 0.8)[0].units == pytest.approx(8656, abs=2)
    first = {
        "gpqa": 0.048397,
        "bbh": 0.044,
        "math": 0.141377,
        "mmlu_pro": 0.053441,
        "ifeval": 0.051756,
    }
    assert {name: PUBLISHED[name].churn for name in first} == pytest.approx(first, rel=0.002)


def test_the_margin_that_all_items_clear_needs_as_many():
    size, cleared = published_size(PUBLISHED["winogrande"], 0.02, 0.8)
    assert size.units > PUBLISHED["winogrande"].items
    assert cleared > 0.02
    assert published_size(PUBLISHED["winogrande"], cleared, 0.8)[0].units == pytest.approx(1267, abs=1)


def test_a_published_plan(capsys):
    assert run(["plan", "--task", "gsm8k", "--task", "ifeval"]) == 0
    told = capsys.readouterr().out
    for line in ("7.7 %", "1,184", "1,319", "FlipEval"):
        assert line in told
    assert run(["plan", "--task", "taste"]) == 64
    assert "There are arc_challenge" in capsys.readouterr().err
    assert run(["plan", "--task", "gsm8k", "--measure", "rating_change"]) == 64
    assert run(["plan", "--task", "gsm8k", "--pilot", "here"]) == 64


@pytest.fixture
def logs(tmp_path):
    """Two models' logs of 200 items that are solved and 200 that are picked, of which one in ten and in five flip."""
    rights = pattern("sums", 200)
    sides = [
        {"sums": [generated(*each) for each in enumerate(solved)], "letters": lines("letters", picked, noise)}
        for solved, picked, noise in ((rights, rights, 0.0), (flipped(rights, 10), flipped(rights, 5), 0.1))
    ]
    pair(tmp_path / "logs", *sides)
    return tmp_path / "logs"


def test_a_pilot_of_logs(logs, tmp_path, capsys):
    """Two folders, one that holds both, or the run that they were compared in: the same rows."""
    sides = [str(logs / "bf16"), str(logs / "int4")]
    assert run(["plan", "--pilot", sides[0], "--pilot", sides[1]]) == 0
    told = capsys.readouterr().out
    assert "10.0 % [6.6, 14.9]" in told
    assert "20.0 % [15.0, 26.1]" in told
    assert "1,546 (to " in told  # (1.645 + 0.842)² · 0.10 / 0.02²
    assert run(["plan", "--pilot", str(logs)]) == 0
    assert capsys.readouterr().out == told
    run(["compare", *sides, "--runs", str(tmp_path), "--name", "trial"])
    capsys.readouterr()
    assert run(["plan", "--pilot", str(tmp_path / "trial")]) == 0
    assert capsys.readouterr().out == told


def test_a_pilot_of_tables_says_how_they_are_read(tmp_path, capsys):
    """Percent, in columns of other names: each refusal names the option that this command has."""
    rights = pattern("sums", 200)
    for name, solved in (("bf16", rights), ("int4", flipped(rights, 10))):
        rows = [f"{place},{100 * right:d}" for place, right in enumerate(solved)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["number,percent", *rows]))
    plan = ["plan", "--pilot", str(tmp_path / "bf16.csv"), "--pilot", str(tmp_path / "int4.csv")]
    assert run(plan) == 64
    assert "--columns item=NAME" in capsys.readouterr().err
    assert run([*plan, "--columns", "item=number,score=percent"]) == 64
    assert "--scale 100" in capsys.readouterr().err
    assert run([*plan, "--columns", "item=number,score=percent", "--scale", "100"]) == 0
    assert "10.0 % [6.6, 14.9]" in capsys.readouterr().out


def test_runs_of_a_pilot_are_chosen_as_they_are_in_a_comparison(logs, tmp_path, capsys):
    again = logs / "bf16" / "samples_sums_2024-05-06T00-00-00.000000.jsonl"
    first = next(logs.glob("bf16/**/samples_sums*.jsonl"))
    again.write_text(first.read_text())
    plan = ["plan", "--pilot", str(logs / "bf16"), "--pilot", str(logs / "int4")]
    assert run(plan) == 64
    assert "--latest" in capsys.readouterr().err
    assert run([*plan, "--latest"]) == 0
    assert "10.0 % [6.6, 14.9]" in capsys.readouterr().out
    assert run([*plan, "--latest", "--repeats"]) == 64


def test_what_chooses_among_logs_is_refused_where_none_are_read(logs, tmp_path, capsys):
    assert run(["plan", "--latest"]) == 64
    assert "there is no --pilot to read" in capsys.readouterr().err
    run(["compare", str(logs / "bf16"), str(logs / "int4"), "--runs", str(tmp_path), "--name", "trial"])
    capsys.readouterr()
    assert run(["plan", "--pilot", str(tmp_path / "trial"), "--scale", "100", "--filter", "none"]) == 64
    assert "--filter, --scale" in capsys.readouterr().err


def test_what_is_no_pilot_is_refused(logs, capsys):
    assert run(["plan", "--pilot", str(logs / "bf16")]) == 64
    assert "here are 0 folders" in capsys.readouterr().err
    assert run(["plan", *(["--pilot", str(logs / "bf16")] * 3)]) == 64
    assert "here are 3 paths" in capsys.readouterr().err


def piloted(generator, items, repeats, margin=0.02):
    """The pilot of so many items, and its report."""
    report = compared_scores(*(answered(generator, each, repeats) for each in chances(generator, items)))
    (found,) = pilots(report, margin, 0.8)
    return found


def test_a_pilot_tells_flips_from_the_noise_of_repeats():
    found = piloted(np.random.default_rng(1), 6000, 4)
    before, after, shares = np.array(KINDS).T
    assert found.within == pytest.approx([2 * side * (1 - side) @ shares for side in (before, after)], abs=0.01)
    assert found.excess.value == pytest.approx(truth()[2], abs=0.01)
    assert found.row.flips.value == pytest.approx((before + after - 2 * before * after) @ shares, abs=0.01)
    noise = (before * (1 - before) + after * (1 - after)) @ shares / 4
    assert found.row.accuracy_change.sampling_sd == pytest.approx(np.sqrt(noise), rel=0.03)


@pytest.mark.parametrize("shape", ["items", "answers"])
def test_as_many_items_or_answers_as_a_pilot_says_clear_the_margin_as_often_as_promised(shape):
    """A candidate that lost nothing: shown above -2 points in 80 % of 300 reviews."""
    generator, draws = np.random.default_rng(2), Resamplings(1, 399)
    found = piloted(generator, 1300, 2)
    items, repeats = (found.units, 2) if shape == "items" else (1300, found.samples)
    assert (items, repeats) != (1300, 2)
    shown = 0
    for _ in range(300):
        sides = [answered(generator, each, repeats).mean(axis=1) for each in chances(generator, items)]
        shown += PairedMeans(*sides, draws).change().lower_bounds[0] > -0.02
    assert 0.70 < shown / 300 < 0.90


def test_what_sampling_adds_counts_what_seeds_share():
    """One model with the same seeds on both sides changes nothing, however it samples."""
    generator = np.random.default_rng(3)
    chance, seeds = np.full(500, 0.5), generator.random((2, 500, 4))
    same = [answered_by_seeds(seeds[0], chance)] * 2
    other = [answered_by_seeds(each, chance) for each in seeds]
    assert sampling_sd(*same) == 0
    assert sampling_sd(*other) == pytest.approx(np.sqrt(2 * 0.25 / 4), rel=0.1)
    assert sampling_sd(other[0][:, :2], other[1]) == pytest.approx(np.sqrt(0.25 / 2 + 0.25 / 4), rel=0.1)
    assert sampling_sd(other[0][:, :1], other[1]) is None


def test_an_open_task_says_how_many_answers_would_settle_it():
    found = piloted(np.random.default_rng(4), 1300, 2)
    told = [clause(each) for each in needed(found.row.accuracy_change, -0.02, 0.05)]
    assert "items (now 1300) would settle accuracy_change" in told[0]
    assert "answers to each item (now 2)" in told[1] or "More answers to the same items would not" in told[1]


def test_items_are_answered_and_questions_sampled():
    for unit, told in (
        ("items", "More answers to the same items would not"),
        ("questions", "More samples of the same"),
    ):
        assert clause(Cause(Kind.SAMPLES_DO_NOT_HELP, "accuracy_change", names={"unit": unit})).startswith(told)
