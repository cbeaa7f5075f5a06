"""People's verdicts come in file by file: nothing is lost, nothing is chosen silently, every fault has its line."""

import json

import pytest

from assay.cli import run as assay
from assay.sources.labels import OTHER_QUESTIONS, OTHER_SAMPLES, OTHER_TURNS, Added, PassedOver, add_labels, labels
from ledger.config import ReviewConfig, config_from
from ledger.errors import BadRecord, ConfigError, ConflictingRecords, DuplicateKey, StoreLocked
from ledger.judgments import Winner
from ledger.records import Answer, AnswerTurn, Finish, Question
from ledger.runs import RunFolder
from ledger.store import write_lock

HEADER = "question,baseline,candidate,winner,rater,turn\n"
REVIEW = {"name": "r", "baseline": {"model": "base"}, "candidate": [{"model": "cand"}], "questions": {}}


def votes(path, *rows):
    path.write_text(HEADER + "".join(f"{question},base,cand,{winner},{rater},1\n" for question, winner, rater in rows))
    return path


def read(path):
    return list(labels(path, "base", ["cand"], {"81": "mt-bench", "82": "mt-bench"}))


def test_labels_as_fastchat_and_as_we_write_them(tmp_path):
    votes = tmp_path / "votes.jsonl"
    rows = [
        {
            "question_id": 81,
            "model_a": "cand",
            "model_b": "base",
            "winner": "model_a",
            "judge": ["expert", "x"],
            "turn": 2,
        },
        {"question_id": 82, "model_a": "base", "model_b": "cand", "winner": "tie (inconsistent)", "judge": "y"},
        {"question_id": 82, "model_a": "base", "model_b": "other", "winner": "model_a", "judge": "y", "turn": 1},
        {"question_id": 99, "model_a": "base", "model_b": "cand", "winner": "model_a", "judge": "y", "turn": 1},
    ]
    votes.write_text("\n".join(map(json.dumps, rows)))
    first, second, *others = read(votes)
    assert (first.winner, first.turn, first.rater, first.source) == (Winner.CANDIDATE, 2, "expert/x", "mt-bench")
    assert (second.winner, second.turn) == (Winner.TIE, 1)
    assert others == [PassedOver("base and other"), PassedOver(OTHER_QUESTIONS)]
    (tmp_path / "own.csv").write_text("question,baseline,candidate,winner,rater,turn\n81,base,cand,baseline,me,1\n")
    assert [(each.winner, each.rater) for each in read(tmp_path / "own.csv")] == [(Winner.BASELINE, "me")]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("{", "line 1: not JSON"),
        ("[1]", "not a JSON object"),
        ('{"question": "81", "baseline": "base", "candidate": "cand"}', "'winner': is missing"),
        ('{"question": "81", "baseline": "base", "candidate": "cand", "winner": "perhaps"}', "neither of the models"),
        ('{"question": "81", "baseline": "base", "candidate": "cand", "winner": "tie", "turn": "x"}', "'turn'"),
    ],
)
def test_a_label_that_cannot_be_understood_names_its_line(tmp_path, line, cause):
    (tmp_path / "l.jsonl").write_text(line)
    with pytest.raises(BadRecord, match=cause):
        read(tmp_path / "l.jsonl")


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "l.xlsx").write_text("")
    with pytest.raises(ConfigError, match=r"no \.jsonl, no \.json and no \.csv"):
        read(tmp_path / "l.xlsx")


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("81,base,cand,tie,me,-1", "line 2: field 'turn'"),
        ("81,base,cand,tie,me,0", "line 2: field 'turn'"),
        ("81,base,cand,tie,me,1.5", "line 2: field 'turn': '1.5' is no whole number"),
        ("81,base,cand,tie,m\xe9,1", "not UTF-8: convert it"),
    ],
)
def test_a_row_of_a_spreadsheet_that_cannot_be_understood_names_its_line(tmp_path, row, cause):
    (tmp_path / "l.csv").write_text(f"{HEADER}{row}\n", encoding="latin-1")
    with pytest.raises(BadRecord, match=cause):
        read(tmp_path / "l.csv")


