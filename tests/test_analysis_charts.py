"""Row charts and matrices: their numbers are the report's own, and every mark stands inside its axes."""

from itertools import combinations
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.evidence.run_evidence import read_evidence
from analysis.judged.games import GapInconsistency, TurnClass, inconsistency_by_gap
from analysis.rendering.figures.axes import legend_columns
from analysis.rendering.figures.catalog import figures
from analysis.rendering.figures.matrices import SMALL_CHARACTER, Matrix, matrix_drawing
from analysis.rendering.figures.plots import MOST_DESCRIBED, Plot, Point, Series, drawing
from analysis.rendering.figures.row_charts import LABELS, RIGHT, Bar, ChartRow, Line, RowChart, row_drawing
from analysis.rendering.formats.labels import shortened
from analysis.rendering.formats.rendering import NO_BREAK, figure_svg
from analysis.rendering.sentences.cells import cell
from analysis.review.review_report import report_from
from analysis.statistics.cells import Cell
from ledger.judgments import Mode
from tests.review_factory import Factory


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    made = Factory(tmp_path_factory.mktemp("charts") / "r", questions=24, items=160, words=12)
    return report_from(read_evidence(made.config, made.write()), "2026-11-25T12:00:00+00:00", resamples=200)


@pytest.fixture(scope="module")
def found(report):
    return {figure.id: figure for figure in figures(report)}


def texts(figure):
    return [
        each.text.replace(NO_BREAK, " ")
        for each in ElementTree.fromstring(figure_svg(figure, alone=True)).iter()
        if each.text
    ]


def test_a_forest_has_the_reports_changes_with_zero_and_margin(report, found):
    scores = next(each for each in report.judges[0].scores if each.model == "drop1")
    chart = found["forest_rating_change_drop1"]
    assert [row.label for row in chart.rows] == [*(part.scope for part in scores.scopes), "noise floor (control)"]
    for row, part in zip(chart.rows, scores.scopes, strict=False):
        assert (row.value, row.interval, row.description) == (
            part.change.value,
            part.change.interval,
            cell(part.change),
        )
    assert chart.lines == (Line(0.0, "0"), Line(-report.margin, "margin"))
    assert {"margin", "0", "turn 1", "writing"} <= set(texts(chart))


def test_only_the_primary_measure_has_a_margin(found):
    assert [line.name for line in found["forest_win_change_drop1"].lines] == ["0"]
    assert [line.name for line in found["primary"].lines] == ["0", "margin"]


def test_the_first_figure_has_every_candidate_and_the_floor(report, found):
    rows = {row.label: row.value for row in found["primary"].rows}
    assert rows == {
        **{each.candidate: each.primary.estimate.value for each in report.decisions},
        "noise floor (control)": report.control_primary.value,
    }


def test_five_classes_fill_every_bar(report, found):
    games = {each.model: each.scopes[0].classes for each in report.judges[0].games}
    assert {row.label for row in found["classes_judge-a"].rows} == games.keys()
    for row in found["classes_judge-a"].rows:
        assert [bar.kind for bar in row.bars] == ["win", "tie", "loss", "inconsistent", "failed"]
        assert [int(bar.text) for bar in row.bars] == list(games[row.label].values())
        assert row.bars[0].start == 0
        assert row.bars[-1].end == pytest.approx(100)
    parts = [row.label for row in found["classes_by_part_w8a8"].rows]
    assert parts[:3] == ["all", "turn 1", "turn 2"]
    assert len(parts) == 11


def test_directions_point_away_from_zero_and_hold_the_counts(report, found):
    moved = {e.model: r.transitions for e in report.choices for r in e.results[:1]}
    assert {row.label for row in found["flips_by_direction"].rows} == moved.keys()
    for row in found["flips_by_direction"].rows:
        lost, gained, other = row.bars
        counts = moved[row.label]
        assert (lost.end, gained.start) == (0, 0)
        assert -lost.start == pytest.approx(100 * counts.right_to_wrong / counts.n)
        assert gained.end == other.start == pytest.approx(100 * counts.wrong_to_right / counts.n)
        assert other.text == str(counts.wrong_to_other)


def test_flips_stand_against_the_end_of_the_controls_interval(report, found):
    control = next(each.results[0].flips for each in report.choices if each.role == "control")
    assert found["flips_and_floor"].lines[1] == Line(100 * control.interval[1], "floor")


def test_panels_hold_coefficient_interval_and_n(report, found):
    told = {(e.outcome, e.predictor): e for e in report.correlations if (e.method, e.scope) == ("spearman", "all")}
    for measure in ("flips", "kl_options", "accuracy_change"):
        plot = found[f"rating_change_against_{measure}"]
        assert plot.panel == f"Spearman {cell(told['rating_change', measure].coefficient)}"
        assert "(n 5)" in plot.panel
        assert "[" in plot.panel
        assert plot.panel in texts(plot)
    assert "(n 5)" in found["flips_against_kl_options"].panel


