"""One whole review on real models: real vLLM, the real SmolLM2, vLLM's real server as the judge, killed once midway.

Run by `make test`; takes a few minutes on two cores. The fetched model is shared with `make demo` (the cache folder).
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from analysis.rendering.formats.text import visible_lines
from assay.cli import run as assay
from assay.lab.compression import compress
from ledger.judgments import Outcome
from ledger.manifests import read_manifest
from ledger.records import Finish
from ledger.runs import RunFolder, control_of
from ledger.traces import FILE_NAME
from tests.chromium import chromium, needs_chromium, requests
from tests.house import HOUSE

pytestmark = pytest.mark.model
pytest.importorskip("vllm", reason="vLLM is not installed (extra cpu or gpu)")

NOISE = "noise=0.1"
REVIEW = """
name = "e2e"
positive_control = "noise=0.1"
[baseline]
model = {base}
label = "base"
[[candidate]]
model = {candidate}
label = "drop2"
family = "layers"
[questions]
limit = 2
temperatures.roleplay = 0.0
max_tokens = 32
traces = true
trace_top_k = 5
[[task]]
name = "assay"
limit = 24
[[task]]
name = "assay-solve"
limit = 16
[[judge]]
serve = {base}
label = "self"
max_tokens = 48
exam_tasks = 2
concurrency = 16
[decision]
judge_may_compete = true
"""


def command(config: Path, runs: Path) -> list[str]:
    return [sys.executable, "-m", "assay.cli", "review", str(config), "--runs", str(runs)]


def kill_after_first_answer(config: Path, runs: Path) -> None:
    """Start a review and end it with SIGKILL once an answer is on the disk."""
    answers = runs / "e2e" / "generation" / "base" / "answers.jsonl"
    child = subprocess.Popen(command(config, runs), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not (answers.exists() and answers.stat().st_size):
            assert child.poll() is None, "the review ended before its first answer"
            time.sleep(0.1)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()


def processes_on(runs: Path) -> list[str]:
    """Command lines of processes that still hold a file of the run open."""
    holders = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            targets = [str(link.readlink()) for link in (process / "fd").iterdir()]
            if any(target.startswith(str(runs)) for target in targets):
                holders.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return holders


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory, smollm2):
    """The run folder of a review that was killed, and started again, with what it printed."""
    folder = tmp_path_factory.mktemp("e2e")
    candidate = compress(smollm2, folder / "drop2", "drop-layers=2")
    config, runs = folder / "review.toml", folder / "runs"
    config.write_text(REVIEW.format(base=json.dumps(str(smollm2)), candidate=json.dumps(str(candidate))))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_HOME", str(folder / "home"))  # where the positive control is made
        kill_after_first_answer(config, runs)
        time.sleep(2)
        survivors = processes_on(runs)
        done = subprocess.run(command(config, runs), capture_output=True, text=True, check=False)
        yield RunFolder(runs / "e2e"), done, survivors


def test_a_killed_review_leaves_no_process(reviewed):
    assert reviewed[2] == []


def test_the_second_run_finishes_with_a_decision(reviewed):
    run, done, _ = reviewed
    assert done.returncode in (10, 12), done.stderr[-3000:]
    report = json.loads((run.analysis / "report.json").read_text())
    html = (run.analysis / "report.html").read_text()
    words = {"SHIP", "HOLD", "INCONCLUSIVE", "UNFIT"}
    assert any(word in done.stdout for word in words)
    assert any(word in html for word in words)
    assert report
    assert (run.analysis / "report.md").stat().st_size


@needs_chromium
def test_the_page_of_a_real_review_shows_what_was_written_and_asked(reviewed):
    run, _, _ = reviewed
    page = (run.analysis / "report.html").as_uri()
    answer = next(iter(run.generation("drop2").answers.records()))
    item = next(iter(run.items.records()))
    with chromium() as browser:
        requests(browser)
        browser.get(f"{page}#q={answer.question.id}&turn=1&candidate=drop2")
        WebDriverWait(browser, 20).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#rows li"))
        shown = browser.find_element(By.ID, "detail").get_property("textContent")
        assert visible_lines(answer.turns[0].text) in shown
        assert visible_lines(answer.question.turns[0]) in shown
        assert "self" in shown
        browser.get("about:blank")
        browser.get(f"{page}#show=items")
        WebDriverWait(browser, 20).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#rows li"))
        shown = browser.find_element(By.ID, "detail").get_property("textContent")
        assert any(visible_lines(each.question) in shown for each in run.items.records())
        assert item.task in shown
        assert browser.get_log("browser") == []
        assert set(requests(browser)) <= {page, "about:blank"}


def test_its_report_is_verified_byte_for_byte(reviewed, capsys):
    assert assay(["verify", str(reviewed[0].analysis / "report.html")]) == 0
    assert "byte for byte" in capsys.readouterr().out


def test_what_was_written_before_the_kill_was_kept_and_no_line_is_torn(reviewed):
    folder = reviewed[0].generation("base")
    sessions = read_manifest(folder.path).sessions
    assert len(sessions) == 2
    assert 0 == sessions[0].records_found < sessions[1].records_found
    for path in reviewed[0].path.rglob("*.jsonl"):
        assert path.read_bytes()[-1:] in (b"", b"\n")
        assert all(json.loads(line) for line in path.read_text().splitlines())


def test_every_key_is_there_once(reviewed):
    run = reviewed[0]
    for model in ("base", control_of("base"), "drop2", NOISE):
        answers = list(run.generation(model).answers.records())
        choices = list(run.generation(model).choices.records())
        assert len({answer.key for answer in answers}) == len(answers) == 2
        assert len({choice.key for choice in choices}) == len(choices) == 24
        solutions = list(run.generation(model).solutions.records())
        assert len({solution.key for solution in solutions}) == len(solutions) == 16
    judge = run.judge("self")
    assert len(list(judge.ratings.records())) == 4 * 2 * 2
    assert len(list(judge.games.records())) == 3 * 2 * 2 * 2
    attempts = list(judge.attempts.records())
    assert len({attempt.key for attempt in attempts}) == len(attempts) > 0


def test_the_models_really_differ_and_really_answer(reviewed):
    run = reviewed[0]
    base = {c.item: c for c in run.generation("base").choices.records()}
    other = {c.item: c for c in run.generation("drop2").choices.records()}
    assert all(max(c.logprobs) < 0 for c in base.values())
    assert any(base[item].logprobs != other[item].logprobs for item in base)
    right = sum(c.picked == c.gold for c in base.values())
    assert right > 24 / 4
    finishes = {turn.finish for a in run.generation("base").answers.records() for turn in a.turns}
    assert finishes <= {Finish.STOP, Finish.LENGTH}


def test_written_answers_are_checked_and_some_are_right(reviewed):
    """`assay-solve` is of a difficulty that this model solves in part; sums end before the line's end."""
    solved = [s for s in reviewed[0].generation("base").solutions.records() if s.subject == "one-step"]
    assert 0 < sum(each.scores[0].value for each in solved) <= len(solved)
    assert all(each.text and "\n" not in each.text for each in solved)
    assert {each.finish for each in solved} <= {Finish.STOP, Finish.LENGTH}
    report = json.loads((reviewed[0].analysis / "report.json").read_text())
    assert "assay-solve" in json.dumps(report["decisions"])


