"""A judge's whole part of a review, from answers on the disk to derived records."""

import signal
from collections import Counter

import pytest

from judge.brief import Brief
from judge.client import OpenAITransport
from judge.scripted_judge import ScriptedJudge
from judge.session import judge_together
from ledger.errors import JudgeError, MissingRecords, Rejected, StaleInput, StoreLocked, Unavailable
from ledger.judgments import Order, Outcome, Winner
from ledger.manifests import read_manifest
from ledger.progress import silent
from ledger.runs import RunFolder
from ledger.store import Writer, write_lock
from tests.fake_judge_server import KEY, FakeJudgeServer, answer, completion, refusal, verdict
from tests.judge_reviews import PROMPTS, configured, essay, judge_review, simple

pytestmark = pytest.mark.usefixtures("quick_retries")

QUESTIONS = 6


@pytest.fixture
def run(tmp_path):
    """Baseline, control and one candidate: longer, equal and shorter answers, one of them empty, one missing."""
    folder = RunFolder(tmp_path / "review")
    lengths = {"base": 8, "base@control": 8, "cand": 6}
    for model, count in lengths.items():
        with Writer(folder.generation(model).answers) as writer:
            for number in range(QUESTIONS):
                if (model, number) == ("cand", 5):
                    continue
                empty = (model, number) == ("cand", 4)
                second = "" if empty else f"{model} says more about {number}."
                end = "empty" if empty else "stop"
                writer.append(answer(model, f"q{number}", essay(f"essay {number}", count), second, finish=end))
    return folder


def judged(run, transport=None, config=None, report=silent, **settings):
    about = {"baseline": "base", "candidates": ["cand"], "control": "base@control", "seed": 1, **settings}
    return judge_review(Brief(run, config or configured(), PROMPTS, **about), transport, report)


def test_a_whole_review(run):
    seen = []
    summary = judged(run, report=seen.append)
    folder = run.judge("j")
    ratings, games = list(folder.ratings.records()), list(folder.games.records())
    assert len(ratings) == 3 * QUESTIONS * 2
    assert len(games) == 2 * QUESTIONS * 2 * 2
    assert summary.ratings == {"scored": 33, "skipped": 3} == Counter(r.outcome.value for r in ratings)
    assert summary.games == {"scored": 42, "skipped": 6}
    assert summary.identical == QUESTIONS * 2
    assert summary.asked == summary.answered == summary.calls == 33 + 42 - 12
    assert (summary.failed, summary.reused, summary.prompt_tokens) == (0, 0, None)
    assert (seen[-1].done, seen[-1].total) == (summary.asked, summary.asked)


def test_games_name_the_winner_whatever_its_position(run):
    judged(run)
    games = [g for g in run.judge("j").games.records() if g.candidate == "cand" and g.turn == 1 and g.winner]
    assert {g.winner for g in games} == {Winner.BASELINE}
    assert Counter(g.order for g in games) == {Order.BASELINE_FIRST: 5, Order.CANDIDATE_FIRST: 5}


def test_identical_answers_are_ties_that_nobody_was_asked_about(run):
    judge = simple()
    judged(run, judge)
    ties = [g for g in run.judge("j").games.records() if g.candidate == "base@control" and g.turn == 1]
    assert {(g.outcome, g.winner, g.reply) for g in ties} == {(Outcome.SCORED, Winner.TIE, None)}
    assert len(ties) == QUESTIONS * 2
    asked = [m[1]["content"] for m in judge.calls]
    assert not [user for user in asked if "turn 2" not in user and user.count("essay 0") == 16]


def test_a_second_run_makes_no_call_and_changes_nothing(run):
    judged(run)
    before = {path.name: path.read_bytes() for path in run.judge("j").path.glob("*.jsonl")}
    judge = simple()
    summary = judged(run, judge)
    assert judge.calls == []
    assert (summary.asked, summary.reused, summary.calls) == (0, 63, 0)
    assert before == {path.name: path.read_bytes() for path in run.judge("j").path.glob("*.jsonl")}
    assert [s.records_found for s in read_manifest(run.judge("j").path).sessions] == [0, 63]


def test_failed_ones_are_asked_again_and_replaced(run):
    def moody(messages):
        return Unavailable("busy", status=503) if "q1, turn 1" in messages[1]["content"] else verdict(messages)

    summary = judged(run, ScriptedJudge(moody))
    assert summary.ratings["failed"] == 6
    assert summary.failed == sum(counts["failed"] for counts in (summary.ratings, summary.games))
    summary = judged(run)
    assert "failed" not in summary.ratings | summary.games
    assert summary.asked == summary.answered < 20


def test_an_interrupt_keeps_and_derives_what_was_answered(run):
    count = iter(range(1000))

    def reply(messages: list[dict[str, str]]) -> str:
        if next(count) == 20:
            signal.raise_signal(signal.SIGINT)
        return verdict(messages)

    with pytest.raises(KeyboardInterrupt):
        judged(run, ScriptedJudge(reply))
    answered = len(list(run.judge("j").attempts.records()))
    assert 20 <= answered < 63
    assert sum(r.outcome is Outcome.SCORED for r in run.judge("j").ratings.records()) == answered
    assert judged(run).asked == 63 - answered
    keys = [a.key for a in run.judge("j").attempts.records()]
    assert len(keys) == len(set(keys)) == 63


