"""Each key of how answers are written: declared, on record so that another value is no resume, sent by each engine."""

from types import SimpleNamespace

import pytest

from assay.pipeline import Review, batches
from generation.engine import WriteRequest
from generation.vllm_engine import VllmEngine
from ledger.config import config_from
from ledger.errors import StaleInput
from ledger.progress import silent
from ledger.runs import RunFolder
from ledger.serving import Serving
from tests.fake_judge_server import completion, refusal
from tests.served_models import fault, replied, write
from tests.test_generation_stage import order, question
from tests.test_generation_transformers import Letters, Writing
from tests.test_served_writing import Watching, run

OTHER = {
    "system": "Be brief.",
    "chat_template_kwargs": {"enable_thinking": False},
    "temperature": 0.6,
    "top_p": 0.8,
    "top_k": 20,
    "min_p": 0.05,
    "presence_penalty": 1.5,
    "repetition_penalty": 1.1,
    "stop": ["###"],
    "max_tokens": 99,
}
"""Every key that the issue names, with a value that is not its default."""
SAMPLED = WriteRequest(
    id="q",
    messages=(),
    temperature=0.6,
    seed=7,
    max_tokens=99,
    prompt="x",
    stop=("###",),
    top_p=0.8,
    top_k=20,
    min_p=0.05,
    presence_penalty=1.5,
    repetition_penalty=1.1,
)


def job(path, **questions):
    """What the pipeline asks of a candidate under this config."""
    models = {"baseline": {"model": "o/a"}, "candidate": [{"model": "o/b", "label": "b"}]}
    data = {"name": "r", **models, "questions": {"limit": 2, **questions}}
    review = Review(config_from(data, "test"), RunFolder(path), silent, "")
    return batches(review, model="b")[0].orders[0]


@pytest.mark.parametrize("key", OTHER)
def test_what_the_config_says_reaches_every_request(tmp_path, key):
    engine = run(job(tmp_path, **{key: OTHER[key]}), engine=Watching())
    written = [each for each in engine.requests if isinstance(each, WriteRequest)]
    assert written
    for each in written:
        if key == "system":
            assert each.messages[0].content == "Be brief."
            continue
        found = getattr(each, "template" if key == "chat_template_kwargs" else key)
        assert found == (tuple(OTHER[key]) if key == "stop" else OTHER[key])


@pytest.mark.parametrize("key", OTHER)
def test_another_value_is_refused_by_name_and_continues_no_answers(tmp_path, key):
    """Nothing that was written otherwise is taken for an answer of now; a temperature stands in each question."""
    named = {"temperature": "question or item was edited", "max_tokens": "max_tokens"}.get(key, "served")

    changed = {
        "temperature": {"questions": tuple(question(i).model_copy(update={"temperature": 0.6}) for i in range(2))},
        "max_tokens": {"max_tokens": 99},
    }.get(key) or {"served": Serving(**{key: OTHER[key]})}
    run(order(tmp_path, tasks=(), count=2))
    with pytest.raises(StaleInput, match=named):
        run(order(tmp_path, tasks=(), count=2, **changed))


def test_transformers_samples_as_declared():
    from generation.transformers_engine import TransformersEngine

    model = Writing(eos_token_id=3)
    engine = TransformersEngine(model, Letters())
    engine.submit(SAMPLED)
    engine.step()
    told = model.arguments
    assert {name: told[name] for name in ("do_sample", "temperature", "top_p", "top_k", "min_p")} == {
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.8,
        "top_k": 20,
        "min_p": 0.05,
    }
    assert (told["repetition_penalty"], told["stop_strings"], told["max_new_tokens"]) == (1.1, ["###"], 99)
    assert len(told["logits_processor"]) == 1


def test_vllm_samples_as_declared():
    """Its own class of parameters is taken by name, so that a key that it lacks is an error."""
    sent = {}
    engine = VllmEngine.__new__(VllmEngine)
    engine._tokenizer, engine._template, engine._context, engine._final = Letters(), "", 1_000, None
    engine._openings, engine._params = {}, lambda **params: sent.update(params)
    engine._engine = SimpleNamespace(add_request=lambda *_: None)
    engine.submit(SAMPLED)
    assert sent == {
        "temperature": 0.6,
        "top_p": 0.8,
        "top_k": 20,
        "min_p": 0.05,
        "presence_penalty": 1.5,
        "repetition_penalty": 1.1,
        "seed": 7,
        "max_tokens": 99,
        "stop": ["###"],
        "stop_token_ids": [],
        "output_kind": None,
    }


def test_an_endpoint_is_sent_temperature_limit_and_stops():
    request = write(temperature=0.6, max_tokens=99, stop=("###",), top_p=0.8)
    (sent,) = replied(lambda _: completion("x"), request)[2].requests
    assert (sent["temperature"], sent["max_tokens"], sent["stop"], sent["top_p"]) == (0.6, 99, ["###"], 0.8)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, OTHER[key]) for key in ("top_p", "top_k", "min_p", "presence_penalty", "repetition_penalty")),
        ("chat_template_kwargs", {"enable_thinking": False}),
    ],
)
def test_an_endpoint_that_refuses_a_declared_key_ends_the_run_by_its_name(key, value):
    asked = write(temperature=1, **{"template" if key == "chat_template_kwargs" else key: value})
    said, server = fault(lambda _: refusal(400, f"Unrecognized request argument supplied: {key}"), asked)
    assert key in said
    assert all(key in sent for sent in server.requests)
