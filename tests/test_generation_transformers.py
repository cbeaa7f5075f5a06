"""The transformers engine: what may be asked of it is checked first; then the real model, plain and quantized."""

import importlib.util
import json
import sys
from types import SimpleNamespace

import pytest

from generation.engine import Message, ScoreRequest, WriteRequest
from generation.orders import EngineSpec
from generation.templates import Prompt
from generation.transformers_arguments import check_transformers, loading_arguments
from ledger.errors import ConfigError, EngineError
from ledger.records import Finish

pytest.importorskip("transformers", reason="transformers is not installed")
with_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "rope_theta": 1.0}))
    return tmp_path


def spec(folder, **arguments):
    return EngineSpec(kind="transformers", model=str(folder), arguments=arguments)


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [
        ({"dtyp": "float32"}, "Did you mean 'dtype'"),
        ({"load_in_8bit": True}, 'quantization = "llm.int8"'),
        ({"torch_dtype": "float32"}, "called dtype"),
        ({"quantization": "nf5"}, "Did you mean 'nf4'"),
        ({"quantization": "nf4", "quantization_config": {}}, "not both"),
        ({"quantization_config": {"bits": 4}}, "has no quant_method"),
        ({"quantization_config": "nf4"}, "must be a table"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_loaded(folder, arguments, cause):
    with pytest.raises(ConfigError, match=cause):
        check_transformers(spec(folder, **arguments))


def test_settings_of_the_models_own_config_may_be_overridden(folder):
    check_transformers(spec(folder, rope_theta=2.0, dtype="float32"))


def test_a_missing_package_is_named_with_its_command(folder, monkeypatch):
    monkeypatch.setattr("generation.transformers_arguments.is_installed", lambda _: False)
    with pytest.raises(EngineError, match="pip install bitsandbytes"):
        check_transformers(spec(folder, quantization="nf4"))
    (folder / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "quanto"}}))
    with pytest.raises(EngineError, match="pip install optimum-quanto"):
        check_transformers(spec(folder))
    check_transformers(spec(folder), here=False)


def test_an_unknown_quantization_setting_is_refused_with_the_nearest_name(folder):
    asked = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_typ": "nf4"}
    with pytest.raises(ConfigError, match="Did you mean 'bnb_4bit_quant_type'"):
        loading_arguments(spec(folder, quantization_config=asked))
    with pytest.raises(ConfigError, match="'hqqq' is not a quantization method"):
        loading_arguments(spec(folder, quantization_config={"quant_method": "hqqq"}))


def test_a_method_that_transformers_cannot_apply_on_loading_asks_for_a_loader(folder):
    with pytest.raises(ConfigError, match="`loader` of your own"):
        loading_arguments(spec(folder, quantization_config={"quant_method": "gptq", "bits": 4}))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("", "no chance"),
        ("def load(path, **settings): return 1", "gave a int"),
        ("def load(path, **settings): raise ValueError('no weights')", "no weights"),
        ("def load(path, **settings): return settings['missing']", "cannot be loaded .* KeyError: 'missing'"),
        ("load = 3", "is not a function"),
        ("other = 3", "has no load"),
        ("1/0", "fails on import: ZeroDivisionError"),
    ],
)
def test_a_users_loader_that_does_not_load_gives_one_line(folder, monkeypatch, text, cause):
    from generation.transformers_engine import load_transformers

    if text:
        (folder / "own_loader.py").write_text(text)
    else:
        cause = "cannot be imported"
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "own_loader", raising=False)
    asked = EngineSpec(kind="transformers", model=str(folder), loader="own_loader:load")
    with pytest.raises((ConfigError, EngineError), match=cause) as caught:
        load_transformers(asked)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_was_cut_short_is_an_engines_failure(folder):
    from generation.transformers_engine import load_transformers

    config = {"model_type": "llama", "hidden_size": 8, "num_hidden_layers": 1, "vocab_size": 9, "rope_theta": 1.0}
    (folder / "config.json").write_text(json.dumps(config | {"num_attention_heads": 1, "intermediate_size": 8}))
    (folder / "model.safetensors").write_bytes((16).to_bytes(8, "little") + b'{"a":')
    with pytest.raises(EngineError, match=r"cannot be loaded by transformers: SafetensorError: .*header"):
        load_transformers(spec(folder))


