"""The front door's side of judges, in process: who may judge, what a batch and a budget forbid, which options fit."""

import pytest

from assay import judging, pipeline
from assay.cli import run as assay
from assay.commands.review import run_review
from assay.contestants import refuse_contestants
from judge.batch import ProviderBatch, batches, keep
from ledger.config import config_from
from ledger.errors import ConfigError
from tests.fake_judge_server import FakeJudgeServer
from tests.house import model_folder
from tests.judge_reviews import batch_server, review

pytestmark = pytest.mark.usefixtures("endpoint_key")
PRICE = "max_tokens = 16\nprice = { input = 0.0, output = 1000.0 }\n"


def begun(config, tmp_path):
    return pipeline.begin(config, tmp_path / "runs", lambda _: None)


def ended(capsys, config, *arguments, command="judge"):
    """The exit code and all that was said."""
    code = assay([command, str(config), "--runs", str(config.parent / "runs"), *arguments])
    said = capsys.readouterr()
    return code, said.out + said.err


def competing(judge, rival, allowed=False, engine="vllm", **about):
    return config_from(
        {
            "name": "r",
            "baseline": {"model": "org/base"},
            "candidate": [{"model": rival, "engine": engine, **about}],
            "questions": {},
            "judge": [judge],
            "decision": {"judge_may_compete": allowed},
        },
        "x",
    )


def test_a_judge_that_is_a_contestant_is_refused_by_name_label_and_folder(tmp_path):
    for name in ("m", "n"):
        model_folder(tmp_path / name)
    same = [("org/m", "org/m"), ("Org/M", "org/m/"), ("m", "org/m"), (f"{tmp_path}/m", f"{tmp_path}/n/../m")]
    for judge, rival in same:
        with pytest.raises(ConfigError, match="also a contestant"):
            refuse_contestants(competing({"model": judge, "label": "j"}, rival))
        refuse_contestants(competing({"model": judge, "label": "j"}, rival, allowed=True))
    with pytest.raises(ConfigError, match="also a contestant"):
        refuse_contestants(competing({"model": "w4"}, "org/m", label="w4"))
    refuse_contestants(competing({"model": "org/judge"}, "org/m"))
    refuse_contestants(competing({"serve": f"{tmp_path}/m"}, f"{tmp_path}/n"))


def test_a_contestant_that_was_imported_may_not_judge_either():
    with pytest.raises(ConfigError, match=r"also a contestant \(m\)"):
        refuse_contestants(competing({"model": "m", "label": "j"}, "org/m", engine="imported"))


@pytest.mark.parametrize("arguments", [(), ("--batch", "export"), ("--batch", "submit")])
def test_no_way_to_judge_lets_a_contestant_through(tmp_path, capsys, arguments):
    with FakeJudgeServer() as server:
        config, run = review(tmp_path, server.base_url, questions=2)
        config.write_text(config.read_text().replace('"fake-judge-1"', '"/nowhere/cand"'))
        code, said = ended(capsys, config, *arguments)
        assert (code, "also a contestant (cand)" in said, server.requests) == (64, True, [])
        code, said = ended(capsys, config, command="exam")
        assert (code, "also a contestant (cand)" in said, server.requests) == (64, True, [])
    assert not run.judge("j").attempts.path.exists()


def test_a_batch_under_way_is_not_paid_for_again_on_the_wire_or_by_another_batch(tmp_path, capsys):
    with FakeJudgeServer() as server:
        config, run = review(tmp_path, server.base_url, questions=2)
        keep(
            run.judge("j"),
            [
                ProviderBatch("b0", "requests-0001.jsonl", "completed", fetched=True),
                ProviderBatch("b1", "x", "validating"),
            ],
        )
        for command in ("judge", "exam"):
            code, said = ended(capsys, config, command=command)
            assert (code, "paid for: b1. Run: assay judge CONFIG --batch collect" in said) == (64, True)
        code, said = ended(capsys, config, "--batch", "submit")
        assert (code, "under way" in said, "b0" in said, server.requests) == (0, True, False, [])
        keep(run.judge("j"), [ProviderBatch("b1", "x", "completed", fetched=True)])
        assert ended(capsys, config)[0] == 0
        assert len(server.requests) == 16


