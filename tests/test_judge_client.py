"""One call over a real socket: what each answer of a server means, what is learned, and that no key leaks."""

import asyncio
import itertools
import socket
import subprocess
import sys

import pytest

from judge.attempts import answer_fields
from judge.client import OpenAITransport
from judge.replies import Reply
from judge.scripted_judge import ScriptedJudge
from ledger.endpoint.places import place
from ledger.errors import ConfigError, Rejected, Unavailable
from tests.fake_judge_server import KEY, MODEL, FakeJudgeServer, Served, completion, refusal
from tests.house import HOUSE

ASK = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]


ENDED = {"message": {}, "finish_reason": "stop"}
SENT = ("max_tokens", "messages", "model", "temperature")


def replied(script, calls=1, timeout_seconds=5.0, key=KEY):
    """The last reply, the transport and the server after some calls in one event loop."""
    with FakeJudgeServer(script) as server:
        transport = OpenAITransport(server.base_url, key, "m", timeout_seconds)

        async def talk():
            async with transport:
                return [await transport.call(ASK, 100) for _ in range(calls)][-1]

        return asyncio.run(talk()), transport, server


def fault(served, kind, **settings):
    with pytest.raises(kind) as caught:
        replied(lambda _: served, **settings)
    return caught.value


def test_a_good_answer():
    reply, transport, server = replied(lambda _: completion("Rating: [[7]]"))
    assert reply == Reply("Rating: [[7]]", "stop", None, MODEL, 11, 7, sent=SENT)
    assert server.requests == [{"model": "m", "messages": ASK, "max_tokens": 100, "temperature": 0}]
    assert server.keys == [f"Bearer {KEY}"]
    assert transport.facts == {"sent": list(SENT)}


def test_unusual_completions():
    assert replied(lambda _: completion(None, refusal="no"))[0].refusal == "no"
    assert replied(lambda _: completion("cut", "length"))[0].finish == "length"
    parts = [{"type": "text", "text": "[["}, {"type": "text", "text": "7]]"}, {"type": "image"}]
    assert replied(lambda _: completion(parts))[0].text == "[[7]]"
    bare = Served({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]})
    assert replied(lambda _: bare)[0] == Reply("x", "stop", sent=SENT)
    for prompt, reply in (("many", -1), (10**400, 10**400)):
        usage = {"prompt_tokens": prompt, "completion_tokens": reply}
        odd = Served({**completion("x").body, "usage": usage, "model": 3})
        assert replied(lambda _, odd=odd: odd)[0] == Reply("x", "stop", sent=SENT)
    half = Served({**completion("x").body, "model": "m\ud800"})
    assert replied(lambda _: half)[0].served_model == "m\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    "body",
    [
        {"choices": None},
        {"choices": []},
        {"object": "error", "message": "busy"},
        {"choices": [{"message": None}]},
        {"choices": [ENDED | {"logprobs": {"content": [{"token": "8", "logprob": -(10**400)}]}}]},
        {"choices": [{"message": {"content": 5}}]},
        [{}],
        b"[" * 100_000,
    ],
)
def test_a_200_that_is_no_completion_is_unavailable(body):
    error = fault(Served(body), Unavailable)
    assert "not a completion" in str(error)
    assert error.status == 200
    assert len(str(error)) < 700


@pytest.mark.parametrize("body", [[], None, b"welcome", b"\xff\xfe", b""])
def test_a_first_200_that_no_endpoint_would_send_ends_the_session(body):
    error = fault(Served(body), Rejected)
    assert "not a completion" in str(error)
    assert (error.status, error.stops_all) == (200, True)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503])
def test_transient_statuses(status):
    error = fault(refusal(status, "later", retry_after="7"), Unavailable)
    assert error.status == status
    assert error.retry_after_seconds == 7


@pytest.mark.parametrize("status", [401, 403, 404])
def test_statuses_that_stop_all(status):
    error = fault(refusal(status, "wrong"), Rejected)
    assert error.stops_all
    assert "api_key_env" in str(error)


def test_an_empty_account_stops_all_though_it_comes_as_429():
    error = fault(refusal(429, "You exceeded your quota", "insufficient_quota"), Rejected)
    assert error.stops_all
    assert "Top up" in str(error)


def test_another_bad_request_is_only_this_calls_fault():
    error = fault(refusal(400, "maximum context length is 4096 tokens"), Rejected)
    assert not error.stops_all
    assert "maximum context length" in str(error)


def test_a_filtered_prompt_is_a_reply():
    served = refusal(400, "filtered by policy", "content_filter")
    assert replied(lambda _: served)[0] == Reply(
        "", "content_filter", http_status=400, sent=SENT, words="HTTP 400: filtered by policy"
    )


