"""A model behind an endpoint, over a real loopback socket: what is sent, what comes back, what is tried again."""

import json
import re
import threading
import time

import pytest

from generation import served_calls
from generation.engine import Message, WriteRequest, Written
from generation.served_engine import load_served
from ledger.endpoint.words import received
from ledger.errors import ConfigError, EngineError
from ledger.records import Finish
from tests.fake_judge_server import KEY, KEY_VARIABLE, MODEL, FakeJudgeServer, Served, completion, refusal
from tests.served_models import TOO_LONG, fault, replied, run, spec, write

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


class CountingServer(FakeJudgeServer):
    """Knows how many requests it holds at once."""

    held = peak = 0

    def _handler(self):
        fake, counter = self, threading.Lock()

        class Handler(super()._handler()):
            def do_POST(self):
                with counter:
                    fake.held += 1
                    fake.peak = max(fake.peak, fake.held)
                super().do_POST()

            def _send(self, served):
                with counter:
                    fake.held -= 1
                super()._send(served)

        return Handler


def test_what_is_sent_and_what_comes_back():
    reply, engine, server = replied(
        lambda _: completion("  An answer.\n"), write(temperature=0.7), arguments={"top_p": 0.9}
    )
    assert reply == Written("1", "An answer.", Finish.STOP, 11, 7)
    messages = [{"role": "user", "content": "hello?"}]
    sent = {"model": "m", "messages": messages, "max_tokens": 50, "temperature": 0.7, "seed": 7, "top_p": 0.9}
    assert server.requests == [sent]
    assert server.keys == [f"Bearer {KEY}"]
    about = {"engine": "openai", "endpoint": server.base_url[7:-3], "served_models": [MODEL]}
    assert engine.facts == {**about, "sent": sorted(sent)}
    assert engine.window == 8
    greedy = replied(lambda _: completion("x"))[2].requests[0]
    assert (greedy["temperature"], set(greedy)) == (0, set(sent) - {"seed", "top_p"})


