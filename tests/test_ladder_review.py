"""A ladder in a review: rung after rung by the real session, in batches, told beforehand, and what the report says."""

import json
import re
from dataclasses import replace

import pytest

from analysis.decision.decisions import Word
from analysis.rendering.figures.ladder import ladder_figures
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.markdown import report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.sentences.decisions import sentence
from analysis.rendering.tables.cards import card_table
from analysis.rendering.tables.ladder import resolution_line, resolution_table
from analysis.rendering.tables.sections import sections
from assay.cli import run as assay
from assay.sources.ladder_texts import good_texts, reference_texts
from judge.batch import export
from judge.batch_results import collect
from judge.brief import Brief
from judge.estimate import estimate
from judge.scripted_judge import ScriptedJudge
from judge.session import reparse, sitting
from ledger.config import config_from
from ledger.errors import ConfigError, Unavailable
from ledger.judgments import Damage, LadderMark, Order, Outcome
from ledger.ladder import SIZES, RungState, rung_counts
from ledger.manifests import read_manifest, write_manifest
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.fake_judge_server import FakeJudgeServer, answer
from tests.judge_reviews import PROMPTS, batch_server, configured, essay, judge_review, result, review
from tests.run_folder import config, whole

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

REFERENCES = tuple(reference_texts())
CALLS_AT_MOST = 2 * (4 * 24 + 3 * 17 + 3 * 24 + 24 + 24)  # seven references have too few sentences to replace four
LADDER = "true\nexam_ladder = true"


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "review")
    for model in ("base", "cand"):
        with Writer(folder.generation(model).answers) as writer:
            for number in range(2):
                writer.append(answer(model, f"q{number}", essay(f"{model} {number}", 6), "more"))
    return folder


def brief(run, exam_only=True, **settings):
    asked = configured(**{"exam": True, "exam_ladder": True, "exam_tasks": 1, "modes": ("pair",), **settings})
    return Brief(run, asked, PROMPTS, "base", ["cand"], None, 1, exam_only=exam_only, good_texts=REFERENCES)


def ended(capsys, config, *arguments, command="judge"):
    code = assay([command, str(config), "--runs", str(config.parent / "runs"), *arguments])
    said = capsys.readouterr()
    return code, said.out + said.err


def positions(messages):
    user = messages[1]["content"]
    return [user.rsplit(f"<answer_{x} ", 1)[1].split(">\n", 1)[1].rsplit(f"\n</answer_{x} ", 1)[0] for x in "ab"]


def seeing(least):
    """Misses any words unless a text lacks more than this share of the other's; then it prefers the longer one."""

    def said(messages):
        first, second = (len(text.split()) for text in positions(messages))
        if 1 - min(first, second) / max(first, second) <= least:
            return "Verdict: [[C]]"
        return f"Verdict: [[{'A' if first > second else 'B'}]]"

    return said


def states(run, damage=Damage.TRUNCATED):
    marks = [mark for mark in run.judge("j").ladder.records() if mark.damage is damage]
    return [rung_counts([mark for mark in marks if mark.size == size]).state for size in SIZES[damage]]


# ---- asked


@pytest.mark.parametrize(
    ("least", "expected"),
    [
        (0.0, ["passed", "passed", "passed", "passed"]),
        (0.5, ["passed", "passed", "failed", "not asked"]),
        (0.9, ["failed", "not asked", "not asked", "not asked"]),
    ],
)
def test_a_judge_of_known_acuity_is_bracketed_by_the_real_session(run, least, expected):
    summary = judge_review(brief(run), ScriptedJudge(seeing(least)))
    assert states(run) == expected
    assert summary.ladder["scored"] == sum(1 for mark in run.judge("j").ladder.records() if mark.mark)
    assert (summary.asked, summary.failed) == (summary.answered, 0)
    assert summary.asked == summary.ladder["scored"] + summary.exam["scored"]


def test_a_judge_that_prefers_the_first_position_fails_every_first_rung(run):
    judge_review(brief(run), ScriptedJudge(lambda _: "Verdict: [[A]]"))
    assert {states(run, damage)[0] for damage in Damage} == {RungState.FAILED}


