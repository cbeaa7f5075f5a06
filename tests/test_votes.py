"""People's votes in a report: beside ratings, beside games, alone; counted by hand, and shown on every face.

In: FastChat's folders (the project's cases where they are, and made ones) and votes. Out: nothing.
"""

import csv
import json
from contextlib import chdir

import pytest

from analysis.judged.agreement import by_rater, people, rating_classes, votes
from analysis.judged.games import TurnClass
from analysis.rendering.tables.trust import vote_lines
from analysis.statistics.cells import Cell
from analysis.statistics.resampling import Resamplings
from assay.cli import run as assay
from ledger.judgments import Label, Winner
from tests.fastchat_rows import answer, game, question, rating, sound_folder, write
from tests.house import HOUSE

CASES = HOUSE.parent / "shared" / "cases" / "fastchat"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not here")
WIN, TIE, LOSS = TurnClass.WIN, TurnClass.TIE, TurnClass.LOSS
DRAWS = Resamplings(1, 500)
ALONE = """\
name = "r"
[baseline]
model = "a"
engine = "imported"
control = false
[[candidate]]
model = "b"
engine = "imported"
[questions]
source = "{source}"
references = "none"
"""


def cell(question, turn=1, repeat=0):
    return Cell("s", f"q{question}", 0, turn, repeat)


def label(question, winner, rater="me", turn=1, candidate="b"):
    about = {"baseline": "a", "candidate": candidate, "source": "s", "question": f"q{question}", "turn": turn}
    return Label(rater=rater, winner=winner, **about)


def test_a_judges_ratings_are_the_signs_of_their_changes_over_repeats():
    before = {cell(1): 7.0, cell(2): 7.0, cell(3): 7.1, cell(3, repeat=1): 7.3, cell(4): 5.0, cell(5): 8.0}
    after = {cell(1): 8.0, cell(2): 6.5, cell(3): 7.3, cell(3, repeat=1): 7.1, cell(4, turn=2): 9.0, cell(5): 8.0}
    found = rating_classes(before, after, "b")
    assert {cell.question: each for (_, cell), each in found.items()} == {"q1": WIN, "q2": LOSS, "q3": TIE, "q5": TIE}
    assert {(name, cell.repeat) for name, cell in found} == {("b", 0)}


def test_votes_are_counted_place_by_place_and_their_interval_is_over_questions():
    said = [label(n, Winner.CANDIDATE, rater, turn) for n in range(6) for rater in ("me", "you") for turn in (1, 2)]
    said += [label(6, Winner.BASELINE), label(6, Winner.CANDIDATE, "you"), label(7, Winner.BASELINE)]
    said += [label(1, Winner.BASELINE, candidate="c")]
    found = votes(said, "b", DRAWS)
    assert (found.votes, found.raters) == (27, 2)
    assert found.classes == {WIN: 12, TIE: 1, LOSS: 1}  # one against one is a tie
    assert (found.win_change.value, found.win_change.n) == (pytest.approx(12.5 / 14 - 0.5), 8)
    nobody = votes(said, "d", DRAWS)
    assert (nobody.votes, nobody.win_change.value) == (0, None)


def test_each_person_is_a_rater_of_their_own():
    said = [label(1, Winner.TIE), label(1, Winner.BASELINE, "you"), label(2, Winner.TIE)]
    assert [list(each.values()) for each in by_rater(said)] == [[TIE, TIE], [LOSS]]
    assert list(people(said).values()) == [TIE, TIE]


def told(folder, *arguments):
    with chdir(folder):
        assert assay([*arguments]) in (0, 10, 11, 12)


def reported(folder, capsys, config="runs/r/review.toml"):
    """report.json of a review and what the terminal showed."""
    capsys.readouterr()
    told(folder, "analyze", config)
    return json.loads((folder / "runs/r/analysis/report.json").read_text()), capsys.readouterr().out


def ballots(folder, rows):
    """Votes as FastChat's compute_agreement reads them."""
    path = folder / "votes.json"
    path.write_text(
        json.dumps(
            [
                {"question_id": id, "model_a": "a", "model_b": "b", "winner": winner, "judge": rater, "turn": turn}
                for id, turn, winner, rater in rows
            ]
        )
    )
    return path


