"""Several rows on one prompt in FastChat's files: retries, copies, further verdicts, and the numbers from them."""

import pytest

from analysis.fastchat_audit.audit import audit
from analysis.fastchat_audit.stored import Freshness
from analysis.judged.games import TurnClass
from analysis.rendering.formats.audit import audit_markdown
from assay.cli import run
from assay.sources.fastchat_files import stored
from assay.sources.fastchat_folders import fastchat_folder
from tests.fastchat_rows import answer, game, rating, sound_folder, write
from tests.house import rows_of
from tests.test_fastchat_folders import report_of

SINGLE, PAIR = "model_judgment/gpt-4_single.jsonl", "model_judgment/gpt-4_pair.jsonl"


@pytest.fixture
def folder(tmp_path):
    data = sound_folder(tmp_path / "data")
    (data / PAIR).unlink()
    return data


def audited(folder):
    return audit(stored(fastchat_folder(folder)), resamples=200)


def model(folder, name="a"):
    return next(each for each in audited(folder).files[0].models if each.model == name)


def failed(name, id, turn, said="$ERROR$"):
    return rating(name, id, turn, score=-1, said=said)


@pytest.mark.parametrize("first", [True, False])
def test_a_verdict_takes_the_place_of_failures_wherever_they_stand(folder, first):
    rows = rows_of(folder / SINGLE)
    lost = [failed("a", 1, 1), {**failed("a", 1, 1, "no number"), "tstamp": 2.0}]
    write(folder / SINGLE, [*lost, *rows] if first else [*rows, *lost])
    found = model(folder)
    assert (found.rows, found.beside.superseded, found.beside.repeats) == (10, 2, 0)
    assert [(each.scored, each.planned) for each in found.coverage[:1]] == [(8, 8)]
    assert (found.missing, found.absent, found.bounds) == ((), (), None)
    assert found.unread == 2  # FastChat's file says so still


def test_two_failures_are_one_that_is_missing(folder):
    rows = [row for row in rows_of(folder / SINGLE) if (row["model"], row["question_id"], row["turn"]) != ("a", 1, 1)]
    write(folder / SINGLE, [*rows, failed("a", 1, 1), {**failed("a", 1, 1), "tstamp": 2.0}])
    found = model(folder)
    assert found.beside.superseded == 1
    assert [(each.scored, each.planned) for each in found.coverage[:1]] == [(7, 8)]
    assert len(found.missing) == 1


def test_rows_that_are_equal_in_every_field_are_one(folder):
    """Three copies of the lowest rating weigh nothing; FastChat's mean moves."""
    before = model(folder)
    write(folder / SINGLE, [*rows_of(folder / SINGLE), *3 * [rating("a", 1, 1)]])
    found = model(folder)
    assert (found.beside.copies, found.beside.repeats) == (3, 0)
    assert found.scopes[0].rating.value == before.scopes[0].rating.value
    assert found.fastchat.average < before.fastchat.average
    assert "a: 3 rows equal another in every field; each counts once." in audit_markdown(audited(folder))


def test_nine_and_then_three_are_six_and_never_the_last(folder, tmp_path, capsys):
    rows = [row for row in rows_of(folder / SINGLE) if (row["model"], row["question_id"], row["turn"]) != ("b", 1, 1)]
    write(folder / SINGLE, [*rows, rating("b", 1, 1, score=9), {**rating("b", 1, 1, score=3), "tstamp": 2.0}])
    found = model(folder, "b")
    assert found.beside.repeats == 1
    others = [row["score"] for row in rows if row["model"] == "b"]
    assert found.scopes[0].rating.value == pytest.approx((sum(others) + 6) / 8)
    assert found.fastchat.average == pytest.approx((sum(others) + 12) / 9)  # FastChat's own: a mean over rows
    report = report_of(folder, tmp_path, capsys)
    assert report["judges"][0]["scores"][1]["scopes"][0]["rating"]["value"] == pytest.approx((sum(others) + 6) / 8)
    assert report["judges"][0]["scores"][1]["scopes"][0]["change"]["n"] == 4
    assert "1 rows are further verdicts on a prompt" in audit_markdown(audited(folder))


def test_a_row_of_a_stale_prompt_replaces_nothing(folder):
    before = model(folder).scopes[0].rating.value
    stale = {**failed("a", 1, 1), "user_prompt": "q1?|what a wrote before"}
    verdict = {**rating("a", 2, 1, score=10), "user_prompt": "q2?|what a wrote before"}
    write(folder / SINGLE, [*rows_of(folder / SINGLE), stale, verdict])
    found = model(folder)
    assert (found.freshness[Freshness.STALE], found.beside.superseded) == (2, 0)
    assert found.scopes[0].rating.value == before