CAPITALS = ("France", "Italy", "Japan", "Egypt", "Spain", "Norway", "Peru", "Kenya")
CITIES = (" Paris", " Rome", " Tokyo", " Cairo", " Madrid", " Oslo", " Lima", " Nairobi")
LONG = tuple(f"{city}, as everybody knows" for city in CITIES)


def loaded(model, **arguments):
    from generation.transformers_engine import load_transformers

    return load_transformers(spec(model, **arguments))


def scores(engine, options):
    for country in CAPITALS:
        engine.submit(ScoreRequest(country, f"Question: What is the capital of {country}?\nAnswer:", options))
    return [engine.step()[0].logprobs for _ in CAPITALS]


def picks(engine):
    totals = [[sum(option) for option in item] for item in scores(engine, CITIES)]
    return [max(range(len(row)), key=row.__getitem__) for row in totals]


def written(engine, temperature):
    engine.submit(WriteRequest("w", (Message("user", "Name three colors."),), temperature, 11, 12))
    return engine.step()[0]


@pytest.fixture(scope="module")
def plain(smollm2):
    return loaded(smollm2)


@pytest.mark.model
def test_the_real_model_knows_capitals_and_repeats_itself(plain):
    assert sum(pick == index for index, pick in enumerate(picks(plain))) >= 5  # chance: 1
    assert plain.facts["quantization"] is None
    for temperature in (0.0, 0.7):
        first = written(plain, temperature)
        assert first.text
        assert first == written(plain, temperature)


@pytest.mark.model
def test_a_context_read_once_gives_the_same_numbers_as_reading_it_with_each_option(smollm2):
    import torch

    from generation.engine import split_tokens

    engine = loaded(smollm2, dtype="float32")
    context = "Question: What is the capital of Peru?\nAnswer:"
    engine.submit(ScoreRequest("x", context, LONG))
    found = engine.step()[0].logprobs
    for text, values in zip(LONG, found, strict=True):
        before, option = split_tokens(engine._tokenizer.encode, context, text)
        with torch.inference_mode():
            logits = engine._model(torch.tensor([[*before, *option]])).logits[0, len(before) - 1 : -1]
        plainly = torch.log_softmax(logits, dim=-1)[range(len(option)), list(option)]
        assert values == pytest.approx(plainly.tolist(), abs=1e-3)


@pytest.mark.model
@with_bitsandbytes
@pytest.mark.parametrize(("name", "fact"), [("llm.int8", "bitsandbytes 8-bit"), ("nf4", "bitsandbytes 4-bit")])
def test_bitsandbytes_quantizes_on_loading(plain, smollm2, name, fact):
    engine = loaded(smollm2, quantization=name)
    assert engine.facts["quantization"] == fact
    assert scores(engine, CITIES) != scores(plain, CITIES)
    assert sum(one == other for one, other in zip(picks(engine), picks(plain), strict=True)) >= 4  # chance: 1
    assert written(engine, 0.0).text


