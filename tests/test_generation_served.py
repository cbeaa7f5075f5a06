"""A model behind an endpoint, over a real loopback socket: what is sent, what comes back, and how a run ends."""

import random
import re
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from assay.placement.worker import load
from generation import endpoint
from generation.engine import Message, Scored, ScoreRequest, TraceRequest, WriteRequest, Written, drive
from generation.orders import Batch, EngineSpec, Order, TaskItems
from generation.served_engine import ServedEngine, load_served
from generation.stage import run_batch
from ledger.errors import ConfigError, EngineError
from ledger.records import Finish, Item, Question
from ledger.runs import GenerationFolder
from tests.fake_judge_server import MODEL, FakeJudgeServer, Served, completion, refusal
from tests.house import HOUSE

KEY = "sk-very-secret-0123456789"
VARIABLE = "ASSAY_TEST_KEY"


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setenv(VARIABLE, KEY)
    monkeypatch.setattr(endpoint, "BACKOFF_SECONDS", 0.002)


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


def spec(url: str, **changes) -> EngineSpec:
    values = {"kind": "openai", "model": "m", "base_url": url, "api_key_env": VARIABLE, "concurrency": 4}
    return EngineSpec(**(values | changes))


def write(id="1", temperature=0.0, max_tokens=50, text="hello?") -> WriteRequest:
    return WriteRequest(id, (Message("user", text),), temperature, 7, max_tokens)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "served engine"]


def run(server: FakeJudgeServer, *requests, **changes):
    """The replies by id, and the engine, which is closed."""
    engine = load_served(spec(server.base_url, **changes))
    replies = {}
    try:
        drive(engine, requests, lambda reply: replies.setdefault(reply.id, reply) and None)
    finally:
        engine.close()
        assert not threads()
    return replies, engine


def replied(script, request=None, **changes):
    with FakeJudgeServer(script) as server:
        replies, engine = run(server, request or write(), **changes)
    return next(iter(replies.values())), engine, server


def fault(script, request=None, **changes):
    with FakeJudgeServer(script) as server, pytest.raises(EngineError) as caught:
        run(server, request or write(), **changes)
    assert "\n" not in str(caught.value)
    assert server.base_url.removeprefix("http://").removesuffix("/v1") in str(caught.value)
    return str(caught.value), server


def test_what_is_sent_and_what_comes_back():
    reply, engine, server = replied(
        lambda _: completion("  An answer.\n"), write(temperature=0.7), arguments={"top_p": 0.9}
    )
    assert reply == Written("1", "An answer.", Finish.STOP, 11, 7)
    messages = [{"role": "user", "content": "hello?"}]
    sent = {"model": "m", "messages": messages, "max_tokens": 50, "temperature": 0.7, "seed": 7, "top_p": 0.9}
    assert server.requests == [sent]
    assert server.keys == [f"Bearer {KEY}"]
    assert engine.facts == {"engine": "openai", "endpoint": server.base_url[7:-3], "served_models": [MODEL]}
    assert engine.window == 8
    greedy = replied(lambda _: completion("x"))[2].requests[0]
    assert (greedy["temperature"], set(greedy)) == (0, set(sent) - {"seed", "top_p"})


TOO_LONG = "This model's maximum context length is 100 tokens. However, your prompt contains at least 101 input tokens."


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
    reply, engine, _ = replied(lambda _: Served({"choices": [{"message": {"content": "x"}}]}))
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
        Served(b"<html>"),
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
    monkeypatch.setattr(endpoint, "TIMEOUT_SECONDS", timeout)
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
        refusal(400, "such messages are not supported"),
    ],
)
def test_what_no_waiting_mends_stops_at_once(served):
    with FakeJudgeServer(lambda _: served) as server, pytest.raises(EngineError) as caught:
        run(server, *(write(str(number)) for number in range(50)))
    assert len(server.requests) <= 8
    assert KEY not in str(caught.value)
    assert f"HTTP {served.status}" in str(caught.value)


def test_an_error_cancels_what_is_in_flight_and_stays():
    def script(body):
        asked = body["messages"][0]["content"]
        return refusal(401, "no") if asked == "bad" else Served(completion("x").body, delay_seconds=300)

    with FakeJudgeServer(script) as server:
        engine = load_served(spec(server.base_url))
        for text in ("slow", "slow", "bad"):
            engine.submit(write(text=text))
        started = time.monotonic()
        with pytest.raises(EngineError, match="HTTP 401"):
            engine.step()
        assert time.monotonic() - started < 50
        assert not threads()
        with pytest.raises(EngineError, match="HTTP 401"):
            engine.submit(write())
        engine = load_served(spec(server.base_url))
        engine._outcomes.put("a reply")
        engine.submit(write(text="bad"))
        while engine._outcomes.qsize() < 2:
            time.sleep(0.01)
        assert engine.step() == ["a reply"]
        with pytest.raises(EngineError, match="HTTP 401"):
            engine.step()


