"""What the lines of a batch mean: the same as the same reply over the wire, and what their calls carried."""

import asyncio
import json

import pytest

from assay.cli import run as assay
from judge.attempts import answer_fields, failure_fields
from judge.batch import export
from judge.batch_results import collect
from judge.brief import Brief
from judge.client import OpenAITransport
from judge.session import sitting
from ledger.errors import EndpointError
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import KEY, FakeJudgeServer, Served, answer, completion
from tests.judge_reviews import PROMPTS, batch_server, configured, judge_review, result, review

QUESTIONS = 3
SINGLE = {"modes": ("single",)}
TOP_UP = "Top up the account and run again"
CHECK = "Check the model's name"


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "review")
    for model in ("base", "cand"):
        with Writer(folder.generation(model).answers) as writer:
            for number in range(QUESTIONS):
                writer.append(
                    answer(model, f"q{number}", f"An essay of {model} about {number}.", f"And more {number}.")
                )
    return folder


def brief(run, **settings):
    return Brief(run, configured(**SINGLE, **settings), PROMPTS, "base", ["cand"], None, 1)


def said(text, **more):
    return completion(text).body | more


def choice(text, finish, **more):
    return {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        **more,
    }


def exported(held):
    (path,) = export(held)
    return path.read_text().splitlines()


def took(run, tmp_path, status, body, error=None, **settings):
    """The attempt that one line of a batch becomes."""
    with sitting(brief(run, **settings)) as held:
        row = json.loads(result(exported(held)[0])) | {"error": error}
        row["response"] = {"status_code": status, "body": body} if status else None
        path = tmp_path / "results.jsonl"
        path.write_text(json.dumps(row) + "\n")
        done = collect(held, [path])
        (attempt,) = held.history.all()
    return attempt, done.summary


@pytest.mark.parametrize("kind", ["unknown", "contradicting"])
def test_results_that_do_not_come_in_are_told_and_leave_with_20(tmp_path, capsys, endpoint_key, kind):
    config, folder = review(tmp_path, "http://127.0.0.1:9/v1", 1, 'modes = ["single"]')
    where = ["--runs", str(tmp_path / "runs")]
    assert assay(["judge", str(config), *where, "--batch", "export"]) == 0
    (path,) = (folder.judge("j").path / "batch").glob("requests-*.jsonl")
    rows = [json.loads(result(line)) for line in path.read_text().splitlines()]
    other = json.loads(json.dumps(rows[0]).replace("[[", "[[1"))
    sent = [each | {"custom_id": "stranger"} for each in rows] if kind == "unknown" else [*rows, rows[0], other]
    results = tmp_path / "results.jsonl"
    results.write_text("".join(json.dumps(each) + "\n" for each in sent))
    capsys.readouterr()
    assert assay(["judge", str(config), *where, "--batch", "collect", "--results", str(results)]) == 20
    said = {
        "unknown": "Judge j: 4 judgments failed for good: no line of the results is about a call that is due",
        "contradicting": "Judge j: 1 judgments failed for good: a further line of the results says otherwise",
    }
    assert said[kind] in " ".join(capsys.readouterr().out.split())


def on_the_wire(status, body):
    """What the same reply is to a call, after one that went well."""
    whole = body.encode() if isinstance(body, str) else body
    with FakeJudgeServer(lambda _: good.pop() if good else Served(whole, status=status)) as server:
        good, messages = [completion("Rating: [[7]]")], [{"role": "user", "content": "u"}]

        async def talk():
            async with OpenAITransport(server.base_url, KEY, "m", 5.0) as transport:
                await transport.call(messages, 4096)
                try:
                    return answer_fields(await transport.call(messages, 4096))
                except EndpointError as error:
                    return failure_fields(error) | {"error": str(error).removeprefix(f"{transport.where}: ")}

        return asyncio.run(talk())


PAGE = "<!DOCTYPE html><html><head><title>Sign in to Contoso</title></head><body>no</body></html>"
LINES = {
    "an empty account": (402, {"error": {"message": "Insufficient credits ZEBRA"}}, TOP_UP),
    "a wrong key": (401, {"error": {"message": "Token expired ZEBRA"}}, CHECK),
    "a quota under 429": (429, {"error": {"message": "ZEBRA", "code": "insufficient_quota"}}, TOP_UP),
    "a quota under 200": (200, {"error": {"message": "ZEBRA", "code": "insufficient_quota"}}, TOP_UP),
    "an account under 400": (400, {"error": {"message": "Your credit balance is too low ZEBRA"}}, TOP_UP),
    "a pace": (429, {"error": {"message": "Rate limit reached, slow down ZEBRA"}}, "ZEBRA"),
    "a bad request": (400, {"error": {"message": "bad field ZEBRA"}}, "ZEBRA"),
    "an error beside half a text": (
        200,
        said("I lean to Rating: [[9]]", error={"message": "ZEBRA", "code": 502}),
        "ZEBRA",
    ),
    "a finish that nobody knows": (
        200,
        choice("Rating: [[9]]", "insufficient_system_resource"),
        "did not come to its end",
    ),
    "nothing chosen": (200, choice("", "stop") | {"choices": []}, "not a completion"),
    "a page": (200, PAGE, "Sign in to Contoso"),
    "another vendor": (200, {"type": "message", "content": [], "role": "assistant"}, "Anthropic's own API"),
    "a filtered prompt": (400, {"error": {"message": "ZEBRA", "code": "content_filter"}}, None),
    "a filtered prompt under 200": (200, {"error": {"message": "ZEBRA", "code": "content_filter"}}, None),
    "a filtered reply": (200, choice("I can", "SAFETY"), None),
    "a cut reply": (200, choice("Rating: [[9]]", "MAX_TOKENS"), None),
    "a cut reply that says no finish": (
        200,
        choice("Rating: [[9]]", None, usage={"prompt_tokens": 1000, "completion_tokens": 4096}),
        None,
    ),
}


