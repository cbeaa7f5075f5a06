"""FastChat's folders as people leave them: each fault tells its true cause, and what is fine comes in."""

import json

import pytest

from analysis.fastchat_audit.audit import audit
from analysis.fastchat_audit.stored import Freshness
from analysis.rendering.formats.audit import audit_markdown
from assay.cli import run
from assay.sources.fastchat_files import stored
from assay.sources.fastchat_folders import fastchat_folder
from ledger.config import read_config
from ledger.manifests import read_manifest
from tests.fastchat_rows import PROMPT_NAMES, answer, question, rating, sound_folder, template, text, write
from tests.house import MT_BENCH, rows_of

CASES = MT_BENCH.parent / "cases/fastchat"
needs_cases = pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
SINGLE, PAIR = "model_judgment/gpt-4_single.jsonl", "model_judgment/gpt-4_pair.jsonl"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    data = sound_folder(tmp_path / "data")
    (data / PAIR).unlink()
    return data


def audited(folder, **options):
    return audit(stored(fastchat_folder(folder, **options)), resamples=200)


def single(folder, **options):
    return next(file for file in audited(folder, **options).files if file.mode == "single")


def changed(folder, **options):
    return {model.model: model.changed for model in single(folder, **options).models}


def imported(folder, runs, *more):
    return run(["import", "fastchat", str(folder), "--review", "r", "--runs", str(runs), *more])


def report_of(folder, runs, capsys, *more):
    """Of a review made from the folder; what was printed is thrown away."""
    assert imported(folder, runs, *more) == 0
    run(["analyze", str(runs / "r/review.toml"), "--runs", str(runs)])
    capsys.readouterr()
    return json.loads((runs / "r/analysis/report.json").read_text())


def edited(path, place, **fields):
    rows = rows_of(path)
    rows[place] |= fields
    write(path, rows)


# --- true causes


def test_a_stale_row_says_what_changed(folder):
    edited(folder / "model_answer/a.jsonl", 0, choices=[{"index": 0, "turns": ["new", text("a", 1, 2)]}])
    edited(folder / "question.jsonl", 1, turns=["another q2?", "more?"])
    assert changed(folder) == {"a": {"answer": 2, "question": 2}, "b": {"question": 2}}
    told = audit_markdown(audited(folder))
    assert "a: 2 rows judge other answers, 2 other questions (mean " in told


def test_another_wording_of_the_prompt_is_told_as_one_and_not_as_other_answers(folder):
    prompts = rows_of(folder / "judge_prompts.jsonl")
    write(
        folder / "judge_prompts.jsonl",
        [{**row, "prompt_template": "Be strict. " + row["prompt_template"]} for row in prompts],
    )
    assert changed(folder) == {"a": {"template": 8}, "b": {"template": 8}}
    told = audit_markdown(audited(folder))
    assert "a: 8 rows judge by another template of the judge prompt (mean" in told
    assert "other answers" not in told


def test_a_prompt_of_a_name_that_no_judge_file_holds_tells_of_the_judge_file(folder):
    rows = [
        {**row, "judge": ["gpt-4", "my-prompt"], "user_prompt": "Mine: " + row["user_prompt"]}
        for row in rows_of(folder / SINGLE)
    ]
    write(folder / SINGLE, rows)
    assert changed(folder) == {"a": {"judge file": 8}, "b": {"judge file": 8}}


def references(folder, name, words):
    turns = [[f"{words}{id}", f"{words}{id} again"] for id in range(1, 5)]
    rows = [{**answer(name, id), "choices": [{"turns": turns[id - 1]}]} for id in range(1, 5)]
    write(folder / f"reference_answer/{name}.jsonl", rows)


def with_references(row, words):
    """The row as a judge of the reference prompts got it."""
    id, turn = row["question_id"], row["turn"]
    asked = [f"q{id}?", "more?"][:turn]
    shown = [f"{words}{id}", f"{words}{id} again"][:turn]
    answers = [text(row["model"], id, each) for each in range(1, turn + 1)]
    name = "single-math-v1" + ("-multi-turn" if turn == 2 else "")
    return {**row, "judge": ["gpt-4", name], "user_prompt": "|".join([*asked, *shown, *answers])}