def test_a_spreadsheets_byte_order_mark_is_no_part_of_its_header(tmp_path):
    (tmp_path / "l.csv").write_text(HEADER + "81,base,cand,tie,me,1\n", encoding="utf-8-sig")
    assert [label.winner for label in read(tmp_path / "l.csv")] == [Winner.TIE]


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl", "l.json"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_votes_in_another_encoding_say_so(tmp_path, name, encoding):
    text = "é" + (HEADER + "81,base,cand,tie,me,1\n" if name == "l.csv" else "[]")
    (tmp_path / name).write_text(text, encoding=encoding)
    with pytest.raises(BadRecord, match=r"not UTF-8: convert it \(iconv -t UTF-8\)"):
        read(tmp_path / name)


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_spreadsheets_own_delimiter_is_read(tmp_path, delimiter):
    text = HEADER + '81,base,cand,tie,"me, or you",1\n'
    (tmp_path / "l.csv").write_text(text.replace(",", delimiter).replace(f"{delimiter} or", ", or"))
    assert [(label.winner, label.rater) for label in read(tmp_path / "l.csv")] == [(Winner.TIE, "me, or you")]


def test_zeros_and_ones_alone_may_be_places_and_are_refused(tmp_path):
    with pytest.raises(BadRecord, match="is 0 and 1 alone"):
        read(votes(tmp_path / "l.csv", (81, 0, "me"), (82, 1, "me")))
    read(votes(tmp_path / "l.csv", (81, 0, "me"), (82, 1, "me"), (82, 2, "you")))


def test_two_votes_of_one_rater_that_contradict_each_other_are_named_with_both_lines(tmp_path):
    file = votes(tmp_path / "l.csv", (81, "tie", "me"), (82, "tie", "me"), (81, "base", "me"))
    with pytest.raises(DuplicateKey, match="line 2 and again on line 4"):
        read(file)


def won(path, first, second, winner):
    """Who wins by a line of FastChat's words; whichever of the two is not `base` is the candidate."""
    path.write_text(f"question,model_a,model_b,winner\n81,{first},{second},{winner}\n")
    rival = second if first == "base" else first
    return [label.winner for label in labels(path, "base", [rival], {"81": "s"})]


@pytest.mark.parametrize("name", ["b", "model_b", "tie", "BASE"])
def test_a_models_name_that_is_also_the_word_for_another_position_or_a_tie_is_refused(tmp_path, name):
    with pytest.raises(BadRecord, match="either of two; say baseline, candidate or tie"):
        won(tmp_path / "l.csv", name, "base", name)
    assert won(tmp_path / "l.csv", name, "base", "candidate") == [Winner.CANDIDATE]


def test_a_models_name_that_is_also_the_word_for_its_own_position_is_read(tmp_path):
    assert won(tmp_path / "l.csv", "base", "b", "b") == [Winner.CANDIDATE]


VOTE = {"question_id": 81, "model_a": "base", "model_b": "cand", "judge": "me", "turn": 1}
WINNERS = [
    *(("baseline", each) for each in (1, "1", 1.0, "A", "model_1", "model_a", "base", " Base ")),
    *(("candidate", each) for each in (2, "2", "2.0", "b", "model_2", "model_b", "cand", "CAND")),
    *(("tie", each) for each in ("tie", "C", "tie (inconsistent)", "tie (bothbad)", 0, "0", 0.0)),
]