def test_a_hang_and_a_cut_are_unavailable():
    error = fault(Served(delay_seconds=0.8, body={}), Unavailable, timeout_seconds=0.2)
    assert "no answer within 0.2 s" in str(error)
    error = fault(Served(hang_up=True), Unavailable)
    assert error.status is None


def test_a_url_that_nobody_serves_names_host_and_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    transport = OpenAITransport(f"http://127.0.0.1:{port}/v1", KEY, "m", 5)

    async def talk():
        async with transport:
            await transport.call(ASK, 10)

    with pytest.raises(Unavailable, match=rf"127\.0\.0\.1:{port}: no connection"):
        asyncio.run(talk())


def test_a_server_that_wants_max_completion_tokens_gets_it_for_good():
    def script(body):
        if "max_tokens" in body:
            return refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in body:
            return refusal(400, "Unsupported value: 'temperature' does not support 0 with this model.")
        return completion("x")

    reply, transport, server = replied(script, calls=2)
    assert reply.text == "x"
    assert len(server.requests) == 4
    assert server.requests[-1] == {"model": "m", "messages": ASK, "max_completion_tokens": 100}
    assert transport.facts["output_limit"] == "max_completion_tokens"
    assert "not sent" in transport.facts["temperature"]


def test_a_prompt_that_is_too_long_teaches_no_other_name_for_the_limit():
    """So vLLM and NIM complain; the same call under the other name would be refused again."""
    complaint = (
        "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 8192 tokens"
        " and your request has 5000 input tokens (4096 > 8192 - 5000)."
    )
    with FakeJudgeServer(lambda _: refusal(400, complaint)) as server:
        transport = OpenAITransport(server.base_url, KEY, "m", 5)
        with pytest.raises(Rejected, match="too large"):
            calls(transport, 1)
        assert (len(server.requests), transport.facts) == (1, {})


ODD = "a bad prompt; see the docs on temperature"


def test_a_refusal_that_only_mentions_a_parameter_drops_nothing_for_the_next_call():
    def script(body):
        return refusal(400, ODD) if "odd" in body["messages"][1]["content"] else completion("[[7]]")

    with FakeJudgeServer(script) as server:
        transport = OpenAITransport(server.base_url, KEY, "m", 5.0)

        async def talk():
            async with transport:
                with pytest.raises(Rejected):
                    await transport.call([ASK[0], {"role": "user", "content": "odd"}], 100)
                return await transport.call(ASK, 100)

        reply = asyncio.run(talk())
    assert (reply.sent, reply.changed, transport.facts) == (SENT, (), {"sent": list(SENT)})


def test_a_refusal_that_only_mentions_a_parameter_keeps_its_words():
    count = itertools.count(1)
    then = [ODD, f"{ODD} (request #)", "temperature is required"]
    for words in then:
        seen = []

        def script(body, words=words, seen=seen):
            seen.append("temperature" in body)
            return refusal(400, ODD if seen[-1] else words.replace("#", str(next(count))))

        with pytest.raises(Rejected) as told:
            replied(script)
        assert (seen, told.value.what) == ([True, False], f"HTTP 400: {ODD}")


def test_a_refusal_behind_a_parameter_that_is_refused_is_told_itself():
    def script(body):
        return refusal(400, "temperature is not supported" if "temperature" in body else "a bad prompt")

    with pytest.raises(Rejected) as told:
        replied(script)
    assert told.value.what == "HTTP 400: a bad prompt"


def test_a_filter_that_takes_the_next_try_teaches_nothing():
    scripted = [refusal(400, ODD), refusal(400, "by policy", "content_filter"), completion("Rating: [[7]]")]
    reply, transport, server = replied(lambda _: scripted.pop(0), calls=2)
    assert ["temperature" in body for body in server.requests] == [True, False, True]
    assert (reply.sent, reply.changed, transport.facts) == (SENT, (), {"sent": list(SENT)})


def test_a_server_that_refuses_whatever_is_sent_is_not_asked_for_ever():
    complaint = "max_tokens, max_completion_tokens and temperature are not supported"
    assert fault(refusal(400, complaint), Rejected).status == 400


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_the_key_is_in_no_error_and_no_repr(status):
    error = fault(refusal(status, f"Incorrect API key provided: {KEY}."), Rejected)
    assert error.stops_all
    assert KEY not in str(error) + repr(error) + repr(error.__cause__)
    assert error.__suppress_context__
    assert "[api key]" in str(error)
    assert KEY not in repr(OpenAITransport("http://h/v1", KEY, "m", 1))


def test_a_key_in_a_reply_is_taken_out():
    assert replied(lambda _: completion(f"your key is {KEY}"))[0].text == "your key is [api key]"


def test_a_server_that_needs_no_key_is_sent_a_word():
    assert replied(lambda _: completion("x"), key="")[2].keys == ["Bearer no-key"]


