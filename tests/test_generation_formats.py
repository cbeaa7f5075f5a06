"""The table in docs/formats.md, tried: each checkpoint is loaded by the real vLLM and picks as the plain model does.

Run by `make test-long`: a model load each. A wrong packing would pick at random. What Assay refuses beforehand is also
shown to fail in vLLM itself, so that no refusal outlives its cause.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from generation.orders import EngineSpec
from generation.vllm_arguments import check_vllm, on_cpu
from ledger.errors import EngineError
from ledger.runs import RunFolder

pytestmark = [pytest.mark.model, pytest.mark.soak]
pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")
checkpoint_factory = importlib.import_module("tests.checkpoint_factory")  # imports torch

REVIEW = """
name = "{name}"
[baseline]
model = {model}
label = "m"
control = false
engine_args = {arguments}
[[candidate]]
model = {model}
label = "unused"
[questions]
limit = 1
max_tokens = 16
[[task]]
limit = 60
"""
BYPASS = """
import sys
import generation.vllm_engine as engine
from generation.orders import EngineSpec
engine.check_vllm = lambda spec: None
engine.load_vllm(EngineSpec.model_validate_json(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def base(smollm2):
    return smollm2


def scores(folder: Path, name: str, model: Path, arguments: str = "{}") -> list[tuple[int, tuple[float, ...]]]:
    config = folder / f"{name}.toml"
    config.write_text(REVIEW.format(name=name, model=json.dumps(str(model)), arguments=arguments))
    command = [sys.executable, "-m", "assay.cli", "generate", str(config), "--model", "m", "--runs", str(folder)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
    run = RunFolder(folder / name).generation("m")
    assert all(turn.text for answer in run.answers.records() for turn in answer.turns)
    return [(c.picked, c.logprobs) for c in sorted(run.choices.records(), key=lambda c: c.key)]


@pytest.fixture(scope="module")
def plain(base, tmp_path_factory):
    return scores(tmp_path_factory.mktemp("plain"), "plain", base)


LAB = {
    "w8a8": "w8a8",
    "w4a16": "w4a16",
    "w4a16-channel": "w4a16=channel",
    "drop1": "drop-layers=1",
    "prune30": "prune=0.3",
}
MADE = ("gptq", "awq", "fp8")
ONLINE = ("fp8_per_channel",)


@pytest.mark.parametrize("name", [*LAB, *MADE, *ONLINE])
def test_a_format_loads_and_picks_as_the_plain_model_does(name, base, plain, tmp_path):
    model, arguments = base, "{}"
    if name in LAB:
        model = tmp_path / "model"
        command = [sys.executable, "-m", "assay.cli", "compress", str(base), str(model), "--scheme", LAB[name]]
        subprocess.run(command, check=True, capture_output=True)
    elif name in MADE:
        model = getattr(checkpoint_factory, name)(base, tmp_path / "model")
    else:
        arguments = f'{{ quantization = "{name}" }}'
    found = scores(tmp_path, name, model, arguments)
    same = sum(one[0] == other[0] for one, other in zip(found, plain, strict=True)) / len(plain)
    print(f"{name}: {same:.0%} of the picks are the plain model's")
    assert found != plain
    assert same > 0.55  # four options: chance is a quarter


def refused(spec: EngineSpec) -> None:
    with pytest.raises(EngineError):
        check_vllm(spec)
    command = [sys.executable, "-c", BYPASS, spec.model_dump_json()]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode != 0
    print(ended.stderr.strip().splitlines()[-1][:300])


@pytest.mark.skipif(not on_cpu(), reason="these formats are refused on CPUs only")
@pytest.mark.parametrize("name", ["fp8_per_tensor", "fp8_per_block", "mxfp8"])
def test_an_online_format_that_is_refused_on_a_cpu_fails_there(name, base):
    refused(EngineSpec(kind="vllm", model=str(base), arguments={"quantization": name}))


@pytest.mark.skipif(not on_cpu(), reason="this format is refused on CPUs only")
def test_weights_of_8_bits_alone_are_refused_on_a_cpu_and_fail_there(base, tmp_path):
    refused(EngineSpec(kind="vllm", model=str(checkpoint_factory.w8a16(base, tmp_path / "model"))))


def test_a_sparsity_config_is_refused_and_fails_in_vllm(base, tmp_path):
    folder = checkpoint_factory.fp8(base, tmp_path / "model")
    refused(EngineSpec(kind="vllm", model=str(checkpoint_factory.with_sparsity_config(folder))))