def test_traces_follow_the_baselines_own_answers(reviewed):
    run = reviewed[0]
    tables = {m: pq.read_table(run.generation(m).path / FILE_NAME).to_pylist() for m in ("base", "drop2")}
    asked = {a.question.id: a.question for a in run.generation("base").answers.records()}
    assert [row["token"] for row in tables["base"]] == [row["token"] for row in tables["drop2"]]
    assert all(len(row["top_tokens"]) == 5 and row["logprob"] <= 0 for rows in tables.values() for row in rows)
    greedy = [row for row in tables["base"] if asked[row["question"]].temperature == 0]
    chosen = sum(row["token"] == row["top_tokens"][0] for row in greedy)
    assert chosen > 0.9 * len(greedy)
    assert sum(row["logprob"] for row in tables["drop2"]) < sum(row["logprob"] for row in tables["base"])


def test_the_positive_control_is_seen_by_what_the_models_pick_and_decides_nothing(reviewed):
    report = json.loads((reviewed[0].analysis / "report.json").read_text())
    (found,) = report["positive_controls"]
    assert (found["model"], found["fault"], found["alarms"]) == (NOISE, None, [])
    sizes, sights = dict(found["sizes"]), {row["measure"]: row["sight"] for row in found["sightings"]}
    assert 0 < sizes["kl_options"]["value"] < 1
    assert 0 < sizes["kl_trace"]["value"] < 1
    assert sights["kl_options"] == "seen"
    assert {sights[measure] for measure in ("rating_change", "win_change")} <= {"unfit", "not measured"}  # no judge
    assert report["candidates"] == ["drop2"]
    assert {each["model"] for part in ("choices", "traces", "writing") for each in report[part]} == {
        "drop2",
        control_of("base"),
    }


def test_the_judge_was_really_asked(reviewed):
    run = reviewed[0]
    answered = [a for a in run.judge("self").attempts.records() if a.status == "answered"]
    assert answered
    assert {a.served_model for a in answered} == {"self"}
    assert all(a.completion_tokens for a in answered)
    outcomes = {rating.outcome for rating in run.judge("self").ratings.records()}
    assert outcomes - {Outcome.FAILED, Outcome.SKIPPED}


def test_a_third_run_makes_nothing_again(reviewed):
    run = reviewed[0]
    records = sorted(run.path.rglob("*.jsonl"))
    before = {path: path.read_bytes() for path in records}
    config = run.path.parent.parent / "review.toml"
    done = subprocess.run(command(config, run.path.parent), capture_output=True, text=True, check=False)
    assert done.returncode == reviewed[1].returncode
    assert {path: path.read_bytes() for path in records} == before


LONG_PROMPTS = """
import sys
from generation.engine import Message, WriteRequest
from generation.orders import EngineSpec
from generation.vllm_engine import load_vllm
engine = load_vllm(EngineSpec(kind="vllm", model=sys.argv[1], arguments={"max_model_len": 4096}))
for number in range(4):
    said = (Message("user", f"{number} " + "a word and one more " * 400),)
    engine.submit(WriteRequest(id=str(number), messages=said, temperature=0.7, seed=number, max_tokens=4))
written = set()
while len(written) < 4:
    written |= {reply.id for reply in engine.step()}
print(sorted(written))
"""


def test_long_prompts_that_do_not_fit_one_step_are_drawn_with_their_seeds(smollm2):
    """On a CPU vLLM 0.32 dies where a part of a prompt with a seed is read."""
    command = [sys.executable, "-c", LONG_PROMPTS, str(smollm2)]
    ended = subprocess.run(command, cwd=HOUSE, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
    assert ended.stdout.splitlines()[-1] == "['0', '1', '2', '3']"
