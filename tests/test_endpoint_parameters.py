"""What a call carries beside its messages: declared, hashed and sent alike by judges and by served models."""

import json
import re
from collections import Counter
from itertools import count

import pytest

from assay.cli import run as assay
from generation.orders import ModelJob
from judge.brief import Brief
from ledger.errors import ConfigError
from ledger.facts import JudgeFacts
from ledger.judge_config import JudgeConfig
from ledger.manifests import read_manifest
from ledger.model_config import ModelConfig
from tests.fake_judge_server import KEY, FakeJudgeServer, Served, completion, refusal, verdict
from tests.judge_reviews import PROMPTS, review
from tests.served_models import replied, run, write

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

EXTRA = {"chat_template_kwargs": {"enable_thinking": False}}
GIVEN = {
    "temperature": 0.5,
    "top_p": 0.9,
    "max_tokens": 77,
    "reasoning_effort": "low",
    "extra_body": EXTRA,
    "headers": {"X-Title": "review", "X-Api-Token": "Bearer $ASSAY_TEST_KEY"},
    "stream": True,
}
SENT = {"temperature": 0.5, "top_p": 0.9, "max_tokens": 77, "reasoning_effort": "low", **EXTRA, "stream": True}
TOML = """
temperature = 0.5
top_p = 0.9
max_tokens = 77
reasoning_effort = "low"
extra_body = { chat_template_kwargs = { enable_thinking = false } }
headers = { X-Title = "review", X-Api-Token = "Bearer $ASSAY_TEST_KEY" }
stream = true
modes = ["single"]
"""


class HeaderServer(FakeJudgeServer):
    """Keeps every request's headers."""

    headers: list[dict[str, str]]

    def _handler(self):
        fake = self
        fake.headers = []

        class Handler(super()._handler()):
            def do_POST(self):
                fake.headers.append({name.lower(): value for name, value in self.headers.items()})
                super().do_POST()

        return Handler


def streamed(text, finish="stop", thinking="", done=True):
    """A reply in pieces, as servers stream it."""
    deltas = [{"role": "assistant"}, {"reasoning_content": thinking}, *({"content": piece} for piece in text), {}]
    events = [{"model": "streamed", "choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    events[-1]["choices"][0]["finish_reason"] = finish
    events.append({"choices": [], "usage": {"completion_tokens": 7}})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events] + ["data: [DONE]\n\n"] * done
    return Served("".join(lines).encode(), headers={"Content-Type": "text/event-stream"})


def test_a_judge_sends_what_is_declared_and_its_records_depend_on_it(tmp_path, capsys):
    with HeaderServer(lambda body: streamed(verdict(body["messages"]))) as server:
        config, folder = review(tmp_path, server.base_url, 1, TOML)
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs")]) == 0
        sent = server.requests[0]
        assert {name: sent[name] for name in SENT} == SENT
        assert (server.headers[0]["x-title"], server.headers[0]["x-api-token"]) == ("review", f"Bearer {KEY}")
        settings = read_manifest(folder.judge("j").path).settings
        assert settings["parameters"] == GIVEN | {"max_tokens": 77}
        assert not any(KEY in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
        config.write_text(config.read_text().replace('"low"', '"high"'))
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs"), "--amend"]) == 64
    assert "parameters" in capsys.readouterr().err
    answered = list(folder.judge("j").attempts.records())
    assert {(each.served_model, each.completion_tokens) for each in answered} == {("streamed", 7)}
    assert len({each.request_digest for each in answered}) == len(answered)


def test_a_served_model_sends_what_is_declared_and_its_records_depend_on_it(tmp_path):
    model = ModelConfig(model="m", engine="openai", **GIVEN)
    with HeaderServer(lambda _: streamed("said", thinking="hm")) as server:
        replies, _ = run(server, write(temperature=0.0), parameters=model.parameters)
    assert replies["1"].text == "<think>hm</think>\n\nsaid"
    assert {name: server.requests[0][name] for name in SENT} == SENT
    assert server.requests[0]["seed"] == 7  # a text is drawn, so the seed is sent
    assert server.headers[0]["x-api-token"] == f"Bearer {KEY}"
    from tests.served_models import spec

    job = ModelJob(folder=tmp_path, model="m", seed=1)
    assert job.settings(spec("http://h/v1", parameters=model.parameters))["parameters"] == GIVEN
    assert "parameters" not in job.settings(spec("http://h/v1"))


def test_a_stream_that_breaks_off_is_no_reply():
    served = iter([streamed("half of", finish=None, done=False), streamed("whole")])
    parameters = ModelConfig(model="m", engine="openai", stream=True).parameters
    reply, _, server = replied(lambda _: next(served), parameters=parameters)
    assert (reply.text, len(server.requests)) == ("whole", 2)


def test_a_server_that_refuses_a_declared_parameter_is_asked_without_it_and_that_is_noted():
    def script(body):
        return refusal(400, "Unknown field: reasoning_effort") if "reasoning_effort" in body else completion("x")

    parameters = ModelConfig(model="m", engine="openai", reasoning_effort="low").parameters
    _, engine, server = replied(script, parameters=parameters)
    assert len(server.requests) == 2
    assert engine.facts["reasoning_effort"] == "not sent: the server refuses it"


def test_a_complaint_that_only_quotes_a_parameter_unlearns_it():
    """One odd question must not change how all the others are asked."""

    def script(body):
        odd = "boiling" in body["messages"][0]["content"]
        return refusal(400, "cannot answer: 'the boiling temperature'") if odd else completion("x")

    with FakeJudgeServer(script) as server:
        with pytest.raises(Exception, match="boiling temperature"):
            run(server, write(text="the boiling temperature?"))
        assert [("temperature" in body) for body in server.requests] == [True, False]
        _, engine = run(server, write(text="the weather?"))
    assert "temperature" not in engine.facts
    assert "temperature" in server.requests[-1]


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ({"extra_body": {"model": "other"}}, "`extra_body` has 'model'"),
        ({"extra_body": {"max_tokens": 3}}, "`extra_body` has 'max_tokens'"),
        ({"headers": {"Authorization": "Bearer sk-123"}}, "carries a secret"),
        ({"headers": {"X-Title": "schön"}}, "no HTTP header can carry"),
        ({"temperature": 3}, "temperature"),
    ],
)
def test_what_cannot_be_declared(given, cause):
    for config in (lambda: JudgeConfig(model="m", **given), lambda: ModelConfig(model="m", engine="openai", **given)):
        with pytest.raises(ValueError, match=re.escape(cause)):
            config()