def test_a_second_run_asks_nothing_again_and_a_ladder_that_failed_calls_broke_goes_on(run):
    calls = []

    def sometimes(messages):
        calls.append(messages)
        return Unavailable("busy", status=503) if len(calls) % 4 == 0 else seeing(0.0)(messages)

    judge_review(brief(run, attempts=1), ScriptedJudge(sometimes))
    assert states(run) == ["open", "not asked", "not asked", "not asked"]
    mended = ScriptedJudge(seeing(0.0))
    judge_review(brief(run), mended)
    assert states(run) == ["passed"] * 4
    attempts = [each.key for each in run.judge("j").attempts.records() if each.status == "answered"]
    assert len(attempts) == len(set(attempts))
    again = ScriptedJudge(seeing(0.0))
    before = run.judge("j").ladder.path.read_bytes()
    summary = judge_review(brief(run), again)
    assert (again.calls, summary.asked) == ([], 0)
    assert run.judge("j").ladder.path.read_bytes() == before


def test_without_exam_ladder_nothing_is_asked_and_no_file_is_there(run):
    judge_review(brief(run, exam_ladder=False), ScriptedJudge(seeing(0.0)))
    assert {each.judgment.partition("/")[0] for each in run.judge("j").attempts.records()} == {"exam"}
    assert not run.judge("j").ladder.path.exists()


def test_batches_take_the_ladder_a_rung_a_round(run, tmp_path):
    """The next rung hangs on the verdicts of the last one, so that it is due when those are collected."""
    sizes = []
    for _ in range(6):
        with sitting(brief(run)) as held:
            if not (paths := export(held)):
                break
            lines = [line for path in paths for line in path.read_text().splitlines()]
        (tmp_path / "results.jsonl").write_text("\n".join(map(result, lines)) + "\n")
        with sitting(brief(run)) as held:
            done = collect(held, [tmp_path / "results.jsonl"])
            assert (done.passed_over, done.summary.failed) == (0, 0)
            sizes.append((len(lines), len(held.due())))
    assert states(run) == ["passed"] * 4
    assert [left for _, left in sizes] == [asked for asked, _ in sizes[1:]] + [0]


def test_a_batch_is_held_against_the_budget_with_the_rungs_that_it_has(tmp_path, capsys):
    """Once submitted, nothing stops it: 24 calls of the exam are at most 12 dollars, the ladder's first rungs 113."""
    more = "max_tokens = 16\nprice = { input = 0.0, output = 1000.0 }\nmodes = ['pair']\nexam_tasks = 2\n"
    with batch_server() as (url, seen):
        setting, _ = review(tmp_path, url, questions=2, exam=LADDER, more=more)
        code, said = ended(capsys, setting, "--batch", "submit", "--budget", "100")
        assert (code, "the budget of $100.00 does not hold this batch" in said, seen) == (64, True, [])
        assert ended(capsys, setting, "--batch", "submit", "--budget", "200")[0] == 0


def test_stored_replies_give_the_same_marks_when_they_are_read_again(run):
    judge_review(brief(run), ScriptedJudge(seeing(0.5)))
    before = run.judge("j").ladder.path.read_bytes()
    run.judge("j").ladder.path.unlink()
    counts = reparse(replace(brief(run), reparsing=True))
    assert sum(counts["ladder"].values()) == CALLS_AT_MOST
    assert run.judge("j").ladder.path.read_bytes() == before


def test_the_estimate_has_every_rung_that_may_be_reached(run):
    (ladder,) = [each for each in estimate(brief(run)) if each.kind == "ladder"]
    assert ladder.calls == CALLS_AT_MOST
    judge_review(brief(run), ScriptedJudge(seeing(0.9)))
    assert [each.kind for each in estimate(brief(run))] == []


def test_both_commands_tell_the_most_calls_beforehand_and_the_exam_prints_brackets(tmp_path, capsys):
    with FakeJudgeServer() as server:
        setting, _ = review(tmp_path, server.base_url, questions=2, exam=LADDER)
        code, said = ended(capsys, setting, "--estimate")
        assert code == 0
        assert re.search(rf"ladder, at most\W+{CALLS_AT_MOST}\b", said)
        assert server.requests == []
        code, said = ended(capsys, setting, command="exam")
        assert code == 12  # it likes length: two questions are few
        assert re.search(rf"ladder, at most\W+{CALLS_AT_MOST}\b", said)
        assert re.search(r"end kept away\W+last 20 %\W+none\W+none\W+24", said)
        assert re.search(r"phrase looped\W+none\W+8 times\W+none\W+24", said)