@pytest.mark.model
def test_a_users_loader_gives_the_model(plain, smollm2, tmp_path, monkeypatch):
    from generation.transformers_engine import load_transformers

    (tmp_path / "halved.py").write_text(
        "from transformers import AutoModelForCausalLM\n"
        "def load(path, layers):\n"
        "    model = AutoModelForCausalLM.from_pretrained(path, dtype='auto')\n"
        "    model.model.layers = model.model.layers[:layers]\n"
        "    model.config.num_hidden_layers = layers\n"
        "    return model\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    asked = EngineSpec(kind="transformers", model=str(smollm2), loader="halved:load", arguments={"layers": 28})
    assert scores(load_transformers(asked), CITIES) != scores(plain, CITIES)


class Letters:
    """A tokenizer whose tokens are characters; 9 is no special token, as a conversation template's stop may be."""

    eos_token_id = 0

    def get_vocab(self):
        return {}

    def encode(self, text, add_special_tokens=True):
        return [ord(letter) for letter in text]

    def decode(self, tokens, skip_special_tokens):
        return "".join("<stop>" if token == 9 else chr(token) for token in tokens)


class Writing:
    """A model that writes `A`, `B` and the token 9, whatever it is given."""

    dtype, device = "float32", "cpu"
    config = SimpleNamespace(max_position_embeddings=100)

    def __init__(self, **settings):
        from transformers import GenerationConfig

        self.generation_config = GenerationConfig(**settings)

    def generate(self, prompt, **arguments):
        import torch

        self.arguments = arguments
        return torch.cat([prompt, torch.tensor([[65, 66, 9]])], dim=1)


def test_a_models_own_generation_settings_are_no_part_of_what_is_measured():
    from generation.transformers_engine import TransformersEngine

    ends = {"bos_token_id": 1, "eos_token_id": [2, 3], "pad_token_id": 0}
    model = Writing(repetition_penalty=1.3, num_beams=4, no_repeat_ngram_size=3, min_p=0.1, **ends)
    TransformersEngine(model, Letters())
    kept = model.generation_config.to_diff_dict()
    kept.pop("transformers_version", None)
    assert kept == ends


def test_a_stop_token_of_the_conversation_template_ends_a_text_and_is_no_part_of_it(monkeypatch):
    from generation import transformers_engine

    monkeypatch.setattr(transformers_engine, "written_prompt", lambda *_: Prompt((1, 2), stop_tokens=(9,)))
    model = Writing(eos_token_id=3)
    engine = transformers_engine.TransformersEngine(model, Letters(), "fastchat:x")
    engine.submit(WriteRequest("q", (Message("user", "?"),), 0.0, 1, 3))
    (reply,) = engine.step()
    assert model.arguments["eos_token_id"] == [0, 3, 9]
    assert (reply.text, reply.finish, reply.completion_tokens) == ("AB", Finish.STOP, 3)


def test_a_bare_text_goes_on_before_its_stop_string_with_its_blanks(monkeypatch):
    from generation.transformers_engine import TransformersEngine

    model = Writing(eos_token_id=3)
    engine = TransformersEngine(model, Letters())
    engine.submit(WriteRequest("q", (), 0.8, 1, 3, prompt="x", stop=("B",), top_p=0.9, verbatim=True))
    (reply,) = engine.step()
    assert (model.arguments["stop_strings"], model.arguments["top_p"]) == (["B"], 0.9)
    assert (reply.text, reply.finish) == ("A", Finish.STOP)


@pytest.mark.model
def test_the_real_model_ends_before_a_stop_string(plain):
    request = WriteRequest("q", (), 0.0, 1, 30, prompt="One, two, three,", stop=(" six",), verbatim=True)
    plain.submit(request)
    (reply,) = plain.step()
    assert reply.text.startswith(" four")
    assert "six" not in reply.text
    assert (reply.finish, reply.completion_tokens < 30) == (Finish.STOP, True)


def test_a_users_loader_is_given_its_arguments_as_they_are(folder, monkeypatch):
    from generation.transformers_engine import load_transformers

    (folder / "own_loader.py").write_text("def load(path, **settings): raise ValueError(sorted(settings.items()))")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "own_loader", raising=False)
    asked = {"load_in_8bit": True, "quantization": "mine"}
    with pytest.raises(EngineError, match=r"\('load_in_8bit', True\), \('quantization', 'mine'\)"):
        load_transformers(EngineSpec(kind="transformers", model=str(folder), loader="own_loader:load", arguments=asked))