def test_the_row_names_its_prompt_and_not_the_category_of_its_question(folder):
    """Writing and stem have no references in FastChat's rule; people give their own categories some."""
    write(folder / SINGLE, [with_references(row, "ref") for row in rows_of(folder / SINGLE)])
    references(folder, "gpt-4", "ref")
    assert [model.freshness[Freshness.CURRENT] for model in single(folder).models] == [8, 8]
    references(folder, "gpt-4", "other")
    assert changed(folder) == {"a": {"reference": 8}, "b": {"reference": 8}}


def test_without_any_references_the_rest_is_checked_and_nothing_is_called_stale(folder):
    write(folder / SINGLE, [with_references(row, "ref") for row in rows_of(folder / SINGLE)])
    found = single(folder).models[0]
    assert (found.freshness[Freshness.UNCHECKED], found.scopes[0].rating.n) == (8, 4)
    edited(folder / "model_answer/a.jsonl", 0, choices=[{"index": 0, "turns": ["new", "newer"]}])
    assert single(folder).models[0].freshness[Freshness.STALE] == 2


def test_judgments_by_two_sets_of_references_are_no_one_scale(folder):
    """Both sets render; the rows of the smaller part would be compared with those that had other references."""
    rows = [with_references(row, "old" if row["model"] == "a" else "new") for row in rows_of(folder / SINGLE)]
    references(folder, "gpt-4", "old")
    references(folder, "gpt-4-0125", "new")
    write(folder / SINGLE, rows[:-1])
    assert changed(folder) == {"a": {}, "b": {"reference": 7}}


def own_prompts(folder, name="judge_mine_prompts.jsonl", names=PROMPT_NAMES):
    rows = [{**template(each), "prompt_template": "Mine: " + template(each)["prompt_template"]} for each in names]
    write(folder / name, rows)


def judged_by_own(rows):
    return [{**row, "user_prompt": "Mine: " + row["user_prompt"]} for row in rows]


def test_every_judge_file_beside_the_data_is_tried_and_needs_only_the_prompts_in_use(folder):
    write(folder / SINGLE, judged_by_own(rows_of(folder / SINGLE)))
    assert single(folder).models[0].freshness[Freshness.STALE] == 8
    own_prompts(folder, names=["single-v1", "single-v1-multi-turn"])
    assert [model.freshness[Freshness.CURRENT] for model in single(folder).models] == [8, 8]
    named = audit_markdown(audited(folder))
    assert "judge_mine_prompts.jsonl: sha256" in named.replace("\\_", "_")


def test_judgments_by_two_judge_files_are_no_one_scale(folder):
    rows = rows_of(folder / SINGLE)
    own_prompts(folder)
    write(folder / SINGLE, [*rows[:9], *judged_by_own(rows[9:])])
    assert changed(folder) == {"a": {}, "b": {"judge file": 7}}


def test_a_judge_file_that_is_named_is_the_only_one(folder, tmp_path, capsys):
    own_prompts(folder, "elsewhere.jsonl")
    assert changed(folder, judge_file=folder / "elsewhere.jsonl") == {"a": {"template": 8}, "b": {"template": 8}}
    write(folder / SINGLE, judged_by_own(rows_of(folder / SINGLE)))
    named = ["--judge-file", str(folder / "elsewhere.jsonl")]
    assert run(["audit", str(folder), *named]) == 0
    assert "a: 8 of 8 stored prompts are rendered byte for byte" in capsys.readouterr().out
    assert imported(folder, tmp_path / "runs", *named) == 0
    assert "8 answers, 16 ratings" in capsys.readouterr().out