def test_texts_are_the_references_and_the_baselines_good_answers(run):
    assert [text.of_reference for text in good_texts(run, "base")] == [True] * 24
    with Writer(run.generation("base").answers) as writer:
        writer.append(answer("base", "long", essay("a long one", 40), "short"))
        writer.append(answer("base", "long", essay("a second sample", 40), "short", sample=1))
        writer.append(answer("base", "cut", essay("one that was cut", 40), finish="length"))
    (added,) = good_texts(run, "base")[24:]
    assert (added.question.id, added.turns, added.of_reference) == ("long", (essay("a long one", 40),), False)


# ---- reported


def laddered(tmp_path, seen, **decision):
    """A whole review whose judge saw the end kept away from these sizes on, of 24 texts each."""
    judged = config(margin=1.0).model_dump()
    judged["judge"][0]["exam_ladder"] = True
    judged["decision"] |= decision
    settings = config_from(judged, "test")
    folder = whole(tmp_path, settings, scores=(7.0, 7.0, 7.0, 7.0), wrong=10)
    marks = []
    for damage, sizes in SIZES.items():
        reached = True
        for size in sizes:
            for text in range(24):
                for order in Order:
                    mark = ("right" if damage is Damage.TRUNCATED and size >= seen else "wrong") if reached else None
                    outcome = Outcome.SCORED if mark else Outcome.SKIPPED
                    about = {"source": "s", "question": str(text), "turn": 1, "of_reference": False, "order": order}
                    about |= {"damage": damage, "size": float(size), "outcome": outcome, "mark": mark}
                    marks.append(LadderMark(judge="judge-1", prompt_digest=f"{damage}{size}{text}{order}", **about))
            reached = reached and damage is Damage.TRUNCATED and size >= seen
    folder.write(folder.run.judge("judge-1").ladder, marks)
    return folder


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    return laddered(tmp_path_factory.mktemp("seen"), 0.4).report()


def deciding(report):
    return next(each for each in report.decisions if each.candidate == "w8")


def test_ship_is_prevented_by_a_demand_that_the_ladder_does_not_meet_and_by_nothing_else(tmp_path, seen):
    assert deciding(seen).word is Word.SHIP
    assert deciding(laddered(tmp_path / "met", 0.4, exam_resolution={"truncated": 0.4}).report()).word is Word.SHIP
    report = laddered(tmp_path / "unmet", 0.4, exam_resolution={"truncated": 0.2}).report()
    assert report.judges[0].exam.state == "failed"
    assert deciding(report).word is Word.UNFIT
    said = "end kept away: last 20 % must be passed on its ladder, and the finest rung passed is last 40 %"
    assert said in sentence(deciding(report))


def test_a_demand_is_not_met_by_a_ladder_that_was_not_climbed(tmp_path):
    folder = laddered(tmp_path, 0.4, exam_resolution={"truncated": 0.4})
    folder.run.judge("judge-1").ladder.path.unlink()
    report = folder.report()
    assert deciding(report).word is Word.UNFIT
    assert "the finest rung passed is none" in sentence(deciding(report))


@pytest.mark.parametrize("kept", [(0.4,), (0.8, 0.4), (0.8, 0.6)])
def test_a_rung_counts_only_where_every_coarser_one_is_passed(tmp_path, kept):
    """Rungs that no climb leaves out are gone from the file, as somebody may take them out of it."""
    folder = laddered(tmp_path, 0.4, exam_resolution={"truncated": 0.4})
    store = folder.run.judge("judge-1").ladder
    store.replace([mark for mark in store.records() if mark.damage != "truncated" or mark.size in kept])
    assert deciding(folder.report()).word is Word.UNFIT


def test_a_demand_without_a_judge_is_refused():
    with pytest.raises(ConfigError, match="set exam_ladder = true in each"):
        config(("w8",), judge=False, exam_resolution={"truncated": 0.4})