def rows_of_table(folder, name):
    with (folder / f"runs/r/analysis/tables/{name}.csv").open() as stream:
        return list(csv.DictReader(stream))


def rated(folder, judges):
    """Twelve questions; each judge's scores of `b`, where `a` always has a 5."""
    data = sound_folder(folder / "old")
    (data / "model_judgment" / "gpt-4_pair.jsonl").unlink()
    (data / "model_judgment" / "gpt-4_single.jsonl").unlink()
    write(data / "question.jsonl", [question(id) for id in range(1, 13)])
    for model in "ab":
        write(data / f"model_answer/{model}.jsonl", [answer(model, id) for id in range(1, 13)])
    for judge, scores in judges.items():
        rows = [
            rating(model, id, turn, 5 if model == "a" else scores(id)) | {"judge": [judge, "single-v1"]}
            for model in "ab"
            for id in range(1, 13)
            for turn in (1, 2)
        ]
        write(data / f"model_judgment/{judge}_single.jsonl", rows)
    return data


def test_in_a_review_with_ratings_alone_votes_count_and_so_do_judges_among_themselves(tmp_path, capsys):
    """one: b is better where the id is odd; two: the same but for three questions; people side with one."""
    data = rated(tmp_path, {"one": lambda id: 6 if id % 2 else 4, "two": lambda id: 6 if id % 2 or id > 8 else 5})
    told(tmp_path, "import", "fastchat", str(data), "--review", "r", "--baseline", "a")
    rows = [(id, turn, 2 if id % 2 else 1, "me") for id in range(1, 11) for turn in (1, 2)]
    told(tmp_path, "import", "labels", str(ballots(tmp_path, rows)), "--config", "runs/r/review.toml")
    report, shown = reported(tmp_path, capsys)
    found = {(each["first"], each["second"]): each for each in report["trust"]["agreements"]}
    assert {pair: (each["by"], each["n"]) for pair, each in found.items()} == {
        ("one", "two"): ("single", 24),
        ("one", "people"): ("single", 20),
        ("two", "people"): ("single", 20),
    }
    assert found["one", "people"]["equal"]["value"] == found["one", "people"]["kappa"] == 1
    assert found["one", "two"]["equal"]["value"] == 12 / 24  # ties of two where one has losses, but for 10 and 12
    assert found["two", "people"]["equal"]["value"] == 10 / 20
    assert found["two", "people"]["decided"]["n"] == 12
    assert found["one", "two"]["interval"][0] < found["one", "two"]["kappa"] < found["one", "two"]["interval"][1]
    trust = report["trust"]
    assert (trust["alpha"], trust["alpha_with_people"], trust["alpha_of_people"]) == (None, None, None)
    assert trust["alpha_of_ratings"] < trust["alpha_of_ratings_with_people"] < 1
    assert trust["calibrations"] == []  # they correct games
    assert "People on b (votes 20, raters 1: win 10, tie 0, loss 10; win_change 0.000" in shown
    assert "Kappa of judges with people: one by ratings +1.00" in shown
    assert "one by ratings" in (tmp_path / "runs/r/analysis/report.md").read_text()
    assert [row["by"] for row in rows_of_table(tmp_path, "agreement")] == ["ratings"] * 3
    assert (tmp_path / "runs/r/analysis/figures/agreement_of_ratings.svg").exists()


def test_games_and_ratings_of_one_judge_stand_apart_and_labels_correct_games_alone(tmp_path, capsys):
    """By its games every pair changes with the positions, by its ratings b is better."""
    data = sound_folder(tmp_path / "old")
    write(
        data / "model_judgment" / "gpt-4_pair.jsonl",
        [game(id, turn, said=("[[A]]", "[[A]]")) for id in range(1, 5) for turn in (1, 2)],
    )
    told(tmp_path, "import", "fastchat", str(data), "--review", "r", "--baseline", "a")
    file = ballots(tmp_path, [(id, 1, "model_b", "me") for id in range(1, 5)])
    told(tmp_path, "import", "labels", str(file), "--config", "runs/r/review.toml")
    report, _ = reported(tmp_path, capsys)
    equal = {each["by"]: each["equal"]["value"] for each in report["trust"]["agreements"]}
    assert equal == {"pair": 0.0, "single": 1.0}
    assert [each["judge"] for each in report["trust"]["calibrations"]] == ["gpt-4"]
    assert [row["by"] for row in rows_of_table(tmp_path, "agreement")] == ["games", "ratings"]


