"""`assay replay`: stored judgments asked again by the real judge path, GPT-4's of real files and our own runs'.

In: FastChat's files (the real ones where they are), a run of ours, requests over a real socket. Out: nothing.
"""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from contextlib import chdir, contextmanager

import pytest

from assay.cli import run as assay
from assay.placement.loopback import LoopbackServer, Served
from assay.sources.mt_bench import fetch_mt_bench
from assay.sources.replay import FAILED_THEN, NOT_STORED, Replay
from assay.sources.stored_judgments import StoredFailure, StoredJudge, prompt_key, stored_judgments
from judge.replies import Reply, reply_of
from ledger.endpoint.completions import completion as completed
from ledger.endpoint.faults import fault
from ledger.endpoint.streams import put_together
from ledger.errors import ConfigError
from ledger.judgments import Outcome, RatingToken
from ledger.runs import RunFolder
from tests.fake_judge_server import FakeJudgeServer, completion, refusal, verdict
from tests.fastchat_rows import game, prompt, rating, sound_folder, write
from tests.house import MT_BENCH, needs_mt_bench
from tests.judge_reviews import review

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

IMPORTED = """\
name = "r"
[baseline]
model = "{baseline}"
engine = "imported"
control = false
{candidates}
[questions]
source = "{source}"
references = "{references}"
[[judge]]
model = "gpt-4"
prompts = "official"
modes = {modes}
exam = false
base_url = "{url}"
"""


class Counted:
    """A replay that counts requests, and takes a moment for each."""

    def __init__(self, folder, delay_seconds=0.0):
        self.replay = Replay(stored_judgments(folder).judges)
        self.delay_seconds, self.requests = delay_seconds, 0

    def respond(self, request):
        self.requests += 1
        served = self.replay.respond(request)
        return Served(served.body, served.status, served.headers, self.delay_seconds)


@contextmanager
def replaying(folder, delay_seconds=0.0):
    counted = Counted(folder, delay_seconds)
    with LoopbackServer(counted.respond) as server:
        yield server.base_url, counted


def written(folder, url, baseline, *candidates, modes=("single",), source="mt-bench", references="gpt-4"):
    """A config whose judge is asked at this URL."""
    config = folder / "review.toml"
    blocks = "".join(f'[[candidate]]\nmodel = "{name}"\nengine = "imported"\n' for name in candidates)
    config.write_text(
        IMPORTED.format(
            baseline=baseline,
            candidates=blocks,
            modes=json.dumps(modes),
            url=url,
            source=source,
            references=references,
        )
    )
    return config


def command(folder, *arguments):
    with chdir(folder):
        return assay([*arguments])


@pytest.fixture
def fetched(tmp_path, monkeypatch):
    """The official files in a cache of this test's own."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "cache"))
    fetch_mt_bench(lambda _: None, MT_BENCH)


def asked(url, body=None, path="/chat/completions"):
    """Status and JSON of one request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}{path}", data, {"Content-Type": "application/json"})
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def put(text, model="gpt-4", **more):
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": text}]
    return {"model": model, "messages": messages, "max_tokens": 9, **more}


def killed_midway(config, counted, requests):
    """Judge in a process of its own, and end that by SIGKILL once so many requests have come."""
    arguments = [sys.executable, "-m", "assay.cli", "judge", str(config)]
    with subprocess.Popen(arguments, cwd=config.parent, stderr=subprocess.DEVNULL) as child:
        while counted.requests < requests:
            assert child.poll() is None, "it ended by itself"
            time.sleep(0.005)
        child.send_signal(signal.SIGKILL)
        assert child.wait(30) == -signal.SIGKILL