@pytest.mark.parametrize(("winner", "word"), WINNERS)
def test_a_winner_is_named_by_its_place_its_role_or_its_label(tmp_path, winner, word):
    for file, text in (
        ("l.json", json.dumps([VOTE | {"winner": word}], indent=1)),
        ("l.jsonl", json.dumps(VOTE | {"winner": word})),
        ("l.csv", f"question_id,model_1,model_2,winner\n81.0,base,cand,{word}\n"),
    ):
        (tmp_path / file).write_text(text)
        assert [each.winner.value for each in read(tmp_path / file)] == [winner], file


@pytest.mark.parametrize("word", [3, "12", True, "either"])
def test_a_winner_that_is_nobodys_word_is_refused(tmp_path, word):
    (tmp_path / "l.json").write_text(json.dumps([VOTE | {"winner": word}]))
    with pytest.raises(BadRecord, match="neither of the models nor a tie"):
        read(tmp_path / "l.json")


def test_an_array_as_fastchats_compute_agreement_reads_it_is_read_whole_or_not_at_all(tmp_path):
    file = tmp_path / "votes.json"
    file.write_text("\ufeff" + json.dumps([VOTE | {"winner": "model_a"}, VOTE | {"winner": "tie", "judge": "you"}]))
    assert [(each.rater, each.winner) for each in read(file)] == [("me", Winner.BASELINE), ("you", Winner.TIE)]
    for text, cause in (
        (json.dumps([VOTE | {"winner": "tie"}, VOTE | {"winner": "x"}]), "entry 2 of the array: 'x' is neither"),
        (json.dumps([VOTE | {"winner": "tie"}, VOTE | {"winner": 1}]), "entries 1 and 2 of the array differ: key me/"),
        (json.dumps([VOTE | {"winner": "tie"}, 7]), "entry 2 of the array is not a JSON object"),
        ('[{"question_id": 81', "not JSON"),
        ('[{"turn": 1, "turn": 2}]', "stands twice"),
    ):
        file.write_text(text)
        with pytest.raises(BadRecord, match=cause):
            read(file)
    file.write_text("\n".join(json.dumps(VOTE | {"winner": each}) for each in ("tie", "x")))
    with pytest.raises(BadRecord, match=r"line 2: .*'x' is neither"):  # lines under the name of an array
        read(file)


def test_a_label_of_another_question_set_is_passed_over(tmp_path):
    file = tmp_path / "l.csv"
    file.write_text("question,baseline,candidate,winner,source\n81,base,cand,tie,other\n81,base,cand,tie,mt-bench\n")
    first, second = read(file)
    assert first == PassedOver(OTHER_QUESTIONS)
    assert second.source == "mt-bench"


@pytest.fixture
def answered(tmp_path) -> tuple[RunFolder, ReviewConfig]:
    """A run whose baseline answered two questions."""
    run = RunFolder(tmp_path / "r")
    turn = AnswerTurn(text="x", finish=Finish.STOP, prompt_tokens=1, completion_tokens=1, seed=1)
    asked = [Question(source="s", id=id, category="c", turns=("?",), temperature=0) for id in ("81", "82")]
    run.generation("base").answers.replace(
        Answer(model="base", sample=0, question=question, turns=(turn,)) for question in asked
    )
    return run, config_from(REVIEW, "review.toml")


def test_labels_of_an_earlier_file_stay_and_another_winner_is_refused(tmp_path, answered):
    run, config = answered
    first = votes(tmp_path / "a.csv", (81, "tie", "me"))
    second = votes(tmp_path / "b.csv", (81, "tie", "me"), (82, "base", "you"), (83, "base", "you"))
    assert add_labels(first, run, config) == Added(labels=1, new=1, repeated=0, passed_over={})
    assert add_labels(second, run, config) == Added(labels=2, new=1, repeated=1, passed_over={OTHER_QUESTIONS: 1})
    assert [label.rater for label in run.labels.records()] == ["me", "you"]
    other = votes(tmp_path / "c.csv", (82, "tie", "new"), (81, "cand", "me"))
    with pytest.raises(ConflictingRecords, match=r"labels\.jsonl: key me/base/cand/.*c\.csv"):
        add_labels(other, run, config)
    assert [label.rater for label in run.labels.records()] == ["me", "you"]


