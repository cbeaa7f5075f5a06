"""Judging in batches, estimates, stored replies read again, and games of everybody with everybody."""

import json
from dataclasses import replace

import pytest

from judge.batch import batches, custom_id, export, keep, refuse_under_way
from judge.batch_endpoint import BatchEndpoint
from judge.batch_results import collect
from judge.brief import Brief
from judge.estimate import estimate
from judge.history import Due
from judge.session import reparse, sitting
from ledger.endpoint.batch_files import BatchFiles
from ledger.endpoint.parameters import EndpointParameters
from ledger.errors import BadRecord, ConfigError, JudgeError, StaleInput
from ledger.judgments import Outcome
from ledger.manifests import read_manifest
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import KEY, answer
from tests.judge_reviews import PROMPTS, batch_server, configured, essay, judge_review, result, simple

QUESTIONS = 3


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "review")
    for model, count in (("base", 8), ("cand", 6), ("other", 7)):
        with Writer(folder.generation(model).answers) as writer:
            for number in range(QUESTIONS):
                writer.append(answer(model, f"q{number}", essay(f"essay {number}", count), f"{model} on {number}."))
    return folder


def brief(run, candidates=("cand",), **settings):
    return Brief(run, configured(**settings), PROMPTS, "base", list(candidates), None, 1)


def exported(run, **settings):
    with sitting(brief(run, **settings)) as held:
        (path,) = export(held)
    return path.read_text().splitlines()


def collected(run, lines, tmp_path, **settings):
    path = tmp_path / "results.jsonl"
    path.write_text("\n".join(lines) + "\n")
    with sitting(brief(run, **settings)) as held:
        done = collect(held, [path])
        return done, len(held.due())


def files_of(run):
    return {path.name: path.read_bytes() for path in run.judge("j").path.glob("[reg]*.jsonl")}


def test_a_batch_gives_the_same_records_as_the_wire(run, tmp_path):
    lines = exported(run)
    request = json.loads(lines[0])
    assert (request["method"], request["url"]) == ("POST", "/v1/chat/completions")
    assert request["body"]["model"] == "j"
    assert (request["body"]["max_tokens"], request["body"]["temperature"]) == (4096, 0)
    assert len({json.loads(line)["custom_id"] for line in lines}) == len(lines) == 2 * 2 * QUESTIONS + 2 * 2 * QUESTIONS
    done, due = collected(run, map(result, reversed(lines)), tmp_path)
    assert (done.summary.answered, done.summary.failed, done.passed_over, due) == (len(lines), 0, 0, 0)
    by_batch = files_of(run)
    run.judge("j").attempts.path.unlink()
    judge_review(brief(run))
    assert files_of(run) == by_batch
    assert {a.prompt_tokens for a in run.judge("j").attempts.records()} == {None}  # the scripted judge counts nothing


def test_what_failed_expired_or_is_missing_is_due_again_and_old_results_are_passed_over(run, tmp_path):
    lines = exported(run)
    part = [*map(result, lines[:5]), result(lines[5], status=500), result(lines[6], status=400)]
    expired = {"custom_id": json.loads(lines[7])["custom_id"], "response": None, "error": {"code": "batch_expired"}}
    done, due = collected(run, [*part, json.dumps(expired)], tmp_path)
    assert (done.summary.answered, done.summary.failed, due) == (5, 3, len(lines) - 5)
    assert exported(run) == lines[5:]
    done, due = collected(run, map(result, lines), tmp_path)
    assert (done.summary.answered, done.passed_over, due) == (len(lines) - 5, 5, 0)
    assert read_manifest(run.judge("j").path).facts["usage"]["rating"]["failed"] == 3