def test_votes_alone_are_a_result_on_every_face_and_decide_nothing(tmp_path, capsys):
    data = sound_folder(tmp_path / "old")
    config = tmp_path / "alone.toml"
    config.write_text(ALONE.format(source=data / "question.jsonl"))
    told(tmp_path, "import", "answers", str(data), "--config", str(config))
    rows = [(id, 1, "B" if id < 4 else "tie", rater) for id in range(1, 5) for rater in ("me", "you")]
    told(tmp_path, "import", "labels", str(ballots(tmp_path, rows)), "--config", str(config))
    report, shown = reported(tmp_path, capsys, str(config))
    trust = report["trust"]
    assert (trust["labels"], trust["alpha_of_people"], trust["agreements"], trust["steadiness"]) == (8, 1.0, [], [])
    (found,) = trust["votes"]
    assert (found["candidate"], found["votes"], found["classes"]) == ("b", 8, {"win": 3, "tie": 1, "loss": 0})
    assert report["word"] == "UNFIT"
    line = "People on b (votes 8, raters 2: win 3, tie 1, loss 0; win_change +0.375"
    assert line in shown
    assert line in (tmp_path / "runs/r/analysis/report.md").read_text().replace("`", "")
    assert [row["votes"] for row in rows_of_table(tmp_path, "votes")] == ["8"]
    page = (tmp_path / "runs/r/analysis/report.html").read_text()
    assert "What do people say?" in page
    assert "alpha of people among themselves: 1.00" in page
    told(tmp_path, "verify", "runs/r/analysis/report.html")
    assert "byte for byte" in capsys.readouterr().out


def test_without_votes_no_face_speaks_of_them(tmp_path, capsys):
    data = sound_folder(tmp_path / "old")
    told(tmp_path, "import", "fastchat", str(data), "--review", "r", "--baseline", "a")
    report, shown = reported(tmp_path, capsys)
    assert report["trust"]["votes"] == []
    assert "People" not in shown
    assert "What do people say?" not in (tmp_path / "runs/r/analysis/report.html").read_text()
    assert list(vote_lines(None)) == []


def test_lines_about_others_are_named_when_votes_come_in(tmp_path, capsys):
    data = sound_folder(tmp_path / "old")
    told(tmp_path, "import", "fastchat", str(data), "--review", "r", "--baseline", "a")
    rows = [
        {"question_id": 1, "model_1": "a", "model_2": f"m{n}", "winner": "tie"} for n in range(7) for _ in range(9 - n)
    ]
    rows += [{"question_id": id, "model_1": "a", "model_2": "b", "winner": "tie"} for id in (1, 77)]
    write(tmp_path / "votes.jsonl", rows)
    capsys.readouterr()
    told(tmp_path, "import", "labels", "votes.jsonl", "--config", "runs/r/review.toml")
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("1 labels, 1 of them new, 0 said before")
    assert shown[1:6] == [f"{9 - n} lines are passed over: they are about a and m{n}" for n in range(5)]
    assert shown[6] == "8 lines are passed over: they are about 3 more pairs of models"


@needs_cases
@pytest.mark.parametrize("name", ["r8_votes.json", "r8_votes.jsonl", "r8_votes12.jsonl"])
def test_the_cases_votes_stand_beside_the_ratings_of_a_judge_that_always_ties(tmp_path, capsys, name):
    told(
        tmp_path,
        *(
            "import",
            "fastchat",
            str(CASES / "r7_unjudged"),
            "--review",
            "r",
            "--baseline",
            "base",
            "--candidate",
            "small",
        ),
    )
    told(tmp_path, "import", "labels", str(CASES / name), "--config", "runs/r/review.toml")
    report, _ = reported(tmp_path, capsys)
    (found,) = report["trust"]["votes"]
    assert (found["votes"], found["raters"], found["classes"]) == (120, 2, {"win": 40, "tie": 20, "loss": 0})
    (beside,) = report["trust"]["agreements"]
    assert (beside["first"], beside["second"], beside["n"]) == ("gpt-x", "people", 60)