@needs_mt_bench
@pytest.mark.usefixtures("fetched")
def test_gpt_4s_stored_games_and_ratings_of_phi_3_give_its_files_known_truths_also_after_a_kill(tmp_path, capsys):
    """What was never judged fails, and by name: ratings of phi-3, turn 2 of games, questions 126 to 130."""
    with replaying(MT_BENCH / "phi-3", delay_seconds=0.03) as (url, counted):
        config = written(tmp_path, url, "phi-3", "phi-3-dpo", modes=("single", "pair"))
        assert command(tmp_path, "import", "answers", str(MT_BENCH / "phi-3"), "--config", str(config)) == 0
        killed_midway(config, counted, 200)
        assert command(tmp_path, "judge", str(config)) == 20
    judge = RunFolder(tmp_path / "runs" / "r").judge("gpt-4")
    attempts = list(judge.attempts.records())
    answered = [each.judgment for each in attempts if each.status == "answered"]
    assert len(answered) == len(set(answered)) == 160 + 147
    assert counted.requests - len(attempts) <= 16  # in flight when it was killed
    assert means(judge) == {"phi-3-dpo": "8.20"}
    assert command(tmp_path, "analyze", str(config)) == 12
    report = json.loads((tmp_path / "runs/r/analysis/report.json").read_text())
    (played,) = report["judges"][0]["games"]
    classes = played["scopes"][0]["classes"]
    assert {classes["win"], classes["loss"]} == {20, 18}
    assert (classes["tie"], classes["flip"], classes["failed"]) == (8, 18 + 9, 160 - 73)
    assert (played["bias"]["toward_first"], played["bias"]["toward_second"]) == (16, 2)
    assert tie_and_picks(judge) == 9
    cards = (tmp_path / "runs/r/analysis/tables/cards.csv").read_text()
    assert "judge gpt-4,resolution,not measured (exam_ladder is not set)" in cards
    assert 'judge gpt-4,"position bias, phi-3-dpo","first position 64.8 % ' in cards
    assert '"agreement by gap: gpt-4, itself, swapped, by games, gap not known: nobody rated both","63.0 % ' in cards
    (near,) = report["trust"]["gap_agreements"]  # phi-3 has no rating, so that no gap is known
    assert (near["first"], near["second"], near["unit"]) == ("gpt-4", "itself, swapped", "none")
    assert (near["equal"]["n"], near["equal"]["value"]) == (73, (20 + 18 + 8) / 73)
    last = {each.judgment: each.error for each in attempts}
    words = Counter(error.partition(": ")[2] for error in last.values() if error)
    stored, missing = sorted(words)
    assert "HTTP 422: no judgment of gpt-4 is stored for this text" in stored
    assert missing == "HTTP 424: the stored call failed: FastChat stored $ERROR$"
    assert (words[stored], words[missing]) == (330, 3)
    capsys.readouterr()
    for name in ("report.json", "report.html"):
        assert command(tmp_path, "verify", f"runs/r/analysis/{name}") == 0
        assert "byte for byte" in capsys.readouterr().out


def means(judge):
    """The mean of each model's scores, by turn ratings, as FastChat prints it."""
    scores = {}
    for each in judge.ratings.records():
        if each.outcome is Outcome.SCORED:
            scores.setdefault(each.model, []).append(each.score)
    return {name: f"{sum(each) / len(each):.2f}" for name, each in scores.items()}


def tie_and_picks(judge):
    """The pairs of games of which one is a tie and one is not."""
    pairs = {}
    for each in judge.games.records():
        if each.winner:
            pairs.setdefault((each.question, each.turn), []).append(each.winner.value)
    return sum(len(set(pair)) == 2 and "tie" in pair for pair in pairs.values())


@needs_mt_bench
@pytest.mark.usefixtures("fetched")
def test_gpt_4s_stored_ratings_of_the_mistrals_give_todays_means_without_the_stale_prompts(tmp_path):
    models = ("mistral-orpo", "mistral-orpo-mix", "mistral-orpo-trl", "mistral-orpo-capybara")
    with replaying(MT_BENCH / "mistral-orpo") as (url, counted):
        config = written(tmp_path, url, *models)
        assert command(tmp_path, "import", "answers", str(MT_BENCH / "mistral-orpo"), "--config", str(config)) == 0
        assert command(tmp_path, "judge", str(config)) == 0
    judge = RunFolder(tmp_path / "runs" / "r").judge("gpt-4")
    assert means(judge) == dict(zip(models, ("6.33", "6.00", "7.17", "6.82"), strict=True))
    assert Counter(each.outcome.value for each in judge.ratings.records()) == {"scored": 640}
    assert counted.replay.counts == {"replies": 640}  # of 800 stored ones


@pytest.fixture
def old(tmp_path):
    return sound_folder(tmp_path / "old")


