"""`assay check`: the config of one line, keys that are set on the command line, and a whole review by it."""

import tomllib

import pytest

from assay import pipeline
from assay.cli import run as assay
from assay.declarations import declaration
from assay.one_line import Wishes, model_labels, one_line_review
from assay.settings import overridden, valued
from ledger.config import config_from_text
from ledger.errors import ConfigError, StaleInput
from ledger.progress import silent

TWO = ("org/base", "org/small")
TEXT = """# kept
name = "r"
[baseline]
model = "a/b"   # kept too
[[candidate]]
model = "a/c"
label = "small"
[[task]]
[decision]
margin = 0.02
"""


def test_two_names_are_a_whole_review_with_a_control_and_limits():
    config = one_line_review(Wishes(TWO)).config
    assert (config.name, config.baseline.control) == ("check-base-small", True)
    assert [task.name for task in config.task] == ["assay", "assay-solve"]
    assert config.questions
    assert config.questions.traces
    assert (config.primary, config.judge) == ("accuracy_change", ())
    assert dict(config.decision.limits) == {"flips": 0.08, "loops": 0.05, "unfinished": 0.1}


def test_every_wish_stands_in_the_config_that_was_run():
    wishes = Wishes(
        TWO,
        quick=True,
        margin=0.5,
        limits={"flips": 0.2},
        tasks=("mmlu", "gsm8k"),
        engine="transformers",
        engine_args=valued(["max_model_len=4096", "dtype=float32"], "--engine-arg"),
        judge_model="m",
        judge_url="http://127.0.0.1:9/v1",
    )
    said = one_line_review(wishes)
    config = config_from_text(said.text, "x")
    assert config == said.config
    assert config.candidate[0].engine_args == {"max_model_len": 4096, "dtype": "float32"}
    assert ([task.name for task in config.task], config.margin) == (["mmlu", "gsm8k"], 0.5)
    assert config.decision.limits["flips"] == 0.2
    assert (config.judge[0].model, config.judge[0].base_url) == ("m", "http://127.0.0.1:9/v1")
    assert config.questions.limit == 12
    assert {model.engine for model in config.models} == {"transformers"}


def test_names_that_end_alike_are_told_apart():
    assert model_labels(["a/x", "b/x"]) == ["a-x", "b-x"]
    assert model_labels(["./runs/base/", "../w4"]) == ["base", "w4"]
    with pytest.raises(ConfigError, match="a/x is given twice"):
        model_labels(["a/x", "a/x"])
    assert model_labels(["a/b/c/x", "d/b/c/x"]) == ["a-b-c-x", "d-b-c-x"]


@pytest.mark.parametrize(
    ("more", "setting"),
    [
        ({"margin": 0.1}, "decision.margin=0.2"),
        ({"limits": {"flips": 0.1}}, "decision.limits.flips=0.2"),
        ({"name": "n"}, "name=m"),
    ],
)
def test_a_key_that_an_option_sets_is_not_set_again(more, setting):
    with pytest.raises(ConfigError, match=r"by an option of its own and by --set\. Say it once"):
        one_line_review(Wishes(TWO, **more), [setting])


@pytest.mark.parametrize(
    ("wishes", "words"),
    [
        (Wishes(("a/b",)), "at least one candidate"),
        (Wishes(TWO, engine="openai"), "is not vllm or transformers"),
        (Wishes(TWO, margin=2.0), "cannot lose more than"),
    ],
)
def test_a_wish_that_cannot_be_met_is_a_plain_sentence(wishes, words):
    with pytest.raises(ConfigError, match=words):
        one_line_review(wishes)


def test_the_margin_that_decides_is_written_down():
    assert one_line_review(Wishes(TWO)).config.decision.margin == 0.02
    judged = one_line_review(Wishes(TWO, judge_model="m", judge_url="http://127.0.0.1:9/v1")).config
    assert (judged.decision.margin, judged.margin) == (None, 0.3)  # of ratings, which decide there


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("config.json", "a is a model, and no logs. For models: assay check"),
        ("review.toml", "a is a run, and no logs. For two runs: assay diff"),
        ("", "no such file or folder: "),
    ],
)
def test_compare_names_the_command_that_is_meant(tmp_path, monkeypatch, capsys, file, said):
    monkeypatch.chdir(tmp_path)
    for name in "ab" if file else "":
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text("{}")
    assert assay(["compare", "a", "b"]) == 64
    assert said in " ".join(capsys.readouterr().err.split())


def test_an_engine_argument_without_a_value_is_refused():
    with pytest.raises(ConfigError, match="is no KEY=VALUE"):
        valued(["dtype"], "--engine-arg")


def test_a_set_key_is_declared_as_if_it_had_been_written_and_comments_stay():
    set_keys = ["decision.margin=0.01", "candidate.small.engine=transformers", "task.1.limit=5", "questions.samples=2"]
    text = overridden(TEXT, set_keys, "x")
    assert text.count("# kept") == 2
    found = tomllib.loads(text)
    assert (found["decision"]["margin"], found["candidate"][0]["engine"]) == (0.01, "transformers")
    assert (found["task"][0]["limit"], found["questions"]["samples"]) == (5, 2)
    assert declaration(text, "x").config.digest != declaration(TEXT, "x").config.digest
    assert overridden(TEXT, [], "x") == TEXT


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("decision.margin", "sets nothing"),
        ("=1", "sets nothing"),
        ("candidate.other.engine=x", r"there is no 'other'\. There are small: write candidate\.small\.KEY=VALUE"),
        ("candidate.small=x", "no table"),
        ("name.more=1", "no table"),
    ],
)
def test_a_setting_that_sets_nothing_is_refused_by_name(setting, words):
    with pytest.raises(ConfigError, match=words):
        overridden(TEXT, [setting], "x")


def test_an_unknown_key_is_refused_as_in_a_file():
    with pytest.raises(ConfigError, match="marign"):
        declaration(overridden(TEXT, ["decision.marign=0.01"], "x"), "x")


def test_a_config_of_which_nothing_came_is_no_declaration(tmp_path):
    """A model folder that is none ends the command; what was wrong may be mended under the same name."""
    begun = pipeline.begin_declared(one_line_review(Wishes(TWO)), tmp_path, silent)
    again = pipeline.begin_declared(one_line_review(Wishes(TWO, margin=0.5)), tmp_path, silent)
    assert begun.digest != again.digest
    store = tmp_path / "check-base-small" / "generation" / "base" / "answers.jsonl"
    store.parent.mkdir(parents=True)
    store.write_text("{}\n")
    with pytest.raises(StaleInput):
        pipeline.begin_declared(one_line_review(Wishes(TWO)), tmp_path, silent)


def test_keys_set_of_a_file_that_is_not_there_are_an_error_of_usage(tmp_path, capsys):
    assert assay(["review", str(tmp_path / "none.toml"), "--set", "seed=2"]) == 64
    assert "no such file" in capsys.readouterr().err
