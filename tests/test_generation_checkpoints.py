"""What vLLM can load is known from a checkpoint's config, and what its arguments are called from its source."""

import json

import pytest

from generation.checkpoints import format_of, hub_revision, model_config, refuse_unloadable, weights_bytes
from generation.orders import EngineSpec
from generation.vllm_arguments import bound_threads, check_vllm, environment, known_arguments, llm_arguments
from ledger.errors import ConfigError, EngineError


def packed(bits, kind="int", activations=None, group=None):
    weights = {"num_bits": bits, "type": kind, "group_size": group}
    scheme = {"weights": weights, "input_activations": {"num_bits": activations} if activations else None}
    return {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"group_0": scheme}}}


def method(name):
    return {"quantization_config": {"quant_method": name}}


SPARSE = {"quantization_config": {"quant_method": "compressed-tensors", "sparsity_config": {"targets": ["Linear"]}}}


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({}, ""),
        (packed(8, activations=8), "compressed-tensors W8A8"),
        (packed(4, group=64), "compressed-tensors W4A16"),
        (packed(8), "compressed-tensors W8A16"),
        (packed(8, "float", 8), "compressed-tensors FP8"),
        (packed(4, "float", group=16), "compressed-tensors NVFP4"),
        (packed(4, "float", group=32), "compressed-tensors MXFP4"),
        (SPARSE, "compressed-tensors"),
        (method("gptq"), "gptq"),
        ({"quantization_config": {"load_in_8bit": True}}, "bitsandbytes"),
    ],
)
def test_a_format_is_read_from_the_config(config, name):
    assert format_of("m", config, {}) == name


