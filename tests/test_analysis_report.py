"""The report of synthetic run folders: every word, every shape of review, whatever the order of records."""

import pytest

from analysis.decision.gate_words import Word
from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.markdown import MOST_LINES, report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.terminal import summary
from analysis.rendering.formats.writers import write_reports
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.rendering.tables.review import Table
from analysis.review.review_report import report_from
from ledger.config import config_from
from ledger.errors import EXIT_HOLD, EXIT_INCONCLUSIVE, EXIT_SHIP
from ledger.judgments import Outcome
from ledger.records import Finish
from tests.run_folder import NOW, Folder, build_report, config, no_zero_width, whole, words


def test_the_folder_reads_back_as_it_was_written(tmp_path):
    folder = whole(tmp_path, config())
    evidence = read_evidence(folder.config, folder.run)
    assert [model.role for model in evidence.models] == ["baseline", "candidate", "candidate", "control"]
    assert (len(evidence.cells), len(evidence.items)) == (80, 60)
    assert evidence.judges[0].faults == ()


def test_a_whole_review(tmp_path):
    report = whole(tmp_path, config(margin=1.0)).report()
    assert words(report) == [Word.SHIP, Word.HOLD]
    assert (report.word, report.exit_code) == (Word.HOLD, EXIT_HOLD)
    assert report.control_primary.value == pytest.approx(0, abs=0.5)
    assert {row.role for row in report.judges[0].scores} == {"baseline", "control", "candidate"}
    no_zero_width(report)
    for file in write_reports(report, tmp_path / "analysis"):
        assert file.exists()


@pytest.mark.parametrize(
    ("scores", "margin", "word", "code"),
    [
        ((7.0, 7.0, 7.0, 7.0), 1.0, Word.SHIP, EXIT_SHIP),
        ((7.0, 7.0, 7.0, 4.0), 1.0, Word.HOLD, EXIT_HOLD),
        ((7.0, 7.0, 7.0, 6.3), 0.7, Word.INCONCLUSIVE, EXIT_INCONCLUSIVE),
    ],
)
def test_the_word_follows_the_ratings(tmp_path, scores, margin, word, code):
    report = whole(tmp_path, config(margin=margin), scores).report()
    assert (report.word, report.exit_code) == (word, code)
    if word is Word.INCONCLUSIVE:
        assert "questions" in advice(report.decisions[-1])


def test_a_limit_broken_on_fit_evidence_holds_although_the_judge_failed(tmp_path):
    report = whole(tmp_path, config(margin=1.0, limits={"flips": 0.02}), right=0.4, wrong=30).report()
    assert words(report) == [Word.UNFIT, Word.HOLD]
    assert "over the limit" in sentence(report.decisions[1])


def test_everything_failed_gives_a_report(tmp_path):
    folder = Folder(tmp_path, config())
    for name in folder.names:
        folder.answer(name, finish=Finish.OVERFLOW)
    folder.rate(dict.fromkeys(folder.names, 7.0), outcome=Outcome.FAILED)
    for rival in folder.rivals:
        folder.play(rival, (None, None))
    folder.sign_judge()
    report = folder.report()
    assert report.word is Word.UNFIT
    assert "not measured" in report_html(report)


@pytest.mark.parametrize(
    "settings",
    [
        config(),
        config(judge=False),
        config(judge=False, task=False),
        config(task=False),
        config(questions=False, judge=False),
        config(("only",), control=False),
        config(tuple(f"w{i}" for i in range(5)), family_wise="holm"),
    ],
)
@pytest.mark.parametrize("filled", [False, True])
def test_every_shape_of_review_gives_a_report(tmp_path, settings, filled):
    folder = whole(tmp_path, settings, scores=(7.0,) * 7, questions=2) if filled else Folder(tmp_path, settings)
    report = folder.report()
    no_zero_width(report)
    assert len(report_markdown(report).splitlines()) <= MOST_LINES
    assert report_html(report).endswith("</html>")
    assert [part.title for part in summary(report) if isinstance(part, Table)][-1] == "Decision"
    assert report.word is Word.UNFIT or filled


def test_without_a_judge_accuracy_decides(tmp_path):
    report = whole(tmp_path, config(judge=False, margin=0.2), wrong=10).report()
    assert report.primary == "accuracy_change"
    assert words(report)[0] is Word.SHIP
    assert report.primary_judge is None