def test_a_judgment_is_found_by_its_prompt_and_what_is_not_there_is_said(old):
    with replaying(old) as (url, _):
        status, said = asked(url, put(prompt(1, 1, "a")))
        reply = reply_of(completed(json.loads(said)))
        assert (status, reply.text, reply.finish, reply.served_model) == (200, "Fine. Rating: [[2]]", "stop", "gpt-4")
        assert (reply.prompt_tokens, reply.completion_tokens) == (None, None)
        games = [asked(url, put(prompt(1, 1, *pair)))[1] for pair in ("ab", "ba")]
        assert [reply_of(completed(json.loads(each))).text for each in games] == ["[[A]]", "[[B]]"]
        for body, code, status, words in (
            (put("another answer"), "not_stored", NOT_STORED, "no judgment of gpt-4 is stored for this text"),
            (again(prompt(1, 1, "a")), "not_stored", NOT_STORED, "FastChat asks once"),
            (put("x", model="gpt-5"), "model_not_found", 404, "'gpt-5' is stored; there are those of gpt-4"),
            ({"model": "gpt-4"}, "invalid_request", 400, "no request for a chat completion"),
            ({"model": "gpt-4", "messages": [{"role": "user"}]}, "invalid_request", 400, "KeyError"),
            ({}, "invalid_request", 400, "KeyError"),
        ):
            got, said = asked(url, body)
            error = json.loads(said)["error"]
            assert (got, error["code"], words in error["message"]) == (status, code, True), error
        models = json.loads(asked(url, path="/models")[1])
        assert [each["id"] for each in models["data"]] == ["gpt-4"]
        status, said = asked(url.removesuffix("/v1"), put("x"))
        assert (status, "base_url ends with /v1" in said) == (404, True)


def again(text):
    body = put(text)
    body["messages"] += [{"role": "assistant", "content": "hm"}, {"role": "user", "content": "Once more."}]
    return body


def test_a_stream_says_the_same(old):
    with replaying(old) as (url, _):
        whole, streamed = (asked(url, put(prompt(2, 1, "b"), stream=stream))[1] for stream in (False, True))
    assert completed(json.loads(put_together(streamed))) == completed(json.loads(whole))
    assert streamed.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("words", ["HTTP 402: payment required", "HTTP 404: model not found", "flagged by moderation"])
def test_the_words_of_a_stored_failure_end_no_session_and_are_no_filters(words):
    """A client reads them: an account that was empty then says nothing of the judgments that follow."""
    judge = StoredJudge("gpt-4", {}, replies={prompt_key("q"): [StoredFailure(words)]})
    with LoopbackServer(Replay([judge]).respond) as server:
        status, said = asked(server.base_url, put("q"))
    assert (status, words in said) == (FAILED_THEN, False)
    assert fault(status, {}, said, "here").stops_all is False


def test_a_verdict_supersedes_failures_equal_rows_are_one_and_others_take_turns(old):
    rows = [
        rating("a", 1, 1, said="$ERROR$", score=-1),
        rating("a", 1, 1, 9),
        rating("a", 1, 1, 9),
        rating("a", 1, 1, 3),
        rating("a", 1, 1, said="$ERROR$", score=-1),
        rating("a", 2, 1, said="$ERROR$", score=-1),
    ]
    write(old / "model_judgment" / "gpt-4_single.jsonl", rows)
    with replaying(old) as (url, _):
        said = [reply_of(completed(json.loads(asked(url, put(prompt(1, 1, "a")))[1]))).text for _ in range(3)]
        assert [text[-5:] for text in said] == ["[[9]]", "[[3]]", "[[9]]"]
        status, words = asked(url, put(prompt(2, 1, "a")))
        assert (status, "FastChat stored $ERROR$" in words) == (FAILED_THEN, True)


