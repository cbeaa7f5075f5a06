"""FastChat's judgments that could not be checked, are stale, or were not read: nothing of them ships in silence."""

import gzip
import json

import pytest

from analysis.fastchat_audit.audit import audit
from analysis.fastchat_audit.stored import Freshness
from analysis.rendering.formats.audit import audit_markdown
from analysis.rendering.formats.text import markdown
from assay.cli import run
from assay.sources.fastchat_files import stored
from assay.sources.fastchat_folders import fastchat_folder
from ledger.config import read_config
from ledger.errors import ConfigError
from tests.fastchat_rows import answer, game, rating, sound_folder, text, write
from tests.house import rows_of

SINGLE, PAIR = "model_judgment/gpt-4_single.jsonl", "model_judgment/gpt-4_pair.jsonl"
LOST = "$ERROR$"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Four questions, both models rated alike: nothing but what a test does keeps it from being decided."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    data = sound_folder(tmp_path / "data")
    (data / PAIR).unlink()
    write(data / SINGLE, [rating(m, id, t, score=5) for m in "ab" for id in range(1, 5) for t in (1, 2)])
    return data


def audited(folder, **options):
    return audit(stored(fastchat_folder(folder, **options)), resamples=200)


def told(folder):
    """The audit's words, without Markdown's escapes."""
    return audit_markdown(audited(folder)).replace("\\", "")


def rated(folder, name="b"):
    return next(model for file in audited(folder).files for model in file.models if model.model == name)


def imported(folder, runs, *more):
    return run(["import", "fastchat", str(folder), "--review", "r", "--baseline", "a", "--runs", str(runs), *more])


class Reviewed:
    """A folder as a review: the exit code, report.json, and the words of the terminal and report.md."""

    def __init__(self, folder, runs, capsys, *more):
        assert imported(folder, runs, *more) == 0
        self.config = runs / "r/review.toml"
        capsys.readouterr()
        self.code = run(["analyze", str(self.config), "--runs", str(runs)])
        self.terminal = " ".join(capsys.readouterr().out.split())
        place = runs / "r/analysis"
        self.page, self.html = (place / "report.md").read_text(), (place / "report.html").read_text()
        self.unseen = {each["name"]: each for each in json.loads((place / "report.json").read_text())["unseen"]}

    def faces(self, words):
        """Where some words stand."""
        shown = {"terminal": self.terminal, "md": self.page.replace("\\", ""), "html": self.html}
        return {name for name, text in shown.items() if words in text or words.replace("'", "&#39;") in text}


def changed(path, edit):
    write(path, [edit(row) for row in rows_of(path)])


def rewritten(folder, name, ids, turns=("new", "newer")):
    """Some answers of a model, written again."""
    rows = [answer(name, id) for id in range(1, 5)]
    for row in rows:
        if row["question_id"] in ids:
            row["choices"][0]["turns"] = list(turns)
    write(folder / f"model_answer/{name}.jsonl", rows)


def test_a_sound_folder_has_nothing_unseen(folder, tmp_path, capsys):
    found = Reviewed(folder, tmp_path, capsys)
    assert (found.code, found.unseen) == (11, {})
    assert read_config(found.config).judge[0].prompts == "official"


# --- rows that cannot be checked


def test_without_a_template_a_prompt_that_does_not_show_todays_answer_is_stale(folder):
    (folder / "judge_prompts.jsonl").unlink()
    assert rated(folder).lacking == {"judge prompt": 8}
    rewritten(folder, "b", {1})
    assert (rated(folder).changed, rated(folder).lacking) == ({"answer": 2}, {"judge prompt": 6})
    (folder / "question.jsonl").unlink()
    assert (rated(folder).changed, rated(folder).lacking) == ({"answer": 2}, {"question file": 6})