@pytest.mark.parametrize("name", LINES)
def test_a_line_means_what_the_same_reply_means_to_a_call(run, tmp_path, name):
    status, body, words = LINES[name]
    attempt, done = took(run, tmp_path, status, body)
    wire = on_the_wire(status, body)
    told = attempt.model_dump() | {"error": attempt.error and attempt.error.removeprefix("batch: ")}
    alike = ("status", "http_status", "error", "finish", "reply", "refusal")
    assert {part: told[part] for part in alike} == {part: wire.get(part) for part in alike}
    assert done.answered == 0
    assert (words or "") in (attempt.error or "")
    assert [each.words for each in done.failures] == ([attempt.error] if words else [])


def test_a_fault_of_a_call_that_was_never_made_is_told_by_its_meaning(run, tmp_path):
    attempt, _ = took(run, tmp_path, None, None, {"code": "insufficient_quota", "message": "You exceeded your quota"})
    assert (attempt.status, TOP_UP in attempt.error) == ("rejected", True)


def test_log_probabilities_that_are_none_are_no_verdict_and_end_no_collect(run, tmp_path):
    attempt, done = took(run, tmp_path, 200, said("Rating: 7"), form="logprob")
    assert (attempt.status, done.answered, done.failed) == ("rejected", 0, 1)
    assert 'Set form = "text" for this judge.' in attempt.error


def test_records_of_a_batch_carry_what_was_sent_and_changed_as_those_of_the_wire(run, tmp_path):
    """An endpoint that refuses `top_p` and thinks in another name for its limit was learned on the wire."""

    def stubborn(body):
        if found := next((name for name in ("top_p", "max_tokens") if name in body), None):
            remedy = "Use 'max_completion_tokens' instead." if found == "max_tokens" else ""
            return Served(
                {"error": {"message": f"Unsupported parameter: '{found}'. {remedy}", "param": found}}, status=400
            )
        return completion("Rating: [[7]]")

    with FakeJudgeServer(stubborn) as server:
        config = {"top_p": 0.5, "base_url": server.base_url}
        transport = OpenAITransport(server.base_url, KEY, "j", 5.0, parameters=configured(**config))
        judge_review(brief(run, **config), transport)
    wire = list(run.judge("j").attempts.records())
    run.judge("j").attempts.path.unlink()
    with sitting(brief(run, **config)) as held:
        held.endpoint = transport.facts
        lines = exported(held)
        held.endpoint = {}  # what is known now is not what was sent
        path = tmp_path / "results.jsonl"
        path.write_text("\n".join(map(result, lines)) + "\n")
        collect(held, [path])
        made = list(held.history.all())
    assert {(each.sent, each.changed) for each in made} == {(each.sent, each.changed) for each in wire if each.sent}
    assert {each.changed for each in made} == {("top_p",)}
    assert {each.judgment: each.prompt_bytes for each in made} == {each.judgment: each.prompt_bytes for each in wire}


def test_prompts_that_a_batch_cut_in_silence_are_no_verdicts(run, tmp_path):
    with sitting(brief(run)) as held:
        lines = exported(held)
        path = tmp_path / "results.jsonl"
        usage = {"prompt_tokens": 11, "completion_tokens": 7}
        path.write_text("\n".join(result(line, usage=usage) for line in lines) + "\n")
        done = collect(held, [path]).summary
    assert done.answered == 0
    assert "cut them in silence" in done.failures[0].words


def test_a_collect_tells_failures_and_unreadable_replies_and_leaves_as_a_session_does(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSAY_TEST_KEY", KEY)
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=2)
    runs, results = ["--runs", str(tmp_path / "runs")], tmp_path / "results.jsonl"
    assert assay(["judge", str(config), *runs, "--batch", "export"]) == 0
    (requests,) = (tmp_path / "runs").rglob("requests-*.jsonl")
    lines = requests.read_text().splitlines()
    odd = json.loads(result(lines[1]))
    odd["response"]["body"]["choices"][0]["message"]["content"] = "Nothing to say."
    empty = json.loads(result(lines[0], status=402))
    empty["response"]["body"] = {"error": {"message": "Insufficient credits ZEBRA"}}

    def collected(*rows):
        results.write_text("\n".join(rows) + "\n")
        code = assay(["judge", str(config), *runs, "--batch", "collect", "--results", str(results)])
        return code, capsys.readouterr().out

    code, told = collected(json.dumps(empty), json.dumps(odd), *map(result, lines[2:]))
    assert (code, f"{len(lines) - 2} answered, 1 unreadable, 1 failed, 0 not asked for" in told) == (20, True)
    assert "Judge j: 1 judgments failed for good: batch: HTTP 402: Insufficient credits ZEBRA. Top up" in told
    code, told = collected(result(lines[0]))
    assert (code, "1 answered, 0 failed" in told, "failed for good" in told) == (0, True, False)


def test_a_batch_that_was_refused_as_a_whole_fails_its_requests_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSAY_TEST_KEY", KEY)
    with batch_server("failed") as (url, _):
        config, _ = review(tmp_path, url, questions=2)
        command = ["judge", str(config), "--runs", str(tmp_path / "runs"), "--batch"]
        assert assay([*command, "submit"]) == 0
        capsys.readouterr()
        assert assay([*command, "collect"]) == 20
        told = capsys.readouterr().out
        assert "Judge j: 16 judgments failed for good: batch b1 failed: Enqueued token limit reached" in told
        assert assay([*command, "collect"]) == 0