def test_an_unreadable_reply_is_asked_again_in_the_next_batch(run, tmp_path):
    lines = exported(run, modes=("single",))
    spoiled = json.loads(result(lines[0]))
    spoiled["response"]["body"]["choices"][0]["message"]["content"] = "Nothing to say."
    done, due = collected(run, [json.dumps(spoiled), *map(result, lines[1:])], tmp_path, modes=("single",))
    assert (done.summary.answered, done.summary.unread, due) == (len(lines) - 1, {"unreadable": 1}, 1)
    (again,) = exported(run, modes=("single",))
    assert [m["role"] for m in json.loads(again)["body"]["messages"]] == ["system", "user", "assistant", "user"]
    assert json.loads(again)["custom_id"] != json.loads(lines[0])["custom_id"]


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"custom_id": 3}', "[" * 100_000])
def test_a_file_that_is_no_result_is_refused_by_line(run, tmp_path, line):
    with pytest.raises(BadRecord, match=r"results\.jsonl, line 2"):
        collected(run, [result(exported(run)[0]), line], tmp_path)


def test_a_custom_id_says_what_is_asked(run):
    with sitting(brief(run)) as held:
        ask = held.asks[0]
        ids = {custom_id(ask, due) for due in (Due("first"), Due("first", doubled=True), Due("again", replied="x"))}
    assert len(ids) == 3
    assert all(len(each) <= 64 for each in ids)


@pytest.mark.parametrize("status", ["completed", "expired"])
def test_a_hosted_batch_is_submitted_once_and_its_partial_results_are_taken(run, status):
    with batch_server(status) as (url, seen), sitting(brief(run)) as held:
        endpoint = BatchEndpoint(held.folder, BatchFiles(url, KEY, EndpointParameters()))
        assert [each.status for each in endpoint.submit(export(held))] == ["validating"]
        with pytest.raises(ConfigError, match="paid for: b1"):
            refuse_under_way(held.folder)
        assert [path for path, _ in seen] == ["/v1/files", "/v1/batches"]
        found, files = endpoint.fetch()
        done = collect(held, files)
        keep(held.folder, found)
        refuse_under_way(held.folder)
        assert (done.summary.failed, len(held.due())) == (1, 1)
        assert endpoint.fetch()[1] == []
        assert [each.status for each in batches(held.folder)] == [status]
    everything = b"".join(path.read_bytes() for path in run.path.rglob("*") if path.is_file())
    assert KEY.encode() not in everything
    assert {key for _, key in seen} == {f"Bearer {KEY}"}


def test_a_batch_that_is_refused_as_a_whole_says_why(run):
    with batch_server("failed") as (url, _), sitting(brief(run)) as held:
        endpoint = BatchEndpoint(held.folder, BatchFiles(url, KEY, EndpointParameters()))
        endpoint.submit(export(held))
        ((refused,), files) = endpoint.fetch()
    assert (refused.status, refused.fetched, files) == ("failed: Enqueued token limit reached, [api key]", True, [])


def test_an_unknown_batch_is_an_error_without_the_key(run):
    with batch_server() as (url, _), sitting(brief(run)) as held:
        endpoint = BatchEndpoint(held.folder, BatchFiles(url, KEY, EndpointParameters()))
        (made,) = endpoint.submit(export(held))
        keep(held.folder, [replace(made, id="gone")])
        with pytest.raises(JudgeError, match="no such batch") as error:
            endpoint.fetch()
    assert KEY not in str(error.value)


def test_an_estimate_makes_no_call_and_learns_from_what_was_counted(run, tmp_path):
    free = estimate(brief(run))
    assert [(each.kind, each.calls, each.usd) for each in free] == [("rating", 12, None), ("game", 12, None)]
    assert not run.judge("j").path.exists()
    priced = estimate(brief(run, price={"input": 1.0, "output": 2.0}))
    low, high = priced[0].usd
    assert low == pytest.approx((priced[0].prompt_tokens + 2 * 1200) / 1e6)
    assert high == pytest.approx((priced[0].prompt_tokens + 2 * 6000) / 1e6)
    lines = exported(run, modes=("single",))
    collected(run, map(result, lines[:6]), tmp_path, modes=("single",))
    (left,) = estimate(brief(run, modes=("single",)))
    assert (left.calls, left.completion_tokens, left.counted) == (6, (42, 42), True)
    texts = ("".join(each["content"] for each in json.loads(line)["body"]["messages"]) for line in lines[6:])
    assert left.prompt_tokens == pytest.approx(sum(map(len, texts)) / 4, rel=0.05)  # as the fake endpoint counts
    collected(run, map(result, lines), tmp_path, modes=("single",))
    assert estimate(brief(run, modes=("single",))) == []


