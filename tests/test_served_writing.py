"""Answers written as a model will be served: system prompt, template arguments, sampling; declared and sent."""

import pytest

from generation.engine import Message, WriteRequest
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from generation.templates import chat_prompt
from ledger.errors import ConfigError, StaleInput
from ledger.manifests import read_manifest
from ledger.material_config import QuestionsConfig
from ledger.records import Finish
from ledger.serving import AS_MT_BENCH, Serving
from tests.fake_judge_server import completion, refusal
from tests.served_models import fault, replied, write
from tests.test_generation_stage import answers, batch, order
from tests.test_generation_templates import TALK, Tokenizer, text_of

SERVED = Serving(
    system="Be brief.",
    chat_template_kwargs={"enable_thinking": False},
    top_p=0.8,
    top_k=20,
    min_p=0.05,
    presence_penalty=1.5,
    repetition_penalty=1.1,
    stop=("###",),
)


class Watching(ScriptedEngine):
    """Keeps every request."""

    def __init__(self, **how):
        super().__init__(window=4, **how)
        self.requests = []

    def submit(self, request):
        self.requests.append(request)
        super().submit(request)


def run(*orders, engine=None):
    engine = engine or Watching()
    run_batch(batch(*orders), lambda _: engine)
    return engine


def test_every_turn_and_every_trace_is_asked_as_declared(tmp_path):
    job = order(tmp_path, tasks=(), served=SERVED, trace_top_k=2, reads=(tmp_path / "m",), baseline=tmp_path / "m")
    engine = run(job)
    written = [each for each in engine.requests if isinstance(each, WriteRequest)]
    traced = [each for each in engine.requests if not isinstance(each, WriteRequest)]
    assert len(written) == len(traced) == 8
    for each in engine.requests:
        assert each.messages[0] == Message("system", "Be brief.")
        assert each.template == {"enable_thinking": False}
    for each in written:
        assert (each.top_p, each.top_k, each.min_p, each.stop) == (0.8, 20, 0.05, ("###",))
        assert (each.presence_penalty, each.repetition_penalty) == (1.5, 1.1)


def test_a_greedy_text_is_narrowed_by_nothing_and_penalized_all_the_same(tmp_path):
    (first, *_) = run(order(tmp_path, tasks=(), served=SERVED)).requests
    assert (first.temperature, first.drawn) == (0, {})
    warm = WriteRequest("1", (), 0.7, 1, 8, top_k=5)
    assert warm.drawn == {"top_p": 1.0, "top_k": 5, "min_p": 0.0}


def test_what_is_declared_stands_in_the_manifest_and_nothing_else_is_added_to_it(tmp_path):
    run(order(tmp_path, tasks=(), served=SERVED, count=2))
    manifest = read_manifest(tmp_path / "m")
    assert manifest.settings["served"] == SERVED.declared()
    with pytest.raises(StaleInput, match="served"):
        run(order(tmp_path, tasks=(), served=Serving(top_k=40), count=4))
    run(order(tmp_path, model="n", tasks=()))
    assert "served" not in read_manifest(tmp_path / "n").settings


def test_a_text_ends_before_its_first_stop_string_also_where_the_engine_could_not_end_it(tmp_path):
    said = "<think>not ### here</think>An answer.### And more"
    run(order(tmp_path, tasks=(), served=SERVED, count=1), engine=Watching(write=lambda _: said))
    (found,) = answers(tmp_path / "m")
    assert [(turn.text, turn.thinking, turn.finish) for turn in found.turns] == [
        ("An answer.", "not ### here", Finish.STOP)
    ] * 2


def test_arguments_reach_the_chat_template_and_fastchats_take_none():
    class Thinking(Tokenizer):
        chat_template = "{{ '+' if enable_thinking }}"

        def apply_chat_template(self, turns, add_generation_prompt, tokenize, enable_thinking=True):
            return super().apply_chat_template(turns, add_generation_prompt, tokenize) + "+" * enable_thinking

    assert text_of(chat_prompt(Thinking(), TALK).tokens).endswith("assistant:+")
    assert text_of(chat_prompt(Thinking(), TALK, "", {"enable_thinking": False}).tokens).endswith("assistant:")
    pytest.importorskip("fastchat.conversation", reason="the extra fastchat is not installed")
    with pytest.raises(ConfigError, match="take no `chat_template_kwargs`"):
        chat_prompt(Tokenizer(), TALK, "fastchat:vicuna_v1.1", {"enable_thinking": False})


def test_an_endpoint_gets_what_was_declared_and_nothing_that_was_not():
    request = write(
        temperature=0.7, top_k=20, min_p=0.05, presence_penalty=1.5, repetition_penalty=1.1, template={"think": False}
    )
    sent = replied(lambda _: completion("x"), request)[2].requests[0]
    assert (sent["top_k"], sent["min_p"], sent["presence_penalty"], sent["repetition_penalty"]) == (20, 0.05, 1.5, 1.1)
    assert sent["chat_template_kwargs"] == {"think": False}
    assert "top_p" not in sent
    plain = replied(lambda _: completion("x"), write(temperature=0.7))[2].requests[0]
    assert not {"top_k", "min_p", "presence_penalty", "repetition_penalty", "chat_template_kwargs"} & plain.keys()


def test_an_endpoint_that_refuses_what_was_declared_ends_the_run_by_name():
    """Left out in silence, its answers would be written otherwise than the other models'."""
    said = fault(lambda _: refusal(400, "Unrecognized request argument supplied: top_k"), write(temperature=1, top_k=5))
    assert "top_k" in str(said)


def test_the_config_has_them_and_temperatures_of_categories_go_before_the_one_of_all():
    found = QuestionsConfig(temperature=0.6, temperatures={"math": 0.0}, **SERVED.model_dump())
    assert found.served == SERVED
    assert QuestionsConfig().served == AS_MT_BENCH
    for wrong in ({"min_p": 1}, {"top_p": 0}, {"stop": [""]}, {"repetition_penalty": 0}, {"presence_penalty": 3}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            QuestionsConfig(**wrong)


@pytest.mark.model
def test_transformers_takes_a_presence_penalty_from_tokens_that_were_written():
    """As vLLM does: from those of the answer, once each, and from none of the prompt."""
    torch = pytest.importorskip("torch")
    from generation.transformers_engine import presence_penalty

    scores = presence_penalty(1.5, 2)(torch.tensor([[3, 4, 1, 1, 0]]), torch.zeros(1, 6))
    assert scores.tolist() == [[-1.5, -1.5, 0, 0, 0, 0]]