def test_rows_without_judge_prompts_are_named_and_keep_from_ship(folder, tmp_path, capsys):
    (folder / "judge_prompts.jsonl").unlink()
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 12
    assert found.unseen["unchecked judgments of gpt-4"]["kind"] == "judgments"
    cause = "8 ratings could not be checked (there is no judge prompt to hold theirs against"
    assert found.faces(cause) == {"terminal", "md", "html"}
    assert "b: 8 rows could not be checked (there is no judge prompt" in told(folder)
    assert read_config(found.config).judge[0].prompts == "unknown"


@pytest.mark.parametrize("kept", [{"judgment": None}, {}])
def test_scores_without_a_reply_are_unchecked_and_keep_from_ship(folder, tmp_path, capsys, kept):
    changed(
        folder / SINGLE, lambda row: {k: v for k, v in row.items() if k != "judgment" or row["model"] == "a"} | kept
    )
    assert rated(folder).lacking == {"stored reply": 8}
    found = Reviewed(folder, tmp_path, capsys)
    assert (found.code, read_config(found.config).judge[0].prompts) == (12, "official")
    assert found.faces("8 ratings could not be checked (no reply was stored with them") == {"terminal", "md", "html"}


def test_an_import_that_is_refused_changes_nothing(folder, tmp_path, capsys):
    """The findings of the refused one would else stand beside, or in place of, those of the records that are there."""
    lines = (folder / SINGLE).read_text()
    (folder / SINGLE).write_text(lines + lines.replace("[[5]]", "[[9]]").replace('"score": 5', '"score": 9'))
    assert imported(folder, tmp_path) == 0
    before = {path: path.read_bytes() for path in (tmp_path / "r").rglob("*.json*")}
    (folder / SINGLE).write_text(lines)
    assert imported(folder, tmp_path) == 64
    assert {path: path.read_bytes() for path in (tmp_path / "r").rglob("*.json*")} == before


def test_rows_without_a_stored_prompt_are_their_models_and_may_be_declared(folder, tmp_path, capsys):
    empty = {"b": {"user_prompt": " "}, "a": {}}
    changed(folder / SINGLE, lambda row: row | empty[row["model"]])
    assert (rated(folder).lacking, rated(folder).changed) == ({"stored prompt": 8}, {})
    found = Reviewed(folder, tmp_path / "no", capsys)
    assert found.code == 12
    assert found.faces("b: 8 ratings could not be checked (no prompt was stored with them)") == {
        "terminal",
        "md",
        "html",
    }
    assert "a: 8 ratings" not in found.terminal
    declared = Reviewed(folder, tmp_path, capsys, "--leave-out", "unchecked judgments of gpt-4")
    assert declared.code == 11
    assert declared.faces("Judgments that were accepted as they are: unchecked judgments of gpt-4 ") >= {
        "terminal",
        "md",
    }


