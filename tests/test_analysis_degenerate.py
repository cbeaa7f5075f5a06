"""Too little of everything: each gives a report whose every file says what is missing; no interval has zero width."""

import json
import random

import pytest

from analysis.rendering.formats.writers import write_reports
from ledger.judgments import Winner
from tests.run_folder import Folder, config, no_zero_width, whole

FIVE = ("c1", "c2", "c3", "c4", "c5")
CASES = {
    "one question": (config(("w4",)), {"questions": 1}, "needs 2", "UNFIT"),
    "two questions": (config(("w4",)), {"questions": 2}, "needs", "INCONCLUSIVE"),
    "one candidate": (config(("w4",)), {}, "needs 3", "SHIP"),
    "no control": (config(("w4",), control=False), {}, "no control", "SHIP"),
    "no judge": (config(("w4",), judge=False), {}, "no judge", "INCONCLUSIVE"),
    "no choices": (config(("w4",), task=False), {}, "nothing in this review measures it", "SHIP"),
    "no questions": (config(("w4",), judge=False, questions=False), {"questions": 0}, "no judge", "INCONCLUSIVE"),
    "all right": (config(("w4",)), {"wrong": 0}, "flip", "SHIP"),
}


def files(report, folder):
    write_reports(report, folder)
    return "".join((folder / name).read_text() for name in ("report.html", "report.md", "report.json"))


@pytest.mark.parametrize("case", CASES)
def test_too_little_of_something_gives_a_report_that_says_so(case, tmp_path):
    settings, options, told, word = CASES[case]
    report = whole(tmp_path / "run", settings, **options).report()
    no_zero_width(report)
    assert told in files(report, tmp_path / "out")
    assert [(each.candidate, each.word) for each in report.decisions] == [("w4", word)]


def test_an_empty_folder_gives_a_report(tmp_path):
    report = Folder(tmp_path / "run", config(("w4",)), questions=0, items=0).report()
    assert "not measured" in files(report, tmp_path / "out")
    assert report.exit_code == 12


def test_all_ties_and_equal_scores_of_five_candidates(tmp_path):
    settings = config(FIVE)
    folder = Folder(tmp_path / "run", settings, 20)
    for name in folder.names:
        folder.answer(name)
        folder.choose(name)
    folder.rate(dict.fromkeys(folder.names, 7.0), spread=0)
    for rival in folder.rivals:
        folder.play(rival, (Winner.TIE, Winner.TIE))
    folder.examine()
    folder.sign_judge()
    report = folder.report()
    no_zero_width(report)
    text = files(report, tmp_path / "out")
    assert "is the same for all 5 candidates" in text
    judge = report.judges[0]
    assert [each.chance for each in judge.strengths] == pytest.approx([0.5] * 7)
    assert all(each.strength.interval is None for each in judge.strengths)
    controlled = [each.controlled for each in judge.scores if each.controlled]
    assert len(controlled) == 6
    assert all(each.missing for each in controlled)


def test_missing_ratings_have_bounds_on_both_sides(tmp_path):
    settings = config(("w4",))
    folder = Folder(tmp_path / "run", settings, 20)
    for name in folder.names:
        folder.answer(name)
        folder.choose(name, noise=0.2)
    folder.rate(dict.fromkeys(folder.names, 7.0), failed=2)
    for rival in folder.rivals:
        folder.play(rival, (Winner.TIE, None))
    folder.examine()
    folder.sign_judge()
    report = folder.report()
    judge = report.judges[0]
    assert [each.bounds[0] < each.scopes[0].rating.value < each.bounds[1] for each in judge.scores] == [True] * 3
    assert [each.bounds for each in judge.games] == [(0.5, 0.5)] * 2
    assert "missing-data bounds" in files(report, tmp_path / "out")


def test_reports_do_not_depend_on_the_order_of_candidates_records_or_runs(tmp_path):
    report = many(tmp_path / "one", FIVE)
    again = many(tmp_path / "two", FIVE)
    assert json.dumps(report) == json.dumps(again)
    turned = many(tmp_path / "three", FIVE[::-1])
    for name in ("correlations", "stronger"):
        assert sorted(map(rounded, report[name])) == sorted(map(rounded, turned[name]))


def rounded(row):
    """A row without the last digits, in which sums of another order may differ."""
    return json.dumps(json.loads(json.dumps(row), parse_float=lambda text: round(float(text), 9) + 0.0))


def test_many_candidates_in_families_have_all_their_rows(tmp_path):
    report = many(tmp_path / "run", tuple(f"c{i:02}" for i in range(12)))
    found = [row for row in report["correlations"] if row["predictor"] == "flips" and row["outcome"] == "rating_change"]
    assert {row["scope"] for row in found} == {"all", "bits", "noise"}
    whole_row = next(row for row in found if row["scope"] == "all" and row["method"] == "spearman")
    assert whole_row["descriptive"]
    assert whole_row["bootstrap"][0] < whole_row["coefficient"]["value"] <= whole_row["bootstrap"][1]
    assert 0 < whole_row["within_p"] <= 1
    assert len(report["within"]) == 12
    assert {row["n"] for row in report["stronger"] if row["predictor"] == "flips"} == {12}


def many(path, names):
    """A review whose candidates get worse step by step, in two families; as JSON."""
    settings = config(names, control=False)
    models = tuple(
        model.model_copy(update={"family": ("bits", "noise")[sorted(names).index(model.name) % 2]})
        for model in settings.candidate
    )
    settings = settings.model_copy(update={"candidate": models})
    folder = Folder(path, settings, 20)
    generator = random.Random(5)
    damage = {name: 0.3 * place + generator.random() for place, name in enumerate(sorted(names))}
    scores = {"bf16": 8.0, **{name: 8 - damage[name] for name in sorted(names)}}
    for name in folder.names:
        folder.answer(name, text="x" * (1 + len(name)))
        folder.choose(name, wrong=10 + int(4 * damage.get(name, 0)), seed=3, noise=0.1)
    folder.rate({name: round(score, 1) for name, score in scores.items()})
    for rival in folder.rivals:
        folder.play(rival, (Winner.TIE, Winner.BASELINE))
    folder.examine()
    folder.sign_judge()
    report = folder.report()
    no_zero_width(report)
    return json.loads(report.model_dump_json())


def test_a_candidate_that_changes_every_answer_has_its_figures(tmp_path):
    folder = Folder(tmp_path / "run", config(("w4",), judge=False, questions=False), questions=0)
    for name in folder.names:
        folder.choose(name, wrong=60 if name == "w4" else 0)
    margins = next(row.margins for each in folder.report().choices if each.model == "w4" for row in each.results)
    assert (margins.kept.n, margins.changed.n) == (0, 60)
    write_reports(folder.report(), tmp_path / "out")
    assert "kept, 0" in (tmp_path / "out" / "figures" / "top_margin_stay_change_w4.svg").read_text()
