"""What candidates write, as every face of a report tells it."""

import json
import re

import pytest

from analysis.correlations.relations import DIVERGENCES, OUTCOMES
from analysis.evidence.run_evidence import read_evidence
from analysis.fastchat_audit.audit import audit
from analysis.rendering.figures.catalog import figures_by_section
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.exhibit_data import packed
from analysis.rendering.formats.markdown import report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.terminal import summary
from analysis.rendering.tables.first_screen import UNRATED, UNREAD, panels
from analysis.rendering.tables.relations import relation_tables, strongest_correlation
from analysis.rendering.tables.review import Table
from analysis.rendering.tables.sections import sections
from analysis.rendering.tables.strip import evidence_strip
from analysis.rendering.tables.writing import likeness_table, writing_lines, writing_table
from analysis.review.exhibits import exhibits
from analysis.statistics.causes import Kind
from assay.cli import run
from assay.sources.fastchat_files import stored
from assay.sources.fastchat_folders import fastchat_folder
from ledger.manifests import open_manifest, write_manifest
from tests.fastchat_rows import sound_folder
from tests.house import MT_BENCH, needs_mt_bench
from tests.run_folder import Folder, build_report, config, whole
from tests.test_exhibits import unpacked
from tests.test_paired_writing import LOOP, prose, rewritten

SAID = "w4 repeats itself in 40 of 80 turns, the baseline in 0."


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Folder:
    """Forty questions of two turns; w4 loops in every second turn, w8 and the control write what they wrote before."""
    made = whole(tmp_path_factory.mktemp("r"), config(judge=False, margin=0.1), questions=40)
    for name in made.names:
        rewritten(made, name, lambda answer, turn: prose(int(answer.question.id[1:]) * 2 + turn))
    rewritten(made, "w4", lambda answer, turn: LOOP if turn else prose(9_000 + int(answer.question.id[1:])))
    return made


@pytest.fixture(scope="module")
def report(folder):
    return folder.report()


def test_what_is_seen_stands_on_the_first_screen_of_every_face(report):
    assert not report.limits
    panel = next(each for each in panels(report) if each.id == "writes")
    assert SAID in panel.lines
    assert panel.lines[-1] == UNRATED
    assert panel.target == "writing"
    assert any(SAID in part for part in summary(report) if isinstance(part, str))
    assert SAID in report_markdown(report)
    assert SAID in re.sub(r"\s+", " ", report_html(report).replace("\u00a0", " "))


def test_different_is_not_worse_and_is_said_apart(report):
    lines = list(writing_lines(report.writing))
    apart = next(line for line in lines if "further from the baseline" in line)
    assert apart.startswith("Different is not worse")
    assert "w4 (" in apart
    assert "similarity" in apart
    assert "w8 (" not in apart


def test_nothing_seen_is_said_too(tmp_path):
    lines = list(writing_lines(whole(tmp_path, config(margin=1.0)).report().writing))
    assert lines[0] == "No sign of degradation is shown beyond chance."


def test_a_loop_that_is_not_shown_is_counted_all_the_same(tmp_path):
    made = whole(tmp_path, config(judge=False, margin=0.1))
    rewritten(made, "w4", lambda answer, turn: LOOP if int(answer.question.id[1:]) == 0 else prose(turn))
    lines = list(writing_lines(made.report().writing))
    assert "Loops, not shown beyond chance with all tests counted (Holm): w4 2 of 80, baseline 0." in lines


def test_the_tables_keep_degradation_and_divergence_apart(report):
    worse, apart = writing_table(report.writing, report.baseline), likeness_table(report.writing)
    row = next(row for row in worse.rows if row[0] == "w4" and row[2] == "loops")
    assert row[3] == "40 of 80, baseline 0"
    assert row[4].startswith("+50.0 pp [")
    assert row[-1] == "yes"
    assert not {row[2] for row in worse.rows} & {row[2] for row in apart.rows}
    assert {row[2] for row in apart.rows} == {"length ratio (log)", "same text", "first difference", "similarity"}
    control = [row for row in worse.rows if row[1] == "control"]
    assert {row[-1] for row in control} == {"—"}
    section = next(each for each in sections(report) if each.id == "writing")
    assert [table.id for table in section.tables] == ["writing", "likeness"]
    assert [each.id for each in sections(report)].index("writing") == 1


def test_the_terminals_table_stands_there_where_something_is_seen(report, tmp_path):
    found = [part for part in summary(report) if isinstance(part, Table) and part.id == "writing"]
    assert [table.header for table in found] == [("What it writes", "loops", "repetition", "unfinished")]
    clean = whole(tmp_path, config(margin=1.0)).report()
    assert not [part for part in summary(clean) if isinstance(part, Table) and part.id == "writing"]


def test_the_figure_has_the_candidates_side_by_side_over_the_control(report):
    (figure,) = figures_by_section(report)["writing"]
    labels = [row.label for row in figure.rows]
    assert labels[:3] == ["w8, loops", "w4, loops", "control, loops"]
    assert [row.part for row in figure.rows[:3]] == [False, False, True]
    assert figure.rows[1].value == 50
    assert figure.lines[0].at == 0


def test_the_strip_has_the_worst_candidate(report):
    tiles = {tile.name: tile for tile in evidence_strip(report)}
    assert (tiles["loops"].value, tiles["loops"].state, tiles["loops"].target) == ("40 of 80", "poor", "show=loops")
    assert tiles["unfinished"].target == "show=truncated"