def test_where_a_judge_is_never_shows_user_or_password():
    assert place("https://user:pass@host/v1") == "host:443"
    assert place("http://127.0.0.1:8000/v1") == "127.0.0.1:8000"
    assert place("") == "api.openai.com:443"
    for url in ("host/v1", "http://host:99999/", "ftp://host"):
        with pytest.raises(ConfigError, match="base_url"):
            place(url)


def test_a_scripted_judge():
    judge = ScriptedJudge(lambda messages: messages[1]["content"])
    assert asyncio.run(judge.call(ASK, 1)) == Reply("u", "stop", served_model="scripted")
    assert judge.calls == [ASK]
    with pytest.raises(Unavailable):
        asyncio.run(ScriptedJudge(lambda _: Unavailable("x")).call(ASK, 1))
    assert asyncio.run(ScriptedJudge(lambda _: Reply("y")).call(ASK, 1)) == Reply("y")


def test_judge_imports_without_openai():
    code = "import sys, judge.session, judge.scripted_judge; sys.exit('openai' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HOUSE)


def test_a_server_without_a_system_role_gets_one_message_for_good():
    def script(body):
        roles = [message["role"] for message in body["messages"]]
        return completion("[[7]]") if roles == ["user"] else refusal(400, "System role not supported")

    with FakeJudgeServer(script) as server:
        transport = OpenAITransport(server.base_url, KEY, "m", 5)
        assert [reply.text for reply in calls(transport, 2)] == ["[[7]]", "[[7]]"]
        assert len(server.requests) == 3
        assert "system_role" in transport.facts
        again = OpenAITransport(server.base_url, KEY, "m", 5, transport.facts)
        assert len(calls(again, 1)) == 1
        assert len(server.requests) == 4
    assert server.requests[-1]["messages"][0]["content"] == "be strict\n\nhello"


def calls(transport, count, **extras):
    messages = [{"role": "system", "content": "be strict"}, {"role": "user", "content": "hello"}]

    async def all_of_them():
        async with transport:
            return [await transport.call(messages, 16, extras) for _ in range(count)]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("extras", "complaint"),
    [
        ({"response_format": {"type": "json_schema"}}, "response_format is not supported"),
        ({"logprobs": True, "top_logprobs": 5}, "logprobs are not available for this model"),
    ],
)
def test_a_form_that_the_server_refuses_stops_all(extras, complaint):
    with FakeJudgeServer(lambda _: refusal(400, complaint)) as server:
        with pytest.raises(Rejected, match="form = ") as error:
            calls(OpenAITransport(server.base_url, KEY, "m", 5), 1, **extras)
        assert len(server.requests) == 1
    assert (error.value.stops_all, error.value.status) == (True, 400)


def test_log_probabilities_that_do_not_come_stop_all_and_fewer_are_learned():
    logprobs = {"content": [{"token": "8", "logprob": -0.1, "top_logprobs": [{"token": "8", "logprob": -0.1}]}]}

    def script(body):
        if body["top_logprobs"] > 5:
            return refusal(400, "top_logprobs must be at most 5")
        found = completion("8")
        found.body["choices"][0]["logprobs"] = logprobs
        return found

    with FakeJudgeServer(script) as server:
        transport = OpenAITransport(server.base_url, KEY, "m", 5)
        (reply,) = calls(transport, 1, logprobs=True, top_logprobs=20)
        assert (reply.rating_tokens[0].token, transport.facts["top_logprobs"]) == ("8", 5)
    with FakeJudgeServer(lambda _: completion("8")) as server, pytest.raises(Rejected, match="no log-probabilities"):
        calls(OpenAITransport(server.base_url, KEY, "m", 5), 1, logprobs=True, top_logprobs=5)


def test_an_allowance_in_the_headers_is_read():
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}
    with FakeJudgeServer(lambda _: Served(completion("[[7]]").body, headers=headers)) as server:
        (reply,) = calls(OpenAITransport(server.base_url, KEY, "m", 5), 1)
    assert reply.exhausted_seconds == 1


@pytest.mark.parametrize("key", ["EMPTY", "token", "x", ""])
def test_a_key_that_is_a_word_changes_no_reply(key):
    """Servers that need no key are given a word; a reply that holds it is data, and stays."""
    said = "The token is EMPTY; x marks no-key and not-needed."
    assert replied(lambda _: completion(said), key=key)[0].text == said


def test_a_server_that_has_not_built_it_is_not_asked_again():
    assert fault(refusal(501, "not implemented"), Rejected).status == 501


def test_an_attempt_keeps_the_status_that_the_server_gave():
    reply = replied(lambda _: refusal(422, "by policy", "content_filter"))[0]
    assert answer_fields(reply)["http_status"] == 422
