"""The config: one file, complete, refused in one sentence that names the key."""

import datetime
from importlib.resources import files
from pathlib import Path

import pytest

from ledger.config import config_from, read_config
from ledger.errors import ConfigError

MINIMAL = {
    "name": "r",
    "baseline": {"model": "a/b", "label": "base"},
    "candidate": [{"model": "a/c"}],
    "task": [{"name": "assay"}],
}
JUDGED = MINIMAL | {"questions": {}, "judge": [{"model": "j", "base_url": "http://127.0.0.1:1/v1"}]}


def refusal(**changes) -> str:
    with pytest.raises(ConfigError) as caught:
        config_from(MINIMAL | changes, "review.toml")
    return str(caught.value)


def test_a_minimal_review_measures_accuracy():
    config = config_from(MINIMAL, "x")
    assert (config.primary, config.margin) == ("accuracy_change", 0.02)
    assert [model.name for model in config.models] == ["base", "c"]


def test_the_primary_measure_follows_what_is_measured():
    assert config_from(JUDGED, "x").primary == "rating_change"
    pair = JUDGED | {"judge": [JUDGED["judge"][0] | {"modes": ["pair"]}]}
    assert (config_from(pair, "x").primary, config_from(pair, "x").margin) == ("win_change", 0.05)


def test_an_unknown_key_is_named_with_its_neighbor():
    message = refusal(candidte=[])
    assert message.startswith("review.toml: unknown key 'candidte'.")
    assert "Did you mean 'candidate'?" in message


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decision": {"proves": "mmlu"}}, 'decision.proves: takes a list of task names, as proves = ["mmlu"].'),
        ({"decision": {"shown": 3}}, 'decision.shown: takes a list of task names, as shown = ["NAME"].'),
        ({"decision": {"leave_out": "x"}}, 'decision.leave_out: takes a list, as leave_out = ["x"].'),
        ({"decision": {"margins": 0.1}}, "decision.margins: takes a table, as margins = { NAME = VALUE }."),
        ({"decision": {"limits": {"a.flips": "x"}}}, 'decision.limits."a.flips": Input should be a valid number'),
        ({"candidate": {"model": "a/c"}}, "candidate: there may be several: begin each with [[candidate]]."),
        ({"baseline": [{"model": "a/b"}]}, "baseline: takes a table of its own."),
    ],
)
def test_what_has_another_form_is_told_as_toml_writes_it(changes, said):
    assert refusal(**changes).startswith(f"review.toml: {said}")


def test_contradictions_are_refused():
    assert "two entries share the label 'base'" in refusal(candidate=[{"model": "x/base"}])
    assert "nothing to review" in refusal(task=[])
    assert "needs [questions]" in refusal(judge=[{"model": "j"}])
    assert "nothing in this review measures it" in refusal(decision={"primary": "win_change"})
    assert "either `model`" in refusal(questions={}, judge=[{"model": "j", "serve": "m"}])
    assert "@control" in refusal(candidate=[{"model": "m", "label": "a@control"}])
    assert "may not be all" in refusal(candidate=[{"model": "m", "label": "all"}])
    assert "name" in refusal(name="../escape")


@pytest.mark.parametrize("value", [datetime.date(2026, 1, 1), float("nan"), [float("inf")]])
def test_arguments_that_no_manifest_can_hold_are_refused(value):
    said = "engine_args: takes texts, finite numbers, true, false, arrays and tables only."
    assert refusal(baseline={"model": "a/b", "engine_args": {"x": value}}) == f"review.toml: baseline.{said}"


def test_a_temperature_below_zero_is_refused():
    assert "questions.temperatures.math: " in refusal(questions={"temperatures": {"math": -1.0}})


def test_answers_of_the_baseline_alone_are_for_traces_and_not_for_a_judge():
    alone = {"answers": "baseline", "traces": True}
    assert config_from(MINIMAL | {"questions": alone}, "x").questions.answers == "baseline"
    assert "for `traces = true`" in refusal(questions={"answers": "baseline"})
    assert "needs the answers of all models" in refusal(questions=alone, judge=JUDGED["judge"])


def test_the_digest_covers_every_setting():
    assert config_from(MINIMAL, "x").digest == config_from(MINIMAL | {"seed": 1}, "y").digest
    assert config_from(MINIMAL, "x").digest != config_from(MINIMAL | {"seed": 2}, "x").digest


