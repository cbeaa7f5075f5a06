"""Prompts that an endpoint cuts in silence: warned of, not covered, and asked again once it is mended."""

from collections import Counter

import pytest

from assay.cli import run as assay
from judge.cut_prompts import cut_attempts
from ledger.judgments import Attempt
from tests.fake_judge_server import Served, completion, verdict
from tests.test_no_silent_failure import SINGLE, again, judged

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


def attempt(number, size, tokens):
    about = {"judgment": f"rating/{number}", "ask": "first", "attempt": 1, "request_digest": "d", "status": "answered"}
    return Attempt(**about, prompt_bytes=size, prompt_tokens=tokens)


def cut(*counts):
    return len(cut_attempts([attempt(number, *each) for number, each in enumerate(counts)]))


def test_a_count_that_stays_at_its_maximum_or_is_impossible():
    assert cut((9_000, 2048), (12_000, 2048), (14_000, 2048), (4_000, 1000)) == 3
    assert cut((9_000, 2048), (9_010, 2048), (9_020, 2048)) == 0  # as long as each other
    assert cut((9_000, 2048), (12_000, 2048), (4_000, 1000)) == 0  # two may be by chance
    assert cut((4_000, 1000), (5_000, 1000), (6_000, 1000), (9_000, 2100)) == 0  # longer ones were counted
    assert cut((90_000, 2048), (4_000, 1000)) == 1
    assert cut((90_000, None), (90_000, 0), (None, 2048)) == 0  # nobody counted


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