def test_what_a_judge_of_another_file_read_is_not_exported_as_the_official_prompt(folder, tmp_path, capsys):
    (tmp_path / "home/mt-bench").mkdir(parents=True)
    write(tmp_path / "home/mt-bench/judge_prompts.jsonl", rows_of(folder / "judge_prompts.jsonl"))
    write(folder / SINGLE, judged_by_own(rows_of(folder / SINGLE)))
    own_prompts(folder)
    runs = ["--runs", str(tmp_path / "runs")]
    assert imported(folder, tmp_path / "runs") == 0
    out = ["--out", str(tmp_path / "out")]
    assert run(["export", "fastchat", str(tmp_path / "runs/r/review.toml"), *out, *runs]) == 64
    assert "was judged by another prompt than the official one" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


# --- what is fine comes in


def renamed(folder, names):
    """The models of a sound folder by other names in judgments and answers."""
    for path in (folder / SINGLE, *(folder / "model_answer").glob("*.jsonl")):
        rows = [
            {key: names.get(said, said) if key in ("model", "model_id") else said for key, said in row.items()}
            for row in rows_of(path)
        ]
        write(path, rows)


@pytest.mark.parametrize("place", ["org__{}.jsonl", "org/{}.jsonl", "{}-2024.jsonl"])
def test_a_models_file_is_found_by_its_path_its_name_or_what_its_rows_say(folder, tmp_path, place):
    renamed(folder, {"a": "org/a", "b": "org/b"})
    for name in "ab":
        path = folder / "model_answer" / place.format(name)
        path.parent.mkdir(exist_ok=True)
        (folder / f"model_answer/{name}.jsonl").rename(path)
    assert [(model.model, model.freshness[Freshness.CURRENT]) for model in single(folder).models] == [
        ("org/a", 8),
        ("org/b", 8),
    ]
    assert imported(folder, tmp_path / "runs") == 0
    config = read_config(tmp_path / "runs/r/review.toml")
    assert [model.name for model in config.models] == ["org/a", "org/b"]


def test_a_name_that_rows_of_two_files_say_names_neither(folder):
    """People copy a file of answers and forget the id in its rows: FastChat's own name, the file's, goes first."""
    for name in "ab":
        path = folder / f"model_answer/{name}.jsonl"
        write(path, [{**row, "model_id": "a"} for row in rows_of(path)])
    assert [(model.model, model.freshness[Freshness.CURRENT]) for model in single(folder).models] == [
        ("a", 8),
        ("b", 8),
    ]


@pytest.mark.parametrize("spelled", [str, float, lambda id: f"{id}.0"])
def test_ids_are_texts_floats_or_whole_numbers(folder, spelled):
    write(folder / SINGLE, [{**row, "question_id": spelled(row["question_id"])} for row in rows_of(folder / SINGLE)])
    path = folder / "model_answer/a.jsonl"
    write(path, [{**row, "question_id": spelled(row["question_id"])} for row in rows_of(path)])
    assert [model.freshness[Freshness.CURRENT] for model in single(folder).models] == [8, 8]


def test_one_judged_model_of_two_is_an_audit_and_a_plain_sentence(folder, tmp_path, capsys):
    write(folder / SINGLE, [row for row in rows_of(folder / SINGLE) if row["model"] == "a"])
    assert imported(folder, tmp_path / "runs") == 12
    told = capsys.readouterr().out
    assert told.startswith("# Audit of data")
    assert "This is an audit, and no review was made" in told
    assert "only a is judged here; b has answers and no judgments." in told
    assert not (tmp_path / "runs").exists()


def test_a_model_that_nobody_judged_decides_nothing_and_is_named(folder, tmp_path, capsys):
    write(folder / "model_answer/0.jsonl", [answer("0", id) for id in range(1, 5)])  # the first by name
    report = report_of(folder, tmp_path, capsys)
    assert [model.name for model in read_config(tmp_path / "r/review.toml").models] == ["a", "b"]
    assert {"answers of 0"} == {each["name"] for each in report["unseen"] if each["kind"] == "other"}
    assert audited(folder).baseline == "a"
    for given, cause in ((["--candidate", "0"], "no judgments of '0'"), (["--baseline", "0"], "no judgments of '0'")):
        assert imported(folder, tmp_path / "no", *given) == 64
        assert cause in capsys.readouterr().err