def test_identical_records_are_stated_and_may_ship(tmp_path):
    """Only where the config says that two models may compute the same; else it is an alarm."""
    limits = {"flips": 0.001, "kl_options": 0.001}
    for place, allowed, word in (("a", "allowed", Word.SHIP), ("b", "", Word.UNFIT)):
        settings = config(("same",), judge=False, control=False, margin=0.001, limits=limits, identical=allowed)
        folder = Folder(tmp_path / place, settings)
        for name in folder.names:
            folder.answer(name, text="the same")
            folder.choose(name)
        report = folder.report()
        assert report.word is word
        assert ("identical byte for byte" in sentence(report.decisions[0])) == bool(allowed)
        assert report.identical_answers == ("same",)
        no_zero_width(report)


def test_short_texts_that_are_equal_alarm_nobody_and_long_ones_do(tmp_path):
    """A thousand tokens in all are not written alike by two checkpoints; three words may be."""
    for place, text, alarms in (("a", "the same", 0), ("b", "the same words " * 20, 1)):
        folder = Folder(tmp_path / place, config(("same",), judge=False, control=False))
        for seed, name in enumerate(folder.names):
            folder.answer(name, text=text)
            folder.choose(name, seed=seed, noise=0.1)
        (decision,) = folder.report().decisions
        assert all("answers equal the baseline's" in clause(each) for each in decision.blockers)
        assert len(decision.blockers) == alarms


def test_all_ties_and_equal_scores_have_an_interval(tmp_path):
    folder = Folder(tmp_path, config(("w8",), control=False, margin=0.7), questions=40)
    for seed, name in enumerate(folder.names):
        folder.answer(name)
        folder.choose(name, seed=seed, noise=0.1)
    folder.rate(dict.fromkeys(folder.names, 7.0), spread=0)
    folder.play("w8")
    folder.examine()
    folder.sign_judge()
    report = folder.report()
    change = report.judges[0].scores[1].scopes[0].change
    assert change.value == 0
    assert change.interval[0] < 0 < change.interval[1]
    assert report.word is Word.SHIP
    no_zero_width(report)


def test_the_order_of_records_does_not_matter(tmp_path):
    one = whole(tmp_path / "a", config(margin=1.0))
    other = whole(tmp_path / "b", config(margin=1.0))
    for folder in other.run.path.glob("*/*/*.jsonl"):
        lines = folder.read_text().splitlines(keepends=True)
        folder.write_text("".join(reversed(lines)))
    other.sign_judge()
    mine, theirs = (folder.report().model_dump(mode="json", exclude={"inputs"}) for folder in (one, other))
    assert mine == theirs


def test_the_same_evidence_gives_the_same_report(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    evidence = read_evidence(folder.config, folder.run)
    mine, again = (report_from(evidence, NOW) for _ in range(2))
    assert mine == again


def test_several_judges_are_reported_apart_and_the_first_in_the_mode_decides(tmp_path):
    one = whole(tmp_path, config(margin=1.0))
    data = one.config.model_dump(mode="json")
    data["judge"] = [{"model": "pairs-only", "modes": ["pair"], "exam": False}, *data["judge"]]
    report = build_report(config_from(data, "test"), one.run, NOW)
    assert [judge.name for judge in report.judges] == ["pairs-only", "judge-1"]
    assert report.primary_judge.name == "judge-1"
    assert words(report)[0] is Word.SHIP
    assert any("Several judges" in clause(note) for note in report.notes)


def test_win_change_decides_where_the_config_says_so(tmp_path):
    report = whole(tmp_path, config(primary="win_change", margin=0.1)).report()
    assert words(report) == [Word.SHIP, Word.HOLD]
    assert "win_change" in sentence(report.decisions[0])


def test_records_of_a_dry_run_decide_nothing(tmp_path):
    """A variable left over from a trial must not turn a gate green."""
    folder = Folder(tmp_path, config(("w8",), judge=False, control=False, margin=0.9))
    for name in folder.names:
        folder.choose(name)
    place = folder.run.generation("w8").path
    folder.manifest(place, "generation", "w8")
    assert "no model was run" not in sentence(folder.report().decisions[0])
    folder.manifest(place, "generation", "w8", settings={"engine_args": {"scripted": True}})
    report = folder.report()
    assert report.word is Word.UNFIT
    assert "no model was run for w8" in sentence(report.decisions[0])
