"""Many calls to one judge: retries, re-asks, doubled limits, stopping, and that nothing answered is lost."""

import asyncio
import itertools
import random
import signal
import time

import pytest

from judge.calls import Interviews, Tally
from judge.client import OpenAITransport
from judge.history import History
from judge.plan import Ask
from judge.replies import Reply
from judge.retries import Ending
from judge.scripted_judge import ScriptedJudge
from judge.verdicts import Reading
from ledger.errors import JudgeError, Rejected, Unavailable
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt, Outcome
from ledger.store import Store, Writer
from tests.fake_judge_server import FakeJudgeServer, Served, completion, refusal
from tests.house import small_and_soak

pytestmark = pytest.mark.usefixtures("quick_retries")


def asks(count=1, mode="single"):
    def ask(number):
        return Ask(
            f"j{number}", mode, lambda: [{"role": "system", "content": ""}, {"role": "user", "content": str(number)}]
        )

    return [ask(number) for number in range(count)]


def held(tmp_path, transport, asked, history=None, **settings):
    """A session's tally and history, and the attempts that are on the disk after it."""
    config = JudgeConfig(**{"model": "m", "concurrency": 4, "attempts": 6, "max_tokens": 100, **settings})
    history, tally, store = history or History(), Tally(), Store(tmp_path / "attempts.jsonl", Attempt)
    with Writer(store) as writer:
        session = Interviews(transport, config, history, writer, lambda _: None, tally)
        asyncio.run(session.hold(asked))
    return tally, history, list(store.records())


def script_of(*replies):
    left = list(replies)
    return ScriptedJudge(lambda _: left.pop(0))


def test_an_attempt_says_what_the_call_cost(tmp_path):
    tally, history, saved = held(tmp_path, script_of(Reply("[[7]]", "stop", None, "served", 11, 7)), asks())
    assert history.verdict("j0", "single", "strict") == (Reading(Outcome.SCORED, 7.0), "[[7]]")
    assert (tally.asked, tally.failed, tally.calls, tally.prompt_tokens, tally.completion_tokens) == (1, 0, 1, 11, 7)
    (attempt,) = saved
    assert (attempt.ask, attempt.attempt, attempt.status, attempt.http_status) == ("first", 1, "answered", 200)
    assert (attempt.served_model, attempt.finish, attempt.reply) == ("served", "stop", "[[7]]")


def test_transient_faults_are_tried_again_and_each_attempt_is_kept(tmp_path):
    judge = script_of(Unavailable("a", status=500), Unavailable("b"), "[[7]]")
    tally, history, saved = held(tmp_path, judge, asks())
    assert [(a.attempt, a.status, a.http_status) for a in saved] == [
        (1, "failed", 500),
        (2, "failed", None),
        (3, "answered", 200),
    ]
    assert tally.failed == 0
    assert history.verdict("j0", "single", "strict")[0].value == 7


def test_attempts_are_bounded_and_the_judgment_fails(tmp_path):
    judge = ScriptedJudge(lambda m: Unavailable("x", status=500) if m[1]["content"] == "1" else "[[7]]")
    tally, history, saved = held(tmp_path, judge, asks(3), attempts=4)
    assert sum(a.judgment == "j1" for a in saved) == 4
    assert (tally.asked, tally.failed, tally.stopped) == (3, 1, None)
    assert history.verdict("j1", "single", "strict") == (Reading(Outcome.FAILED), None)
    assert history.verdict("j9", "single", "strict") == (Reading(Outcome.SKIPPED), None)


def test_a_bad_request_is_not_tried_again_and_stops_nobody(tmp_path):
    judge = ScriptedJudge(lambda m: Rejected("too long", status=400) if m[1]["content"] == "0" else "[[7]]")
    tally, history, saved = held(tmp_path, judge, asks(3))
    assert [a.status for a in saved if a.judgment == "j0"] == ["rejected"]
    assert (tally.failed, tally.stopped) == (1, None)
    assert history.verdict("j0", "single", "strict")[0].outcome is Outcome.FAILED