def test_prompts_with_several_verdicts_are_counted_and_their_repeats_are_not_lost(old, tmp_path, capsys):
    """One prompt has two verdicts, another three: six calls to each ask for all alike. Two equal ones need none."""
    verdicts = {(1, 1): (9, 3), (1, 2): (2, 4, 9), (2, 1): (5, 5)}
    rows = [
        {**rating(model, question, turn, score), "tstamp": number}
        for model in "ab"
        for question in (1, 2)
        for turn in (1, 2)
        for number, score in enumerate(verdicts.get((question, turn), (7,)) if model == "a" else (6,))
    ]
    write(old / "model_judgment" / "gpt-4_single.jsonl", rows)
    (old / "model_judgment" / "gpt-4_pair.jsonl").unlink()
    (judge,) = stored_judgments(old).judges
    assert (sorted(judge.several), judge.repeats) == ([2, 3], 6)
    assert assay(["replay", str(old), "--timeout", "0.1"]) == 0
    told = capsys.readouterr().out
    assert "# 2 of them have different verdicts, 2 to 3 each: calls get them in the order they lie" in told
    assert "repeats = 6\n" in told
    with replaying(old) as (url, _):
        for asked_for, given in verdicts.items():
            said = [asked(url, put(prompt(*asked_for, "a")))[1] for _ in range(judge.repeats)]
            scores = Counter(re.search(r"\[\[(\d)", each)[1] for each in said)
            assert scores == {str(score): 6 * given.count(score) // len(given) for score in given}


def test_rows_that_cannot_be_found_again_are_told(old, capsys):
    rows = [rating("a", 1, 1), {**rating("a", 2, 1), "user_prompt": None}, {"question_id": 3}]
    rows += [{**game(1, 1), "judge": []}]
    write(old / "model_judgment" / "gpt-4_single.jsonl", rows)
    (old / "model_judgment" / "gpt-4_pair.jsonl").unlink()
    found = stored_judgments(old)
    assert [each.split(":")[0] for each in found.notes] == [f"gpt-4_single.jsonl, line {n}" for n in (2, 3, 4)]
    write(old / "model_judgment" / "gpt-4_single.jsonl", rows[1:])
    with pytest.raises(ConfigError, match="no stored judgment can be found again by its prompt; gpt-4_single"):
        stored_judgments(old)


def test_the_judgments_of_a_run_of_ours_give_the_same_records_byte_for_byte(tmp_path):
    """Also those that failed, were filtered, cut and asked again, or re-asked; ratings and games are the same bytes."""

    def script(body):
        text, first = body["messages"][1]["content"], len(body["messages"]) == 2
        if "about 1." in text and first:
            return completion("No verdict.")
        if "about 2." in text:
            return refusal(400, "not that one", "content_filter")
        if "about 3." in text:
            return refusal(400, "this one I will not take")
        if "about 4." in text and body["max_tokens"] == 4096:
            return completion("It is", finish="length")
        return completion(verdict(body["messages"]))

    config, first = review(tmp_path, "{url}", questions=6, exam="true\nexam_tasks = 2")
    text = config.read_text()
    with FakeJudgeServer(script) as server:
        config.write_text(text.format(url=server.base_url))
        assert command(tmp_path, "judge", str(config)) == 20
    again = tmp_path / "again"
    again.mkdir()
    other, second = review(again, "{url}", questions=6, exam="true\nexam_tasks = 2")
    with replaying(first.path) as (url, counted):
        other.write_text(text.format(url=url))
        assert command(again, "judge", str(other)) == 20
        body = put("never asked", model="fake-judge-1")
        assert "nothing that fake-judge-1 was asked is this" in asked(url, body)[1]
    for name in ("ratings", "games", "exam"):
        one, two = (getattr(run.judge("j"), name).path.read_bytes() for run in (first, second))
        assert one == two != b""
    outcomes = {each.outcome.value for each in second.judge("j").ratings.records()}
    assert outcomes == {"scored", "filtered", "failed"}
    assert counted.replay.counts["not stored"] == 1


def test_a_reply_comes_back_as_it_was_stored(tmp_path):
    """Counts, refusal, and the probabilities that ratings are computed from."""
    from assay.sources.replay import _completion

    tokens = (RatingToken(token="8", top=(("8", -0.1), ("7", -2.5))), RatingToken(token=" ", top=((" ", 0.0),)))
    reply = Reply("[[8]]", "length", "no", "served", 3, 4, tokens)
    assert reply_of(completed(json.loads(json.dumps(_completion(reply, "m"))))) == reply


def test_the_settings_of_a_run_are_offered_without_place_cost_and_pace(tmp_path):
    more = "repeats = 2\nprice = { input = 1.0, output = 1.0 }\nbudget_usd = 3.0\ntimeout_seconds = 5.0\n"
    config, run = review(tmp_path, "{url}", questions=1, more=more)
    with FakeJudgeServer(lambda _: completion("[[5]] [[A]]")) as server:
        config.write_text(config.read_text().replace("{url}", server.base_url).replace("{", "{{").replace("{{", "{"))
        assert command(tmp_path, "judge", str(config)) == 0
    (judge,) = stored_judgments(run.path).judges
    assert judge.settings == {"model": "fake-judge-1", "label": "j", "exam": False, "concurrency": 8, "repeats": 2}


def test_the_command_prints_its_place_and_a_judge_and_stops_by_itself(old, tmp_path):
    arguments = [sys.executable, "-m", "assay.cli", "replay", str(old), "--timeout", "4"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        lines = []
        while not (lines and lines[-1].startswith("base_url: ")):
            lines.append(child.stdout.readline())
            assert lines[-1], child.stderr.read()
        url = lines[-1].split()[1]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
        assert asked(url, put(prompt(1, 1, "a")))[0] == 200
        assert child.wait(20) == 0
        rest = child.stdout.read()
    assert "1 replies" in rest
    block = "".join(lines)
    assert "gpt-4: 32 prompts" in block
    assert '[[judge]]\nmodel = "gpt-4"\nprompts = "official"\nexam = false\nmodes = ["single", "pair"]\n' in block
    assert f'base_url = "{url}"' in block


def test_a_port_that_is_taken_is_told_in_a_line(old, capsys):
    with replaying(old) as (url, _):
        assert assay(["replay", str(old), "--port", url.rpartition(":")[2].removesuffix("/v1")]) == 64
    assert "Address already in use. Give another --port." in capsys.readouterr().err


def test_ctrl_c_ends_it_well(old):
    arguments = [sys.executable, "-m", "assay.cli", "replay", str(old), "--timeout", "60"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
        while not child.stdout.readline().startswith("base_url: "):
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
        assert "nothing was asked" in child.stdout.read()


def test_a_folder_without_judgments_is_refused(tmp_path, capsys):
    (tmp_path / "model_answer").mkdir()
    write(tmp_path / "model_answer" / "a.jsonl", [{}])
    assert assay(["replay", str(tmp_path)]) == 64
    assert "no stored judgment" in capsys.readouterr().err
    assert assay(["replay", str(tmp_path / "model_answer" / "a.jsonl")]) == 64


def test_answers_come_in_for_judges_that_are_still_to_be_asked(old, tmp_path, capsys):
    """Of a model the file of its label; what answers nothing is counted, an unanswered question is named."""
    config = written(tmp_path, "http://127.0.0.1:9/v1", "a", "b", source=str(old / "question.jsonl"), references="none")
    answers = [json.loads(line) for line in (old / "model_answer" / "b.jsonl").read_text().splitlines()]
    write(old / "model_answer" / "b.jsonl", [*answers[:3], {**answers[3], "question_id": 99}, {"question_id": 1}])
    write(old / "model_answer" / "a.jsonl", [{**answers[0], "choices": [{"turns": ["x", "y"]}]}, *answers[1:3]])
    for _ in range(2):
        assert command(tmp_path, "import", "answers", str(old), "--config", str(config)) == 0
        assert "b, 3 answers, 2 lines left out" in capsys.readouterr().out
    run = RunFolder(tmp_path / "runs" / "r")
    held = list(run.generation("a").answers.records())
    assert [(each.question.id, each.question.source) for each in held] == [(str(n), "question") for n in (1, 2, 3)]
    assert [turn.text for turn in held[0].turns] == ["x", "y"]
    manifest = json.loads((run.generation("a").path / "manifest.json").read_text())
    assert [(each["kind"], each["items"]) for each in manifest["left_out"]] == [("items", ["question/4"])]
    manifest = json.loads((run.generation("b").path / "manifest.json").read_text())
    assert [each["kind"] for each in manifest["left_out"]] == ["lines"]


def test_answers_that_are_not_there_are_refused_before_anything_is_written(old, tmp_path, capsys):
    write(tmp_path / "others.jsonl", [{"question_id": 70, "category": "stem", "turns": ["q?"]}])
    said = {}
    for name, change in {
        "no such file": ('model = "b"', 'model = "c"'),
        "no second run": ("control = false", "control = true"),
        "another set": (str(old / "question.jsonl"), "assay"),
        "no question": (str(old / "question.jsonl"), str(tmp_path / "others.jsonl")),
        "not imported": ('engine = "imported"', 'engine = "vllm"'),
    }.items():
        config = written(
            tmp_path, "http://127.0.0.1:9/v1", "a", "b", source=str(old / "question.jsonl"), references="none"
        )
        config.write_text(config.read_text().replace(*change))
        assert command(tmp_path, "import", "answers", str(old), "--config", str(config)) == 64
        said[name] = capsys.readouterr().err
    assert "there are no answers of c. Labels are the files' names: a, b." in said["no such file"]
    assert "a@control" in said["no second run"]
    assert "needs control = false" in said["no second run"]
    assert "question 1 of assay is not the one that was answered" in said["another set"]
    assert "no line of a, b answers a question of" in said["no question"]
    assert "takes its answers from elsewhere" in said["not imported"]
    assert not RunFolder(tmp_path / "runs" / "r").is_begun


def test_that_no_questions_lie_beside_answers_is_written_down(old, tmp_path):
    (old / "question.jsonl").rename(tmp_path / "cache.jsonl")
    config = written(
        tmp_path, "http://127.0.0.1:9/v1", "a", "b", source=str(tmp_path / "cache.jsonl"), references="none"
    )
    assert command(tmp_path, "import", "answers", str(old), "--config", str(config)) == 0
    manifest = json.loads((tmp_path / "runs/r/generation/a/manifest.json").read_text())
    assert [(each["kind"], each["name"]) for each in manifest["left_out"]] == [("other", "question.jsonl")]
