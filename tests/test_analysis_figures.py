"""The figures: well-formed SVG that holds hostile names as text, data that equal the report's, axes that hold all."""

import csv
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.multiple_choice.distances import ITEM_DISTANCES
from analysis.rendering.figures.axes import CHARACTER_WIDTH, PAPER_WIDTH, ticks
from analysis.rendering.figures.catalog import figures
from analysis.rendering.figures.plots import FRAME, Plot, Point, Series, drawing
from analysis.rendering.formats.csv_tables import figure_csv
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.rendering import figure_svg
from analysis.rendering.formats.writers import WRITTEN, write_reports
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from analysis.token_distributions.trace_measures import TraceReport
from analysis.token_distributions.vocabulary_kl import VocabularyReport
from ledger.config import config_from
from tests.run_folder import HOSTILE, Folder, config

NAMES = ("w8a8", "w4a16", "drop1", "drop2")
MADE = (("bits", 8.0), ("bits", 4.0), ("layers", 1.0), ("layers", 2.0))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A judged review of four candidates in two families with amounts."""
    data = json.loads(config(NAMES, margin=1.0).model_dump_json(exclude_none=True))
    for candidate, (family, amount) in zip(data["candidate"], MADE, strict=True):
        candidate |= {"family": family, "amount": amount}
    folder = Folder(tmp_path_factory.mktemp("run"), config_from(data, "test"))
    for seed, name in enumerate(folder.names):
        folder.answer(name)
        folder.choose(name, wrong=10 + 3 * seed, seed=seed, noise=0.2 + 0.3 * seed)
    folder.rate({name: 7.0 - 0.3 * index for index, name in enumerate(folder.names)})
    return folder.report()


def plots(report):
    return {plot.id: plot for plot in figures(report)}


def test_every_figure_that_the_runs_allow_is_there(report):
    kinds = ("top_margin_stay_change", "forest_rating_change", "forest_accuracy_change")
    one_each = {f"{kind}_{name}" for kind in kinds for name in NAMES}
    by_distance = {f"{y}_against_{x}" for x in ITEM_DISTANCES for y in ("rating_change", "flips")}
    assert set(plots(report)) == one_each | by_distance | {
        "primary",
        "forest_rating_change_all",
        "length_and_rating",
        "flips_by_direction",
        "flips_and_floor",
        "accuracy_change_against_flips",
        "sweep_bits",
        "sweep_layers",
        "top_margin_correct_wrong",
        "rating_change_against_flips",
        "rating_change_against_accuracy_change",
        "probability_change_against_top_margin",
        "flips_beside_all_flips",
    }


def test_the_data_are_the_reports_own_numbers(report):
    rows = {
        each.model: next(row for row in each.results if (str(row.scope), row.scoring) == ("all", "acc"))
        for each in report.choices
    }
    found = plots(report)
    dots = {point.label: (point.x, point.y) for point in found["flips_against_kl_options"].series[0].points}
    assert dots == {name: (rows[name].distance("kl_options").value, 100 * rows[name].flips.value) for name in NAMES}
    lines = {series.name: series.points for series in found["sweep_layers"].series}
    assert [(p.x, p.y) for p in lines["flips"]] == [
        (1, 100 * rows["drop1"].flips.value),
        (2, 100 * rows["drop2"].flips.value),
    ]
    assert [p.y for p in lines["accuracy"]] == [100 * rows[name].accuracy_change.value for name in ("drop1", "drop2")]
    sums = [sum(point.y for point in series.points) for series in found["top_margin_stay_change_w4a16"].series]
    assert sums == pytest.approx([100, 100])


def estimate(measure, value):
    return Estimate(measure, "items", 50, value, (value / 2, value * 2))


def test_token_distributions_have_their_figures(report):
    """Flips against both other KLs, and a histogram of log-likelihood changes that adds up to all tokens."""
    some = NAMES[:3]
    vocabulary = tuple(
        VocabularyReport(name, "candidate", estimate("kl_vocabulary", 0.01 * n), None, (), 20, False, 50, 0, None)
        for n, name in enumerate(some, start=1)
    )
    nothing = estimate("same_top", 0.9)
    traces = tuple(
        TraceReport(
            model=name,
            role="candidate",
            kl=estimate("kl_trace", 0.02 * n),
            tail=None,
            same_top=nothing,
            logprob_change=nothing,
            logprob_quantiles=(-0.1, 0.0, 0.1),
            logprob_reach=2.0,
            logprob_counts=(*[0] * 19, 30, 10, *[0] * 19),
            top_k=20,
            positions=40,
            turns=4,
            missing=0,
            diverged=1,
            first_divergence=3.0,
            floored=0,
            fault=None,
        )
        for n, name in enumerate(some, start=1)
    )
    found = plots(report.model_copy(update={"vocabulary": vocabulary, "traces": traces}))
    assert [p.x for p in found["flips_against_kl_vocabulary"].series[0].points] == [0.01, 0.02, 0.03]
    assert [p.x for p in found["flips_against_kl_trace"].series[0].points] == [0.02, 0.04, 0.06]
    (bars,) = found["loglikelihood_difference_w8a8"].series
    assert sum(p.y for p in bars.points) == pytest.approx(100)
    assert [(round(p.x, 2), p.y) for p in bars.points if p.y] == [(-0.05, 75), (0.05, 25)]


def test_what_was_not_run_is_said_to_be_not_measured(report):
    page = report_html(report)
    for name in ("KL over the whole vocabulary", "On the baseline"):
        assert re.search(rf'<p class="silent">{name}[^<]*: not measured, nothing in this review measures it', page)


def test_every_figure_is_written_as_svg_and_as_data_and_old_ones_go(report, tmp_path):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "of_yesterday.svg").write_text("old")
    (tmp_path / WRITTEN).write_text("figures/of_yesterday.svg\n")
    write_reports(report, tmp_path)
    drawn = {path.stem for path in (tmp_path / "figures").glob("*.svg")}
    assert drawn == {path.stem for path in (tmp_path / "figures").glob("*.csv")} == set(plots(report))
    for path in (tmp_path / "figures").glob("*.svg"):
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    with (tmp_path / "figures" / "flips_beside_all_flips.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream)
    assert header == ["row", "flips", "wrong→other"]
    assert [row[0] for row in rows] == list(NAMES)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg"') == len(drawn - {"primary"})
    assert "style=" not in page


def test_hostile_names_are_text_in_the_drawing_and_no_formula_in_the_data():
    plot = Plot("x", HOSTILE, HOSTILE, HOSTILE, "y", (Series(HOSTILE, (Point(1, 2, HOSTILE), Point(2, 3, "=1+1"))),))
    root = ElementTree.fromstring(figure_svg(plot, alone=True))
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "title", "rect", "g", "path", "text"}
    assert "'=1+1" in figure_csv(plot)
    assert "\n=" not in figure_csv(plot)


def test_a_review_without_choices_has_no_figure(tmp_path):
    folder = Folder(tmp_path, config(("w8",), task=False, judge=False))
    for name in folder.names:
        folder.answer(name)
    assert list(figures(folder.report())) == []


@given(st.floats(-1e6, 1e6), st.floats(1e-5, 1e3))
def test_ticks_span_the_values_in_few_round_steps(low, share):
    span = share * max(1, abs(low))
    found = ticks(low, low + span)
    assert found[0] <= low + span * 1e-6
    assert found[-1] >= low + span * (1 - 1e-6)
    assert 2 <= len(found) <= 8


values = st.floats(-1e3, 1e3, allow_nan=False)


@given(st.lists(st.tuples(values, values), max_size=12), st.sampled_from(["dots", "line", "bars"]))
def test_every_mark_stands_inside_the_axes_and_no_label_on_another(pairs, mark):
    points = tuple(Point(x, y, f"p{i}") for i, (x, y) in enumerate(pairs))
    drawn = drawing(Plot("p", "p", "", "x", "y", (Series("s", points, mark),)))
    (layer,) = drawn.layers
    for dot in layer.dots:
        assert FRAME.left - 0.01 <= dot.x <= FRAME.right + 0.01
        assert FRAME.top - 0.01 <= dot.y <= FRAME.bottom + 0.01
    for bar in layer.bars:
        assert FRAME.top - 0.01 <= bar.y <= bar.y + bar.height <= FRAME.bottom + 0.01
    labels = [(dot.label_x, dot.label_y) for dot in layer.dots if dot.label_x is not None]
    assert len(set(labels)) == len(labels)


def test_two_candidates_of_one_amount_stand_in_one_sweep(report):
    swept = plots(report.model_copy(update={"amounts": (4.0, 4.0, 1.0, 2.0)}))["sweep_bits"]
    assert [point.label for point in swept.series[0].points] == ["w8a8", "w4a16"]
    assert ElementTree.fromstring(figure_svg(swept, alone=True)).tag.endswith("svg")


def test_a_change_that_was_not_measured_is_no_point_of_a_sweep(report):
    missing = Estimate("accuracy_change", "items", 1, missing=Cause(Kind.TOO_FEW))
    choices = tuple(
        replace(each, results=tuple(replace(row, accuracy_change=missing) for row in each.results))
        if each.model == "drop1"
        else each
        for each in report.choices
    )
    accuracy, flips, _ = plots(report.model_copy(update={"choices": choices}))["sweep_layers"].series
    assert [point.label for point in accuracy.points] == ["drop2"]
    assert [point.label for point in flips.points] == ["drop1", "drop2"]
    none = replace(accuracy, points=())
    assert 'd="M"' not in figure_svg(Plot("p", "p", "", "x", "y", (none, flips)), alone=True)


def test_bars_far_apart_are_no_wider_than_the_room_of_their_name():
    points = (Point(0.0, 50.0), Point(3.0, 20.0))
    (layer,) = drawing(Plot("p", "p", "", "x", "y", (Series("", points, "bars"),), tuple("0123"))).layers
    assert layer.bars[0].x >= FRAME.left
    assert layer.bars[1].x + layer.bars[1].width <= FRAME.right


def test_every_one_of_many_lines_stands_in_the_legend_inside_the_paper():
    names = [f"c{i}" for i in range(22)]
    lines = tuple(Series(name, (Point(0, i), Point(1, i)), "line") for i, name in enumerate(names))
    drawn = drawing(Plot("p", "p", "", "x", "y", lines))
    assert [layer.name for layer, _, _ in drawn.legend] == names
    assert len({(x, y) for _, x, y in drawn.legend}) == 22
    assert max(y for _, _, y in drawn.legend) < drawn.height
    ends = [
        x + 8 + CHARACTER_WIDTH * 11 for _, x, _ in drawn.legend
    ]  # where a name that was cut to eleven characters ends
    following = zip(ends, drawn.legend, drawn.legend[1:], strict=False)
    assert all(end < x - 4 for end, (_, _, before), (_, x, y) in following if y == before)
    assert max(ends) < PAPER_WIDTH
    assert len({(layer.color, layer.key) for layer, _, _ in drawn.legend}) == 22
    assert f'viewBox="0 0 560 {drawn.height}"' in figure_svg(Plot("p", "p", "", "x", "y", lines), alone=True)


def test_flips_beside_all_flips_has_a_row_for_each_of_many_candidates(report):
    rows = {each.model: each.results[0].transitions for each in report.choices}
    chart = plots(report)["flips_beside_all_flips"]
    assert [row.label for row in chart.rows] == list(NAMES)
    for row in chart.rows:
        flips, other = row.bars
        assert other.end == pytest.approx(100 * rows[row.label].all_flips / rows[row.label].n)
        assert (flips.text, flips.end) == (str(rows[row.label].flips), other.start)