@pytest.mark.parametrize("unclear", ["no verdict", "[[3]] or [[4]]", "[[11]]"])
def test_an_unclear_reply_is_asked_once_again_in_the_same_conversation(tmp_path, unclear):
    judge = script_of(f"<think>hm</think>{unclear}", "Rating: [[4]]")
    _, history, saved = held(tmp_path, judge, asks())
    assert [(a.ask, a.attempt) for a in saved] == [("first", 1), ("again", 1)]
    assert [m["role"] for m in judge.calls[1]] == ["system", "user", "assistant", "user"]
    assert judge.calls[1][2]["content"] == unclear
    assert "[[N]]" in judge.calls[1][3]["content"]
    assert history.verdict("j0", "single", "strict") == (Reading(Outcome.SCORED, 4.0), "Rating: [[4]]")


@pytest.mark.parametrize("thoughts", ["<think>hm, [[4]]</think>", "hm, [[4]]</think>", "<think>hm, [[4]]", " "])
def test_a_judge_that_only_thought_is_reminded_without_its_thoughts(tmp_path, thoughts):
    judge = script_of(thoughts, "Rating: [[4]]")
    held(tmp_path, judge, asks())
    assert judge.calls[1][2] == {"role": "assistant", "content": "(no text)"}


def test_the_second_outcome_stands(tmp_path):
    _, history, saved = held(tmp_path, script_of("[[11]]", "no"), asks())
    assert len(saved) == 2
    assert history.verdict("j0", "single", "strict")[0].outcome is Outcome.UNREADABLE
    assert history.due("j0", "single", "strict") is None


def test_refused_and_filtered_stand_at_once_and_fastchats_rules_never_re_ask(tmp_path):
    judge = script_of(Reply("", "stop", "no"), Reply("", "content_filter"))
    _, history, saved = held(tmp_path, judge, asks(2), concurrency=1)
    assert len(saved) == 2
    outcomes = [history.verdict(f"j{n}", "single", "strict")[0].outcome for n in (0, 1)]
    assert outcomes == [Outcome.REFUSED, Outcome.FILTERED]
    (tmp_path / "attempts.jsonl").unlink()
    assert len(held(tmp_path, script_of("no verdict"), asks(), parsing="fastchat")[2]) == 1


def test_a_cut_reply_gets_twice_the_room_once(tmp_path):
    with FakeJudgeServer(lambda body: completion("[[3]]", "length" if body["max_tokens"] < 200 else "stop")) as server:
        transport = OpenAITransport(server.base_url, "k" * 9, "m", 5)
        _, history, saved = held(tmp_path, transport, asks())
    assert [body["max_tokens"] for body in server.requests] == [100, 200]
    assert [(a.ask, a.attempt, a.finish) for a in saved] == [("first", 1, "length"), ("first", 2, "stop")]
    assert saved[0].request_digest != saved[1].request_digest
    assert history.verdict("j0", "single", "strict")[0].value == 3
    (tmp_path / "attempts.jsonl").unlink()
    _, history, saved = held(tmp_path, ScriptedJudge(lambda _: Reply("[[3]]", "length")), asks())
    assert len(saved) == 2
    assert history.verdict("j0", "single", "strict")[0].outcome is Outcome.TRUNCATED


def test_an_error_that_stops_all_keeps_what_was_answered(tmp_path):
    replies = iter(["[[7]]"] * 5)
    judge = ScriptedJudge(lambda _: next(replies, Rejected("no quota", status=429, stops_all=True)))
    tally, history, saved = held(tmp_path, judge, asks(1000), concurrency=3)
    assert tally.stopped.status == 429
    assert sum(a.status == "answered" for a in saved) == 5
    assert len(saved) <= 5 + 3
    assert history.verdict("j900", "single", "strict")[0].outcome is Outcome.SKIPPED