def test_the_matrix_has_every_pair_of_judges_and_people(report, found):
    for id, by in (("agreement", Mode.PAIR), ("agreement_of_ratings", Mode.SINGLE)):
        matrix = found[id]
        assert matrix.names == ("judge-a", "judge-b", "judge-c", "people")
        assert len(matrix.cells) == sum(each.by is by for each in report.trust.agreements) == 6
        assert len(matrix_drawing(matrix).cells) == 2 * len(matrix.cells)


@pytest.mark.parametrize(("raters", "lines"), [(4, 3), (6, 3), (7, 2), (20, 1)])
def test_the_words_of_a_matrix_stay_in_their_cells(raters, lines):
    names = tuple(f"r{i}" for i in range(raters))
    cells = dict.fromkeys(combinations(names, 2), (0.55, "+0.55 [+0.41, +0.68] (n 160)"))
    drawn = matrix_drawing(Matrix("m", "t", "", names, cells))
    assert all(len(each.lines) == lines for each in drawn.cells)
    assert all(SMALL_CHARACTER * len(line) <= drawn.cell_width for each in drawn.cells for line in each.lines[1:])


def test_every_figure_is_well_formed_and_told_in_words(found):
    assert {type(figure) for figure in found.values()} == {Plot, RowChart, Matrix}
    for figure in found.values():
        root = ElementTree.fromstring(figure_svg(figure, alone=True))
        assert root.tag.endswith("svg")
        assert all(len(row) == len(figure.description_header) for row in figure.descriptions())
        assert all(len(row) == len(figure.header) for row in figure.numbers())
        assert list(figure.descriptions())


values = st.floats(-1e3, 1e3, allow_nan=False)


@given(st.lists(st.tuples(values, values, values), min_size=1, max_size=6), st.floats(-10, 10))
def test_every_mark_of_a_row_stands_inside(rows, line):
    drawn = row_drawing(
        RowChart(
            "x",
            "t",
            "",
            "x",
            tuple(
                ChartRow(f"r{i}", "", value=b, interval=(min(a, c), max(a, c)), bars=(Bar("win", a, c, "1"),))
                for i, (a, b, c) in enumerate(rows)
            ),
            (Line(line, "floor"),),
        )
    )
    places = [place.place for place in (*drawn.ticks, *(line for line, _ in drawn.lines))]
    for row in drawn.rows:
        places += [row.value, row.low, row.high, *(x for bar in row.bars for x in (bar.x, bar.x + bar.width))]
        assert row.low <= row.high
    assert all(LABELS - 0.02 <= place <= RIGHT + 0.02 for place in places)


def test_a_chart_is_cut_at_the_end_of_its_measure():
    row = ChartRow("r", "", value=99.0, interval=(90.0, 112.0))
    drawn = row_drawing(RowChart("x", "t", "", "%", (row,), ends=(0.0, 100.0)))
    assert drawn.rows[0].high == RIGHT
    assert float(drawn.ticks[-1].text) <= 100


def test_a_cloud_is_one_path_and_its_table_a_summary():
    plot = Plot("x", "t", "", "x", "y", (Series("s", tuple(Point(i, i) for i in range(MOST_DESCRIBED + 1))),))
    (layer,) = drawing(plot).layers
    assert layer.cloud.count("M") == MOST_DESCRIBED + 1
    assert not layer.dots
    assert len(list(plot.descriptions())) == 3
    assert len(list(plot.numbers())) == MOST_DESCRIBED + 1


def test_inconsistency_is_counted_by_the_distance_of_the_ratings():
    cells = [Cell("s", f"q{i}", 0, 1, 0) for i in range(6)]
    kinds = [
        TurnClass.INCONSISTENT,
        TurnClass.WIN,
        TurnClass.INCONSISTENT,
        TurnClass.INCONSISTENT,
        TurnClass.FAILED,
        TurnClass.TIE,
    ]
    changes = dict(zip(cells, [0.0, 0.4, -1.0, 7.0, 0.0], strict=False))
    assert inconsistency_by_gap(dict(zip(cells, kinds, strict=True)), changes) == (
        GapInconsistency(0, 1, 2),
        GapInconsistency(1, 1, 1),
        GapInconsistency(2, 0, 0),
        GapInconsistency(3, 1, 1),
    )


def test_long_names_in_a_legend_are_shortened_in_their_middle_and_whole_on_hover():
    names = ("meta-llama/Llama-2-13b-chat-hf-w4a16", "meta-llama/Llama-2-13b-chat-hf-w8a8", "short")
    plot = Plot("x", "t", "", "x", "y", tuple(Series(name, (Point(1, 1), Point(2, 2))) for name in names))
    svg = figure_svg(plot, alone=True)
    assert f">{shortened(names[0], 26)}<" in svg
    assert shortened(names[0], 26) != shortened(names[1], 26)
    assert all(f"<title>{name}</title>" in svg for name in names[:2])
    places = [(x, y) for _, x, y in drawing(plot).legend]
    assert [(x, y - places[0][1]) for x, y in places] == [(74, 0), (316, 0), (74, 16)]
    assert legend_columns(["a" * 11]) == (5, 97)


def test_a_text_is_shortened_to_its_ends():
    assert [shortened("abcdefghij", most) for most in (10, 9, 4, 3)] == ["abcdefghij", "abcd…ghij", "ab…j", "a…j"]