def test_the_primary_judge_is_the_one_that_is_named_else_who_said_most(folder, tmp_path, capsys):
    rows = [{**row, "judge": ["a-judge", "single-v1"]} for row in rows_of(folder / SINGLE)]
    write(folder / "model_judgment/a-judge_single.jsonl", rows[:-2])
    assert imported(folder, tmp_path / "most") == 0
    assert [judge.name for judge in read_config(tmp_path / "most/r/review.toml").judge] == ["gpt-4", "a-judge"]
    assert imported(folder, tmp_path / "named", "--primary-judge", "a-judge") == 0
    assert [judge.name for judge in read_config(tmp_path / "named/r/review.toml").judge] == ["a-judge", "gpt-4"]
    assert imported(folder, tmp_path / "no", "--primary-judge", "nobody") == 64
    assert "there are no judgments by 'nobody'" in capsys.readouterr().err


def test_a_judge_of_other_models_is_named_and_stays_outside(folder, tmp_path, capsys):
    rows = [{**row, "judge": ["other", "single-v1"], "model": "c"} for row in rows_of(folder / SINGLE)[:1]]
    write(folder / "model_judgment/0_single.jsonl", rows)
    report = report_of(folder, tmp_path, capsys, "--leave-out", "c")
    assert [judge["name"] for judge in report["judges"]] == ["gpt-4"]
    assert "judgments of other" in {each["name"] for each in report["unseen"]}


def test_answers_whose_file_is_gone_are_read_out_of_the_prompts(folder, tmp_path, capsys):
    held = [row["choices"][0]["turns"] for row in rows_of(folder / "model_answer/a.jsonl")]
    (folder / "model_answer/a.jsonl").unlink()
    told = audit_markdown(audited(folder))
    assert "a: there is no file of answers; 4 answers are read out of the prompts that the judge was shown." in told
    assert imported(folder, tmp_path) == 0
    answers = rows_of(tmp_path / "r/generation/a/answers.jsonl")
    assert [[turn["text"] for turn in each["turns"]] for each in answers] == held
    assert read_manifest(tmp_path / "r/generation/a").origins[0].file == "a, out of stored prompts"


def test_nothing_is_read_out_of_a_prompt_that_may_mean_two_answers(folder):
    """A separator within the answer, and prompts that tell two answers: that question has none."""
    (folder / "model_answer/a.jsonl").unlink()
    rows = rows_of(folder / SINGLE)
    for row in rows:
        if row["model"] == "a" and row["question_id"] == 1:
            row["user_prompt"] = row["user_prompt"].replace("a11a11", "a|11")
        if (row["model"], row["question_id"], row["turn"]) == ("a", 2, 2):
            row["user_prompt"] = row["user_prompt"].replace("a21a21", "before")
    write(folder / SINGLE, rows)
    found = {model.name: model for model in audited(folder).models}["a"]
    assert {cell.question for cell in found.lengths} == {"1", "3", "4"}
    assert found.lengths.keys() >= {cell for cell in found.lengths if cell.question == "1" and cell.turn == 2}


def test_further_choices_are_counted_and_named(folder, tmp_path, capsys):
    choices = [{"index": 0, "turns": [text("a", 1, 1), text("a", 1, 2)]}, {"index": 1, "turns": ["x", "y"]}]
    edited(folder / "model_answer/a.jsonl", 0, choices=choices)
    assert "a: 1 further choices; FastChat judges the first of a question." in audit_markdown(audited(folder))
    report = report_of(folder, tmp_path, capsys)
    assert "choices of a" in {each["name"] for each in report["unseen"]}


# --- what is told


