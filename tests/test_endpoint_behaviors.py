"""How endpoints really answer, in one table: what each behavior means to a judge and to a model under test alike.

In: statuses, headers, bodies, finishes over a real loopback socket. Out: outcomes, calls, exit codes, words.
`assay judge` asks for the four ratings of a question; a served model is asked for one text.
"""

import codecs
import itertools
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from assay.cli import run as assay
from ledger.endpoint.cut_prompts import UNCOUNTED as NOTHING_COUNTED
from ledger.endpoint.parameters import EndpointParameters
from ledger.endpoint.replies import Replies
from ledger.endpoint.strangers import IN_A_ROW
from ledger.errors import EngineError, Rejected
from ledger.manifests import read_manifest
from tests.fake_judge_server import KEY, FakeJudgeServer, Served, completion, refusal, verdict
from tests.judge_reviews import review
from tests.served_models import run, write

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

RATINGS, ATTEMPTS = 4, 6
GEMINI = [
    {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "0.02s"}],
        }
    }
]
PAGE = b"<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head><body>If you see this</body></html>"
ANTHROPIC = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "flagged: [[7]]"}]}
JSON = "application/json"
STREAM = b'data: {"choices": [{"delta": {"content": "Rating: [[7]]"}}]}\n\n'
ANTHROPIC_EVENTS = b"".join(
    f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
    for event in (
        {"type": "message_start", "message": {"type": "message", "role": "assistant", "content": []}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Rating: [[9]]"}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    )
)
OLLAMA_LINES = b"".join(
    json.dumps({"model": "m", "message": {"role": "assistant", "content": text}, "done": not text}).encode() + b"\n"
    for text in ("Rating: ", "[[9]]", "")
)


@dataclass(frozen=True)
class Kind:
    """What a behavior comes to: calls and exit codes of both, the judge's outcomes, the model's finish."""

    calls: tuple[int, int]
    code: int
    outcome: str
    finish: str = ""


READ = Kind((RATINGS, 1), 0, "scored", "stop")
PASSES = Kind((RATINGS + 1, 2), 0, "scored", "stop")
LEARNED = Kind((RATINGS + 1, 2), 0, "scored", "stop")
TWO_TRIES = Kind((RATINGS + 2, 3), 0, "scored", "stop")  # by its other name, then without
LOST_LIMIT = Kind((3 * RATINGS, 3), 20, "failed")
THREE_TRIES = Kind((RATINGS + 3, 4), 0, "scored", "stop")  # each alone, then both
ROOM = Kind((2 * RATINGS, 2), 0, "scored", "stop")  # how much there is depends on the prompt
NO_SYSTEM = Kind((RATINGS + 1, 1), 0, "scored", "stop")  # the model was given no system text
ENDS = Kind((1, 1), 20, "skipped")
REFUSED = Kind((RATINGS, 1), 20, "failed")
FILTERED = Kind((RATINGS, 1), 20, "filtered", "empty")
CUT = Kind((2 * RATINGS, 1), 20, "truncated", "length")
NO_VERDICT = Kind((2 * RATINGS, 1), 20, "unreadable", "stop")  # each is asked again
NO_TEXT = Kind((2 * RATINGS, 1), 20, "unreadable", "empty")


def said(body: Any, status: int = 200, **headers: str) -> Served:
    return Served(body, status, {name.replace("_", "-"): value for name, value in headers.items()})


def error(status: int, message: str, **fields: Any) -> Served:
    return Served({"error": {"message": message, **fields}}, status)


def unless(missing: Callable[[dict[str, Any]], bool], served: Served) -> Callable[[dict[str, Any]], Served]:
    """An endpoint that refuses like this until a call is as it wants it."""
    return lambda body: fine(body) if missing(body) else served


def without(*names: str) -> Callable[[dict[str, Any]], bool]:
    return lambda body: not {*names} & set(body)


def most(complaint: str) -> Callable[[dict[str, Any]], Served]:
    """An endpoint that gives forty tokens at most."""
    return unless(lambda body: body["max_tokens"] <= 40, error(400, complaint))


def fine(body: dict[str, Any]) -> Served:
    user = body["messages"][-1]["content"]
    return completion(verdict([{}, {"content": user}]) if "<answer" in user else "well said")


def ended(finish: Any, text: str = "Rating: [[7]]", **choice: Any) -> Served:
    served = completion(text, finish)
    served.body["choices"][0] |= choice
    return served


def thought(reasoning: str) -> Served:
    """A thinking model that says nothing at the end."""
    return completion("", reasoning_content=reasoning)


def marked(served: Served) -> bytes:
    """A body behind a byte order mark."""
    return codecs.BOM_UTF8 + json.dumps(served.body).encode()


def latin(title: str) -> bytes:
    """A page in the encoding of old ones."""
    return f"<html><title>{title}</title></html>".encode("iso-8859-1")


def beside(finish: Any, text: str = "Rating: [[9]], but", **whole: Any) -> Served:
    """A reply with more than choices in it."""
    served = ended(finish, text)
    served.body.update(whole)
    return served


def frames(*events: Any, done: bool = True) -> Served:
    """A stream that begins with half a text."""
    half = {"choices": [{"delta": {"content": "Rating: [[9]], but let me"}, "finish_reason": None}]}
    lines = [each if isinstance(each, bytes) else b"data: " + json.dumps(each).encode() for each in (half, *events)]
    return said(b"".join(line + b"\n\n" for line in [*lines, *([b"data: [DONE]"] if done else [])]))


UNCOUNTED = beside("stop", "Rating: [[7]]", usage=None)


def once(name: str, served: Served, words: str) -> tuple:
    return name, served, PASSES, words


BROKEN_OFF = said(b'9\r\n{"choices\r\n', transfer_encoding="chunked", connection="close")
BEHAVIORS = [
    # what a finish means
    ("stop", ended("stop"), READ, ""),
    ("end_turn", ended("end_turn"), READ, ""),
    ("STOP, as Gemini spells it", ended("STOP"), READ, ""),
    once("no finish is told", ended(None), "did not come to its end (finish 'none'): no finish is told"),
    ("length", ended("length"), CUT, "the reply was cut, also with twice the room: raise max_tokens above 100"),
    ("MAX_TOKENS", ended("MAX_TOKENS"), CUT, ""),
    ("content_filter", ended("content_filter"), FILTERED, "4 judgments have no verdict: a content filter took it"),
    ("SAFETY", ended("SAFETY"), FILTERED, ""),
    *((finish, ended(finish), FILTERED, "") for finish in
      ("sensitive", "refusal", "guardrail_intervened", "RECITATION", "PROHIBITED_CONTENT")),
    once("error", ended("error"), "did not come to its end (finish 'error')"),
    once("DeepSeek's overload", ended("insufficient_system_resource"), "insufficient_system_resource"),
    once("tool_calls", ended("tool_calls"), "tool_calls"),
    once("a finish of tomorrow", ended("reticulated"), "reticulated"),
    once("an error in the choice", ended("error", error={"message": "Upstream died", "code": 502}), "Upstream died"),
    ("a router's stop beside MAX_TOKENS", ended("stop", native_finish_reason="MAX_TOKENS"), CUT, ""),
    ("a router's stop beside STOP", ended("stop", native_finish_reason="STOP"), READ, ""),
    once("two choices", beside("stop", choices=2 * ended("stop").body["choices"]), "several choices came where"),
    # what is finished and holds no verdict
    ("no verdict", ended("stop", "I cannot say."), NO_VERDICT, "'I cannot say.' (finish stop, 7 tokens)"),
    ("an empty text", ended("stop", ""), NO_TEXT, "the last one: no text (finish stop, 7 tokens)"),
    ("thoughts beside no text", thought("[[7]]"), NO_VERDICT, "the last one: no text (finish stop, 7 tokens)"),
    # a text and an error in one reply
    once("an error beside the choices", beside("stop", error={"message": "It died", "code": 502}), "HTTP 502: It died"),
    once("an error without a finish", beside(None, error={"message": "It died"}), "(finish 'None'): It died"),
    once("an error in words beside them", beside("stop", error="worker died"), "(finish 'stop'): worker died"),
    once("an object that is an error", beside("stop", object="error", message="It died"), "(finish 'stop'): It died"),
    once("a status failed", beside("stop", status="failed"), '{"status": "failed"}'),
    once("a status incomplete", beside("stop", status="incomplete", incomplete_details={"reason": "room"}), "room"),
    ("an empty error", beside("stop", "Rating: [[7]]", error={"message": None}, status="completed"), READ, ""),
    ("no credits beside them", beside("stop", error={"message": "No credits left", "code": 402}), ENDS, "HTTP 402"),
    ("no finish, and all tokens used", beside(None, usage={"completion_tokens": 100}), CUT, ""),
    once("no finish, and room left", beside(None, usage={"completion_tokens": 20}), "no finish is told"),
    # how a text is encoded
    ("a byte order mark", said(marked(UNCOUNTED)), READ, ""),
    ("a mark, declared", said(marked(UNCOUNTED), content_type="application/json; charset=utf-8"), READ, ""),
    ("UTF-16, declared", said(json.dumps(UNCOUNTED.body).encode("utf-16"), content_type=f"{JSON}; charset=utf-16"),
     READ, ""),
    ("a marked error", said(marked(refusal(400, "Bad request: no")), 400), REFUSED, "HTTP 400: Bad request: no"),
    ("ISO-8859-1, declared", said(latin("Schlüssel ungültig"), 401, content_type="text/html; charset=iso-8859-1"),
     ENDS, "HTTP 401: Schlüssel ungültig"),
    ("ISO-8859-1, not declared", said(latin("Schlüssel ungültig"), 401), ENDS, "HTTP 401: Schlüssel ungültig"),
    ("ISO-8859-1 by a false name", said(latin("Schlüssel ungültig"), 401, content_type="text/html; charset=utf-8"),
     ENDS, "HTTP 401: Schlüssel ungültig"),
    ("an encoding that nobody knows", said(latin("Schlüssel ungültig"), 401, content_type="text/html; charset=klingon"),
     ENDS, "HTTP 401: Schlüssel ungültig"),
    ("a page in ISO-8859-1", said(latin("Anmeldung nötig")), ENDS, "not a completion: a page (Anmeldung nötig)"),
    once("502 in ISO-8859-1", said(latin("Störung"), 502), "HTTP 502: Störung"),
    ("bytes that are no text", said(bytes(range(128, 256)), 401), ENDS, "HTTP 401: "),
    # what passes
    *(once(f"HTTP {n}", refusal(n, "later, please"), f"HTTP {n}: later, please") for n in (408, 409, 425, 429, 500)),
    once("503 in plain text", said(b"upstream connect error", 503), "HTTP 503: upstream connect error"),
    once("502 as a page", said(b"<html><title>502 Bad Gateway</title></html>", 502), "HTTP 502: 502 Bad Gateway"),
    once("a 429 that asks to wait", refusal(429, "slow down", retry_after="0.02"), "slow down"),
    once("Gemini's quota per minute", said(GEMINI, 429), "You exceeded your current quota."),
    once("words that ask to wait", refusal(429, "Rate limit reached. Please try again in 20ms."), "try again in 20ms"),
    once("a reset in the headers", said({"detail": "no"}, 429, x_ratelimit_reset_requests="20ms"), "HTTP 429: no"),
    once("a connection that is cut", Served(hang_up=True), "no connection"),
    once("a text that is cut", said(b'{"choices": [{"message": {"cont'), "not a completion: {"),
    once("a body that breaks off", BROKEN_OFF, "the reply was cut off on its way (peer closed connection without"),
    once("no choices", said({"choices": None}), "not a completion"),
    once("vLLM's error in a 200", said({"object": "error", "message": "engine is busy"}), "engine is busy"),
    once("an upstream's 502 in a 200", said({"error": {"message": "It died", "code": 502}}), "HTTP 502: It died"),
    # what every further call would meet
    ("401", error(401, f"Incorrect API key provided: {KEY}"), ENDS, "HTTP 401: Incorrect API key provided: [api key]"),
    ("402", error(402, "Insufficient credits", code=402), ENDS, "HTTP 402: Insufficient credits. Top up"),
    ("403", said({"detail": "Not allowed here"}, 403), ENDS, "HTTP 403: Not allowed here"),
    ("404 of a model", error(404, "The model `m` does not exist"), ENDS, "The model `m` does not exist"),
    ("405", said({"detail": "Method Not Allowed"}, 405), ENDS, "HTTP 405: Method Not Allowed"),
    ("OpenAI's empty account", refusal(429, "You exceeded your quota", "insufficient_quota"), ENDS, "Top up"),
    ("Anthropic's empty account", error(400, "Your credit balance is too low to go on"), ENDS, "credit bal"),
    ("credits in a 500", said({"error": "You have run out of credits"}, 500), ENDS, "run out of credits"),
    ("credits in a 200", said({"error": {"message": "Insufficient credits", "code": 402}}), ENDS, "HTTP 402: Insuff"),
    ("a billing limit", refusal(400, "Limit reached", "billing_hard_limit_reached"), ENDS, "Limit reached"),
    ("a quota without a wait", said("Monthly quota exceeded", 429), ENDS, "Monthly quota exceeded"),
    ("a quota per day", refusal(429, "Rate limit reached for m on requests per day (RPD): Limit 200"), ENDS,
     "requests per day (RPD): Limit 200. Run again when the quota is renewed"),
    ("a daily limit", error(429, "Daily request limit exceeded, slow down"), ENDS, "Run again when the quota is"),
    ("tokens per month", error(503, "Too many requests: tokens per-month used up, retry"), ENDS, "Run again when"),
    ("a free tier", refusal(429, "Your free tier is used up; add a payment method"), ENDS, "payment method. Top up"),
    ("a trial key", refusal(429, "Trial key limit reached: 1000 API calls / month"), ENDS, "Run again when the quota"),
    ("a usage limit until a day", refusal(429, "You have reached your specified API usage limits. You will regain "
     "access on 2026-12-01 at 00:00 UTC."), ENDS, "Run again when the quota is renewed"),
    once("a usage limit of seconds", refusal(429, "Usage limit reached, try again in 20ms"), "try again in 20ms"),
    once("a quota per day and a wait", refusal(429, "Limit per day reached. Try again in 20ms"), "20ms"),
    once("two quotas", refusal(429, "Rate limit: 9 per minute, 99 per day"), "9 per minute, 99 per day"),
    ("a deactivated account", error(429, "This account has been deactivated."), ENDS,
     "deactivated. Look at the account and its key with the provider"),
    ("a deactivated account in a 500", error(500, "The account has been deactivated"), ENDS, "Look at the account and"),
    ("a country", error(403, "Country not supported"), ENDS, "not supported. The provider serves no calls from"),
    ("OpenAI's country", error(403, "Country, region, or territory not supported",
     code="unsupported_country_region_territory"), ENDS, "The provider serves no calls from this network's place"),
    ("Gemini's country", error(400, "User location is not supported for the API use."), ENDS, "The provider serves no"),
    ("a suspended account in plain text", said(b"Your account is suspended", 400), ENDS, "Your account is suspended"),
    ("a wrong model that speaks of a parameter", error(400, "invalid model; see docs on temperature"), ENDS,
     "HTTP 400: invalid model; see docs on temperature. Check the model's name"),
    ("LiteLLM's wrong model", error(400, "Invalid model name passed in model=m"), ENDS, "Invalid model name passed in"),
    ("a wrong key in a 400", error(400, "API key not valid. Please pass a valid one."), ENDS, "API key not valid"),
    ("arrears", error(400, "Access denied, please make sure your account is in good standing.", code="Arrearage"), ENDS,
     "good standing"),
    ("a way to another host", said(b"", 307, location="http://localhost:9/v1"), ENDS, "other host, http://localhost:9."),
    ("a way to the login", said(b"", 302, location="https://login.example/?k=v"), ENDS, "host, https://login.example."),
    ("a page", said(PAGE), ENDS, "not a completion: a page (Welcome to nginx!)"),
    ("plain text", said(b"It works!"), ENDS, "not a completion: plain text (It works!)"),
    ("an empty body", said(b""), ENDS, "HTTP 200, but not a completion: nothing."),
    ("204", said(b"", 204), ENDS, "HTTP 204, but not a completion: nothing."),
    ("an empty list", said([]), ENDS, "not a completion: JSON of another kind ([])"),
    ("null", said(None), ENDS, "not a completion: JSON of another kind (null)"),
    ("Anthropic's own API", said(ANTHROPIC), ENDS, "a reply of Anthropic's own API. Give base_url"),
    ("Gemini's own API", said({"candidates": [{"content": {"parts": [{"text": "[[7]]"}]}}]}), ENDS, "/v1beta/openai."),
    ("Ollama's own API", said({"message": {"content": "flagged"}, "done": True}), ENDS, "a reply of Ollama's own API."),
    ("a stream that nobody asked for", said(STREAM), ENDS, "Set stream = true."),
    ("Ollama's lines that nobody asked for", said(OLLAMA_LINES), ENDS, "a stream of Ollama's own API. Give base_url"),
    ("Anthropic's events that nobody asked for", said(ANTHROPIC_EVENTS), ENDS, "a stream of Anthropic's own API."),
    # what is this request's fault
    ("a complaint that quotes a prompt", error(400, f"Cannot say: {'x ' * 200} no credit, billing"), REFUSED, "Cannot"),
    ("a bad request", refusal(400, "Bad request: no such thing"), REFUSED, "Bad request: no such thing"),
    ("FastAPI's 422", said({"detail": [{"loc": ["body", "x"], "msg": "is bad"}]}, 422), REFUSED, "body.x: is bad"),
    ("a list of errors", said([{"error": {"message": "Odd request"}}], 400), REFUSED, "HTTP 400: Odd request"),
    ("501", refusal(501, "not built"), REFUSED, "HTTP 501: not built"),
    ("a filtered prompt", refusal(400, "by policy", "content_filter"), FILTERED, "filter took it: HTTP 400: by policy"),
    ("Azure's filter", error(400, "The response was filtered", innererror={"code": "ResponsibleAIPolicyViolation"}),
     FILTERED, ""),
    ("DeepSeek's filter", error(400, "Content Exists Risk"), FILTERED, "HTTP 400: Content Exists Risk"),
    ("OpenRouter's moderation", error(403, "Your input was flagged", code=403), FILTERED, "Your input was flagged"),
    # what is learned
    ("max_completion_tokens alone", unless(without("max_tokens"),
     error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")), LEARNED, ""),
    ("no temperature", unless(without("temperature"), error(400, "temperature: only the default (1) will do")), LEARNED,
     ""),
    ("a name in FastAPI's place", unless(without("temperature"),
     said({"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]}, 422)), LEARNED, ""),
    ("a name in `param`", unless(without("temperature"), error(400, "Bad value", param="temperature")), LEARNED, ""),
    ("fewer tokens at most", unless(lambda body: body["max_tokens"] <= 40,
     error(400, "max_tokens is too large: it must be less than or equal to 40")), LEARNED, ""),
    ("room in the context", unless(lambda body: body["max_tokens"] <= 30,
     error(400, "maximum context length is 80 tokens; you have 50 input tokens, max_tokens 50")), ROOM, ""),
    ("the most in backticks", most("`max_tokens` must be less than or equal to `40`, the maximum value for "
     "`max_tokens` is less than the `context_window` for this model"), LEARNED, ""),
    ("the most, and what was sent", most("max_tokens must be at most 40, got 50"), LEARNED, ""),
    ("the most as a comparison", most("max_tokens: 50 > 40, which is the maximum allowed number of output tokens for "
     "claude-3-haiku"), LEARNED, ""),
    ("a limit that is too large by an unknown number", unless(without("max_tokens", "max_completion_tokens"),
     error(422, "Invalid value for max_tokens")), TWO_TRIES, ""),
    ("a limit that nothing mends", error(422, "Invalid value for max_tokens, it is too large"), LOST_LIMIT,
     "HTTP 422: Invalid value for max_tokens, it is too large"),
    ("no system role", unless(lambda body: body["messages"][0]["role"] == "user",
     error(400, "System role not supported")), NO_SYSTEM, ""),
    ("two at once", unless(lambda body: not {"max_tokens", "temperature"} & set(body),
     error(400, "max_tokens and temperature are not supported; use max_completion_tokens")), THREE_TRIES, ""),
]  # fmt: skip


STREAMS = [
    once("a stream that ends without a finish", frames(), "finish 'none'): the stream broke off"),
    once("a stream that is cut", frames(done=False), "finish 'none'): the stream broke off"),
    once("vLLM's event", frames({"object": "error", "message": "EngineDead", "code": 500}), "HTTP 500: EngineDead"),
    once("a named event", frames(b'event: error\ndata: {"message": "EngineDead"}'), "finish 'error'): EngineDead"),
    once("a named event in words", frames(b"event: error\ndata: upstream timed out"), "): upstream timed out"),
    once("FastAPI's event", frames({"detail": "worker lost"}), "): worker lost"),
    once("an event with a status", frames({"status": 500, "message": "worker lost"}), "HTTP 500: worker lost"),
    once("an event with errors", frames({"errors": [{"message": "worker lost"}]}), "): worker lost"),
    once("an event with error_msg", frames({"error_code": 336003, "error_msg": "worker lost"}), "): worker lost"),
    once("an error after the finish", frames({"choices": [{"delta": {}, "finish_reason": "stop"}]},
     {"error": "worker lost"}), "): worker lost"),
    once("a piece of another choice", frames({"choices": [{"index": 1, "delta": {"content": "[[2]]"},
     "finish_reason": "stop"}]}), "several choices came where one was asked for"),
    once("a text after the finish", frames({"choices": [{"delta": {}, "finish_reason": "stop"}]},
     {"choices": [{"delta": {"content": " yet [[8]]"}}]}), "text came after the finish"),
    once("an event that is cut", said(b'data: {"choices": [{"de'), "not a completion: data:"),
    ("Anthropic's events", said(ANTHROPIC_EVENTS), ENDS, "a stream of Anthropic's own API. Give base_url the path"),
    ("Anthropic's events, cut", said(ANTHROPIC_EVENTS[:330]), ENDS, "a stream of Anthropic's own API."),
    ("Ollama's lines", said(OLLAMA_LINES), ENDS, "a stream of Ollama's own API. Give base_url the path"),
    ("Gemini's events", said(b'data: {"candidates": [{"content": {"parts": [{"text": "[[7]]"}]}}]}'), ENDS,
     "a stream of Gemini's own API."),
    ("no credits left in a stream", frames({"error": {"message": "No credits left", "code": 402}}), ENDS, "HTTP 402"),
]  # fmt: skip
"""What ends a stream that was asked for, behind half a text."""


def script(served: Any, kind: Kind) -> Callable[[dict[str, Any]], Served]:
    if callable(served):
        return served
    left = iter([served])
    return (lambda body: next(left, None) or fine(body)) if kind is PASSES else lambda _: served


ROWS = [(row[0], False, *row[1:]) for row in BEHAVIORS] + [(row[0], True, *row[1:]) for row in STREAMS]
each_behavior = pytest.mark.parametrize(
    ("stream", "served", "kind", "words"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)


@each_behavior
def test_a_judge(tmp_path, capsys, stream, served, kind, words):
    with FakeJudgeServer(script(served, kind)) as server:
        more = f'modes = ["single"]\nmax_tokens = 50\nstream = {str(stream).lower()}'
        config, folder = review(tmp_path, server.base_url, 1, more, in_flight=1)
        code = assay(["judge", str(config), "--runs", str(tmp_path / "runs")])
    records = folder.judge("j")
    shown = capsys.readouterr()
    told = [*shown.err.splitlines(), " ".join(shown.out.split()), *(a.error or "" for a in records.attempts.records())]
    outcomes = Counter(rating.outcome.value for rating in records.ratings.records())
    if kind is ENDS:
        assert outcomes == {"failed": 1, "skipped": RATINGS - 1}
    else:
        assert outcomes == {kind.outcome: RATINGS}
    assert (len(server.requests), code) == (kind.calls[0], kind.code), shown.err
    assert not words or any(words in line for line in told), told
    closing = " ".join([*shown.err.splitlines()[-1:], *shown.out.split()])
    assert not words or kind.code == 0 or words in closing
    assert kind.finish == "" or ("nothing was judged, no reply has a verdict" in closing) == (kind.code == 20)
    assert KEY not in shown.err + shown.out


@each_behavior
def test_a_model_under_test(stream, served, kind, words):
    parameters = EndpointParameters(stream=stream)
    with FakeJudgeServer(script(served, kind)) as server:
        if not kind.finish:
            with pytest.raises(EngineError) as caught:
                run(server, write(), parameters=parameters)
            assert (words in str(caught.value), caught.value.exit_code) == (True, kind.code), str(caught.value)
            assert KEY not in str(caught.value)
        else:
            replies, _ = run(server, write(), parameters=parameters)
            assert replies["1"].finish.value == kind.finish
    assert len(server.requests) == kind.calls[1]
    if kind is PASSES:  # where it never passes, its words end the run
        with FakeJudgeServer(lambda _: served) as server, pytest.raises(EngineError) as caught:
            run(server, write(), parameters=parameters)
        assert words.rstrip(".") in str(caught.value)
        assert len(server.requests) == ATTEMPTS


def test_what_a_filter_took_from_some_judgments_is_told_in_every_face(tmp_path, capsys):
    served = refusal(400, "by our policy", "content_filter")
    with FakeJudgeServer(lambda body: served if "about 2" in str(body) else fine(body)) as server:
        config, _ = review(tmp_path, server.base_url, 5, 'modes = ["single"]', in_flight=1)
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs")]) == 0
    said = "a content filter took it: HTTP 400: by our policy"
    assert f"Judge j: 4 judgments have no verdict: {said}" in " ".join(capsys.readouterr().out.split())
    assay(["analyze", str(config), "--runs", str(tmp_path / "runs")])
    faces = {
        name: (tmp_path / "runs/r/analysis" / name).read_text() for name in ("report.md", "report.html", "report.json")
    }
    assert [name for name, text in faces.items() if said not in text] == []


def test_an_endpoint_whose_replies_break_off_is_told_as_one_that_answers(tmp_path, capsys):
    with FakeJudgeServer(lambda _: BROKEN_OFF) as server:
        config, _ = review(tmp_path, server.base_url, 1, 'modes = ["single"]', in_flight=1)
        config.write_text(config.read_text().replace("attempts = 30", "attempts = 2"))
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs")]) == 20
    told = capsys.readouterr().err.splitlines()[-1]
    assert "the reply was cut off on its way" in told
    assert "nobody answers" not in told


def test_an_endpoint_that_counts_no_tokens_of_any_prompt_is_named(tmp_path, capsys):
    def uncounted(body):
        served = fine(body)
        return beside("stop", served.body["choices"][0]["message"]["content"], usage={"prompt_tokens": 0})

    with FakeJudgeServer(uncounted) as server:
        config, folder = review(tmp_path, server.base_url, 1, 'modes = ["single"]', in_flight=1)
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs")]) == 0
        _, engine = run(server, write())
    assert f"Judge j: {NOTHING_COUNTED}" in " ".join(capsys.readouterr().out.split())
    assert read_manifest(folder.judge("j").path).facts["prompts_counted"] == engine.facts["usage"] == NOTHING_COUNTED


STRANGE = [PAGE, b"It works!", b"", [], None, ANTHROPIC]


@pytest.mark.parametrize("body", STRANGE, ids=["page", "text", "empty", "list", "null", "vendor"])
def test_five_strange_replies_in_a_row_end_a_session(tmp_path, capsys, body):
    with FakeJudgeServer(fine_once_in(1000, body)) as server:
        config, folder = review(tmp_path, server.base_url, 5, 'modes = ["single"]', in_flight=1)
        code = assay(["judge", str(config), "--runs", str(tmp_path / "runs")])
    assert (code, len(server.requests)) == (20, 1 + IN_A_ROW)
    assert {each.outcome.value for each in folder.judge("j").ratings.records()} >= {"scored", "skipped"}
    assert ", 5 times in a row. Look at the endpoint" in capsys.readouterr().err.splitlines()[-1]
    with FakeJudgeServer(fine_once_in(1000, body)) as server, pytest.raises(EngineError, match="5 times in a row"):
        run(server, *(write(str(n)) for n in range(9)), concurrency=1)
    assert 1 + IN_A_ROW <= len(server.requests) <= 2 + IN_A_ROW  # the next call may have left already


def test_a_completion_between_them_lets_a_session_go_on(tmp_path):
    with FakeJudgeServer(fine_once_in(2, PAGE)) as server:
        config, folder = review(tmp_path, server.base_url, 5, 'modes = ["single"]', in_flight=1)
        assert assay(["judge", str(config), "--runs", str(tmp_path / "runs")]) == 0
    assert {each.outcome.value for each in folder.judge("j").ratings.records()} == {"scored"}


def fine_once_in(calls: int, body: Any) -> Callable[[dict[str, Any]], Served]:
    count = itertools.count()
    return lambda asked: said(body) if next(count) % calls else fine(asked)


@pytest.mark.parametrize(("events", "vendor"), [(ANTHROPIC_EVENTS, "Anthropic"), (OLLAMA_LINES, "Ollama")])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_stream_of_another_api_says_what_to_add_to_a_url_without_a_path(events, vendor, streamed):
    with pytest.raises(Rejected, match=f"a stream of {vendor}'s own API. Add /v1 to base_url") as caught:
        Replies("h", "http://h:11434").read(200, events.decode(), streamed=streamed)
    assert caught.value.stops_all


def test_there_are_enough_of_them():
    assert len(BEHAVIORS) >= 40
    assert len({row[0] for row in ROWS}) == len(ROWS)
