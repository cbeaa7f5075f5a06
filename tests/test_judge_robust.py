"""The judge layer from the command line, under faults and kills: each judgment once, nothing paid twice, no key shown.

The endpoint is a loopback server. What is killed, by SIGKILL, is a process of its own; other commands run in this one.
"""

import io
import os
import random
import re
import signal
import subprocess
import time
from collections import Counter
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from assay.cli import run as assay
from ledger.judgments import Attempt
from ledger.manifests import read_manifest
from ledger.runs import RunFolder
from ledger.store import Store
from tests.assay_server import client, serving
from tests.fake_judge_server import KEY, FakeJudgeServer, Served, completion, refusal, verdict
from tests.house import HOUSE, small_and_soak
from tests.judge_reviews import IN_FLIGHT, review

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


def done(*arguments: str, cwd: Path) -> tuple[int, str]:
    """The exit code and all that was printed, which stands in a log too."""
    said = io.StringIO()
    with chdir(cwd), redirect_stdout(said), redirect_stderr(said):
        code = assay(list(arguments))
    with (cwd / "log").open("a") as log:
        log.write(said.getvalue())
    return code, said.getvalue()


def writer_of(run: RunFolder) -> int:
    """The process that writes the judge's folder, or the last one that did; 0 if there was none."""
    lock = run.judge("j").path / ".lock"
    return int(lock.read_text().removeprefix("process ") or 0) if lock.exists() else 0


def kill_after(requests: int, server: FakeJudgeServer, run: RunFolder, program: Path, config: Path) -> None:
    """Judge in a new process, and kill that once so many requests have come."""
    before = writer_of(run)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([program, "judge", str(config)], cwd=config.parent, **quiet) as child:
        while (writer := writer_of(run)) in (0, before) or len(server.requests) < requests:
            assert child.poll() is None, "it ended by itself"
            time.sleep(0.002)
        os.kill(writer, signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL & 0xFF


@small_and_soak("kills", 4, 20)
def test_kills_pay_for_nothing_twice_beyond_the_calls_in_flight(tmp_path, tmp_path_factory, kills):
    """Each kill loses at most what was in flight, and in the end each key stands once."""
    chance = random.Random(3)
    judgments = 8 * (3 * kills + 3)  # of a question: 2 x 2 ratings and 2 x 2 games
    place = tmp_path_factory.mktemp("kills")
    program = place / "assay"
    program.write_text(client(place / "socket"))
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(HOUSE)}
    with (
        FakeJudgeServer(lambda body: Served(completion(verdict(body["messages"])).body, delay_seconds=0.05)) as server,
        serving(place / "socket", server.base_url, environment),
    ):
        config, run = review(tmp_path, server.base_url, questions=3 * kills + 3)
        for _ in range(kills):
            kill_after(len(server.requests) + chance.randint(5, 22), server, run, program, config)
        assert done("judge", str(config), cwd=tmp_path)[0] == 0
        calls = len(server.requests)
    attempts = list(Store(run.judge("j").attempts.path, Attempt).records())
    assert len({a.judgment for a in attempts}) == len(attempts) == judgments
    assert calls - judgments <= kills * IN_FLIGHT
    assert {r.outcome.value for r in run.judge("j").ratings.records()} == {"scored"}
    print(f"{calls - judgments} calls were paid for twice in {kills} kills, {kills * IN_FLIGHT} allowed")


@small_and_soak("questions", 25, 125)
def test_judgments_complete_each_once_with_faults_on_three_calls_of_ten(tmp_path, questions):
    judgments = 8 * questions  # 2 x 2 ratings and 2 x 2 games of each
    chance = random.Random(11)
    faults = [
        refusal(429, "slow down", retry_after="0.05"),
        refusal(500, "oops"),
        refusal(503, "busy"),
        Served({"choices": None}),
        Served({"object": "error", "message": "busy"}),
        Served(b""),
        Served(hang_up=True),
    ]
    faulty = Counter()

    def script(body):
        fault = chance.random() < 0.3
        faulty[fault] += 1
        return chance.choice(faults) if fault else completion(verdict(body["messages"]))

    with FakeJudgeServer(script) as server:
        config, run = review(tmp_path, server.base_url, questions=questions, in_flight=32)
        code, printed = done("judge", str(config), cwd=tmp_path)
        calls = len(server.requests)
    assert code == 0, printed
    attempts = list(run.judge("j").attempts.records())
    answered = [a.judgment for a in attempts if a.status == "answered"]
    assert len(set(answered)) == len(answered) == judgments
    assert calls == len(attempts) == judgments + faulty[True]
    assert 0.25 < faulty[True] / calls < 0.35


