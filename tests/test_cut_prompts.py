"""Prompts that an endpoint cuts in silence: warned of, not covered, and asked again once it is mended."""

from collections import Counter

import pytest

from assay.cli import run as assay
from generation.engine import ScoreRequest
from ledger.endpoint.cut_prompts import cut, plain_bytes
from tests.fake_judge_server import FakeJudgeServer, Served, completion, verdict
from tests.judge_reviews import batch_server, review
from tests.served_models import run, write
from tests.test_generation_served_stage import scoring
from tests.test_no_silent_failure import SINGLE, again, judged
from tests.test_unlike_calls import reviewed, wrote

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


def count(*prompts):
    return sum(cut([(size or 0, tokens or 0) for size, tokens in prompts]))


def test_a_count_that_stays_at_its_maximum_or_is_impossible():
    assert count((9_000, 2048), (12_000, 2048), (14_000, 2048), (4_000, 1000)) == 3
    assert count((9_000, 2048), (9_010, 2048), (9_020, 2048)) == 0  # as long as each other
    assert count((9_000, 2048), (12_000, 2048), (4_000, 1000)) == 0  # two may be by chance
    assert count((4_000, 1000), (5_000, 1000), (6_000, 1000), (9_000, 2100)) == 0  # longer ones were counted
    assert count((90_000, 2048), (4_000, 1000)) == 1
    assert count((17_000, 1000), (4_000, 1010), (4_000, 990)) == 1  # no tokenizer has so few
    assert count((7_400, 1000), (6_300, 1001)) == 0  # the most that any was seen to have
    assert count((90_000, None), (90_000, 0), (None, 2048)) == 0  # nobody counted


@pytest.mark.parametrize("row", ["-", " ", "=-", "| --- ", "\n\n    "], ids=repr)
def test_a_row_of_what_repeats_itself_is_no_cut_prompt(row):
    """Tokenizers put up to 128 of them into a token; a looping model writes thousands."""
    text = "A sentence before. " + row * 2_000
    assert plain_bytes([text]) < 40
    assert cut([(plain_bytes([text]), 100)]) == [False]


def test_plain_text_counts_in_bytes():
    text = "Nobody asked the harbor master, who knew. " * 2 + "Это предложение. "
    assert plain_bytes([text, text]) == 2 * len(text.encode())


def impossible(body):
    """A server that cuts to a part, so that no two of its counts are the same."""
    served = completion(verdict(body["messages"]))
    size = sum(len(message["content"].encode()) for message in body["messages"])
    return Served({**served.body, "usage": {"prompt_tokens": size // 17, "completion_tokens": 7}})


def test_counts_that_vary_and_are_impossible_are_not_covered_and_told(tmp_path, capsys):
    code, _, folder = judged(tmp_path, impossible, 4)
    shown = " ".join(capsys.readouterr().out.split())
    assert code == 20
    assert {rating.outcome.value for rating in folder.judge("j").ratings.records()} == {"truncated"}
    assert "0 answered" in shown
    assert "in silence; give its server a larger context (num_ctx, max_model_len) and run again" in shown


def test_batches_are_held_to_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.judge_reviews.counted", lambda served, _: served)  # 11 tokens each
    with batch_server() as (url, _):
        config, folder = review(tmp_path, url, 2, SINGLE)
        arguments = ["judge", str(config), "--runs", str(tmp_path / "runs"), "--batch"]
        assert (assay([*arguments, "submit"]), assay([*arguments, "collect"])) == (0, 20)  # all were cut
    answered = [each for each in folder.judge("j").attempts.records() if each.status == "answered"]
    assert answered
    assert all(cut([(each.prompt_bytes, each.prompt_tokens)]) == [True] for each in answered)


def small_context(body):
    """A server with room for so few tokens that it cuts the longer prompts."""
    served = completion(verdict(body["messages"]))
    tokens = sum(len(message["content"]) for message in body["messages"]) // 4
    usage = {"prompt_tokens": min(tokens, 400), "completion_tokens": 7}
    return Served({**served.body, "usage": usage})


def test_what_was_cut_is_not_covered_is_told_and_is_asked_again(tmp_path, capsys):
    code, server, folder = judged(tmp_path, small_context, 4)
    shown = " ".join(capsys.readouterr().out.split())
    outcomes = Counter(rating.outcome.value for rating in folder.judge("j").ratings.records())
    assert code == 20
    assert outcomes == {"scored": 4, "truncated": 12}
    assert "the endpoint counted 400 tokens in prompts of" in shown
    assert "in silence" in shown
    assay(["analyze", str(tmp_path / "review.toml"), "--runs", str(tmp_path / "runs")])
    assert "in silence" in " ".join(capsys.readouterr().out.split())
    code, server, folder = again(tmp_path, lambda body: completion(verdict(body["messages"])))
    assert (code, len(server.requests)) == (0, outcomes["truncated"])
    assert {rating.outcome.value for rating in folder.judge("j").ratings.records()} == {"scored"}


def test_a_server_that_counts_right_is_told_nothing_of(tmp_path):
    code, _, _ = judged(tmp_path, lambda body: completion(verdict(body["messages"])), 4, SINGLE)
    assert code == 0


def test_a_model_under_test_whose_server_cuts_is_told_of():
    def script(body):
        served = completion("said")
        return Served({**served.body, "usage": {"prompt_tokens": 500, "completion_tokens": 7}})

    with FakeJudgeServer(script) as server:
        asks = (write(str(number), text=prose(400 + 100 * number)) for number in range(6))
        replies, engine = run(server, *asks, concurrency=1)
        assert engine.facts["prompts_cut"].startswith("the endpoint counted 500 tokens in prompts of 2,")
        assert engine.facts["prompts_cut"].endswith(
            "(num_ctx, max_model_len), remove what was made with it and run again"
        )
        ends = [replies[str(number)].finish.value for number in range(6)]
        assert ends == ["stop", "stop", *["overflow"] * 4]  # two may be by chance
        assert {replies[str(number)].text for number in range(2, 6)} == {""}
        assert "prompts_cut" not in run(server, write("1", text=prose(400)))[1].facts


def prose(words):
    return " ".join(f"word{number * 7 % 97}" for number in range(words))


def test_what_a_model_under_test_cannot_have_read_is_no_answer_and_no_score():
    def script(body):
        size = len(str(body.get("prompt") or body["messages"][-1]["content"]).encode())
        served = scoring(body) if body.get("echo") else completion("said")
        return Served({**served.body, "usage": {"prompt_tokens": size // 17, "completion_tokens": 1}})

    with FakeJudgeServer(script) as server:
        asked = [write("1", text=prose(400)), write("2", text=prose(500)), write("3", text="short")]
        replies, engine = run(server, *asked, ScoreRequest("4", prose(400), (" a", " b")))
    assert [replies[number].finish.value for number in "123"] == ["overflow", "overflow", "stop"]
    assert replies["4"].logprobs == ()
    assert "in silence" in engine.facts["prompts_cut"]


def test_a_review_of_a_model_whose_prompts_were_cut_does_not_ship(tmp_path, capsys):
    def script(body):
        served = wrote(body)
        return Served({**served.body, "usage": {"prompt_tokens": 70, "completion_tokens": 7}})

    code, faces = reviewed(tmp_path, script, asks=f"{prose(200)} ")
    assert code == 12
    assert "cand: the endpoint counted 70 tokens in prompts of" in " ".join(capsys.readouterr().err.split())
    for name in ("report.md", "report.html", "report.json"):
        assert "the endpoint counted 70 tokens" in faces[name], name
