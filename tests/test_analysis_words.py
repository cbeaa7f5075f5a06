"""The words of the tables: they say what this review's own records support, and no more."""

from dataclasses import replace

import pytest

from analysis.decision.gate_words import Word
from analysis.evidence.costs import Cost
from analysis.rendering.tables.choices import flip_table, loss_table
from analysis.rendering.tables.difference import notes
from analysis.rendering.tables.review import NO_FLOOR, NOISE_FLOOR
from analysis.rendering.tables.strip import evidence_strip
from analysis.rendering.tables.words import limit_table, term
from analysis.run_diff.model_difference import ModelDifference
from analysis.run_diff.run_difference import RunDifference, Side
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.coverage import Coverage
from analysis.statistics.losses import loss_tests
from tests.run_folder import Folder, config


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Two candidates and a control that rated a few questions and picked some items."""
    folder = Folder(tmp_path_factory.mktemp("run"), config(), questions=4, items=20)
    for seed, name in enumerate(folder.names):
        folder.answer(name)
        folder.choose(name, wrong=4, seed=seed, noise=0.4)
    folder.rate(dict.fromkeys(folder.names, 7.0))
    return folder.report()


def limits(report):
    return dict(limit_table(report).rows)


def test_only_mt_bench_is_said_to_be_public_and_to_have_disputed_references(report):
    official = limits(report.model_copy(update={"question_source": "mt-bench"}))
    assert "MT-Bench" in official["one question set"]
    assert "MT-Bench" in official["references"]
    assert not [why for why in limits(report).values() if "MT-Bench" in why or "ighty" in why or "Ten " in why]


def test_what_was_not_asked_or_judged_has_no_limit_of_its_own(report):
    picked = limits(report.model_copy(update={"questions": 0, "question_source": None, "judges": ()}))
    assert set(picked) <= {"this review", "not asked", *dict(report.not_looked_at)}
    assert {"the questions", "categories", "the judge"} <= set(limits(report))


def test_a_column_of_ratings_is_explained_as_ratings(report):
    assert term("rating") == ("rating", "Mean of the scored turn ratings, 1 to 10.")
    assert term("Holm's p")[0] == "p"
    assert term("model") is None


def test_an_unknown_price_is_not_counted_as_nothing(report):
    priced = Cost("judge", "a", 1, 1.0, calls=10, spent_usd=1.2)
    for other, value in ((replace(priced, name="b", spent_usd=None), "$1.20 and more"), (priced, "$2.40")):
        tiles = {tile.name: tile for tile in evidence_strip(report.model_copy(update={"costs": (priced, other)}))}
        assert tiles["cost"].value == value


@pytest.mark.parametrize(
    ("usable", "value", "state"),
    [(20_000, "100.0 %", "good"), (19_999, "99.995 %", "noted"), (17_999, "89.995 %", "poor"), (0, "0.0 %", "poor")],
)
def test_coverage_that_is_not_whole_or_falls_short_does_not_read_otherwise(report, usable, value, state):
    row = Coverage("answers", "w4", "all", 20_000, usable, {}, {})
    tile, *_ = evidence_strip(report.model_copy(update={"coverage": (row,), "judges": ()}))
    assert (tile.name, tile.value, tile.state) == ("coverage", value, state)


def test_a_control_whose_choices_have_a_fault_is_not_said_to_lack(report):
    faulty = tuple(
        replace(each, results=(), fault=Cause(Kind.NOT_TRACED)) if each.role == "control" else each
        for each in report.choices
    )
    for changes, told in (
        ({"choices": faulty}, "not measured"),
        ({"choices": faulty[1:], "control": None}, NO_FLOOR),
    ):
        table = flip_table(report.model_copy(update=changes))
        place = table.header.index(NOISE_FLOOR)
        assert {row[place] for row in table.rows if row[1] == "candidate"} == {told}


def test_a_fault_that_is_a_sentence_ends_with_one_period(report):
    told = Cause(Kind.RECORDED, names={"recorded": "Make both models' choices again."})
    fault = replace(report.choices[0], results=(), fault=told)
    model = ModelDifference("w4", "w4", "candidate", {}, (), fault, (), None, None, ())
    side = Side("r", "0", Word.SHIP, "accuracy_change", 0.02, 0, 20, ())
    difference = RunDifference(
        **{"made_at": "now", "seed": 1, "resamples": 9, "judged": False, "rules": (), "only_after": ()},
        **{"before": side, "after": side, "models": (model,), "only_before": ()},
    )
    assert list(notes(difference)) == ["The choices of w4 cannot be compared: Make both models' choices again."]


def test_a_loss_of_one_benchmark_is_shown_at_a_level_that_the_caption_names(report):
    tests = loss_tests("acc", [("task test", 9, 2)], 100, 0.02)
    assert 0.05 / 3 < tests.pooled_p <= 0.05
    table = loss_table(report.model_copy(update={"choices": (replace(report.choices[0], losses=(tests,)),)}))
    assert table.rows[0][table.header.index("a loss?")] == "yes"
    assert "of one benchmark, its one p at or under 0.05" in table.caption