def test_a_bare_text_is_continued_by_the_completions_endpoint():
    paths = []

    def script(body):
        paths.append(body)
        return Served({"choices": [{"text": " 4\n", "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}})

    asked = WriteRequest("1", (), 0.7, 7, 9, prompt="2 + 2 =", stop=tuple("abcde"), top_p=0.9, verbatim=True)
    reply = replied(script, asked)[0]
    assert (reply.text, reply.finish, reply.prompt_tokens) == (" 4\n", Finish.STOP, 3)
    sent = {"prompt": "2 + 2 =", "max_tokens": 9, "temperature": 0.7, "seed": 7, "top_p": 0.9, "stop": [*"abcd"]}
    assert paths == [{"model": "m"} | sent], "OpenAI takes four stop strings; the text is ended at the fifth later"


def test_an_answer_that_has_begun_is_gone_on_with_by_vllms_words():
    talk = (Message("user", "2 + 2?"), Message("assistant", "It is"))
    sent = replied(lambda _: completion("4"), WriteRequest("1", talk, 0.0, 7, 9))[2].requests[0]
    assert (sent["continue_final_message"], sent["add_generation_prompt"]) == (True, False)


def test_a_server_that_refuses_stop_strings_is_asked_without_them():
    def script(body):
        return refusal(400, "Unsupported parameter: 'stop'") if "stop" in body else completion("4\n5")

    reply, engine, _ = replied(script, WriteRequest("1", (Message("user", "?"),), 0.0, 7, 9, stop=("\n",)))
    assert reply.text == "4\n5"
    assert engine.facts["stop"] == "not sent: the server refuses it"


@pytest.mark.parametrize(
    ("served", "text", "finish"),
    [
        (completion("cut", "length"), "cut", Finish.LENGTH),
        (completion(" \n"), "", Finish.EMPTY),
        (completion([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), "in parts", Finish.STOP),
        (completion("half a", "content_filter"), "", Finish.EMPTY),
        (refusal(400, "The prompt was filtered.", "content_filter"), "", Finish.EMPTY),
        (refusal(400, "Too much.", "context_length_exceeded"), "", Finish.OVERFLOW),
        (refusal(400, TOO_LONG), "", Finish.OVERFLOW),
        (refusal(400, "the request exceeds the available context size"), "", Finish.OVERFLOW),
        (refusal(413, TOO_LONG), "", Finish.OVERFLOW),
        (completion("4.", reasoning_content="2+2\n"), "<think>2+2</think>\n\n4.", Finish.STOP),
        (completion(None, "length", reasoning="2+"), "<think>2+</think>", Finish.LENGTH),
        (completion("2+2\n</think>\n4."), "<think>2+2\n</think>\n4.", Finish.STOP),
        (completion("Write <think> and </think>."), "Write <think> and </think>.", Finish.STOP),
    ],
)
def test_how_a_turn_ends(served, text, finish):
    reply = replied(lambda _: served)[0]
    assert (reply.text, reply.finish) == (text, finish)


def test_an_output_limit_that_does_not_fit_is_shortened_to_the_room_as_vllm_does():
    said = (
        "maximum context length is 100 tokens. However, you requested 120 tokens (70 in the messages, 50 in the rest)."
    )

    def script(body):
        return completion("fits", "length") if body["max_tokens"] <= 30 else refusal(400, said)

    reply, _, server = replied(script)
    assert reply.finish is Finish.LENGTH
    assert [body["max_tokens"] for body in server.requests] == [50, 30]


def test_refused_parameters_are_left_out_remembered_and_written_down():
    def script(body):
        if "max_tokens" in body:
            return refusal(400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return refusal(400, "Unsupported value: 'temperature'. Only the default is supported.")
        return refusal(422, "Unrecognized request argument: seed") if "seed" in body else completion("x")

    requests = [write(str(number), temperature=0.7) for number in range(6)]
    with FakeJudgeServer(script) as server:
        replies, engine = run(server, *requests, concurrency=1)
    assert len(replies) == 6
    assert len(server.requests) <= 3 * engine.window + 6
    assert set(server.requests[-1]) == {"model", "messages", "max_completion_tokens"}
    assert engine.facts["output_limit"] == "max_completion_tokens"
    assert engine.facts["temperature"] == engine.facts["seed"] == "not sent: the server refuses it"


def test_missing_counts_are_said_to_be_missing():
    reply, engine, _ = replied(lambda _: Served({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}))
    assert reply == Written("1", "x", Finish.STOP, 0, 0)
    assert engine.facts["usage"] == "not given"


def test_never_more_requests_in_flight_than_allowed():
    with CountingServer(lambda _: Served(completion("x").body, delay_seconds=0.02)) as server:
        replies, _ = run(server, *(write(str(number)) for number in range(40)))
    assert len(replies) == 40
    assert server.peak == 4


def test_replies_belong_to_their_requests_whatever_their_order():
    def script(body):
        asked = body["messages"][0]["content"]
        return Served(completion(f"to {asked}").body, delay_seconds=0.05 / int(asked))

    with FakeJudgeServer(script) as server:
        replies, _ = run(server, *(write(f"r{number}", text=str(number)) for number in range(1, 13)))
    assert {id: reply.text for id, reply in replies.items()} == {f"r{n}": f"to {n}" for n in range(1, 13)}
    assert list(replies) != [f"r{n}" for n in range(1, 13)]


@pytest.mark.parametrize(
    "served",
    [
        *(refusal(status, "busy") for status in (408, 409, 429, 500, 503)),
        Served(hang_up=True),
        Served({"choices": None}),
        Served({"choices": []}),
        Served({"object": "error", "message": "busy"}),
        Served({"choices": [{"message": {"content": 5}}]}),
        Served(b'{"choices": ['),
        completion("half", "error"),
    ],
)
def test_what_may_pass_is_tried_again(served):
    script = iter([served, served, completion("at last")])
    reply, _, server = replied(lambda _: next(script))
    assert reply.text == "at last"
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("served", "timeout", "sentence"),
    [(refusal(503, "overloaded"), 60, "HTTP 503: overloaded"), (Served(delay_seconds=1.5), 0.5, "no answer")],
)
def test_attempts_are_bounded_in_number_and_time(served, timeout, sentence, monkeypatch):
    monkeypatch.setattr(served_calls, "TIMEOUT_SECONDS", timeout)
    said, server = fault(lambda _: served)
    assert re.search(rf"{sentence}.* \(6 attempts\)", said)
    assert len(server.requests) == 6


def test_retry_after_is_honored():
    script = iter([refusal(429, "slow down", retry_after="0.4"), completion("x")])
    started = time.monotonic()
    replied(lambda _: next(script))
    assert time.monotonic() - started >= 0.4


def test_nobody_sleeps_for_hours():
    said, server = fault(lambda _: refusal(429, "daily limit", retry_after="7200"))
    assert "asks to wait 120 minutes" in said
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "served",
    [
        refusal(401, f"Incorrect API key provided: {KEY}."),
        refusal(404, "no such model"),
        refusal(429, "You exceeded your quota.", "insufficient_quota"),
    ],
)
def test_what_no_waiting_mends_stops_at_once(served):
    with FakeJudgeServer(lambda _: served) as server, pytest.raises(EngineError) as caught:
        run(server, *(write(str(number)) for number in range(50)))
    assert len(server.requests) <= 8
    assert KEY not in str(caught.value)
    assert f"HTTP {served.status}" in str(caught.value)


def test_a_refusal_of_unknown_meaning_counts_for_each_prompt_and_ends_no_session():
    with (
        FakeJudgeServer(lambda _: refusal(400, "such messages are not liked")) as server,
        pytest.raises(EngineError, match=r"50 prompts were refused for good: .*HTTP 400: such messages are not liked"),
    ):
        run(server, *(write(str(number)) for number in range(50)))
    assert len(server.requests) == 50


@pytest.mark.parametrize("escaped", [r"sk-with\/slash-0123", r"sk-with\u002fslash-0123", "sk-with/slash-0123"])
def test_a_key_is_found_however_json_escapes_it(escaped):
    assert received(f'{{"said": ["{escaped}!"]}}', "sk-with/slash-0123") == {"said": ["[api key]!"]}


def test_half_a_surrogate_pair_of_a_server_does_not_reach_the_manifest():
    """JSON may hold one; a file with it could not be read again."""
    said = json.dumps({"model": "m\ud800", "content": "\N{GRINNING FACE}"})
    assert received(said, "") == {"model": "m\N{REPLACEMENT CHARACTER}", "content": "\N{GRINNING FACE}"}


def test_a_key_is_needed_anywhere_but_on_loopback(monkeypatch):
    monkeypatch.delenv(KEY_VARIABLE)
    with FakeJudgeServer(lambda _: completion("x")) as server:
        run(server, write())
    assert server.keys == ["Bearer no-key"]
    for url, where in (("", "api.openai.com:443"), ("http://models.example:8000/v1", "models.example:8000")):
        with pytest.raises(ConfigError, match=f"^{where}: no API key: {KEY_VARIABLE} is not set"):
            load_served(spec(url))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    load_served(spec("", api_key_env=""))  # whose host is OpenAI's own
    with pytest.raises(ConfigError, match=r"OPENAI_API_KEY goes to api\.openai"):
        load_served(spec("http://models.example/v1", api_key_env=""))
    monkeypatch.setenv(KEY_VARIABLE, "schlüssel")
    with pytest.raises(ConfigError, match="no HTTP header can carry"):
        load_served(spec(""))


def test_settings_that_cannot_be_kept_are_refused():
    for changes in ({"template": "fastchat:vicuna"}, {"arguments": {"temperature": 1}}):
        with pytest.raises(ConfigError, match=r"template|Assay sets 'temperature' itself"):
            load_served(spec("http://127.0.0.1:1/v1", **changes))
    for url in ("127.0.0.1:8000", "http://[::1", "http://h:x/v1"):
        with pytest.raises(ConfigError, match="base_url"):
            load_served(spec(url))