def test_a_judge_whose_prompts_are_unknown_cannot_be_asked(folder, tmp_path, capsys):
    (folder / "judge_prompts.jsonl").unlink()
    assert imported(folder, tmp_path) == 0
    given = [str(tmp_path / "r/review.toml"), "--out", str(tmp_path / "out"), "--runs", str(tmp_path)]
    assert run(["export", "fastchat", *given]) == 64
    assert "its prompts are unknown" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", '{"question_id": 1}\n', "[", None])
def test_a_judge_file_that_is_named_and_has_no_prompt_is_refused(folder, tmp_path, capsys, content):
    path = tmp_path / "mine.jsonl"
    if content is not None:
        path.write_text(content)
    for given in (path, folder):
        assert run(["audit", str(folder), "--judge-file", str(given)]) == 64
        assert imported(folder, tmp_path / "runs", "--judge-file", str(given)) == 64
    said = capsys.readouterr().err
    assert "KeyError" not in said
    assert "JSONDecodeError" not in said
    with pytest.raises(ConfigError, match="no such folder"):
        fastchat_folder(folder, data=tmp_path / "gone")


# --- answers that are none


@pytest.mark.parametrize("turns", [(LOST, LOST), ("fine", LOST), ("fine", " "), ("", "")])
def test_an_error_or_an_empty_turn_is_no_answer(folder, tmp_path, capsys, turns):
    rewritten(folder, "b", {1}, turns)
    changed(folder / SINGLE, lambda row: row)
    assert rated(folder).changed == {"failed answer": 2}
    assert {(cell.question, cell.turn) for cell in rated(folder).absent} == {("1", 1), ("1", 2)}
    assert "b: 1 answers are FastChat's $ERROR$ or have an empty turn: they count as missing." in told(folder)
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 12
    assert found.unseen["answers"]["items"] == ["data/1"]
    assert found.faces("1 answers are FastChat's $ERROR$ or have an empty turn") == {"terminal", "md", "html"}
    assert len(rows_of(tmp_path / "r/generation/b/answers.jsonl")) == 3


def test_an_empty_turn_is_degradation_though_no_judge_counts_it(folder):
    rewritten(folder, "b", {1, 2}, ("fine", " "))
    rewritten(folder, "a", {3}, (LOST, LOST))
    report = audited(folder)
    assert [(each.questions, each.failed, each.empty, each.errors) for each in report.models] == [
        (3, 1, 0, 2),
        (2, 2, 2, 0),
    ]
    beside = report.writing[1][0].row("empty")
    assert (beside.turns, beside.baseline, beside.model) == (6, 0, pytest.approx(2 / 6))


# --- stale rows


def test_stale_rows_of_one_side_are_named_by_cause_and_block(folder, tmp_path, capsys):
    rewritten(folder, "b", {1})
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 12
    assert found.faces("b: 2 ratings judge other answers; left out") == {"terminal", "md", "html"}
    assert "Other files, not read" not in found.terminal
    assert (
        "stale judgments of gpt-4"
        in Reviewed(folder, tmp_path / "declared", capsys, "--leave-out", "stale judgments of gpt-4").terminal
    )


def test_stale_rows_that_others_stand_for_are_listed_with_their_model(folder, tmp_path, capsys):
    earlier = [row | {"user_prompt": row["user_prompt"].replace("b", "once ")} for row in rows_of(folder / SINGLE)[8:]]
    write(folder / SINGLE, [*rows_of(folder / SINGLE), *earlier])
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 11
    listed = "Of the answers and judgments: judgments of gpt-4 (b: 8 ratings judge other answers; left out)."
    assert "terminal" in found.faces(listed)
    assert found.unseen["judgments of gpt-4"]["declared"] == ""


@pytest.mark.parametrize("what", ["question", "template", "reference"])
def test_what_both_sides_lose_to_another_input_blocks_until_it_is_left_out(folder, tmp_path, capsys, what):
    """A blank behind the questions where the candidate is worst would take these out, and coverage would not see it."""
    if what == "question":
        asked = {"turns": ["q1? ", "more?"]}
        changed(folder / "question.jsonl", lambda row: row | (asked if row["question_id"] == 1 else {}))
    elif what == "template":
        names = {"single-v1-multi-turn": {"prompt_template": "X{question_1}|{question_2}|{answer_1}|{answer_2}"}}
        changed(folder / "judge_prompts.jsonl", lambda row: row | names.get(row["name"], {}))
    else:
        rows = rows_of(folder / SINGLE)
        turn = {"judge": ["gpt-4", "single-math-v1"]}
        rows = [row | turn | {"user_prompt": with_reference(row)} if row["turn"] == 1 else row for row in rows]
        write(folder / SINGLE, rows)
        write(folder / "reference_answer/gpt-4.jsonl", [answer("ref", id) for id in range(1, 5)])
    found = Reviewed(folder, tmp_path / "no", capsys)
    assert (found.code, found.unseen["stale judgments of gpt-4"]["kind"]) == (12, "judgments")
    assert found.faces(f"another {what}" if what == "template" else f"other {what}s") == {"terminal", "md", "html"}
    declared = Reviewed(folder, tmp_path, capsys, "--leave-out", "stale judgments of gpt-4")
    assert not [each for each in declared.unseen.values() if not each["declared"]]


def with_reference(row):
    asked, *rest = row["user_prompt"].split("|")
    return "|".join([asked, "an older reference", *rest])


def test_games_of_a_changed_answer_are_the_candidates(folder, tmp_path, capsys):
    write(folder / PAIR, [game(id, turn) for id in range(1, 5) for turn in (1, 2)])
    rewritten(folder, "b", {1})
    found = Reviewed(folder, tmp_path, capsys)
    assert "2 ratings judge other answers, 4 games judge other answers; left out" in found.terminal


def test_template_and_answer_are_both_told_where_both_changed(folder):
    prompts = rows_of(folder / "judge_prompts.jsonl")
    write(folder / "judge_prompts.jsonl", [{**row, "prompt_template": "X" + row["prompt_template"]} for row in prompts])
    rewritten(folder, "b", {1})
    assert rated(folder).changed == {"template": 6, "answer and template": 2}


def test_references_that_are_not_there_are_not_blamed(folder):
    names = {1: "single-math-v1", 2: "single-math-v1-multi-turn"}

    def with_references(row):
        asked = row["user_prompt"].split("|")
        asked[row["turn"] : row["turn"]] = ["ref 1", "ref 2"][: row["turn"]]
        return row | {"judge": ["gpt-4", names[row["turn"]]], "user_prompt": "|".join(asked)}

    changed(folder / SINGLE, with_references)
    rewritten(folder, "b", {1})
    assert (rated(folder).changed, rated(folder).lacking) == ({"answer": 2}, {"references": 6})


# --- rows about what nobody asks


@pytest.mark.parametrize("odd", [{"question_id": 99}, {"turn": 3}])
def test_rows_about_unknown_questions_or_turns_are_in_no_rating_and_block(folder, tmp_path, capsys, odd):
    rows = rows_of(folder / SINGLE)
    write(folder / SINGLE, [*rows, {**rating("b", 1, 1, score=1), **odd}])
    assert rated(folder).scopes[0].rating.value == 5
    assert rated(folder).changed == {"unknown question": 1}
    assert "b: 1 rows judge questions or turns that question.jsonl does not have" in told(folder)
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 12
    assert "b: 1 ratings judge questions or turns that question.jsonl does not have; left out" in found.terminal
    assert len(rows_of(tmp_path / "r/judge/gpt-4/ratings.jsonl")) == 16


def test_an_id_that_two_questions_have_is_named_and_blocks(folder, tmp_path, capsys):
    """The last is taken, as FastChat does; a copy of a row is none."""
    path = folder / "question.jsonl"
    write(path, [*rows_of(path), rows_of(path)[0]])
    assert Reviewed(folder, tmp_path / "copy", capsys).unseen == {}
    write(path, [{**rows_of(path)[0], "turns": ["Other", "More"]}, *rows_of(path)[:4]])
    cause = "question.jsonl, line 2: another question has the same id; the last is taken"
    assert cause in told(folder)
    found = Reviewed(folder, tmp_path, capsys)
    assert (found.code, found.unseen["question.jsonl"]["kind"]) == (12, "lines")
    assert found.faces(cause) == {"terminal", "md", "html"}


def test_a_row_without_a_turn_has_that_of_its_prompts_name(folder):
    changed(folder / SINGLE, lambda row: {name: said for name, said in row.items() if name != "turn"})
    assert rated(folder).freshness[Freshness.CURRENT] == 8
    assert "16 rows have no `turn`; the name of their prompt tells it." in told(folder)


# --- files that were not read


@pytest.mark.parametrize(
    "name",
    [
        *("model_judgment/gpt-q_single.jsonl.gz", "model_judgment/gpt-q_single.json", "model_judgment/g_single.JSONL"),
        *("model_judgment/gpt-q_pair.txt", "model_judgment/gpt-q.jsonl.bak", "model_judgment/votes.csv"),
        *(
            "model_judgement/gpt-q_single.jsonl",
            "old_judgments/x.jsonl",
            "elsewhere/x.jsonl",
            "elsewhere/deep/x.jsonl.gz",
        ),
    ],
)
def test_judgments_in_other_containers_and_folders_are_named_and_block(folder, tmp_path, capsys, name):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps(rating("b", 1, 1, score=1)).encode() + b"\n"
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    shown = name if name.startswith("model_judgment/") else f"{name.split('/')[0]}/"
    assert f"Not read: {shown}." in told(folder)
    found = Reviewed(folder, tmp_path, capsys)
    assert (found.code, found.unseen.keys()) == (12, {shown})
    assert Reviewed(folder, tmp_path / "declared", capsys, "--leave-out", shown).code == 11


@pytest.mark.parametrize(
    "name", ["model_judgment/._gpt-4_single.jsonl", "model_answer/.ipynb_checkpoints/a.jsonl", "model_judgment/n.md"]
)
def test_what_systems_and_editors_leave_is_listed_and_blocks_nothing(folder, tmp_path, capsys, name):
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"\x00\x05\x16\x07")
    found = Reviewed(folder, tmp_path, capsys)
    assert (found.code, found.unseen[name]["kind"]) == (11, "other")