def test_stored_replies_are_read_again_by_other_rules_without_a_call(run):
    two = {"max_tokens": 100, "modes": ("single",)}
    judge_review(brief(run, **two))
    attempts = run.judge("j").attempts.path
    attempts.write_text(attempts.read_text().replace("Rating: [[", "First [[9]]. Rating: [["))
    before = attempts.read_bytes()
    assert reparse(brief(run, **two))["ratings"] == {"contradictory": 12}
    other = brief(run, parsing="fastchat", **two)
    with pytest.raises(StaleInput, match="parsing"):
        reparse(other)
    assert reparse(replace(other, reparsing=True))["ratings"] == {"scored": 12}
    assert {r.score for r in run.judge("j").ratings.records()} == {9.0}
    assert attempts.read_bytes() == before


def test_everybody_plays_everybody_where_it_is_asked_for(run):
    summary = judge_review(brief(run, ("cand", "other"), pairs="all", modes=("pair",)))
    games = list(run.judge("j").games.records())
    assert {(g.baseline, g.candidate) for g in games} == {("base", "cand"), ("base", "other"), ("cand", "other")}
    assert summary.games == {Outcome.SCORED: 3 * QUESTIONS * 2 * 2}


def test_new_answers_of_one_model_are_judged_and_no_others(run):
    judge_review(brief(run, ("cand", "other")))
    fresh = [answer("cand", f"q{n}", "Now quite another text.", "And a second one.") for n in range(QUESTIONS)]
    run.generation("cand").answers.replace(fresh)
    judge = simple()
    summary = judge_review(brief(run, ("cand", "other")), judge)
    assert summary.asked == len(judge.calls) == 2 * QUESTIONS + 2 * 2 * QUESTIONS
    assert summary.failed == 0


@pytest.mark.parametrize("inside", [True, False])
def test_a_filtered_prompt_is_filtered_in_a_batch_as_on_the_wire(run, tmp_path, inside):
    lines = exported(run, modes=("single",))
    fault = {"code": "content_filter", "message": "by policy"}
    row = json.loads(result(lines[0], status=400))
    row |= (
        {"response": {"status_code": 400, "body": {"error": fault}}} if inside else {"response": None, "error": fault}
    )
    done, due = collected(run, [json.dumps(row), *map(result, lines[1:])], tmp_path, modes=("single",))
    assert (done.summary.answered, done.summary.unread, done.summary.failed, due) == (
        len(lines) - 1,
        {"filtered": 1},
        0,
        0,
    )
    assert sum(r.outcome is Outcome.FILTERED for r in run.judge("j").ratings.records()) == 1


def test_a_batch_claims_no_latency(run, tmp_path):
    lines = exported(run, modes=("single",))
    collected(run, map(result, lines), tmp_path, modes=("single",))
    assert {attempt.latency_seconds for attempt in run.judge("j").attempts.records()} == {None}


def test_a_fault_in_plain_words_is_a_failed_call(run, tmp_path):
    """So `vllm run-batch` tells of a request that it could not read."""
    lines = exported(run, modes=("single",))
    row = json.loads(result(lines[0], status=400)) | {"error": "no such model"}
    done, due = collected(run, [json.dumps(row)], tmp_path, modes=("single",))
    assert (done.summary.answered, done.summary.failed, due) == (0, 1, len(lines))