def test_permanent_faults_on_some_calls_leave_the_rest_and_coverage_decides(tmp_path):
    def script(body):
        text = body["messages"][1]["content"]
        return refusal(400, "this one I will not take") if "about 3." in text else completion(verdict(body["messages"]))

    with FakeJudgeServer(script) as server:
        config, run = review(tmp_path, server.base_url, questions=20)
        code, printed = done("judge", str(config), cwd=tmp_path)
        assert code == 20, printed
        assert "8 judgments failed for good" in printed
        outcomes = Counter(r.outcome.value for r in run.judge("j").ratings.records())
        assert outcomes == {"scored": 76, "failed": 4}
        code, printed = done("judge", str(config), cwd=tmp_path)  # what failed is asked again, and nothing else
        assert "0 there before" not in printed
        assert len(server.requests) == 160 + 8
    assert {r.score for r in run.judge("j").ratings.records() if r.outcome.value == "failed"} == {None}


@pytest.mark.parametrize(("status", "code"), [(401, None), (403, None), (404, None), (429, "insufficient_quota")])
def test_an_error_that_all_calls_would_meet_leaves_with_twenty_at_once(tmp_path, status, code):
    with FakeJudgeServer(lambda _: refusal(status, f"no, {KEY}", code)) as server:
        config, run = review(tmp_path, server.base_url, questions=20)
        left, printed = done("judge", str(config), cwd=tmp_path)
        assert (left, len(server.requests)) == (20, 1)
    assert KEY not in printed
    assert {r.outcome.value for r in run.judge("j").ratings.records()} <= {"failed", "skipped"}


def test_a_budget_stops_before_it_is_spent_and_the_same_command_goes_on(tmp_path):
    """A reply of 7 tokens at 1,000 dollars per million costs $0.007, its prompt of 11 nothing."""
    price = "max_tokens = 16\nprice = { input = 0.0, output = 1000.0 }"
    with FakeJudgeServer() as server:
        config, run = review(tmp_path, server.base_url, questions=10, more=price)
        code, printed = done("judge", str(config), "--estimate", cwd=tmp_path)
        assert (code, server.requests) == (0, [])
        assert "$8.00 to $40.00" in printed  # 80 replies of 100 to 500 tokens
        code, printed = done("judge", str(config), "--budget", "0.2", cwd=tmp_path)
        assert (code, "the budget of $0.20 does not hold another call" in printed) == (20, True)
        spent = 0.007 * len(server.requests)
        assert 0.2 - 0.016 - 0.007 <= spent <= 0.2
        code, printed = done("judge", str(config), "--budget", "5", cwd=tmp_path)
        assert (code, len(server.requests)) == (0, 80)
        assert "$0.56 in all" in printed
    assert read_manifest(run.judge("j").path).facts["usage"]["game"]["completion_tokens"] == 40 * 7


def test_without_a_price_a_budget_is_refused_and_an_estimate_says_unknown(tmp_path):
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=2)
    code, printed = done("judge", str(config), "--budget", "1", cwd=tmp_path)
    assert (code, "`budget_usd` needs a `price`" in printed) == (64, True)
    code, printed = done("judge", str(config), "--estimate", cwd=tmp_path)
    assert (code, "unknown (no `price`)" in printed) == (0, True)


def test_the_exam_alone_prints_marks_by_part_and_category_and_its_cost_first(tmp_path):
    with FakeJudgeServer() as server:
        config, run = review(
            tmp_path, server.base_url, questions=30, exam="true", more="price = { input = 1.0, output = 1.0 }"
        )
        code, printed = done("exam", str(config), cwd=tmp_path)
    assert code in (0, 12)
    assert printed.index("cost") < printed.index("full_against_truncated")
    assert re.search(r"category writing +\S+", printed)
    assert run.judge("j").exam.path.exists()
    assert not run.judge("j").ratings.path.exists()


def test_the_key_is_in_no_file_no_log_and_no_report(tmp_path):
    served = iter([refusal(500, f"debug: {KEY}"), completion(f"I saw {KEY}."), refusal(400, f"bad {KEY}")])
    with FakeJudgeServer(lambda body: next(served, None) or completion(verdict(body["messages"]))) as server:
        config, _ = review(tmp_path, server.base_url, questions=10, exam="true")
        assert done("judge", str(config), cwd=tmp_path)[0] == 20  # one was refused
        assert done("judge", str(config), "--batch", "export", cwd=tmp_path)[0] == 0
        assert done("analyze", str(config), cwd=tmp_path)[0] in (0, 10, 11, 12)
    assert set(server.keys) == {f"Bearer {KEY}"}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"attempts.jsonl", "manifest.json", "report.html", "report.json", "log"}
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []
    assert any(b"[api key]" in path.read_bytes() for path in files)