def test_nobody_listening_gives_one_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    engine = load_served(spec(f"http://127.0.0.1:{port}/v1"))
    engine.submit(write())
    with pytest.raises(EngineError, match=rf"^127\.0\.0\.1:{port}: no connection \(.*\) \(6 attempts\)\. See that"):
        engine.step()
    assert not threads()


def test_an_idle_engine_has_nothing_to_give_and_can_be_used_again_after_closing():
    with FakeJudgeServer(lambda _: completion("x")) as server:
        engine = load_served(spec(server.base_url, concurrency=1))
        assert engine.step() == []
        for _ in range(2):
            drive(engine, [write("1"), write("2"), write("3")], lambda reply: None)
            engine.close()
            assert not threads()


def test_a_bug_in_the_background_is_raised_in_front(monkeypatch):
    for broken in ("served_model.ServedModel._fields", "endpoint.Endpoint._opened"):
        monkeypatch.setattr(f"generation.{broken}", lambda *_: 1 / 0)
        with FakeJudgeServer() as server, pytest.raises(ZeroDivisionError):
            run(server, write())


def test_ctrl_c_in_a_step_leaves_no_thread():
    with FakeJudgeServer(lambda _: Served(hang_up=True, delay_seconds=30)) as server:
        engine = load_served(spec(server.base_url))
        engine.submit(write())
        timer = threading.Timer(0.3, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            engine.step()
        timer.join()
        assert not threads()


def test_python_ends_while_requests_are_in_flight():
    code = """
        from tests.test_generation_served import FakeJudgeServer, Served, load_served, spec, write, time
        server = FakeJudgeServer(lambda _: Served(hang_up=True, delay_seconds=60)).__enter__()
        engine = load_served(spec(server.base_url))
        engine.submit(write())
        while not server.requests: time.sleep(0.02)
    """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=HOUSE, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def question(number: int) -> Question:
    turns = (f"first {number}?", f"second {number}?")
    return Question(source="s", id=str(number), category="writing", turns=turns, temperature=0.7)


def order(folder: Path, count: int, tasks: tuple[TaskItems, ...] = ()) -> Order:
    questions = tuple(question(number) for number in range(count))
    return Order(folder=folder / "m", model="m", seed=1, max_tokens=9, questions=questions, tasks=tasks)


def run_order(server: FakeJudgeServer, work: Order) -> list:
    engine = load(spec(server.base_url))
    assert isinstance(engine, ServedEngine)
    try:
        run_batch(Batch(engine=spec(server.base_url), orders=(work,)), lambda _: engine)
    finally:
        engine.close()
    return list(GenerationFolder(work.folder).answers.records())


def echoing(body) -> Served:
    return completion(f"answer {len(body['messages'])} to {body['messages'][-1]['content']}")


def test_a_hundred_conversations_through_thirty_percent_faults(tmp_path):
    faults = [refusal(503, "busy"), refusal(429, "slow", retry_after="0"), Served(hang_up=True), Served({"choices": 0})]
    chance, failed = random.Random(3), Counter()

    def script(body):
        asked = body["messages"][-1]["content"]
        if chance.random() < 0.3 and failed[asked] < 5:
            failed[asked] += 1
            return chance.choice(faults)
        return echoing(body)

    with FakeJudgeServer(script) as server:
        answers = run_order(server, order(tmp_path, 100))
    assert sum(failed.values()) > 50
    assert sorted(answer.key for answer in answers) == sorted(("m", "s", str(n), 0) for n in range(100))
    for answer in answers:
        texts = [f"answer {1 + 2 * turn} to {asked}" for turn, asked in enumerate(answer.question.turns)]
        assert [turn.text for turn in answer.turns] == texts


def test_the_second_turn_contains_the_first_answer(tmp_path):
    with FakeJudgeServer(echoing) as server:
        run_order(server, order(tmp_path, 1))
    said = [message["content"] for message in server.requests[1]["messages"]]
    assert said == ["first 0?", "answer 1 to first 0?", "second 0?"]


def scoring(body) -> Served:
    """A completions endpoint as vLLM's: a start token, then words, one nat for each character of a word."""
    if "prompt" not in body:
        return echoing(body)
    tokens = ["<s>", *re.findall(r"\s*\S+", body["prompt"])]
    values = [None, *(-float(len(token)) for token in tokens[1:]), -0.5]
    logprobs = {"tokens": [*tokens, " x"], "token_logprobs": values}
    usage = {"prompt_tokens": len(tokens), "completion_tokens": 1}
    choice = {"index": 0, "text": body["prompt"] + " x", "logprobs": logprobs, "finish_reason": "length"}
    return Served({"model": MODEL, "choices": [choice], "usage": usage})


COLORS = ScoreRequest("c", "Question: Which?\nAnswer:", (" dark red", " very light green"))


def test_options_are_scored_token_by_token():
    reply, engine, server = replied(scoring, COLORS)
    assert reply == Scored("c", ((-5.0, -4.0), (-5.0, -6.0, -6.0)))
    assert engine.facts["scoring"] == "echo"
    fields = {"model": "m", "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
    prompts = [COLORS.context, *(COLORS.context + text for text in COLORS.continuations)]
    assert server.requests == [{**fields, "prompt": prompt} for prompt in prompts]


def test_blanks_at_the_end_of_the_context_belong_to_the_option():
    reply, _, server = replied(scoring, ScoreRequest("c", "Which?\n ", ("dark red", "green")))
    assert reply == Scored("c", ((-6.0, -4.0), (-7.0,)))
    assert server.requests[0]["prompt"] == "Which?"


def spoiled(usage=None, **logprobs):
    """The same endpoint with something wrong; llama.cpp's, say, gives no log-probabilities of the prompt."""

    def script(body):
        served = scoring(body).body
        served["choices"][0]["logprobs"].update(logprobs)
        return Served({**served, "usage": usage or served["usage"]})

    return script


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (spoiled(token_logprobs=[-0.1]), "it sends 1 log-probabilities for"),
        (spoiled(usage={"total_tokens": 5}), "it does not count"),
        (spoiled(token_logprobs=[None] * 7), "item c has an option without log-probabilities"),
        (lambda _: refusal(404, "Not Found"), "HTTP 404: Not Found"),
        (lambda _: refusal(400, "echo is not supported."), "HTTP 400: echo is not supported"),
        (lambda _: refusal(501, "not implemented"), "HTTP 501"),
    ],
)
def test_an_endpoint_that_cannot_score_says_what_to_do(script, cause):
    said, server = fault(script, COLORS)
    assert f"this endpoint cannot score options: {cause}" in said
    assert said.endswith("; leave [[task]] out for served models or serve the model with vLLM")
    assert len(server.requests) <= 2