@pytest.mark.parametrize(
    "stored",
    [
        "gptq",
        {"quant_method": "compressed-tensors", "config_groups": [1], "sparsity_config": "dense"},
        {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": "int4"}}},
    ],
)
def test_a_config_that_is_not_as_it_should_be_breaks_nothing(stored):
    config = {"quantization_config": stored}
    refuse_unloadable("m", config, {}, on_cpu=True)
    assert format_of("m", config, {}) in ("", "compressed-tensors")


def test_gguf_is_known_by_its_name():
    assert format_of("m.gguf", {}, {}) == format_of("org/m-GGUF:Q8_0", {}, {}) == "gguf"


def test_an_online_format_is_for_plain_weights():
    assert format_of("m", {}, {"quantization": "fp8_per_channel"}) == "fp8_per_channel"
    assert format_of("m", method("awq"), {"quantization": "fp8_per_channel"}) == "awq"


@pytest.mark.parametrize(
    ("config", "tokens"),
    [
        ({"max_position_embeddings": 131072}, 8192),
        ({"n_positions": 1024, "n_ctx": 1024}, 1024),
        ({"max_position_embeddings": None, "seq_length": 2048}, 2048),
        ({"text_config": {"max_position_embeddings": 4096}}, 4096),
        ({}, 8192),
    ],
)
def test_on_a_cpu_no_more_context_is_asked_for_than_the_model_has(tmp_path, monkeypatch, config, tokens):
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("generation.vllm_arguments.on_cpu", lambda: True)
    given = llm_arguments(EngineSpec(kind="vllm", model=str(tmp_path)))
    assert given["max_model_len"] == given["max_num_batched_tokens"] == tokens
    assert given["enable_chunked_prefill"] is False  # a part of a prompt with a seed would end vLLM's engine
    own = EngineSpec(kind="vllm", model=str(tmp_path), arguments={"max_model_len": 512, "enable_chunked_prefill": True})
    assert (llm_arguments(own)["max_num_batched_tokens"], llm_arguments(own)["enable_chunked_prefill"]) == (512, True)


def refused(config, on_cpu=False, installed=(), arguments=None, model="m"):
    with pytest.raises(EngineError) as caught:
        refuse_unloadable(model, config, arguments or {}, on_cpu=on_cpu, installed=lambda name: name in installed)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", ["hqq", "quanto", "aqlm", "vptq", "bitnet"])
def test_what_only_transformers_loads_says_so(name):
    assert 'engine = "transformers"' in refused(method(name))


def test_a_missing_plugin_is_named_with_its_command():
    assert "pip install vllm-bnb-plugin" in refused(method("bitsandbytes"))
    assert "pip install vllm-gguf-plugin" in refused({}, model="org/m:Q4_K_M")
    refuse_unloadable("m", method("bitsandbytes"), {}, on_cpu=False, installed=lambda name: name == "vllm-bnb-plugin")


def test_plugins_do_not_help_on_a_cpu():
    assert 'engine = "transformers"' in refused(method("bitsandbytes"), on_cpu=True, installed=["vllm-bnb-plugin"])


def test_a_sparsity_config_is_refused_unless_it_is_overridden():
    assert "drop `sparsity_config`" in refused(SPARSE)
    overrides = {"hf_overrides": {"quantization_config": {"quant_method": "compressed-tensors"}}}
    refuse_unloadable("m", SPARSE, overrides, on_cpu=False)
    empty = {"quantization_config": {"quant_method": "compressed-tensors", "sparsity_config": {"targets": []}}}
    refuse_unloadable("m", empty, {}, on_cpu=False)


def test_what_has_no_cpu_kernel_is_refused_there_only():
    for config in (packed(8), packed(4, "float", group=16)):
        refuse_unloadable("m", config, {}, on_cpu=False)
        assert "CPU build" in refused(config, on_cpu=True)


def test_an_unknown_method_is_named():
    assert "'turbo9'" in refused(method("turbo9"))


def test_a_broken_config_is_no_config(tmp_path):
    assert model_config(str(tmp_path)) == {}
    (tmp_path / "config.json").write_text("{")
    assert model_config(str(tmp_path)) == {}
    (tmp_path / "config.json").write_text(json.dumps({"a": 1}))
    (tmp_path / "model.safetensors").write_bytes(b"12345")
    assert model_config(str(tmp_path)) == {"a": 1}
    assert weights_bytes(str(tmp_path)) == 5
    assert weights_bytes("org/name") == 0


def spec(**arguments):
    return EngineSpec(kind="vllm", model="org/name", arguments=arguments)


def test_vllm_arguments_are_known_without_importing_vllm():
    pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")
    import dataclasses

    from vllm.engine.arg_utils import EngineArgs

    assert known_arguments() == {field.name for field in dataclasses.fields(EngineArgs)}


def test_an_unknown_vllm_argument_is_refused_with_the_nearest_name(monkeypatch):
    monkeypatch.setattr("generation.vllm_arguments.importlib.util.find_spec", lambda _: object())
    monkeypatch.setattr("generation.vllm_arguments.known_arguments", lambda: frozenset({"max_model_len", "dtype"}))
    check_vllm(spec(max_model_len=100))
    with pytest.raises(ConfigError, match="Did you mean 'max_model_len'"):
        check_vllm(spec(max_model_length=100))
    with pytest.raises(ConfigError, match="decided by the config's `seed`"):
        check_vllm(spec(seed=3))


def test_without_vllm_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setattr("generation.vllm_arguments.importlib.util.find_spec", lambda _: None)
    with pytest.raises(EngineError, match="extra `cpu` or `gpu`"):
        check_vllm(spec())
    check_vllm(spec(), here=False)


def test_the_batch_invariant_mode_is_for_gpus(monkeypatch):
    monkeypatch.setattr("generation.vllm_arguments.importlib.util.find_spec", lambda _: object())
    monkeypatch.setattr("generation.vllm_arguments.known_arguments", frozenset)
    asked = EngineSpec(kind="vllm", model="org/name", batch_invariant=True)
    monkeypatch.setattr("generation.vllm_arguments.on_cpu", lambda: True)
    with pytest.raises(ConfigError, match="no batch-invariant mode"):
        check_vllm(asked)
    monkeypatch.setattr("generation.vllm_arguments.on_cpu", lambda: False)
    check_vllm(asked)
    assert environment(asked) == {"VLLM_BATCH_INVARIANT": "1"}
    assert environment(spec()) == {}


def test_on_cpus_4_bit_weights_meet_activations_of_16_bits_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.setattr("generation.vllm_arguments.on_cpu", lambda: True)
    monkeypatch.delenv("VLLM_CPU_INT4_W4A8", raising=False)
    assert environment(spec())["VLLM_CPU_INT4_W4A8"] == "0"
    monkeypatch.setenv("VLLM_CPU_INT4_W4A8", "1")
    assert environment(spec())["VLLM_CPU_INT4_W4A8"] == "1"


def test_a_hub_models_revision_is_the_commit_of_its_files_here(tmp_path, monkeypatch):
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--org--m"
    for commit, branch in (("a" * 40, "main"), ("b" * 40, "next")):
        (repository / "snapshots" / commit).mkdir(parents=True)
        (repository / "snapshots" / commit / "config.json").write_text("{}")
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / branch).write_text(commit)
    assert hub_revision("org/m") == "a" * 40
    assert hub_revision("org/m", "next") == hub_revision("org/m", "b" * 40) == "b" * 40
    assert hub_revision("org/absent") is None
    assert hub_revision(str(tmp_path)) is None


@pytest.mark.parametrize(("binding", "count"), [("0-1", 2), ("3", 1), ("0,2,4-7", 6), ("auto", None), ("", None)])
def test_threads_are_counted_from_the_binding(binding, count):
    assert bound_threads(binding) == count