def test_the_file_is_named_when_it_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        read_config(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(ConfigError, match=r"broken\.toml: cannot be read as TOML"):
        read_config(broken)


def test_the_example_of_assay_init_is_a_valid_config():
    config = read_config(Path(str(files("assay.commands") / "review.toml")))
    assert config.primary == "rating_change"
    assert config.judge[0].prompts == "official"


def judges(*changes, **decision):
    data = JUDGED | {"judge": [JUDGED["judge"][0] | {"label": str(n)} | each for n, each in enumerate(changes)]}
    return config_from(data | {"decision": decision}, "review.toml")


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ([{}, {"form": "json"}], "in one `form`"),
        ([{"form": "json", "prompts": "official"}], 'needs prompts = "assay"'),
        ([{"form": "logprob"}], 'needs modes = \\["single"\\]'),
        ([{"budget_usd": 1.0}], "needs a `price`"),
        ([{"price": {"input": -1, "output": 1}}], "price.input"),
    ],
)
def test_what_a_judge_cannot_be_asked_for_is_refused(changes, cause):
    with pytest.raises(ConfigError, match=cause):
        judges(*changes)


def test_a_judges_rules_follow_its_form():
    assert [judges({"form": form, "modes": ["single"]}).judge[0].rules for form in ("text", "json", "logprob")] == [
        "strict",
        "json",
        "logprob",
    ]
    assert judges({"parsing": "fastchat"}).judge[0].rules == "fastchat"
    with pytest.raises(ConfigError, match="a panel needs several"):
        judges({}, panel=True)
    assert judges({}, {}, panel=True).decision.panel


@pytest.mark.parametrize(
    ("measured", "margin", "unit"),
    [
        (MINIMAL, 2, "a share: 0.02 is two points"),
        (JUDGED, 9, "in rating points"),
        (JUDGED | {"judge": [JUDGED["judge"][0] | {"modes": ["pair"]}]}, 0.5, "a share: 0.05 is five points"),
    ],
)
def test_a_margin_that_nothing_can_lose_is_in_the_wrong_unit(measured, margin, unit):
    with pytest.raises(ConfigError, match=unit):
        config_from(measured | {"decision": {"margin": margin}}, "review.toml")
    assert config_from(measured | {"decision": {"margin": margin / 100}}, "x").margin == margin / 100


def test_a_limit_that_cannot_be_kept_or_broken_is_refused():
    assert "limits.kl_trace is -0.1" in refusal(decision={"limits": {"kl_trace": -0.1}})
    assert "limits.flips is 8, but it is a share" in refusal(decision={"limits": {"flips": 8}})
    kept = config_from(MINIMAL | {"decision": {"limits": {"flips": 0, "kl_trace": 2}}}, "x")
    assert kept.decision.limits == {"flips": 0, "kl_trace": 2}


def test_two_files_of_one_name_would_share_their_items_names():
    message = refusal(task=[{"name": "one/mine.jsonl"}, {"name": "two/mine.jsonl"}])
    assert "share the task 'mine'; name it once, or rename one of two files" in message


def test_the_tasks_of_a_review_keep_lists_of_one_length():
    kept = [{"name": name, "vocabulary": True, "vocabulary_top_k": k} for name, k in (("assay", 5), ("a.jsonl", 9))]
    assert "the tasks of one review keep one `vocabulary_top_k`" in refusal(task=kept)
    assert config_from(MINIMAL | {"task": [kept[0], {"name": "a.jsonl"}]}, "x").task[0].vocabulary_top_k == 5


def test_a_mode_that_is_named_twice_is_refused_before_its_exam_would_be_paid_for_twice():
    twice = JUDGED | {"judge": [JUDGED["judge"][0] | {"modes": ["pair", "pair"]}]}
    with pytest.raises(ConfigError, match="names one mode twice"):
        config_from(twice, "x")


def test_the_traces_k_by_its_earlier_name_is_refused_with_both_names():
    """`top_k` alone would be taken for a setting of the sampling, and the traces would keep another K unsaid."""
    assert "questions: the K of traces is `trace_top_k`, not `top_k`: rename it." in refusal(
        questions={"traces": True, "top_k": 5}
    )
    assert config_from(MINIMAL | {"questions": {"traces": True, "trace_top_k": 5}}, "x").questions.trace_top_k == 5


def test_whose_answers_a_model_reads():
    """The baseline reads its own for the rollouts, too: what it thinks of a candidate's is held against them."""

    def authors(**questions) -> list[tuple[str, ...]]:
        config = config_from(MINIMAL | {"questions": questions}, "x")
        return [config.authors(name) for name in ("base", "base@control", "c")]

    assert authors() == [(), (), ()]
    assert authors(traces=True) == [("base",)] * 3
    assert authors(rollouts=True) == [("base", "c", "base@control"), ("base@control",), ("c",)]
    both = [("base", "c", "base@control"), ("base", "base@control"), ("base", "c")]
    assert authors(traces=True, rollouts=True) == both


def test_models_without_a_run_and_models_that_do_not_write_have_no_rollouts():
    imported = MINIMAL | {"candidate": [{"model": "c", "engine": "imported"}], "questions": {"rollouts": True}}
    assert config_from(imported, "x").authors("base") == ("base", "base@control")
    questions = {"answers": "baseline", "traces": True, "rollouts": True}
    assert 'leave out `answers = "baseline"`' in refusal(questions=questions)