def test_other_faults_of_scoring_keep_their_names():
    assert replied(lambda _: refusal(400, TOO_LONG), COLORS)[0] == Scored("c", ())
    assert "cannot score" not in fault(lambda _: refusal(401, "who are you?"), COLORS)[0]
    trace = TraceRequest("t", (Message("user", "x"),), "y", 5)
    assert "a served model gives no traces" in fault(scoring, trace)[0]


def test_the_key_is_never_written(tmp_path):
    troubles = iter([refusal(503, f"busy, {KEY}"), Served({"error": KEY})])

    def script(body):
        return next(troubles, None) or (completion(f"your key is {KEY}") if "messages" in body else scoring(body))

    items = (Item(task="t", id="0", subject="x", question="q?", options=("a", "b"), gold=0),)
    work = order(tmp_path, 3, (TaskItems(name="t", style="continuation", items=items),))
    with FakeJudgeServer(script) as server:
        answers = run_order(server, work)
        engine = load_served(spec(server.base_url))
        shown = [repr(engine), repr(engine._endpoint), repr(engine._model), str(engine.facts)]
    assert answers[0].turns[0].text == "your key is [api key]"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"answers.jsonl", "choices.jsonl", "manifest.json"} <= {path.name for path in files}
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    assert not any(KEY in text for text in shown)


def test_a_key_is_needed_anywhere_but_on_loopback(monkeypatch):
    monkeypatch.delenv(VARIABLE)
    with FakeJudgeServer(lambda _: completion("x")) as server:
        run(server, write())
    assert server.keys == ["Bearer no-key"]
    for url, where in (("", "api.openai.com:443"), ("http://models.example:8000/v1", "models.example:8000")):
        with pytest.raises(EngineError, match=f"^{where}: no API key: {VARIABLE} is not set"):
            load_served(spec(url))
    with pytest.raises(EngineError, match="`api_key_env` is empty"):
        load_served(spec("", api_key_env=""))
    monkeypatch.setenv(VARIABLE, "schlüssel")
    with pytest.raises(EngineError, match="no header can carry"):
        load_served(spec(""))


def test_settings_that_cannot_be_kept_are_refused():
    for changes in ({"template": "fastchat:vicuna"}, {"arguments": {"temperature": 1}}):
        with pytest.raises(ConfigError, match=r"template|Assay sets 'temperature' itself"):
            load_served(spec("http://127.0.0.1:1/v1", **changes))
    for url in ("127.0.0.1:8000", "http://[::1", "http://h:x/v1"):
        with pytest.raises(ConfigError, match="base_url"):
            load_served(spec(url))
