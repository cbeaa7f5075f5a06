"""Agreement by the size of the gap: bins, kinds of gaps, splits of the panel, and GPT-4's real verdicts."""

import pytest

from analysis.judged.games import TurnClass
from analysis.judged.gap_agreement import (
    MARGIN,
    NO_GAP,
    POINTS,
    SWAPPED,
    gap_agreements,
    gaps,
    panel_splits,
    self_agreements,
)
from analysis.rendering.tables.sections import sections
from analysis.statistics.cells import Cell
from analysis.statistics.intervals import share
from ledger.judgments import Mode
from tests.review_factory import Factory
from tests.run_folder import build_report

WIN, TIE, LOSS = TurnClass.WIN, TurnClass.TIE, TurnClass.LOSS


def place(number):
    return ("cand", Cell("s", f"q{number}", 0, 1, 0))


def said(*classes):
    return {place(number): each for number, each in enumerate(classes) if each is not None}


@pytest.mark.parametrize(
    ("changes", "gap"),
    [((0.4,), 0), ((0.5,), 1), ((-1.4,), 1), ((2.0, 0.0), 1), ((4.0, 5.0), 3), ((2.0, -2.0), 0), ((9.0,), 3)],
)
def test_the_gap_is_the_distance_of_mean_ratings_over_the_judges_that_rated_both(changes, gap):
    assert gaps(({place(0): each} for each in changes), [said(WIN), said(LOSS)]) == {place(0): (POINTS, gap)}


@pytest.mark.parametrize(
    ("verdicts", "margin"),
    [((WIN, LOSS), 0), ((WIN, TIE), 1 / 3), ((WIN, WIN), 1), ((LOSS, LOSS, TIE), 2 / 3), ((WIN, LOSS, TIE), 0)],
)
def test_without_ratings_it_is_the_panels_margin(verdicts, margin):
    assert gaps([], [said(each) for each in verdicts]) == {place(0): (MARGIN, margin)}


def test_places_without_a_gap_have_a_bin_of_their_own_and_none_is_lost():
    one, other = said(WIN, LOSS, TIE, None), said(WIN, WIN, TIE, WIN)
    near = {place(0): (POINTS, 2.0), place(1): (POINTS, 0.0)}
    rows = list(gap_agreements({"a": one, "b": other}, near, Mode.PAIR))
    assert [(row.unit, row.gap, row.equal.value, row.equal.n) for row in rows] == [
        (POINTS, 0.0, 0.0, 1),
        (POINTS, 2.0, 1.0, 1),
        (NO_GAP, 0.0, 1.0, 1),
    ]
    assert rows[0].equal.interval == share("agreement", "verdicts", 0, 1).interval  # Wilson's


def test_a_judge_that_changes_with_the_positions_disagrees_with_itself_and_a_failed_pair_is_no_verdict():
    own = said(WIN, TurnClass.INCONSISTENT, TurnClass.FAILED, TIE)
    (row,) = self_agreements("j", own, {})
    assert (row.first, row.second, row.unit) == ("j", SWAPPED, NO_GAP)
    assert (row.equal.value, row.equal.n) == (pytest.approx(2 / 3), 3)


def test_the_panel_splits_where_not_all_say_the_same():
    judges = {"a": said(WIN, WIN, None, TIE), "b": said(WIN, TIE, LOSS, None), "c": said(WIN, WIN, LOSS, None)}
    rows = {(row.unit, row.gap): row.split for row in panel_splits(judges, gaps([], judges.values()), Mode.PAIR)}
    assert {gap: (each.value, each.n) for gap, each in rows.items()} == {
        (MARGIN, 2 / 3): (1.0, 1),
        (MARGIN, 1.0): (0.0, 2),
    }


def test_a_review_with_several_judges_shows_each_with_each_and_with_people_bin_by_bin(tmp_path):
    made = Factory(tmp_path / "made", candidates=("w8a8",), questions=40, items=20)
    report = build_report(made.config, made.write(), "2026-11-25T12:00:00+00:00")
    found = report.trust.gap_agreements
    pairs = {(row.first, row.second) for row in found if row.mode is Mode.PAIR}
    assert {("judge-a", "judge-b"), ("judge-a", "people"), ("judge-c", SWAPPED)} <= pairs
    for agreement in report.trust.agreements:
        rows = [r for r in found if (r.first, r.second, r.mode) == (agreement.first, agreement.second, agreement.by)]
        assert sum(row.equal.n for row in rows) == agreement.n  # nothing is merged away, nothing is lost
        counted = sum(row.equal.value * row.equal.n for row in rows)
        assert counted == pytest.approx(agreement.equal.value * agreement.n)
    assert {row.judges for row in report.trust.panel_splits} == {("judge-a", "judge-b", "judge-c")}
    tables = {table.id: table for section in sections(report) for table in section.tables}
    assert ("judge-a, people", "games", "0 points") in {row[:3] for row in tables["gap-agreement"].rows}
    assert "(n " in tables["panel-splits"].rows[0][3]


def test_a_judge_alone_that_rated_one_side_keeps_its_pairs_under_an_unknown_gap(tmp_path):
    made = Factory(tmp_path / "made", candidates=("w8a8",), judges=("only",), questions=12, items=20)
    run = made.write()
    ratings = run.judge("only").ratings
    ratings.replace([each for each in ratings.records() if each.model != "bf16"])
    trust = build_report(made.config, run, "2026-11-25T12:00:00+00:00").trust
    assert {row.unit for row in trust.gap_agreements} == {NO_GAP}
    assert trust.panel_splits == ()