def test_files_that_were_not_read_are_named(folder):
    write(folder / "model_judgment/gpt-4_single-origin.jsonl", [rating("a", 1, 1)])
    (folder / "model_judgment/notes.txt").write_text("x")
    assert "Not read: model_judgment/gpt-4_single-origin.jsonl, model_judgment/notes.txt." in audit_markdown(
        audited(folder)
    ).replace("\\_", "_").replace("\\", "")


def test_equal_notes_are_one_with_a_count_and_three_examples(folder):
    write(folder / "model_answer/question.jsonl", [question(id) for id in range(300)])
    report = audited(folder)
    assert report.notes == ("question.jsonl, 300 lines (1, 2, 3 and 297 more): not an answer of FastChat's",)
    assert [model.name for model in report.models] == ["a", "b"]  # and no model is called question
    assert report.unread == ("model_answer/question.jsonl",)


def test_a_table_without_rows_is_not_printed(folder):
    assert "### Changes, paired by question" in audit_markdown(audited(folder))
    write(folder / SINGLE, [row for row in rows_of(folder / SINGLE) if row["model"] == "a"])
    assert "### Changes, paired by question" not in audit_markdown(audited(folder))


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
def test_a_file_in_another_encoding_says_so(folder, tmp_path, capsys, encoding):
    rows = [{**question(id), "turns": [f"où {id}?", "more?"]} for id in range(1, 5)]
    (folder / "question.jsonl").write_bytes(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode(encoding)
    )
    assert audited(folder).notes == ("question.jsonl: not UTF-8: convert it (iconv -t UTF-8)",)
    assert imported(folder, tmp_path / "runs") == 64
    assert "not UTF-8: convert it" in capsys.readouterr().err


# --- the shared cases, one fault each


def case_audit(name):
    return audit(stored(fastchat_folder(CASES / name)), resamples=200)


@needs_cases
def test_case_r2_a_retry_gives_full_coverage(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    small = case_audit("r2_retry").files[0].models[1]
    assert [(each.scored, each.planned) for each in small.coverage[:1]] == [(12, 12)]
    report = report_of(CASES / "r2_retry", tmp_path, capsys)
    change = report["judges"][0]["scores"][1]["scopes"][0]["change"]
    assert (change["value"], change["n"]) == (0, 6)
    assert run(["analyze", str(tmp_path / "r/review.toml"), "--runs", str(tmp_path)]) == 11


@needs_cases
def test_case_r2b_unequal_counts_never_weigh():
    base = case_audit("r2b_weights").files[0].models[0]
    assert base.scopes[0].rating.value == 6
    assert base.fastchat.average == 7.5


@needs_cases
@pytest.mark.parametrize(
    ("name", "causes"),
    [("r3_template", {"template": 12}), ("r4_judge_file", {}), ("r9_own_reference_category", {})],
)
def test_cases_r3_r4_r9_true_causes(name, causes, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    assert [model.changed for model in case_audit(name).files[0].models] == [causes, causes]


@needs_cases
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("r4_judge_file", 11),
        ("r5_slash", 11),
        ("r7_unjudged", 0),
        ("r9_own_reference_category", 11),
        ("r10_no_answers", 11),
    ],
)
def test_cases_r4_to_r10_are_reviews(name, code, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    assert imported(CASES / name, tmp_path) == 0
    assert run(["analyze", str(tmp_path / "r/review.toml"), "--runs", str(tmp_path)]) == code


@needs_cases
def test_case_r6_is_an_audit_and_a_sentence(tmp_path, capsys):
    assert imported(CASES / "r6_one_judged", tmp_path) == 12
    told = capsys.readouterr()
    assert "only base is judged here; small has answers and no judgments." in told.out
    assert "win_change" not in told.out + told.err


@needs_cases
def test_case_r11_three_hundred_notes_are_one():
    report = case_audit("r11_notes")
    assert report.notes == ("question.jsonl, 300 lines (1, 2, 3 and 297 more): not an answer of FastChat's",)
