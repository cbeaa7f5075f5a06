"""Everything that can be known beforehand is told before any engine starts, for all models at once."""

import dataclasses
import importlib.util
import json
import shutil
from collections import namedtuple

import pytest

from assay import pipeline
from assay.preflight import preflight
from generation.scripted_engine import ScriptedEngine
from generation.stage import pending_orders, run_batch
from ledger.errors import BadRecord, ConfigError, EngineError, StaleInput, Unavailable
from ledger.judge_config import JudgeConfig
from ledger.material_config import TaskConfig

REVIEW = """
name = "r"
[baseline]
model = {base}
label = "base"
{more}
[[candidate]]
model = {other}
label = "other"
{more}
[questions]
limit = 2
traces = {traces}
[[task]]
limit = 4
"""

Usage = namedtuple("Usage", "total used free")
HERE = all(importlib.util.find_spec(name) for name in ("torch", "transformers"))
needs_transformers = pytest.mark.skipif(not HERE, reason="torch or transformers is not installed")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.delenv("ASSAY_SCRIPTED_ENGINE", raising=False)
    monkeypatch.setattr("assay.preflight.gpu_memory", list)
    monkeypatch.setattr("assay.preflight.gpus", list)
    monkeypatch.setattr("assay.preflight.stored_tokenizer_digest", lambda model: "same")


def model(folder, name, **config):
    path = folder / name
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (path / "model.safetensors").write_bytes(b"0" * 1000)
    return path


@pytest.fixture
def models(tmp_path):
    return model(tmp_path, "one"), model(tmp_path, "two")


def review(folder, models, more='engine = "transformers"', traces="false"):
    said = []
    config = folder / "review.toml"
    base, other = (json.dumps(str(path)) for path in models)
    config.write_text(REVIEW.format(base=base, other=other, more=more, traces=traces))
    under_way = pipeline.begin(config, folder / "runs", lambda progress: said.append(progress.work))
    return under_way, said


@needs_transformers
def test_a_sound_review_passes_in_silence(tmp_path, models):
    under_way, said = review(tmp_path, models, traces="true")
    preflight(under_way)
    assert said == []


@needs_transformers
def test_one_model_on_both_sides_is_told_before_hours_are_spent(tmp_path, models):
    under_way, said = review(tmp_path, (models[0], models[0]))
    preflight(under_way)
    assert said == [
        'other: it is the baseline\'s own model and arguments, and will be UNFIT unless same_name = "allowed"'
    ]


def test_the_faults_of_all_models_are_told_together(tmp_path, models):
    under_way, _ = review(tmp_path, models, 'engine = "transformers"\nengine_args = { dtyp = "x" }')
    with pytest.raises(ConfigError) as caught:
        preflight(under_way)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("2 faults")
    assert "model base: " in lines[1]
    assert "model other: " in lines[2]


def test_a_checkpoint_that_the_engine_cannot_load_stops_before_any_model_runs(tmp_path, models):
    (models[1] / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "hqq"}}))
    under_way, _ = review(tmp_path, models, "")
    pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")
    with pytest.raises(EngineError, match=r'model other: .*engine = "transformers"'):
        preflight(under_way)


@needs_transformers
def test_weights_larger_than_the_memory_are_refused_with_both_numbers(tmp_path, models, monkeypatch):
    monkeypatch.setattr("assay.preflight._free_memory", lambda: 999)
    under_way, _ = review(tmp_path, models)
    with pytest.raises(EngineError, match=r"weights take 0\.0 GiB, the free memory is"):
        preflight(under_way)
    preflight(under_way, here=False)


@needs_transformers
def test_the_memory_of_gpus_counts_where_there_are_any(tmp_path, models, monkeypatch):
    monkeypatch.setattr("assay.preflight._free_memory", lambda: 0)
    monkeypatch.setattr("assay.preflight.gpu_memory", lambda: [900, 1 << 30])
    under_way, _ = review(tmp_path, models)
    preflight(under_way)
    monkeypatch.setattr("assay.preflight.gpu_memory", lambda: [900, 900])
    with pytest.raises(EngineError, match=r"the memory of 1 GPU"):
        preflight(under_way)


def test_a_share_of_a_gpus_memory_is_a_number(tmp_path, models, monkeypatch):
    monkeypatch.setattr("assay.preflight.check_engine", lambda *_, **__: None)
    monkeypatch.setattr("assay.preflight.gpu_memory", lambda: [1 << 30])
    more = 'engine = "transformers"\nengine_args = { gpu_memory_utilization = "90%" }'
    with pytest.raises(ConfigError, match=r"model base: engine_args: gpu_memory_utilization is '90%', not a number"):
        preflight(review(tmp_path, models, more)[0])


@needs_transformers
def test_gpus_whose_memory_nobody_tells_are_not_taken_for_the_machines_own(tmp_path, models, monkeypatch):
    """CUDA_VISIBLE_DEVICES may hold UUIDs, and nvidia-smi may be missing in a container."""
    monkeypatch.setattr("assay.preflight._free_memory", lambda: 0)
    monkeypatch.setattr("assay.preflight.gpus", lambda: ["GPU-1234"])
    preflight(review(tmp_path, models)[0])