def test_a_batch_that_may_cost_more_than_the_budget_is_not_submitted(tmp_path, capsys):
    """16 replies of 500 tokens at 1,000 dollars per million are 8 dollars."""
    with batch_server() as (url, seen):
        config, run = review(tmp_path, url, questions=2, more=PRICE)
        code, said = ended(capsys, config, "--batch", "submit", "--budget", "7.9")
        assert (code, "may cost $8.00" in said, seen) == (64, True, [])
        assert ended(capsys, config, "--batch", "submit", "--budget", "8.1")[0] == 0
        assert [each.id for each in batches(run.judge("j"))] == ["b1"]
        code, said = ended(capsys, config, "--batch", "collect")
        assert (code, "15 answered, 1 failed, 0 not asked for" in said) == (20, True)
        code, said = ended(capsys, config, "--batch", "submit", "--budget", "0.11")  # 15 x 7 tokens are spent
        assert (code, "are spent, it may cost $0.01" in said) == (64, True)


@pytest.mark.parametrize("budget", ["nan", "inf", "-1"])
def test_a_budget_that_would_bound_nothing_is_refused(tmp_path, capsys, budget):
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=1, more=PRICE)
    code, said = ended(capsys, config, "--budget", budget)
    assert (code, "--budget: judge.0.budget_usd: " in said) == (64, True)


def test_results_of_another_batch_are_told_as_such(tmp_path, capsys):
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=2)
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_text('{"custom_id": "assay-0"}\n{"custom_id": "assay-1"}\n')
    code, said = ended(capsys, config, "--batch", "collect", "--results", str(foreign))
    assert (code, "0 answered, 0 failed, 2 not asked for" in said) == (20, True)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--estimate", "--reparse"), "give one of"),
        (("--budget", "1", "--reparse"), "--budget is for calls"),
        (("--budget", "1", "--batch", "export"), "--budget is for calls"),
        (("--results", "x", "--batch", "submit"), "--results is for --batch collect"),
        (("--results", "x"), "--results is for --batch collect"),
    ],
)
def test_options_that_would_be_ignored_are_refused(tmp_path, capsys, arguments, sentence):
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=1, more=PRICE)
    code, said = ended(capsys, config, *arguments)
    assert (code, sentence in said) == (64, True)


def test_an_exam_of_nobody_is_no_exam_that_was_passed(tmp_path, capsys):
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=1)
    config.write_text(config.read_text().partition("[[judge]]")[0] + "[[task]]\n")
    code, said = ended(capsys, config, command="exam")
    assert (code, "no [[judge]] to examine" in said) == (64, True)


def test_a_judge_that_sits_no_exam_has_not_passed_it(tmp_path, capsys):
    config, _ = review(tmp_path, "http://127.0.0.1:9/v1", questions=1, exam="false")
    assert ended(capsys, config, command="exam")[0] == 12


def test_a_judge_on_this_machine_needs_no_key_and_is_sent_none(tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("ASSAY_TEST_KEY")
    with FakeJudgeServer() as server:
        config, _ = review(tmp_path, server.base_url, questions=1)
        assert ended(capsys, config)[0] == 0
    assert set(server.keys) == {"Bearer no-key"}


def test_stored_replies_are_read_again_from_the_command_line(tmp_path, capsys):
    with FakeJudgeServer() as server:
        config, _ = review(tmp_path, server.base_url, questions=1)
        assert ended(capsys, config)[0] == 0
    assert ("j", "ratings", "4 scored") in judging.reread(begun(config, tmp_path))


@pytest.mark.parametrize(("floor", "asked"), [(0.75, 0), (0.0, 8)])
def test_exam_first_asks_only_a_judge_that_passed_for_verdicts(tmp_path, monkeypatch, floor, asked):
    """The judge goes by length, which passes only where nothing is demanded."""
    decision = f"[decision]\nexam_lower_bound = {floor}\nexam_part_share = 0.0\n"
    with FakeJudgeServer() as server:
        config, run = review(tmp_path, server.base_url, questions=2, exam="true", more=decision)
        monkeypatch.setattr("assay.preflight.preflight", lambda *_, **__: None)  # the answers are there, the models not
        monkeypatch.setattr(pipeline, "generate", lambda *_, **__: None)
        run_review(begun(config, tmp_path), exam_first=True)
        failed = [judge for judge in judging.examined(begun(config, tmp_path)) if judge.exam.state != "passed"]
        exam = {
            ask.judgment
            for brief in pipeline.briefs(begun(config, tmp_path), exam_only=True)
            for ask in brief.plan(brief.answers()).asks(exam_only=True)
        }
    assert [report.name for report in failed] == ["j"] * (not asked)
    attempts = [attempt.judgment for attempt in run.judge("j").attempts.records()]
    assert exam
    assert exam <= set(attempts)
    assert (len(list(run.judge("j").ratings.records())), len(list(run.judge("j").games.records()))) == (asked, asked)
    assert bool(set(attempts) - exam) == bool(asked)