def test_verdicts_of_pairs_are_averaged_within_a_turn(folder):
    """`a` wins every turn; of question 1, turn 1 the judge said it both ways, and once failed: half a win, 7.5 of 8."""
    rows = [game(id, turn) for id in range(1, 5) for turn in (1, 2)]
    other = {**game(1, 1, "model_2", "model_2", ("[[B]]", "[[A]]")), "tstamp": 2.0}
    lost = {**game(1, 1, "error", "model_1", ("$ERROR$", "[[B]]")), "tstamp": 3.0}
    write(folder / PAIR, [*rows, other, lost])
    pair = next(file for file in audited(folder).files if file.mode == "pair").pairs[0]
    assert (pair.beside.repeats, pair.beside.superseded) == (1, 1)
    assert pair.scopes[0].win_score.value == pytest.approx(0.5 / 8)
    assert pair.scopes[0].classes[TurnClass.FAILED] == 0
    assert [(each.scored, each.planned) for each in pair.coverage[:1]] == [(8, 8)]


def test_a_row_that_stands_in_two_files_of_its_judge_is_one(folder, tmp_path, capsys):
    rows = rows_of(folder / SINGLE)
    write(folder / "model_judgment/copy_single.jsonl", [*rows[:5], {**rows[0], "score": 10, "judgment": "[[10]]"}])
    given = ["import", "fastchat", str(folder), "--review", "r", "--runs", str(tmp_path)]
    assert run(given) == 0
    told = capsys.readouterr().out
    assert "16 answers" not in told
    assert "17 ratings" in told  # the tenth point is a further verdict
    assert "5 copies and failures that gave way, 1 further verdicts on a prompt" in told


def test_a_model_that_was_answered_twice_is_judged_by_its_last_row(folder):
    path = folder / "model_answer/a.jsonl"
    write(path, [{**answer("a", 1), "choices": [{"turns": ["x", "y"]}]}, *rows_of(path)])
    assert model(folder).freshness[Freshness.CURRENT] == 8


def half(id, turn, lost, tstamp):
    """Both games of a question-turn, one of which failed."""
    gone = {f"{lost}_winner": "error", f"{lost}_judgment": "$ERROR$"}
    return {**game(id, turn), **gone, "tstamp": tstamp}


def pair_of(folder):
    return next(file for file in audited(folder).files if file.mode == "pair").pairs[0]


def test_each_game_is_a_judgment_and_two_rows_may_complete_a_pair(folder, tmp_path, capsys):
    places = [(id, turn) for id in range(1, 5) for turn in (1, 2)]
    write(folder / PAIR, [*(half(*each, "g1", 1.0) for each in places), *(half(*each, "g2", 2.0) for each in places)])
    found = pair_of(folder)
    assert [(each.scored, each.planned) for each in found.coverage[:1]] == [(8, 8)]
    assert (found.scopes[0].classes[TurnClass.LOSS], found.errors, found.beside.superseded) == (8, 16, 8)
    report = report_of(folder, tmp_path, capsys)
    assert report["judges"][0]["games"][0]["scopes"][0]["classes"]["loss"] == 8
    assert len(rows_of(tmp_path / "r/judge/gpt-4/games.jsonl")) == 16


def test_the_first_verdict_of_a_game_stands_whatever_a_retry_says(folder):
    """The second row has both verdicts: its second game is a further one that no first game stands beside."""
    again = {**game(1, 1, "model_1", "model_2", ("[[A]]", "[[A]]")), "tstamp": 2.0}
    write(folder / PAIR, [half(1, 1, "g1", 1.0), again])
    assert pair_of(folder).scopes[0].classes[TurnClass.LOSS] == 1
    write(folder / PAIR, [half(1, 1, "g1", 1.0), half(1, 1, "g1", 2.0)])
    assert pair_of(folder).scopes[0].classes[TurnClass.FAILED] == 1


def test_games_on_other_prompts_complete_nothing(folder):
    (folder / "judge_prompts.jsonl").unlink()
    other = {**half(1, 1, "g2", 2.0), "g2_user_prompt": "b11b11 and a11a11 otherwise"}
    write(folder / PAIR, [half(1, 1, "g1", 1.0), other])
    assert pair_of(folder).scopes[0].classes[TurnClass.LOSS] == 0


