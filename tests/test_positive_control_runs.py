"""A positive control is made once, run after all others, judged last, and ends nothing where it fails."""

import json
from collections import namedtuple

import pytest

from assay import pipeline
from assay.contestants import refuse_contestants
from assay.placement.processes import Job
from assay.placement.work import run_shards, run_work
from assay.positive_controls import made_folder, make_positive_controls, models_to_run, positive_control_faults
from assay.preflight import preflight
from judge.brief import Brief
from ledger.config import config_from
from ledger.errors import ConfigError, EngineError
from ledger.progress import silent
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import answer
from tests.judge_reviews import PROMPTS, configured, essay

NOISE = "noise=0.1"
PLENTY = 1 << 40
Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def settings(base, given=NOISE, **baseline):
    data = {
        "name": "r",
        "seed": 3,
        "positive_control": given,
        "baseline": {"model": str(base), "label": "base", "engine": "transformers", "control": False, **baseline},
        "candidate": [{"model": "org/other", "label": "other", "engine": "transformers"}],
        "task": [{"name": "assay", "limit": 4}],
    }
    return config_from(data, "test")


def test_a_scheme_is_made_once_from_the_baseline_and_runs_as_it_does(base, cache):
    pytest.importorskip("torch", reason="torch is not installed")
    config, said = settings(base, engine_args={"dtype": "float32"}), []
    assert [each.name for each in models_to_run(config)] == ["base", "other"]
    make_positive_controls(config, lambda progress: said.append(progress.work))
    *_, found = models_to_run(config)
    place = made_folder(config, config.positive_control[0])
    assert (found.name, found.model, found.engine_args) == (NOISE, str(place), {"dtype": "float32"})
    assert place.is_relative_to(cache)
    assert place.name == "noise=0.1-seed3"
    weights = (place / "model.safetensors").read_bytes()
    assert weights != (base / "model.safetensors").read_bytes()
    assert said == [f"{NOISE}: making the positive control"] * 2
    make_positive_controls(config, lambda progress: said.append(progress.work))
    assert len(said) == 2
    place.rename(place.with_name("earlier"))
    make_positive_controls(config, silent)
    assert (place / "model.safetensors").read_bytes() == weights


def test_one_model_may_be_run_alone_where_the_baseline_is_not(base):
    config = settings("/nowhere/base", [NOISE, {"model": "org/broken"}])
    assert [each.name for each in models_to_run(config, "other")] == ["other"]
    assert [each.name for each in models_to_run(config, "broken")] == ["broken"]
    assert models_to_run(config, NOISE) == []
    with pytest.raises(ConfigError, match=r"no model is called 'x'.* There are base, other, noise=0\.1, broken\."):
        models_to_run(config, "x")


@pytest.mark.parametrize(
    ("given", "baseline", "words"),
    [
        ("nois=0.1", {}, "'nois=0.1' is not a scheme"),
        ("noise=0", {}, "needs a number above 0"),
        (NOISE, {"model": "org/hub-name"}, "as a folder on this machine, and org/hub-name is none"),
        (NOISE, {"engine": "openai", "model": "served"}, "which are not here"),
        (NOISE, {"loader": "mine:load"}, "without a `loader` of your own"),
    ],
)
def test_what_keeps_a_scheme_from_being_made_is_told_beforehand(base, given, baseline, words):
    (fault,) = positive_control_faults(settings(base, given, **baseline), PLENTY)
    assert words in str(fault)
    assert str(fault).startswith(f"positive control {given}: ")


def test_a_quantized_baseline_a_full_disk_and_a_small_memory_are_told_too(base, tmp_path, monkeypatch):
    quantized = tmp_path / "quantized"
    quantized.mkdir()
    (quantized / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "gptq"}}))
    (quantized / "model.safetensors").write_bytes(b"0" * 9)
    (fault,) = positive_control_faults(settings(quantized), PLENTY)
    assert "the model is quantized already" in str(fault)
    pytest.importorskip("torch", reason="torch is not installed")
    (fault,) = positive_control_faults(settings(base), 10)
    assert "the free memory is 0.0 GiB" in str(fault)
    assert list(positive_control_faults(settings(base), PLENTY)) == []
    monkeypatch.setattr("assay.positive_controls.shutil.disk_usage", lambda _: Usage(1, 1, 1))
    (fault,) = positive_control_faults(settings(base), PLENTY)
    assert "are free in" in str(fault)