def test_a_vote_on_a_turn_that_its_question_does_not_have_is_passed_over(tmp_path, answered):
    run, config = answered
    file = tmp_path / "l.csv"
    file.write_text(f"{HEADER}81,base,cand,tie,me,1\n81,base,cand,tie,me,2\n")
    assert add_labels(file, run, config) == Added(labels=1, new=1, repeated=0, passed_over={OTHER_TURNS: 1})


def test_one_process_at_a_time_adds_labels(tmp_path, answered):
    run, config = answered
    with write_lock(run.path), pytest.raises(StoreLocked):
        add_labels(votes(tmp_path / "a.csv", (81, "tie", "me")), run, config)


def one_line(path, **fields):
    path.write_text(json.dumps({"question": "81", "turn": 1} | fields) + "\n")
    return list(labels(path, "a", ["b"], {"81": "s"}))


@pytest.mark.parametrize(
    ("winner", "expected"),
    [
        ("baseline", Winner.CANDIDATE),
        ("candidate", Winner.BASELINE),
        ("first", Winner.CANDIDATE),
        ("base", Winner.BASELINE),
    ],
)
def test_a_line_that_has_the_roles_the_other_way_is_read_by_its_own(tmp_path, winner, expected):
    """Its baseline is this review's candidate, and "baseline" is that model's word there."""
    path = tmp_path / "v.jsonl"
    made = {"question": "81", "turn": 1, "baseline": "cand", "candidate": "base", "winner": winner}
    path.write_text(json.dumps(made) + "\n")
    (label,) = read(path)
    assert (label.baseline, label.candidate, label.winner) == ("base", "cand", expected)


def test_a_line_that_names_other_models_in_two_ways_is_refused(tmp_path):
    with pytest.raises(BadRecord, match="is 'c', and the line is about a and b"):
        one_line(tmp_path / "v.jsonl", baseline="a", candidate="b", model_a="c", winner="tie")


def test_a_vote_on_a_sample_that_nobody_wrote_is_passed_over(tmp_path, answered):
    run, config = answered
    row = {"question": "81", "turn": 1, "baseline": "base", "candidate": "cand", "winner": "tie"}
    file = tmp_path / "v.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in (row, row | {"sample": 3})))
    assert add_labels(file, run, config) == Added(labels=1, new=1, repeated=0, passed_over={OTHER_SAMPLES: 1})


@pytest.mark.parametrize("name", ["l.csv", "l.jsonl", "l.json"])
def test_a_file_of_which_nothing_comes_in_ends_with_an_error(tmp_path, answered, capsys, name):
    """Nobody should read 'done' where a label was misspelled, or the export of the votes was empty."""
    config = tmp_path / "review.toml"
    config.write_text('name = "r"\n[baseline]\nmodel = "base"\n[[candidate]]\nmodel = "cand"\n[questions]\n')
    given = ["import", "labels", str(tmp_path / name), "--config", str(config), "--runs", str(tmp_path)]
    rows = [VOTE | {"model_b": "candy", "winner": 1}, VOTE | {"question_id": 999, "winner": 1}]
    cells = "question_id,model_a,model_b,winner\n"
    empty = {"l.csv": cells, "l.jsonl": "", "l.json": "[]"}[name]
    passed = {
        "l.csv": f"{cells}81,base,candy,1\n999,base,cand,1\n",
        "l.jsonl": "\n".join(map(json.dumps, rows)),
        "l.json": json.dumps(rows),
    }[name]
    for text, cause in ((empty, "there are no votes in it"), (passed, "nothing came in: no line is about")):
        (tmp_path / name).write_text(text)
        assert assay(given) == 64
        assert cause in (told := capsys.readouterr()).err
        assert (text == empty) or "1 lines are passed over: they are about base and candy" in told.out