def test_a_judges_rows_are_pooled_over_its_files_in_the_audit_as_in_the_review(folder, tmp_path, capsys):
    """An older file says ten of everything that b wrote: both numbers are the mean, and both say so."""
    older = [{**row, "score": 10, "judgment": "[[10]]"} for row in rows_of(folder / SINGLE) if row["model"] == "b"]
    write(folder / "model_judgment/old/gpt-4_single.jsonl", older)
    (table,) = audited(folder).files
    assert table.name == "gpt-4_single.jsonl, old/gpt-4_single.jsonl"
    report = report_of(folder, tmp_path, capsys)
    mean = report["judges"][0]["scores"][1]["scopes"][0]["rating"]["value"]
    assert mean == table.models[1].scopes[0].rating.value == (5 + 10) / 2
    told = "b: 8 ratings of b are further verdicts on a prompt, averaged within their turn; "
    told += "asked more often than the other side: b in 8 turns"
    for face in ("report.md", "report.html"):
        page = (tmp_path / "r/analysis" / face).read_text().replace("\\", "")
        assert "further verdicts of gpt-4" in page
        assert told in page
    (row,) = report["unseen"]
    assert (row["kind"], row["name"]) == ("judgments", "further verdicts of gpt-4")
    assert run(["analyze", str(tmp_path / "r/review.toml"), "--runs", str(tmp_path)]) == 12
    assert told in " ".join(capsys.readouterr().out.split())


def asked_again(folder, whose, turns):
    rows = rows_of(folder / SINGLE)
    again = [row for row in rows if row["model"] in whose and (row["question_id"], row["turn"]) in turns]
    write(folder / SINGLE, [*rows, *({**row, "score": 9, "judgment": "[[9]]", "tstamp": 2.0} for row in again)])


@pytest.mark.parametrize(("whose", "declared"), [("a", 11), ("b", 0)])
def test_one_side_asked_again_until_the_judge_pleases_does_not_ship(folder, tmp_path, capsys, whose, declared):
    """The issue's own: six more verdicts where the first displeased turn a HOLD into SHIP. The values stay averages."""
    asked_again(folder, whose, {(1, 1), (1, 2)})
    given = ["import", "fastchat", str(folder), "--review", "r", "--baseline", "a"]
    assert run([*given, "--runs", str(tmp_path / "no")]) == 0
    assert run(["analyze", str(tmp_path / "no/r/review.toml"), "--runs", str(tmp_path / "no")]) == 12
    said = capsys.readouterr().out
    assert f"asked more often than the other side: {whose} in 2 turns; ask both equally often" in " ".join(said.split())
    assert run([*given, "--runs", str(tmp_path), "--leave-out", "further verdicts of gpt-4"]) == 0
    assert run(["analyze", str(tmp_path / "r/review.toml"), "--runs", str(tmp_path)]) == declared
    assert "accepted as they are: further verdicts of gpt-4" in " ".join(capsys.readouterr().out.split())


def test_both_sides_asked_equally_often_may_ship(folder, tmp_path, capsys):
    asked_again(folder, "ab", {(1, 1), (1, 2)})
    report = report_of(folder, tmp_path, capsys)
    assert {each["kind"] for each in report["unseen"]} == {"beside"}
    assert run(["analyze", str(tmp_path / "r/review.toml"), "--runs", str(tmp_path)]) == 11


def test_two_judges_of_one_file_have_a_table_each(folder):
    rows = rows_of(folder / SINGLE)
    other = [{**row, "judge": ["gpt-z", row["judge"][1]], "score": 2, "judgment": "[[2]]"} for row in rows]
    for held in ([*rows, *other], [*other, *rows]):
        write(folder / SINGLE, held)
        tables = {file.judges: file for file in audited(folder).files}
        assert {judge: file.models[1].scopes[0].rating.value for (judge,), file in tables.items()} == {
            "gpt-4": 5,
            "gpt-z": 2,
        }
        assert [file.models[1].beside.repeats for file in tables.values()] == [0, 0]
        assert tables["gpt-z",].models[1].fastchat.average == 2
    assert "show\\_result mixes them" in audit_markdown(audited(folder))


def test_fastchats_average_is_the_mean_of_the_score_fields_of_all_rows(folder, tmp_path, capsys):
    write(folder / SINGLE, [{**row, "score": 2} if row["model"] == "b" else row for row in rows_of(folder / SINGLE)])
    report_of(folder, tmp_path, capsys)
    table = (tmp_path / "r/analysis/tables/score-depth.csv").read_text()
    assert "2.00 (every row)" in next(line for line in table.splitlines() if line.startswith("b,"))
    assert next(line for line in table.splitlines() if line.startswith("a,")).endswith("the same")