@pytest.mark.parametrize("name", ["model_judgment/later.txt", "kept.log", "model_judgment/deep/gpt-4.old"])
def test_judgments_are_known_by_what_stands_in_a_file_whatever_its_name(folder, tmp_path, capsys, name):
    write(folder / name, [rating("b", 1, 1, score=1)])
    found = Reviewed(folder, tmp_path, capsys)
    assert (found.code, found.unseen[name]["kind"]) == (12, "file")
    assert found.faces("it holds judgments, and nothing in it is read") == {"terminal", "md", "html"}
    assert Reviewed(folder, tmp_path / "declared", capsys, "--leave-out", name).code == 11


def test_answers_that_were_written_again_and_further_choices_are_listed_in_every_face(folder, tmp_path, capsys):
    path = folder / "model_answer/b.jsonl"
    first, *rest = rows_of(path)
    earlier = {**first, "choices": [{"turns": ["x", "y"]}]}
    write(path, [earlier, {**first, "choices": [*first["choices"], {"index": 1, "turns": ["z", "z"]}]}, *rest])
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 11
    written = "b: 1 answers were written again: the last of a question is judged"
    assert found.faces(written) == {"terminal", "md", "html"}
    assert found.faces("1 further choices: FastChat judges the first of a question") == {"terminal", "md", "html"}
    assert "Other files, not read" not in found.terminal


