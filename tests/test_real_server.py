"""SmolLM2 behind vLLM's own server, over real HTTP: a judge (by JSON, log-probabilities, in a batch), a served model.

How good its verdicts are is no matter here; that they can be read, and that both ways give the same kind of record, is.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest

from assay.placement.judge_server import served
from generation.vllm_arguments import cpu_environment, on_cpu
from judge.batch import export
from judge.batch_results import collect
from judge.brief import Brief
from judge.client import OpenAITransport
from judge.prompt_sets import assay_prompts
from judge.session import judge_together, sitting
from ledger.judge_config import JudgeConfig
from ledger.manifests import read_manifest
from ledger.records import Finish
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import answer
from tests.house import JUDGE_PROMPTS

pytestmark = pytest.mark.model
pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")

REVIEW = """
name = "served"
[baseline]
model = "smol"
label = "base"
engine = "openai"
base_url = "{url}"
concurrency = 8
control = false
[[candidate]]
model = "smol"
label = "again"
engine = "openai"
base_url = "{url}"
concurrency = 8
[questions]
limit = 6
max_tokens = 24
"""
QUESTIONS = 1
TEXTS = {
    "base": ("Water boils at 100 degrees Celsius at sea level.", "At high places it boils earlier."),
    "cand": ("Water boils at 50 degrees, I think.", "It depends."),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = RunFolder(tmp_path_factory.mktemp("real"))
    for model, texts in TEXTS.items():
        with Writer(folder.generation(model).answers) as writer:
            writer.append(*(answer(model, f"q{number}", *texts) for number in range(QUESTIONS)))
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory, smollm2):
    """Its address, and its log."""
    log = tmp_path_factory.mktemp("server") / "server.log"
    with served(str(smollm2), "smol", {}, log, lambda _: None) as base_url:
        yield base_url, log


@pytest.fixture
def url(server):
    return server[0]


def brief(run, form, **settings):
    about = {"model": "smol", "label": form, "base_url": "http://127.0.0.1/v1", "exam": False, "form": form}
    config = JudgeConfig(**about, max_tokens=128, concurrency=4, **settings)
    return Brief(run, config, assay_prompts(JUDGE_PROMPTS, form), "base", ["cand"], None, 1)


def asked(run, url, form, **settings):
    judged = brief(run, form, **settings)
    connect = lambda learned: nullcontext(OpenAITransport(url, "", "smol", 300, learned))  # noqa: E731
    summary = judge_together([(judged, connect)])[0]
    return summary, run.judge(form)


def test_json_verdicts_follow_the_schema_and_put_the_reasoning_first(run, url):
    summary, folder = asked(run, url, "json")
    assert summary.failed == 0
    told = {"scored", "truncated"}  # a small model may reason on and on; the schema leaves it no third way
    assert {*summary.ratings, *summary.games} <= told
    assert summary.games.get("scored", 0) >= QUESTIONS
    replies = [each.reply for each in folder.games.records() if each.winner is not None]
    assert all(reply.index('"reasoning"') < reply.index('"verdict"') for reply in replies)
    assert all(float(each.score).is_integer() for each in folder.ratings.records() if each.score is not None)


def test_a_rating_from_log_probabilities_is_an_expectation(run, url):
    summary, folder = asked(run, url, "logprob", modes=("single",))
    assert summary.failed == 0
    attempts = [each for each in folder.attempts.records() if each.rating_tokens]
    assert attempts
    assert all(len(token.top) == 20 for each in attempts for token in each.rating_tokens)
    scores = [each.score for each in folder.ratings.records() if each.score is not None]
    assert all(1 <= score <= 10 for score in scores)
    sent = ["logprobs", "max_tokens", "messages", "model", "temperature", "top_logprobs"]
    assert read_manifest(folder.path).facts["endpoint"] == {"sent": sent}


def test_vllms_own_batch_runner_reads_our_requests_and_we_its_results(run, smollm2, tmp_path):
    """`vllm run-batch`, by its module: the CPU build's command does not start."""
    judged = brief(run, "text", modes=("single",), serve="")
    with sitting(judged) as held:
        (requests,) = export(held)
        results = tmp_path / "results.jsonl"
        model = str(smollm2)
        flags = ["--model", model, "--served-model-name", "smol", "--enforce-eager", "--max-model-len", "4096"]
        flags += ["--gpu-memory-utilization", "0.1"] if on_cpu() else []
        command = [sys.executable, "-m", "vllm.entrypoints.openai.run_batch", "-i", str(requests), "-o", str(results)]
        settings = {key: value for key, value in cpu_environment().items() if "MULTIPROCESSING" not in key}
        environment = {**os.environ, **(settings if on_cpu() else {}), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [*command, *flags], env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr[-3000:]
        found = collect(held, [results])
        replied = found.summary.answered + sum(found.summary.unread.values())  # so small a judge gives hardly a verdict
        assert (replied, found.summary.failed, found.passed_over) == (4 * QUESTIONS, 0, 0)
    assert {each.served_model for each in run.judge("text").attempts.records()} == {"smol"}


def generate(folder):
    command = [sys.executable, "-m", "assay.cli", "generate", str(folder / "review.toml")]
    return subprocess.run([*command, "--runs", str(folder / "runs")], check=False, capture_output=True, text=True)


def requests_logged(log):
    return log.read_text(errors="replace").count("POST /v1/chat/completions")


def test_answers_come_over_http_and_are_not_asked_for_twice(server, tmp_path):
    url, log = server
    (tmp_path / "review.toml").write_text(REVIEW.format(url=url))
    before = requests_logged(log)
    ended = generate(tmp_path)
    assert ended.returncode == 0, ended.stderr
    asked = requests_logged(log)
    assert generate(tmp_path).returncode == 0
    assert requests_logged(log) == asked
    assert asked - before >= 2 * 6 * 2
    for name in ("base", "again"):
        folder = RunFolder(tmp_path / "runs" / "served").generation(name)
        answers = list(folder.answers.records())
        assert len(answers) == 6
        turns = [turn for answer in answers for turn in answer.turns]
        assert {turn.finish for turn in turns} <= {Finish.STOP, Finish.LENGTH}
        assert all(turn.text and 0 < turn.completion_tokens <= 24 for turn in turns)
        assert all(turn.finish is Finish.STOP or turn.completion_tokens == 24 for turn in turns)
        manifest = read_manifest(folder.path)
        assert manifest.settings["endpoint"] == url.split("/")[2]
        assert "smol" in json.dumps(manifest.facts)


HOLDING = """
import sys, time
from pathlib import Path
from assay.placement.judge_server import served
with served(sys.argv[1], "smol", {}, Path(sys.argv[2]), lambda _: None):
    time.sleep(120)
"""


def servers_of(parent):
    """The processes whose parent this one is."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if f"PPid:\t{parent}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


def waited(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_server_outlives_its_review(tmp_path, smollm2, end):
    """Ended while the server is still starting, which is when it is least ready to notice."""
    command = [sys.executable, "-c", HOLDING, str(smollm2), str(tmp_path / "server.log")]
    parent = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    assert waited(lambda: servers_of(parent.pid), 30)
    (server,) = servers_of(parent.pid)
    time.sleep(2)
    parent.send_signal(end)
    parent.wait(30)
    assert waited(lambda: not Path(f"/proc/{server}").exists(), 30)