def test_an_error_that_stops_all_is_raised_after_deriving(run):
    replies = iter(range(1000))
    judge = ScriptedJudge(lambda m: verdict(m) if next(replies) < 5 else Rejected("no", status=401, stops_all=True))
    with pytest.raises(Rejected) as caught:
        judged(run, judge)
    assert caught.value.exit_code == 20
    outcomes = Counter(r.outcome.value for r in run.judge("j").ratings.records())
    assert outcomes["scored"] == 5
    assert outcomes["skipped"] >= 15
    assert read_manifest(run.judge("j").path).facts["calls_answered"] == 5


def test_no_answer_at_all_is_an_error_that_names_the_place(run):
    with pytest.raises(JudgeError, match=r"127\.0\.0\.1:9: nobody answers"):
        judged(run, OpenAITransport("http://127.0.0.1:9/v1", KEY, "m", 5))
    with pytest.raises(JudgeError, match="no judgment succeeded; the last call: bad model"):
        judged(run, ScriptedJudge(lambda _: Rejected("bad model", status=400)))


def test_over_a_real_socket_the_key_is_in_no_file(run):
    served = iter([refusal(500, f"debug: {KEY}"), completion(f"I saw {KEY}. No verdict.")])
    with FakeJudgeServer(lambda body: next(served, None) or completion(verdict(body["messages"]))) as server:
        transport = OpenAITransport(server.base_url, KEY, "m", 5)
        summary = judged(run, transport, configured(exam=True, base_url=server.base_url))
    assert set(server.keys) == {f"Bearer {KEY}"}
    attempts = list(run.judge("j").attempts.records())
    failed = [attempt.error for attempt in attempts if attempt.status != "answered"]
    assert len(failed) == 1, failed
    assert summary.completion_tokens == 7 * (summary.calls - 1)
    texts = [path.read_text() for path in run.path.rglob("*") if path.is_file()]
    assert any("[api key]" in text for text in texts)
    assert not any(KEY in text for text in texts)
    facts = read_manifest(run.judge("j").path).facts
    assert facts["served_models"] == {"fake-judge-1": summary.calls - 1}
    assert facts["calls"] == summary.calls


def test_the_exam_is_sat_in_each_mode_and_derived(run):
    summary = judged(run, config=configured(exam=True, exam_tasks=4, modes=("pair",)))
    assert summary.ratings == {}
    marks = list(run.judge("j").exam.records())
    assert summary.exam == {"scored": len(marks)} == {"scored": 4 * 6 * 2}
    by_part = Counter((m.part, m.mark) for m in marks)
    assert by_part["full_against_truncated", "right"] == by_part["identical_answers", "right"] == 8
    assert {m.mode for m in marks} == {"pair"}


def test_other_settings_do_not_mix_with_old_records(run):
    judged(run)
    for change in ({"max_tokens": 512}, {"parsing": "fastchat"}, {"base_url": "http://other/v1"}, {"repeats": 2}):
        with pytest.raises(StaleInput):
            judged(run, config=configured(**change))


def test_a_regenerated_answer_is_judged_anew(run):
    judged(run)
    path = run.generation("cand").answers.path
    path.write_text(path.read_text().replace("Sentence 0 of essay 0", "Opening of essay 0"))
    judge = simple()
    summary = judged(run, judge)
    assert summary.asked == len(judge.calls) == 2 + 4
    assert len(list(run.judge("j").ratings.records())) == 36


def test_a_model_without_answers_is_named(run):
    with pytest.raises(MissingRecords, match="answers of other"):
        judged(run, candidates=["other"])


def test_two_sessions_at_once_are_refused(run):
    with write_lock(run.judge("j").path), pytest.raises(StoreLocked):
        judged(run)


def test_a_judge_with_nothing_to_do_is_not_even_connected(run):
    judged(run)
    facts = read_manifest(run.judge("j").path).facts
    about = {"baseline": "base", "candidates": ["cand"], "control": "base@control", "seed": 1}
    judge_together([(Brief(run, configured(), PROMPTS, **about), lambda _: pytest.fail("connected"))])
    assert read_manifest(run.judge("j").path).facts == facts


def test_a_later_session_keeps_what_it_did_not_look_at(run):
    """The exam alone reads the baseline, and a session without a call paces nothing: the report needs both facts."""
    path = run.generation("cand").answers.path
    path.write_text(path.read_text().replace("cand says more about 1.", "[[10]] [[A]]"))
    limited = iter([True])

    def script(messages):
        return Unavailable("slow", status=429) if next(limited, False) else verdict(messages)

    judged(run, ScriptedJudge(script))
    facts = read_manifest(run.judge("j").path).facts
    assert (facts["pace"]["limited_calls"], facts["answers"]["cand"]["verdicts"]) == (1, 2)
    for only in (True, False):
        judged(run, exam_only=only)
        after = read_manifest(run.judge("j").path).facts
        assert (after["pace"], after["answers"]) == (facts["pace"], facts["answers"])