def test_folders_of_ours_and_of_other_things_hold_no_judgments(folder, tmp_path, capsys):
    write(folder / "notes/x.jsonl", [{"question_id": 1, "text": "x"}])
    assert Reviewed(folder, folder / "runs", capsys).unseen == {}
    assert Reviewed(folder, folder / "runs", capsys).unseen == {}  # the runs beside it are ours


def test_a_link_to_nothing_is_named_and_passed_over(folder, tmp_path, capsys):
    (folder / "model_judgment/gpt-y_single.jsonl").symlink_to(tmp_path / "gone")
    assert "Not read: model_judgment/gpt-y_single.jsonl." in told(folder)
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 12
    assert "it is a link to a file that is not there" in found.terminal


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_an_import_says_the_encoding_of_judgments(folder, tmp_path, capsys, encoding):
    lines = "".join(json.dumps(row | {"note": "où"}, ensure_ascii=False) + "\n" for row in rows_of(folder / SINGLE))
    (folder / SINGLE).write_bytes(lines.encode(encoding))
    assert imported(folder, tmp_path / "none") == 12
    assert "not UTF-8: convert it" in capsys.readouterr().out
    write(folder / "model_judgment/gpt-5_single.jsonl", [rating(m, 1, t) for m in "ab" for t in (1, 2)])
    assert "not UTF-8: convert it" in Reviewed(folder, tmp_path, capsys).unseen[SINGLE]["cause"]