def test_one_that_cannot_be_made_is_told_and_ends_nothing(base):
    said = []
    make_positive_controls(settings(base, "drop-layers=99"), lambda progress: said.append(progress.work))
    assert said[-1].startswith("drop-layers=99: the positive control was not made: ")


def test_one_that_cannot_run_is_told_and_ends_nothing_and_others_come_first(tmp_path):
    config = settings(tmp_path / "base", {"model": str(tmp_path / "broken"), "engine": "transformers"})
    for name in ("base", "other", "broken"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
        (tmp_path / name / "model.safetensors").write_bytes(b"0")
    config = config.model_copy(
        update={"candidate": (config.candidate[0].model_copy(update={"model": str(tmp_path / "other")}),)}
    )
    said, ran = [], []
    review = pipeline.Review(config, RunFolder(tmp_path / "run"), silent, config.digest)

    def run(jobs, _):
        ran.append([job.name for job in jobs])
        if any(name.startswith("broken") for name in ran[-1]):
            raise EngineError("it does not load")

    told = lambda progress: said.append(progress.work)  # noqa: E731
    run_work(pipeline.batches(review), run, 1, told, config.positive_names)
    assert ran == [["base", "other"], ["broken"]]
    assert said == ["broken: the positive control did not run: it does not load"]
    with pytest.raises(EngineError):
        run_work(pipeline.batches(review), run, 1, told)
    jobs = [Job(batch, tmp_path / "log", shard="1/2") for batch in pipeline.batches(review)]
    run_shards(jobs, run, told, config.positive_names)
    assert ran[-2:] == [["base 1/2", "other 1/2"], ["broken 1/2"]]
    assert len(said) == 2


def test_it_is_judged_after_all_others_and_plays_the_baseline_alone(tmp_path):
    run = RunFolder(tmp_path)
    for model in ("base", "one", "two", NOISE):
        with Writer(run.generation(model).answers) as writer:
            writer.append(answer(model, "q", essay(model), essay(f"{model} again")))
    brief = Brief(run, configured(pairs="all"), PROMPTS, "base", ["one", "two"], None, 1, positive_controls=[NOISE])
    assert ("base", NOISE) in brief.pairs
    assert not {("one", NOISE), ("two", NOISE)} & {*brief.pairs}
    assert brief.about["positive_controls"] == [NOISE]
    plan = brief.plan(brief.answers())
    asks = plan.asks()
    about = ["noise=0.1" in ask.judgment.replace("%3D", "=") for ask in asks]
    assert 0 < sum(about) < len(about)
    assert about == sorted(about)
    assert len(asks) == len([each for each in (*plan.ratings, *plan.games) if each.ask])


def test_one_without_answers_keeps_no_judge_from_its_work(tmp_path, base):
    config = settings(base, [{"model": "org/broken"}])
    judged = {**config.model_dump(exclude_unset=True), "questions": {"source": "assay"}, "judge": [{"model": "j"}]}
    config = config_from(judged, "test")
    review = pipeline.Review(config, RunFolder(tmp_path / "run"), silent, config.digest)
    (brief,) = pipeline.briefs(review)
    assert brief.positive_controls == []
    with Writer(review.run.generation("broken").answers) as writer:
        writer.append(answer("broken", "q", "a text", "another"))
    (brief,) = pipeline.briefs(review)
    assert brief.positive_controls == ["broken"]


def test_a_damaged_model_of_the_users_may_not_judge(base):
    config = settings(base, [{"model": "org/broken"}])
    judged = {**config.model_dump(exclude_unset=True), "questions": {"source": "assay"}}
    config = config_from({**judged, "judge": [{"model": "org/broken"}]}, "test")
    with pytest.raises(ConfigError, match="also a contestant"):
        refuse_contestants(config)


def test_preflight_refuses_before_an_engine_starts_and_a_model_alone_is_not_held_up(base, tmp_path, monkeypatch):
    monkeypatch.delenv("ASSAY_SCRIPTED_ENGINE", raising=False)
    monkeypatch.setattr("assay.preflight.check_engine", lambda spec, *, here: None)
    monkeypatch.setattr("assay.preflight.gpu_memory", list)
    monkeypatch.setattr("assay.preflight.gpus", list)
    config = settings(base, "noise=x").model_copy(update={"candidate": ()})
    review = pipeline.Review(config, RunFolder(tmp_path / "run"), silent, config.digest)
    review.run.path.mkdir()
    with pytest.raises(ConfigError, match=r"positive control noise=x: .*needs a number above 0"):
        preflight(review)
    preflight(review, model="base")