def test_what_is_there_is_read_once_for_each_model(tmp_path, models, monkeypatch):
    asked = []

    def counted(batch):
        asked.append(batch.orders[0].model)
        return pending_orders(batch)

    monkeypatch.setattr("assay.preflight.pending_orders", counted)
    monkeypatch.setattr("assay.preflight.check_engine", lambda *_, **__: None)
    preflight(review(tmp_path, models)[0])
    assert asked == ["base", "other"]


def test_a_task_without_an_item_is_refused_before_any_model_is_loaded(tmp_path, models):
    (empty := tmp_path / "empty.jsonl").write_text("\n")
    under_way, _ = review(tmp_path, models)
    (tmp_path / "review.toml").write_text((tmp_path / "review.toml").read_text() + f"name = {json.dumps(str(empty))}\n")
    under_way = pipeline.begin(tmp_path / "review.toml", tmp_path / "runs", lambda _: None)
    with pytest.raises(ConfigError, match=r"empty\.jsonl: there is no item in it"):
        preflight(under_way)


def test_a_full_disk_is_told_with_both_numbers(tmp_path, models, monkeypatch):
    under_way, _ = review(tmp_path, models)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 1000))
    with pytest.raises(ConfigError, match=r"may write 0\.3 GiB, and 0\.0 GiB are free"):
        preflight(under_way)


@needs_transformers
def test_traces_need_more_disk(tmp_path, models, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, (1 << 28) + 250_000))
    preflight(review(tmp_path, models)[0])
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(ConfigError, match="may write"):
        preflight(review(tmp_path, models, traces="true")[0])
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(ConfigError, match="may write"):
        preflight(review(tmp_path, models, traces="false\nrollouts = true")[0])


@needs_transformers
def test_a_tokenizer_that_differs_is_told_and_the_rest_goes_on(tmp_path, models, monkeypatch):
    monkeypatch.setattr("assay.preflight.stored_tokenizer_digest", str)
    under_way, said = review(tmp_path, models, traces="true")
    preflight(under_way)
    assert said == ["other: kl_trace will not be measured: its tokenizer is not the baseline's"]
    shutil.rmtree(tmp_path / "runs")
    under_way, said = review(tmp_path, models, traces="true\nrollouts = true")
    preflight(under_way)
    assert said == ["other: kl_trace and kl_rollout will not be measured: its tokenizer is not the baseline's"]


@needs_transformers
def test_a_tokenizer_that_cannot_be_read_here_is_no_fault(tmp_path, models, monkeypatch):
    monkeypatch.setattr("assay.preflight.stored_tokenizer_digest", lambda model: None)
    under_way, said = review(tmp_path, models, traces="true")
    preflight(under_way)
    assert said == []


def test_the_batch_invariant_mode_is_vllms(tmp_path, models):
    under_way, _ = review(tmp_path, models)
    config = under_way.config.model_copy(update={"batch_invariant": True})
    with pytest.raises(ConfigError, match='mode of engine = "vllm" alone'):
        preflight(dataclasses.replace(under_way, config=config))


def test_the_scripted_engine_needs_no_model(tmp_path, models, monkeypatch):
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    preflight(review(tmp_path, models, 'engine = "transformers"\nengine_args = { dtyp = "x" }')[0])


@needs_transformers
def test_records_of_other_weights_are_told_as_such(tmp_path, models):
    under_way, _ = review(tmp_path, models)
    for batch in pipeline.batches(under_way):
        run_batch(batch, lambda spec: ScriptedEngine())
    (models[1] / "model.safetensors").write_bytes(b"quantized anew")
    with pytest.raises(StaleInput, match=r"other/manifest\.json, weights: "):
        preflight(under_way)


def test_the_whole_vocabulary_at_each_option_is_counted_before_the_disk_is_full(tmp_path, models, monkeypatch):
    monkeypatch.setattr("assay.preflight.check_engine", lambda *_, **__: None)
    monkeypatch.setattr("assay.preflight.shutil.disk_usage", lambda _: Usage(2**33, 0, 2**29))
    (models[0] / "config.json").write_text(json.dumps({"vocab_size": 128_000}))
    under_way, _ = review(tmp_path, models)
    preflight(under_way)
    text = (tmp_path / "review.toml").read_text() + "vocabulary = true\nvocabulary_top_k = 0\n"
    (tmp_path / "review.toml").write_text(text.replace('name = "r"', 'name = "v"'))
    under_way = pipeline.begin(tmp_path / "review.toml", tmp_path / "runs", lambda _: None)
    with pytest.raises(ConfigError, match=r"may write .* GiB, and 0\.5 GiB are free"):
        preflight(under_way)


JUDGE = '[[judge]]\nmodel = "nobody"\nbase_url = "{url}"\napi_key_env = "OPENAI_API_KEY"\n'


def judged(tmp_path, models, url):
    under_way, _ = review(tmp_path, models)
    config = tmp_path / "judged.toml"
    config.write_text((tmp_path / "review.toml").read_text().replace('"r"', '"j"') + JUDGE.format(url=url))
    return pipeline.begin(config, tmp_path / "runs", under_way.report)