def test_parameters_of_calls_are_for_endpoints_alone():
    with pytest.raises(ValueError, match='`stream` is for endpoints: it needs engine = "openai"'):
        ModelConfig(model="m", engine="vllm", stream=True)


def test_a_header_whose_variable_is_empty_is_told(tmp_path, monkeypatch):
    monkeypatch.delenv("ASSAY_TEST_KEY")
    config = JudgeConfig(model="m", base_url="http://127.0.0.1:1/v1", headers={"X-Key": "$ASSAY_TEST_KEY"})
    assert Brief(tmp_path, config, PROMPTS, "b", ["c"], None, 1).settings["parameters"] == {
        "headers": {"X-Key": "$ASSAY_TEST_KEY"}
    }
    with pytest.raises(ConfigError, match="the environment variable ASSAY_TEST_KEY of a header or a URL holds no text"):
        config.sent_headers("judge m")


def test_thinking_that_eats_the_whole_output_ends_the_session_at_its_probe(tmp_path, capsys):
    def script(body):
        return completion("", "length", reasoning_content="hm " * 9)

    with FakeJudgeServer(script) as server:
        config, _ = review(tmp_path, server.base_url, 3, 'modes = ["single"]\nmax_tokens = 500')
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs")]) == 20
        assert [body["max_tokens"] for body in server.requests] == [500, 1000]
    assert "Raise max_tokens to 2000" in capsys.readouterr().err.splitlines()[-1]


def test_a_model_that_only_thinks_is_told_of():
    _, engine, _ = replied(lambda _: completion("", "length", reasoning_content="hm"))
    assert engine.facts["output"] == "the first answer was cut while it thought: raise max_tokens to 100"
    assert "output" not in replied(lambda _: completion("cut", "length"))[1].facts


def refusing(sizes, text="Unsupported value: 'temperature' does not support 0 with this model."):
    """A judge that refuses temperatures in the calls of these numbers."""
    served = count()

    def script(body):
        refused = next(served) in sizes and "temperature" in body
        return refusal(400, text) if refused else completion(verdict(body["messages"]))

    return script


def judged(tmp_path, script, *options):
    with FakeJudgeServer(script) as server:
        config, folder = review(tmp_path, server.base_url, 3, 'modes = ["single"]', in_flight=1)
        assay(["judge", str(config), "--runs", str(tmp_path / "runs"), *options])
    return server.requests, folder.judge("j")


def test_a_parameter_that_is_refused_from_the_first_call_on_makes_no_mixed_judge(tmp_path):
    sent, folder = judged(tmp_path, refusing(range(1000)))
    assert ["temperature" in body for body in sent] == [True] + [False] * 12
    assert {each.changed for each in folder.attempts.records()} == {("temperature",)}
    assert JudgeFacts.of(read_manifest(folder.path)).mixed_parameters == ()


def test_a_judge_that_begins_to_refuse_a_parameter_is_mixed(tmp_path):
    """What was asked before and after is told apart, or SHIP would stand on two judges."""
    sent, folder = judged(tmp_path, refusing(range(5, 1000)))
    assert ["temperature" in body for body in sent] == [True] * 7 + [False] * 7  # refused, once more, then without
    assert Counter("temperature" in each.sent for each in folder.attempts.records()) == {True: 5, False: 7}
    assert JudgeFacts.of(read_manifest(folder.path)).mixed_parameters == ("temperature",)


def test_one_refusal_that_speaks_of_a_parameter_changes_no_other_call(tmp_path):
    sent, folder = judged(tmp_path, refusing({5}, "our content policy: the text speaks of temperature"))
    assert ["temperature" in body for body in sent] == [True] * 13
    assert JudgeFacts.of(read_manifest(folder.path)).mixed_parameters == ()