def test_lines_that_are_no_judgments_are_told_in_the_review(folder, tmp_path, capsys):
    path = folder / SINGLE
    path.write_text(path.read_text() + '{"question_id": 1, "model": "b"}\n')
    found = Reviewed(folder, tmp_path, capsys)
    assert found.code == 12
    cause = "1 lines are no judgments that can be read: gpt-4_single.jsonl, line 17: not a judgment of FastChat's"
    assert found.faces(cause) >= {"terminal", "md"}
    assert "(there is no judge)" in found.terminal
    assert "KeyError" not in found.terminal


# --- who is compared


@pytest.mark.parametrize(("whose", "other"), [("b", "a"), ("a", "b")])
def test_a_judge_of_one_side_alone_is_found_and_not_compared(folder, tmp_path, capsys, whose, other):
    """A judge's name in another version, under which one side has its worst ratings, must not go unsaid."""
    mine = [rating(whose, id, t, score=2) for id in range(1, 5) for t in (1, 2)]
    write(folder / SINGLE, [*rows_of(folder / SINGLE), *({**row, "judge": ["gpt-z", row["judge"][1]]} for row in mine)])
    found = Reviewed(folder, tmp_path / "no", capsys)
    cause = f"8 ratings of {whose}, and none of the same turns of {other}"
    assert (found.code, found.unseen["one-sided ratings of gpt-z"]["kind"]) == (12, "lines")
    assert found.faces(cause) == {"terminal", "md", "html"}
    declared = Reviewed(folder, tmp_path, capsys, "--leave-out", "one-sided ratings of gpt-z")
    assert (declared.code, declared.faces("Left out on purpose: one-sided ratings")) == (11, {"terminal", "md", "html"})


def test_a_baseline_that_was_compared_with_another_is_not_one_sided(folder, tmp_path, capsys):
    """And ratings of one side beside games of both are listed: the games compare them."""
    write(folder / PAIR, [game(id, turn) for id in range(1, 5) for turn in (1, 2)])
    write(folder / SINGLE, [row for row in rows_of(folder / SINGLE) if row["model"] == "b"])
    found = Reviewed(folder, tmp_path, capsys)
    assert found.unseen["one-sided ratings of gpt-4"]["kind"] == "beside"
    assert not [each for each in found.unseen.values() if each["kind"] != "beside"]


def test_a_model_does_not_replace_itself(folder, tmp_path, capsys):
    assert imported(folder, tmp_path, "--candidate", "a") == 64
    assert "a is the baseline: no model replaces itself." in capsys.readouterr().err


def test_one_judged_of_three_is_an_audit_whoever_is_called_the_baseline(folder, tmp_path, capsys):
    write(folder / "model_answer/c.jsonl", [answer("c", id) for id in range(1, 5)])
    write(folder / SINGLE, [row for row in rows_of(folder / SINGLE) if row["model"] == "b"])
    assert imported(folder, tmp_path) == 12
    assert "only b is judged here; a, c have answers and no judgments." in capsys.readouterr().out


def test_a_score_that_is_no_number_is_read_by_its_text(folder):
    changed(folder / SINGLE, lambda row: row | ({"score": float("nan")} if row["model"] == "b" else {}))
    assert (rated(folder).scopes[0].rating.value, rated(folder).unread) == (5, 8)
    assert rated(folder).fastchat.average is None


def test_words_from_files_cannot_render(folder, tmp_path, capsys):
    path = folder / "model_judgment/<b>_single.json"
    path.write_text("x")
    found = Reviewed(folder, tmp_path, capsys)
    assert "<b>" not in found.html
    assert markdown("<b>") in found.page
    assert text("b", 1, 1) not in found.page