def test_stopping_does_not_wait_for_those_who_wait(tmp_path):
    def script(messages):
        if messages[1]["content"] == "1":
            return Unavailable("later", status=503, retry_after_seconds=600)
        return "[[7]]" if messages[1]["content"] == "0" else Rejected("no", status=401, stops_all=True)

    started = time.monotonic()
    tally, _, _ = held(tmp_path, ScriptedJudge(script), asks(4), concurrency=2)
    assert tally.stopped.status == 401
    assert time.monotonic() - started < 60  # of the 600 that one of them was told to wait


def test_the_servers_wish_to_wait_is_granted(tmp_path):
    served = iter([refusal(429, "slow down", retry_after="0.4"), completion("[[7]]")])
    with FakeJudgeServer(lambda _: next(served)) as server:
        started = time.monotonic()
        held(tmp_path, OpenAITransport(server.base_url, "k" * 9, "m", 5), asks())
        assert time.monotonic() - started >= 0.4


def test_a_wish_to_wait_for_hours_ends_the_session(tmp_path):
    judge = ScriptedJudge(lambda _: Unavailable("daily limit", status=429, retry_after_seconds=7200))
    tally, _, saved = held(tmp_path, judge, asks(100), deadline_seconds=3600)
    assert "120 minutes, beyond the session's deadline" in str(tally.stopped)
    assert len(saved) == 1


def test_a_url_that_nobody_answers_costs_three_attempts(tmp_path):
    transport = OpenAITransport("http://127.0.0.1:9/v1", "k" * 9, "m", 5)
    tally, _, saved = held(tmp_path, transport, asks(1000))
    assert type(tally.stopped) is JudgeError
    assert "127.0.0.1:9: nobody answers" in str(tally.stopped)
    assert len(saved) == 3


def test_a_first_answer_that_is_bad_luck_is_put_again_with_the_others(tmp_path):
    judge = script_of(*[Unavailable("busy", status=503)] * 4, "[[7]]", "[[7]]")
    tally, history, saved = held(tmp_path, judge, asks(2), concurrency=1)
    assert (tally.asked, tally.failed, tally.stopped) == (2, 0, None)
    assert [a.attempt for a in saved if a.judgment == "j0"] == [1, 2, 3, 4, 5]
    assert history.answered("j0")


def test_an_endpoint_that_dies_on_the_way_ends_the_session(tmp_path):
    replies = iter(["[[7]]"] * 3)
    judge = ScriptedJudge(lambda _: next(replies, Unavailable("gone")))
    tally, _, _ = held(tmp_path, judge, asks(1000), attempts=2)
    assert "50 judgments in a row failed" in str(tally.stopped)
    assert tally.asked < 70


@small_and_soak("judgments", 60, 300)
def test_judgments_with_30_percent_faults_complete_each_once(tmp_path, judgments):
    chance, calls = random.Random(7), itertools.count()

    def script(_):
        if (
            next(calls) == judgments // 3
        ):  # once: a hang lasts as long as its timeout, which a busy machine must be able to meet
            return Served(delay_seconds=5, body={})
        luck = chance.random()
        faults = [
            refusal(429, "slow down", retry_after="0.01"),
            refusal(500, "oops"),
            Served({"choices": None}),
            Served({"object": "error", "message": "busy"}),
            Served(hang_up=True),
        ]
        return faults[int(luck / 0.3 * len(faults))] if luck < 0.3 else completion("Rating: [[7]]")

    with FakeJudgeServer(script) as server:
        transport = OpenAITransport(server.base_url, "k" * 9, "m", 3)
        tally, history, saved = held(tmp_path, transport, asks(judgments), concurrency=16, attempts=12)
    assert (tally.asked, tally.failed, tally.stopped) == (judgments, 0, None)
    answered = [a for a in saved if a.status == "answered"]
    assert len({a.judgment for a in answered}) == len(answered) == judgments
    assert 0.2 < 1 - judgments / len(saved) < 0.4
    assert tally.calls == len(saved) == len(history)