@needs_transformers
@pytest.mark.parametrize("url", ["http://user:hush@127.0.0.1:80x/v1", "127.0.0.1/v1", "http://user:hush@[::1/v1"])
def test_a_judges_url_with_a_typo_is_a_fault_of_the_config_and_no_password_is_shown(tmp_path, models, url):
    with pytest.raises(ConfigError, match=r"base_url.*(must look like|carries a password|Invalid IPv6)") as caught:
        preflight(judged(tmp_path, models, url))
    assert "hush" not in str(caught.value)


@needs_transformers
def test_any_proxy_of_the_environment_keeps_a_far_judge_from_being_called_silent(tmp_path, models, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "some key")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "http://proxy.invalid:1")
    preflight(judged(tmp_path, models, "http://judge.invalid/v1"))


@needs_transformers
def test_a_proxy_does_not_hide_that_nobody_answers_on_this_machine(tmp_path, models, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:1")
    with pytest.raises(Unavailable, match=r"nobody answers at 127\.0\.0\.1:9"):
        preflight(judged(tmp_path, models, "http://127.0.0.1:9/v1"))


@needs_transformers
def test_a_judge_whose_host_cannot_be_a_name_is_no_bug_in_assay(tmp_path, models, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "some key")
    monkeypatch.setattr("assay.preflight.getproxies", dict)
    with pytest.raises(Unavailable, match=r"nobody answers at judge\.\.invalid:443"):
        preflight(judged(tmp_path, models, "https://judge..invalid/v1"))


@needs_transformers
def test_a_judge_that_cannot_be_served_is_found_out_before_any_model_writes(tmp_path, models, monkeypatch):
    under_way = judged(tmp_path, models, "")

    def serving(serve, **arguments):
        judge = JudgeConfig(serve=serve, label="j", serve_args=arguments)
        return dataclasses.replace(under_way, config=under_way.config.model_copy(update={"judge": (judge,)}))

    with pytest.raises(ConfigError, match=r"judge j: .*there is no model folder or \.gguf file \./nowhere"):
        preflight(serving("./nowhere"))
    with pytest.raises(ConfigError, match=r"judge j: tensor_parallel_size is 'two'"):
        preflight(serving("org/judge", tensor_parallel_size="two"))
    monkeypatch.setattr("assay.preflight.importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("assay.preflight.check_engine", lambda *_, **__: None)
    with pytest.raises(EngineError, match=r"judge j: vLLM, which serves it, is not installed here\. Install"):
        preflight(serving("org/judge"))


@needs_transformers
def test_one_model_alone_is_checked_without_the_others_and_without_judges(tmp_path, models):
    """The machine that makes one model need not have the others' folders, nor reach the judge."""
    under_way = judged(tmp_path, models, "http://127.0.0.1:9/v1")
    shutil.rmtree(models[0])
    preflight(under_way, model="other")
    assert [batch.orders[0].model for batch in pipeline.batches(under_way, "other")] == ["other"]
    with pytest.raises(ConfigError, match=r"no model is called 'x'. There are base, other"):
        preflight(under_way, model="x")


def test_the_items_of_a_task_are_read_once_for_all_models(tmp_path, models):
    one, other = pipeline.batches(review(tmp_path, models)[0])
    assert one.orders[0].tasks[0] is one.orders[1].tasks[0] is other.orders[0].tasks[0]


@needs_transformers
def test_records_that_cannot_be_read_are_named_as_they_are(tmp_path, models):
    under_way, _ = review(tmp_path, models)
    choices = under_way.run.generation("base").choices.path
    choices.parent.mkdir(parents=True)
    choices.write_text("{}\n")
    with pytest.raises(BadRecord, match=r"choices\.jsonl, line 1"):
        preflight(under_way)


def test_a_rule_of_a_task_that_nobody_asks_for_is_found_before_a_model_is_loaded(tmp_path, models):
    under_way, _ = review(tmp_path, models)
    asked = under_way.config.task[0].task
    decision = under_way.config.decision.model_copy(update={"proves": (asked[:-1],)})
    config = under_way.config.model_copy(update={"decision": decision})
    with pytest.raises(ConfigError, match=rf"a rule of the task '{asked[:-1]}'.*Did you mean '{asked}'\?"):
        preflight(dataclasses.replace(under_way, config=config))


@pytest.mark.parametrize(
    ("rule", "name", "there"), [("metrics", "f1", "There are correct"), ("filters", "strict", "There are none")]
)
def test_a_score_that_no_checker_gives_is_found_before_a_model_is_loaded(tmp_path, models, rule, name, there):
    under_way, _ = review(tmp_path, models)
    asked = TaskConfig(name="assay-solve", limit=2)
    decision = under_way.config.decision.model_copy(update={rule: {"assay-solve": name}})
    config = under_way.config.model_copy(update={"decision": decision, "task": (*under_way.config.task, asked)})
    with pytest.raises(ConfigError, match=rf"decision\.{rule}\.assay-solve: .*decide by '{name}'.*{there}"):
        preflight(dataclasses.replace(under_way, config=config))
