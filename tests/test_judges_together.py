"""Several judges at once: endpoints in one event loop, served ones each on its own GPU."""

import threading
from collections import Counter
from contextlib import nullcontext

import pytest

from assay.placement.judge_server import SERVER_MODULE, flags, served, waves
from judge.brief import Brief
from judge.client import OpenAITransport
from judge.session import judge_together
from ledger.errors import EngineError, Rejected
from ledger.judge_config import JudgeConfig
from ledger.progress import silent
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import FakeJudgeServer, answer, completion, refusal, verdict
from tests.house import HOUSE
from tests.judge_reviews import PROMPTS, configured, essay

QUESTIONS = 3


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "review")
    for model, count in (("base", 8), ("cand", 6)):
        with Writer(folder.generation(model).answers) as writer:
            for number in range(QUESTIONS):
                writer.append(answer(model, f"q{number}", essay(f"essay {number}", count), f"{model} on {number}."))
    return folder


def work(run, servers):
    return [
        (
            Brief(run, configured(label=name, base_url=server.base_url), PROMPTS, "base", ["cand"], None, 1),
            lambda learned, url=server.base_url: nullcontext(OpenAITransport(url, "k" * 9, "m", 30, learned)),
        )
        for name, server in servers.items()
    ]


def test_two_endpoints_are_asked_at_the_same_time(run):
    """Each answers its first call only once the other one has been asked, too."""
    met = threading.Barrier(2, timeout=20)
    first = {"one": True, "two": True}

    def script_of(name):
        def script(body):
            if first[name]:
                first[name] = False
                met.wait()
            return completion(verdict(body["messages"]))

        return script

    with FakeJudgeServer(script_of("one")) as one, FakeJudgeServer(script_of("two")) as two:
        summaries = judge_together(work(run, {"one": one, "two": two}))
    assert [(each.judge, each.failed) for each in summaries] == [("one", 0), ("two", 0)]
    for name in ("one", "two"):
        assert Counter(r.outcome.value for r in run.judge(name).ratings.records()) == {"scored": 2 * 2 * QUESTIONS}


def test_one_that_is_refused_does_not_take_the_others_work(run):
    with FakeJudgeServer(lambda _: refusal(401, "no")) as bad, FakeJudgeServer() as good:
        with pytest.raises(Rejected, match="HTTP 401"):
            judge_together(work(run, {"bad": bad, "good": good}))
        assert len(bad.requests) == 1
    assert {r.outcome.value for r in run.judge("good").ratings.records()} == {"scored"}
    assert {r.outcome.value for r in run.judge("bad").ratings.records()} <= {"failed", "skipped"}


def judge(name, **about):
    return JudgeConfig(label=name, **({"serve": "m"} | about if "model" not in about else about))


def named(found):
    return [[(each.name, devices) for each, devices in wave] for wave in found]


def test_served_judges_take_gpus_of_their_own_and_wait_for_none_that_are_taken():
    here, big = judge("a"), judge("big", serve_args={"tensor_parallel_size": 2})
    away = judge("away", model="x", base_url="http://h/v1")
    assert named(waves([here, judge("b")], ["0", "1"])) == [[("a", ["0"]), ("b", ["1"])]]
    assert named(waves([here, judge("b")], ["3"])) == [[("a", ["3"])], [("b", ["3"])]]
    assert named(waves([here, judge("b"), away], [])) == [[("a", None), ("away", None)], [("b", None)]]
    assert named(waves([here, big, judge("c")], ["0", "1"])) == [[("a", ["0"]), ("c", ["1"])], [("big", ["0", "1"])]]
    assert named(waves([big, here], ["0"])) == [[("a", ["0"])], [("big", None)]]
    assert named(waves([], ["0"])) == []


def test_one_that_cannot_be_served_leaves_no_work_half_begun(run):
    """The second way fails before anything is asked: nothing is sent, and both folders are closed in order."""

    def fails(_):
        raise EngineError("the judge's server ended with code 1")

    with FakeJudgeServer() as server:
        (first, second) = work(run, {"one": server, "two": server})
        with pytest.raises(EngineError, match="code 1"):
            judge_together([first, (second[0], fails)])
        assert server.requests == []
    assert {r.outcome.value for r in run.judge("one").ratings.records()} == {"skipped"}


def test_what_a_served_judge_is_given_reaches_the_server_as_it_reads_it(monkeypatch):
    monkeypatch.setattr("assay.placement.judge_server.on_cpu", lambda: False)
    asked = {"enforce_eager": True, "enable_prefix_caching": False, "max_model_len": 4096}
    asked |= {"hf_overrides": {"rope": {"factor": 2}}, "cudagraph_capture_sizes": [1, 2]}
    assert flags(asked) == [
        *("--enforce-eager", "--no-enable-prefix-caching", "--max-model-len", "4096"),
        *("--hf-overrides", '{"rope": {"factor": 2}}', "--cudagraph-capture-sizes", "1", "2"),
    ]


def test_a_server_that_cannot_start_says_where_its_words_are(tmp_path, monkeypatch):
    """A stand-in for vLLM's server, which would take its time to say that there is no model in the folder."""
    *folders, name = SERVER_MODULE.split(".")
    place = tmp_path
    for folder in folders:
        place = place / folder
        place.mkdir()
        (place / "__init__.py").touch()
    (place / f"{name}.py").write_text(
        "import sys\nsys.exit('no model in ' + sys.argv[sys.argv.index('--model') + 1])\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{HOUSE}")
    log = tmp_path / "logs" / "server.log"
    serving = served("my-model", "j", {}, log, silent)
    with pytest.raises(EngineError, match=r"ended with code 1.*logs/server\.log"), serving:
        pass
    assert log.read_text() == "no model in my-model\n"