def test_records_of_a_judge_that_the_config_no_longer_names_decide_nothing(tmp_path):
    """As after --amend, where nobody asked the new judge."""
    folder = laddered(tmp_path, 0.4)
    assert deciding(folder.report()).word is Word.SHIP
    place = folder.run.judge("judge-1").path
    manifest = read_manifest(place)
    write_manifest(place, manifest.model_copy(update={"settings": {**manifest.settings, "model": "another"}}))
    assert deciding(folder.report()).word is Word.UNFIT
    assert "the records of judge-1 were made with model another" in sentence(deciding(folder.report()))


def test_every_face_has_the_bracket_and_the_card_has_it_too(seen):
    told = "end kept away: finest passed last 40 %, coarsest failed last 20 %"
    assert told in resolution_line(seen)
    assert ("judge judge-1", "resolution") in {row[:2] for row in card_table(seen).rows}
    assert told in next(row[2] for row in card_table(seen).rows if row[1] == "resolution")
    assert told in report_markdown(seen).replace("\\", "")
    table = resolution_table(seen.judges[0])
    assert table.rows[0] == ("end kept away", "last 40 %", "last 20 %", "none", "24")
    assert table.rows[1] == ("sentences replaced", "none", "4 sentences", "none", "24")
    (trusted,) = [section for section in sections(seen) if section.id == "exam"]
    assert [each.rows for each in trusted.tables if each.id == "resolution"] == [table.rows]
    page = report_html(seen).replace("\u00a0", " ")
    assert "How small a damage judge-1 sees" in page
    labels = [row.label for row in next(ladder_figures(seen)).rows]
    assert [label for label in labels if f">{label}</text>" not in page] == []  # whole, not shortened
    found = json.loads(report_json(seen))["judges"][0]["resolution"][0]
    assert (found["damage"], found["finest_passed"], found["coarsest_failed"]) == ("truncated", 0.4, 0.2)
    assert [(rung["size"], rung["state"]) for rung in found["rungs"]][2:] == [(0.4, "passed"), (0.2, "failed")]


def test_the_curve_has_every_rung_that_was_asked_with_its_interval(seen):
    (chart,) = ladder_figures(seen)
    drawn = {row.label: (row.value, row.interval) for row in chart.rows}
    assert list(drawn)[:4] == [f"last {size} % kept away" for size in (80, 60, 40, 20)]
    assert [drawn[f"last {size} % kept away"][0] for size in (80, 40, 20)] == [100.0, 100.0, 0.0]
    assert drawn["last 40 % kept away"][1] == pytest.approx((86.2, 100.0), abs=0.1)
    assert list(drawn)[4:] == ["4 sentences replaced", "a phrase 8 times", "one thing wrong", "same, reference shown"]
    assert len(list(chart.descriptions())) == len(chart.rows) == 8


def test_too_few_texts_and_calls_that_failed_are_said(tmp_path):
    folder = laddered(tmp_path, 0.4)
    store = folder.run.judge("judge-1").ladder
    marks = list(store.records())
    gone = {"outcome": Outcome.FAILED, "mark": None}
    store.replace(
        mark.model_copy(update=gone) if (mark.damage, mark.size, mark.question) == (Damage.LOOPED, 8, "0") else mark
        for mark in marks
        if mark.damage is not Damage.REPLACED or int(mark.question) < 5
    )
    report = folder.report()
    found = {each.damage: each for each in report.judges[0].resolution}
    assert (found[Damage.LOOPED].rungs[0].seen.n, found[Damage.LOOPED].rungs[0].seen.left_out) == (23, 1)
    assert "sentences replaced: not measured: 5 good texts, 12 needed" in resolution_line(report)


def test_without_a_ladder_every_face_says_that_resolution_was_not_measured(tmp_path):
    report = whole(tmp_path, config(margin=1.0)).report()
    said = "not measured (exam_ladder is not set)"
    assert resolution_line(report) == f"Resolution of judges: judge-1: {said}."
    assert ("judge judge-1", "resolution", said) in card_table(report).rows
    assert resolution_table(report.judges[0]).rows[0][1] == said
    assert "Resolution of judge-1: not measured" in re.sub(r"<[^>]+>", "", report_html(report))
    assert list(ladder_figures(report)) == []