def test_a_kill_in_the_middle_loses_nothing_and_the_rest_is_asked_next_time(tmp_path):
    calls = itertools.count()

    def reply(_: object) -> str:
        if next(calls) == 40:
            signal.raise_signal(signal.SIGINT)
        return "[[7]]"

    judge = ScriptedJudge(reply)
    with pytest.raises(KeyboardInterrupt):
        held(tmp_path, judge, asks(100))
    store = Store(tmp_path / "attempts.jsonl", Attempt)
    kept = {a.judgment for a in store.records()}
    assert 40 <= len(kept) < 100
    history = History(store.records())
    due = [ask for ask in asks(100) if history.due(ask.judgment, "single", "strict")]
    tally, _, saved = held(tmp_path, ScriptedJudge(lambda _: "[[7]]"), due, history)
    assert tally.asked == 100 - len(kept)
    assert len({a.judgment for a in saved}) == len(saved) == 100


def test_nothing_to_ask_makes_no_call(tmp_path):
    assert held(tmp_path, script_of(), [])[0] == Tally()


def test_a_bug_in_a_transport_is_not_hidden(tmp_path):
    with pytest.raises(ZeroDivisionError):
        held(tmp_path, script_of("[[7]]", ZeroDivisionError("bug"), "[[7]]"), asks(3))


def test_thousands_of_asks_take_few_tasks(tmp_path):
    most = 0

    def script(_):
        nonlocal most
        most = max(most, len(asyncio.all_tasks()))
        return "[[7]]"

    tally, _, saved = held(tmp_path, ScriptedJudge(script), asks(2_000), concurrency=32)
    assert tally.asked == len(saved) == 2_000
    assert most <= 34


def test_the_deadline_bounds_a_session_that_never_waits(tmp_path):
    """Each call takes long and none is paced: the session still ends, and says why."""

    class Slow(ScriptedJudge):
        async def call(self, *about):
            await asyncio.sleep(0.05)
            return await super().call(*about)

    tally, _, saved = held(tmp_path, Slow(lambda _: "[[7]]"), asks(200), concurrency=1, deadline_seconds=0.3)
    assert len(saved) < 200
    assert "the session's deadline is reached" in str(tally.stopped)


def test_the_deadline_does_not_run_while_a_judges_server_starts():
    ending = Ending(0.01)
    time.sleep(0.02)
    assert not ending.reached()
    ending.begin()
    time.sleep(0.02)
    assert ending.reached()


def test_the_deadline_is_of_the_session_however_many_rungs_it_asks_one_after_another():
    ending = Ending(0.03)
    for _ in range(4):
        ending.begin()
        time.sleep(0.01)
    assert ending.reached()


def test_a_session_that_is_done_at_its_deadline_has_not_failed(tmp_path):
    def script(_):
        time.sleep(1.1)
        return "[[7]]"

    tally, _, _ = held(tmp_path, ScriptedJudge(script), asks(), deadline_seconds=1)
    assert (tally.asked, tally.stopped) == (1, None)


def test_a_wait_of_less_than_a_minute_is_told_in_seconds(tmp_path):
    judge = ScriptedJudge(lambda _: Unavailable("slow", status=429, retry_after_seconds=40))
    tally, _, _ = held(tmp_path, judge, asks(), deadline_seconds=30)
    assert "has to wait 40 seconds, beyond the session's deadline" in str(tally.stopped)


def test_the_time_that_an_endpoint_wants_is_told_whole(tmp_path):
    judge = ScriptedJudge(lambda _: Reply("[[7]]", exhausted_seconds=7200))
    tally, _, _ = held(tmp_path, judge, asks(9), concurrency=1, deadline_seconds=3)
    assert "120 minutes, beyond the session's deadline" in str(tally.stopped)


def test_fastchats_rules_read_the_first_reply_of_a_judge_that_was_asked_again(tmp_path):
    _, history, saved = held(tmp_path, script_of("perhaps [8]", "Rating: [[4]]"), asks())
    assert [a.ask for a in saved] == ["first", "again"]
    assert history.verdict("j0", "single", "strict") == (Reading(Outcome.SCORED, 4.0), "Rating: [[4]]")
    assert history.verdict("j0", "single", "fastchat") == (Reading(Outcome.SCORED, 8.0), "perhaps [8]")
