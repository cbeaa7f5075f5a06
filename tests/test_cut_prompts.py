"""Prompts that an endpoint cuts in silence: warned of, not covered, and asked again once it is mended."""

from collections import Counter

import pytest

from assay.cli import run as assay
from ledger.endpoint.cut_prompts import cut
from tests.fake_judge_server import FakeJudgeServer, Served, completion, verdict
from tests.served_models import run, write
from tests.test_no_silent_failure import SINGLE, again, judged

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


def count(*prompts):
    return sum(cut([(size or 0, tokens or 0) for size, tokens in prompts]))


def test_a_count_that_stays_at_its_maximum_or_is_impossible():
    assert count((9_000, 2048), (12_000, 2048), (14_000, 2048), (4_000, 1000)) == 3
    assert count((9_000, 2048), (9_010, 2048), (9_020, 2048)) == 0  # as long as each other
    assert count((9_000, 2048), (12_000, 2048), (4_000, 1000)) == 0  # two may be by chance
    assert count((4_000, 1000), (5_000, 1000), (6_000, 1000), (9_000, 2100)) == 0  # longer ones were counted
    assert count((90_000, 2048), (4_000, 1000)) == 1
    assert count((90_000, None), (90_000, 0), (None, 2048)) == 0  # nobody counted


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
        _, engine = run(server, *(write(str(number), text="word " * (400 + 100 * number)) for number in range(4)))
        assert engine.facts["prompts_cut"].startswith("4 prompts: the endpoint counted 500 tokens in prompts of 2,000")
        assert "prompts_cut" not in run(server, write("1", text="word " * 400))[1].facts