def test_worst_answers_stand_first_where_nobody_judged_and_their_loops_are_marked(folder):
    found = exhibits(read_evidence(folder.config, folder.run))
    first = found.rows[0]
    assert (first.model, "loops" in first.kinds) == ("w4", True)
    assert found.counts["loops"] == 40
    data = unpacked(packed(found, (), redact=False))
    model, _, _, turns = next(each for each in data["answers"] if data["models"][each[0]] == "w4")
    assert data["models"][model] == "w4"
    text, _finish, (again, end) = turns[1]
    assert text[again:].startswith("and the answer is the same")
    assert 0 < again < end <= len(text)
    assert len(turns[0]) == 2
    hidden = unpacked(packed(found, (), redact=True))
    assert all(len(turn) == 2 for answer in hidden["answers"] for turn in answer[3])


def test_places_of_a_loop_are_counted_as_the_page_counts(tmp_path):
    """JavaScript counts an emoji twice, and what is invisible is written as its code."""
    made = whole(tmp_path, config(judge=False, margin=0.1))
    rewritten(made, "w4", lambda answer, turn: "\u200b😀 " * 3 + LOOP)
    data = unpacked(packed(exhibits(read_evidence(made.config, made.run)), (), redact=False))
    text, _, (again, _end) = next(each[3][0] for each in data["answers"] if data["models"][each[0]] == "w4")
    units = text.encode("utf-16-le")
    assert units[2 * again :].decode("utf-16-le").startswith("and the answer is the same")


def test_correlations_are_with_degradation_and_those_of_divergence_stand_apart(tmp_path):
    made = whole(tmp_path, config(("a", "b", "c", "d"), judge=False, margin=0.1), questions=20)
    for place, name in enumerate(made.rivals):
        rewritten(
            made,
            name,
            lambda answer, turn, n=place: LOOP if int(answer.question.id[1:]) < 3 * n else prose(turn + 40 * n),
        )
    report = made.report()
    assert {each.outcome for each in report.correlations} <= set(OUTCOMES)
    assert "loops" in {each.outcome for each in report.correlations}
    assert {each.outcome for each in report.divergences} == set(DIVERGENCES)
    tables = {table.id: table for table in relation_tables(report)}
    assert "cannot show that one is worse" in tables["correlation-divergence"].caption
    assert not {row[0] for row in tables["correlation"].rows} & set(DIVERGENCES)
    assert not any(name in strongest_correlation(report) for name in DIVERGENCES)


def test_report_json_has_it_all(report):
    data = json.loads(report_json(report))
    loops = next(row for row in data["writing"][1]["rows"] if row["measure"] == "loops")
    assert (loops["model"], loops["baseline"], loops["turns"]) == (0.5, 0, 80)


def test_how_imported_answers_ended_is_not_told(tmp_path):
    """FastChat's files keep neither tokens nor an end; its importer writes no count."""
    made = Folder(tmp_path, config(("w4",), judge=False, task=False, control=False))
    for name in made.names:
        made.answer(name)
        path = made.run.generation(name).path
        write_manifest(path, open_manifest(path, "generation", name, {"engine": "imported"}, {}, 0).ended())
        store = made.run.generation(name).answers
        store.replace(
            each.model_copy(
                update={"turns": tuple(turn.model_copy(update={"completion_tokens": 0}) for turn in each.turns)}
            )
            for each in list(store.records())
        )
    rows = {row.measure: row for row in build_report(made.config, made.run, "2026-11-30").writing[0].rows}
    assert rows["unfinished"].estimate.value is None
    assert rows["loops"].estimate.value == 0


def test_a_judge_that_may_not_be_believed_is_correlated_with_nothing(tmp_path):
    report = whole(tmp_path, config(("a", "b", "c"), margin=1.0), scores=(7.0,) * 5, right=0.0).report()
    assert report.judges[0].unfit
    assert not {each.outcome for each in report.correlations} & {"rating_change", "win_change"}
    cells = [row for row in next(relation_tables(report)).rows if row[0] == "rating_change"]
    assert cells == [
        ("rating_change", "flips, KL, accuracy", *["not measured: the word of judge-1 does not count"] * 3)
    ]


@needs_mt_bench
def test_an_audit_measures_texts_without_a_model(capsys):
    """The lesser of two published models has its loops and stray template tokens told; no end of a text is invented."""
    assert run(["audit", str(MT_BENCH / "phi-3"), "--data", str(MT_BENCH)]) == 0
    told = capsys.readouterr().out
    assert "phi-3-dpo writes broken text in 2 of 160 turns, the baseline in 51." in told
    assert "Loops, not shown beyond chance with all tests counted (Holm): phi-3-dpo 3 of 160, baseline 12." in told
    assert "| phi-3-dpo | candidate | unfinished | — | not measured: how an answer ended is not told |" in told
    assert "paired with phi-3's by question" in told


def test_an_audits_models_stand_beside_its_baseline(tmp_path):
    found = audit(stored(fastchat_folder(sound_folder(tmp_path / "data"))), resamples=200)
    baseline, reports = found.writing
    assert (baseline, [each.model for each in reports]) == (found.baseline, [m.name for m in found.models][1:])


def test_without_a_judge_texts_are_measured_and_their_worth_is_not_looked_at(report, tmp_path):
    assert dict(report.not_looked_at)["the quality of free text"].kind is Kind.ANSWERS_NOT_JUDGED
    lone = Folder(tmp_path, config(("w4",), judge=False, task=False))
    lone.answer(lone.names[0])
    found = lone.report()
    assert dict(found.not_looked_at)["the quality of free text"].kind is Kind.ANSWERS_NOT_COMPARED
    assert next(each for each in panels(found) if each.id == "writes").lines[-1] == UNREAD
    assert found.writing == ()
