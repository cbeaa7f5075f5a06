"""Failures of endpoints in a whole session: what stops it, what goes on, and that every face tells the cause.

In: a loopback judge that runs out of credits, or fails one judgment in five for good. Out: calls, exit codes, words.
"""

import itertools
import json
import re
import time
from collections import Counter

import pytest

from assay.cli import run as assay
from ledger.judgments import Attempt
from ledger.store import Store
from tests.fake_judge_server import FakeJudgeServer, Served, completion, refusal, verdict
from tests.judge_reviews import review

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

JUDGMENTS, IN_FLIGHT = 240, 8
SINGLE = 'modes = ["single"]'


def judged(tmp_path, script, questions, more=SINGLE):
    """`assay judge` of a review; its exit code, the server and the run."""
    with FakeJudgeServer(script) as server:
        config, folder = review(tmp_path, "http://127.0.0.1:1/v1", questions, more)
        config.write_text(config.read_text().replace("127.0.0.1:1", server.base_url[7:-3]).replace("= 30", "= 2"))
        code = assay(["judge", str(config), "--runs", str(tmp_path / "runs"), "--amend"])
    return code, server, folder


def test_an_account_that_runs_empty_ends_the_session_and_the_next_one_goes_on(tmp_path, capsys):
    answered, count = 100, itertools.count()

    def script(body):
        if next(count) < answered:
            return completion(verdict(body["messages"]))
        return refusal(402, "Insufficient Balance")

    code, server, folder = judged(tmp_path, script, JUDGMENTS // 4)
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == 20
    assert "HTTP 402: Insufficient Balance. Top up the account and run again. What was answered is kept" in last
    assert last.endswith(f": {answered} of {JUDGMENTS} judgments.")
    assert len(server.requests) <= answered + IN_FLIGHT
    outcomes = Counter(rating.outcome.value for rating in folder.judge("j").ratings.records())
    assert outcomes["scored"] == answered
    code, server, folder = again(tmp_path, lambda body: completion(verdict(body["messages"])))
    assert (code, len(server.requests)) == (0, JUDGMENTS - answered)
    assert {rating.outcome.value for rating in folder.judge("j").ratings.records()} == {"scored"}


@pytest.mark.parametrize(
    ("refused", "more"),
    [(refusal(402, "no money"), ""), (refusal(503, "away"), "\ndeadline_seconds = 1"), (Served(b"It works!"), "")],
)
def test_where_nothing_was_answered_nothing_is_said_to_be_kept(tmp_path, capsys, refused, more):
    code, _, _ = judged(tmp_path, lambda _: refused, 3, SINGLE + more)
    shown = capsys.readouterr()
    assert (code, "kept" in shown.err + shown.out) == (20, False)


def test_a_parameter_that_was_changed_is_named_by_its_key(tmp_path, capsys):
    judged(tmp_path, lambda body: completion(verdict(body["messages"])), 1)
    capsys.readouterr()
    config = tmp_path / "review.toml"
    config.write_text(config.read_text() + 'reasoning_effort = "low"\nextra_body = { seed_of = 4 }\n')
    arguments = ["judge", str(config), "--runs", str(tmp_path / "runs")]
    assert assay(arguments) == 64
    told = (
        "judge.0.extra_body.seed_of (and judge.0.reasoning_effort): changed after it was used: recorded nothing, now 4."
    )
    assert told in capsys.readouterr().err
    assert assay([*arguments, "--amend"]) == 64
    told = "j/manifest.json, parameters.extra_body.seed_of (and parameters.reasoning_effort): changed after it was used"
    assert told in capsys.readouterr().err


def test_a_session_that_is_stopped_tells_what_failed_before_by_cause(tmp_path, capsys):
    count = itertools.count()

    def script(body):
        if next(count) > 30:
            return refusal(402, "no money")
        if "about 0." in body["messages"][-1]["content"]:
            return refusal(500, "disk full on node ZEBRA")
        return completion(verdict(body["messages"]))

    code, _, folder = judged(tmp_path, script, 10)
    last = capsys.readouterr().err.splitlines()[-1]
    outcomes = Counter(rating.outcome.value for rating in folder.judge("j").ratings.records())
    assert code == 20
    assert "HTTP 402: no money" in last
    assert f"What was answered is kept: {outcomes['scored']} of 40 judgments." in last
    assert re.search(r"[1-4] judgments failed for good: ", last)  # the others may wait for their next attempt
    assert last.endswith("HTTP 500: disk full on node ZEBRA.")


def again(tmp_path, script):
    """The same command once more, at a server that stands elsewhere."""
    config, runs = tmp_path / "review.toml", tmp_path / "runs"
    with FakeJudgeServer(script) as server:
        text = config.read_text().splitlines()
        text = [f'base_url = "{server.base_url}"' if line.startswith("base_url") else line for line in text]
        config.write_text("\n".join(text))
        code = assay(["judge", str(config), "--runs", str(runs), "--amend"])
    from ledger.runs import RunFolder

    return code, server, RunFolder(runs / "r")


def test_one_judgment_in_five_that_fails_for_good_is_told_in_every_face(tmp_path, capsys):
    failing = [f"about {number}." for number in range(0, 10, 5)]

    def script(body):
        if any(part in body["messages"][-1]["content"] for part in failing):
            return refusal(500, "<b>The GPU fell off the bus</b>")
        return completion(verdict(body["messages"]))

    code, _, folder = judged(tmp_path, script, 10)
    shown = capsys.readouterr().out
    words = "8 judgments failed for good"
    assert code == 20
    assert words in " ".join(shown.split())
    assert "HTTP 500: <b>The GPU fell off the bus</b>" in " ".join(shown.split())
    assert "32 answered, 8 failed" in " ".join(shown.split())
    assay(["analyze", str(tmp_path / "review.toml"), "--runs", str(tmp_path / "runs")])
    terminal = " ".join(capsys.readouterr().out.split())
    assert "8 judgments of j failed for good" in terminal
    assert "The GPU fell off the bus" in terminal
    for name in ("report.md", "report.html"):
        text = (folder.analysis / name).read_text()
        assert "8 judgments of j failed for good" in text, name
        assert "The GPU fell off the bus" in text, name
        assert "<b>The GPU" not in text, name
    (failure,) = json.loads((folder.analysis / "report.json").read_text())["judges"][0]["failures"]
    assert failure["numbers"] == {"judgments": 8}
    assert "HTTP 500" in failure["names"]["words"]
    assay(["analyze", str(tmp_path / "review.toml"), "--runs", str(tmp_path / "runs"), "--redact"])
    for path in (folder.analysis / name for name in ("report.md", "report.html", "report.json")):
        assert "The GPU fell off the bus" not in path.read_text(), path


def test_what_was_cut_or_cannot_be_read_is_not_called_answered(tmp_path, capsys):
    def script(body):
        if "about 0." in body["messages"][1]["content"]:
            return completion("I cannot say.")
        if "about 1." in body["messages"][1]["content"]:
            return completion("Rating: [[7]]", "length")
        return completion(verdict(body["messages"]))

    code, _, _ = judged(tmp_path, script, 3)
    assert code == 0
    assert "4 answered, 4 truncated, 4 unreadable, 0 failed" in " ".join(capsys.readouterr().out.split())


def test_a_second_call_about_a_judgment_that_fails_is_one_failed_judgment_and_its_cause_is_told(tmp_path, capsys):
    def script(body):
        if len(body["messages"]) > 2:
            return refusal(500, "disk full on node ZEBRA")
        if "about 0." in body["messages"][1]["content"]:
            return completion("I cannot say.")
        if "about 1." in body["messages"][1]["content"]:
            return completion("Rating: [[7]]", "length") if body["max_tokens"] < 200 else refusal(503, "LION is away")
        return completion(verdict(body["messages"]))

    code, _, folder = judged(tmp_path, script, 3, f"{SINGLE}\nmax_tokens = 100")
    shown = " ".join(capsys.readouterr().out.split())
    assert code == 20
    assert "4 answered, 8 failed, 0 there before" in shown
    for words in ("HTTP 500: disk full on node ZEBRA", "HTTP 503: LION is away"):
        assert "4 judgments failed for good: asked again, because the reply had no verdict: " in shown
        assert words in shown
    assay(["analyze", str(tmp_path / "review.toml"), "--runs", str(tmp_path / "runs")])
    assert "disk full on node ZEBRA" in (folder.analysis / "report.md").read_text()
    code, server, folder = again(tmp_path, lambda body: completion(verdict(body["messages"])))
    assert (code, len(server.requests)) == (0, 8)
    assert {rating.outcome.value for rating in folder.judge("j").ratings.records()} == {"scored"}


def test_a_reply_that_an_earlier_version_took_unfinished_is_asked_for_again(tmp_path):
    code, _, folder = judged(tmp_path, lambda body: completion(verdict(body["messages"])), 1)
    store = Store(folder.judge("j").attempts.path, Attempt)
    store.replace(
        [each.model_copy(update={"finish": "error"}) for each in store.records()][:1] + list(store.records())[1:]
    )
    code, server, _ = again(tmp_path, lambda body: completion(verdict(body["messages"])))
    assert (code, len(server.requests)) == (0, 1)


def test_a_session_that_ends_at_its_deadline_tells_what_it_waited_for(tmp_path, capsys):
    def script(body):
        time.sleep(0.5)
        return refusal(503, "disk full on node ZEBRA")

    code, _, _ = judged(tmp_path, script, 10, more=f"{SINGLE}\ndeadline_seconds = 1")
    last = capsys.readouterr().err.splitlines()[-1]
    assert code == 20
    assert "the session's deadline is reached" in last
    assert "disk full on node ZEBRA" in last
