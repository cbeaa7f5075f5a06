"""Thoughts of models under test: measured apart from what a user sees, and shown to no judge and in no next turn."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.evidence.run_evidence import read_evidence
from analysis.fastchat_audit.audit import audit
from analysis.rendering.figures.catalog import figures_by_section
from analysis.rendering.formats.audit import audit_markdown
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.markdown import report_markdown
from analysis.rendering.formats.page import Shown, report_html
from analysis.rendering.sentences.clauses import clauses
from analysis.rendering.tables.first_screen import panels
from analysis.rendering.tables.writing import likeness_table, writing_lines, writing_table
from analysis.review.changed_solutions import NONE_CHANGED
from analysis.review.exhibits import exhibits
from analysis.statistics.causes import Kind
from analysis.statistics.cells import Cell
from analysis.writing.degradation import WrittenTurn, degradation_values
from analysis.writing.paired_writing import side_by_side, writing_reports
from analysis.writing.thoughts import THOUGHTS, thought_values
from assay.sources.fastchat_files import stored
from assay.sources.fastchat_folders import fastchat_folder
from assay.sources.fastchat_reviews import fastchat_review
from judge.exam import exam_plan, exam_tasks
from judge.plan import Planner, answers_by_key
from judge.prompt_sets import assay_prompts
from ledger.judgments import Mode
from ledger.measures import measure_of, measures_in
from ledger.records import AnswerTurn, Finish
from ledger.thinking import MARKS, split_stored
from tests.fake_judge_server import answer as judged_answer
from tests.fastchat_rows import answer as fastchat_row
from tests.fastchat_rows import sound_folder, write
from tests.house import JUDGE_PROMPTS
from tests.run_folder import Folder, config, whole
from tests.test_paired_writing import DRAWS, LOOP, prose

DIVERGENT, WORSE = {"thoughts", "thought_characters"}, {"thought_loops", "thought_unclosed"}
SECRET = "the reader must not see this thought"


def thinking(thoughts: list[str | None], texts: list[str] | None = None) -> dict:
    """Turns with these thoughts, two a question."""
    told = texts or [prose(i) for i in range(len(thoughts))]
    return {
        Cell("s", f"q{i // 2:03}", 0, 1 + i % 2, 0): WrittenTurn(text, ("Write.",), Finish.STOP, thought)
        for i, (thought, text) in enumerate(zip(thoughts, told, strict=True))
    }


def reports(before: dict, **rivals: dict):
    def signs(turns):
        return {**degradation_values(turns.items()), **thought_values(turns.items())}

    def texts(turns):
        return {cell: turn.text for cell, turn in turns.items()}

    sides = [
        side_by_side(
            name,
            name if name == "control" else "candidate",
            (texts(before), texts(after)),
            (signs(before), signs(after)),
        )
        for name, after in rivals.items()
    ]
    return {each.model: each for each in writing_reports(sides, sorted(before), DRAWS)}


@pytest.mark.parametrize(
    ("thought", "text", "found"),
    [
        (None, "four", (0, 0, 0, 0)),
        (None, LOOP, (0, 0, 0, 0)),
        ("hm", "four", (1, 2, 0, 0)),
        ("", "four", (1, 0, 0, 0)),
        (LOOP, "four", (1, len(LOOP), 1, 0)),
        ("so, let me see", " ", (1, 14, 0, 1)),
        (None, "", (0, 0, 0, 0)),
    ],
)
def test_the_thoughts_of_a_turn_by_hand(thought, text, found):
    turn = WrittenTurn(text, ("Write.",), Finish.STOP, thought)
    assert tuple(of(turn) for of in THOUGHTS.values()) == found


def test_more_thought_is_different_and_looping_or_endless_thought_is_worse():
    assert {name for name in THOUGHTS if measure_of(name).kind == "divergence"} == DIVERGENT
    assert {name for name in THOUGHTS if measure_of(name).kind == "degradation"} == WORSE
    assert set(measures_in("limit")) >= WORSE
    assert not {*measures_in("limit")} & DIVERGENT


def test_where_neither_side_thinks_nothing_of_thoughts_is_measured():
    still, thinks = thinking([None] * 20), thinking(["hm"] * 20)
    found = reports(still, w8=still, w4=thinks, control=still)
    assert not THOUGHTS.keys() & {row.measure for row in found["w8"].rows}
    assert {row.measure for row in found["w4"].rows} >= THOUGHTS.keys()
    assert found["w8"].find("thoughts") is None
    with pytest.raises(KeyError):
        found["w8"].row("thoughts")
    tables = writing_table([*found.values()], "bf16"), likeness_table([*found.values()])
    rows = [row for table in tables for row in table.rows if row[2] in {measure_of(name).label for name in THOUGHTS}]
    assert {row[0] for row in rows} == {"w4"}
    assert len(rows) == len(THOUGHTS)


def test_a_turn_in_which_one_side_alone_thought_is_a_difference_and_no_gap():
    before = thinking(["a thought of 24 letters!"] * 80)
    after = thinking(["a thought of 24 letters!" if i < 20 else None for i in range(80)])
    found = reports(before, w4=after)["w4"]
    for name in THOUGHTS:
        assert (found.row(name).turns, found.row(name).estimate.n) == (80, 40)
        assert not found.row(name).estimate.left_out
    row = found.row("thoughts")
    assert (row.baseline, row.model, row.estimate.value, row.seen) == (1, 0.25, -0.75, True)
    row = found.row("thought_characters")
    assert (row.baseline, row.model, row.estimate.value) == (24, 6, -18)
    lines = list(writing_lines([found]))
    assert "No sign of degradation is shown beyond chance." in lines
    assert (
        "Different is not worse, but w4 thinks in 20 of 80 turns, the baseline in 80; "
        "w4: 6 characters of thought a turn, the baseline 24." in lines
    )
    cells = {row[2]: row[3] for row in likeness_table([found]).rows}
    assert cells["thoughts"].startswith("20 of 80, baseline 80; −75.0 pp [")
    assert cells["characters of thought"].startswith("6, baseline 24; −18 characters [")
    assert cells["similarity"].startswith("100.0 %")


SOME = st.sampled_from([None, "", "hm", LOOP, prose(3)])


@given(st.lists(st.tuples(SOME, SOME), min_size=4, max_size=12))
@settings(max_examples=40, deadline=None)
def test_swapping_the_models_negates_changes_of_thought(pairs):
    one, other = (thinking([pair[i] for pair in pairs]) for i in (0, 1))
    there, back = reports(one, w=other)["w"], reports(other, w=one)["w"]
    assert [row.measure for row in there.rows] == [row.measure for row in back.rows]
    for name in THOUGHTS.keys() & {row.measure for row in there.rows}:
        row, turned = there.row(name), back.row(name)
        if row.estimate.value is None:
            assert turned.estimate.value is None
        else:
            assert (row.estimate.value, row.p) == (pytest.approx(-turned.estimate.value), turned.p)


@given(st.lists(st.one_of(st.none(), st.text(max_size=30), st.just(LOOP)), min_size=6, max_size=6))
@settings(max_examples=30, deadline=None)
def test_what_a_user_sees_is_measured_the_same_whatever_was_thought(thoughts):
    before = thinking([None] * 6)
    plain, thought = reports(before, w=before)["w"], reports(before, w=thinking(thoughts))["w"]
    for row in plain.rows:
        other = thought.row(row.measure)
        assert (other.turns, other.baseline, other.model, other.p) == (row.turns, row.baseline, row.model, row.p)
        assert other.estimate == row.estimate


def thought_of(folder: Folder, model: str, thought, text=None) -> None:
    """The model's answers with these thoughts, and another text where one is given."""
    store = folder.run.generation(model).answers
    store.replace(
        [
            each.model_copy(
                update={
                    "turns": tuple(
                        AnswerTurn(
                            **(
                                dict(turn)
                                | {"thinking": thought(int(each.question.id[1:]) * 2 + place)}
                                | ({"text": text(int(each.question.id[1:]) * 2 + place)} if text else {})
                            )
                        )
                        for place, turn in enumerate(each.turns)
                    )
                }
            )
            for each in list(store.records())
        ]
    )


def reviewed(path, limits=None, thinks=True) -> Folder:
    """Forty questions of two turns; everybody thinks, w4 in loops, and in every fourth turn of w4 no answer follows."""
    made = whole(path, config(judge=False, margin=0.1, limits=limits or {}))
    for name in made.names if thinks else ():
        thought_of(made, name, lambda i: f"{SECRET} {prose(i)}", prose)
    if thinks:
        thought_of(made, "w4", lambda i: LOOP if i % 2 else "hm", lambda i: "" if i % 4 == 0 else prose(i))
    return made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return reviewed(tmp_path_factory.mktemp("r"))


def test_every_face_of_a_report_tells_of_thoughts(folder):
    report = folder.report()
    said = "w4 repeats itself in its thoughts in 40 of 80 turns, the baseline in 0."
    assert said in next(each for each in panels(report) if each.id == "writes").lines
    assert said in report_markdown(report)
    assert "w4 never gets from its thoughts to an answer in 20 of 80 turns, the baseline in 0." in [
        *writing_lines(report.writing)
    ]
    assert not report.writing[1].row("loops").seen
    rows = {row["measure"]: row for row in json.loads(report_json(report))["writing"][1]["rows"]}
    assert (rows["thought_loops"]["model"], rows["thought_unclosed"]["model"]) == (0.5, 0.25)
    (figure,) = figures_by_section(report)["writing"]
    assert "w4, loops in thoughts" in [row.label for row in figure.rows]
    assert not any("characters of thought" in row.label for row in figure.rows)


def test_the_browser_of_answers_filters_by_thoughts_where_there_are_any(folder, tmp_path):
    found = exhibits(read_evidence(folder.config, folder.run))
    assert (found.counts["thought_loops"], found.counts["thought_unclosed"]) == (40, 20)
    assert found.rows[0].model == "w4"
    assert "thoughts" not in found.counts
    page = report_html(folder.report(), Shown(found, (), NONE_CHANGED))
    assert '<option value="thought_loops"' in page
    assert SECRET not in page
    still = reviewed(tmp_path, thinks=False)
    other = report_html(still.report(), Shown(exhibits(read_evidence(still.config, still.run)), (), NONE_CHANGED))
    assert "thought_loops" not in other.partition("Candidate <select")[0].rpartition("filter-show")[2]
    assert "loops in thoughts" not in other


@pytest.mark.parametrize(("thinks", "kind"), [(True, Kind.LIMIT_OVER), (False, Kind.LIMIT_UNFIT)])
def test_limits_on_thoughts_hold_and_break_and_are_not_measured_where_nobody_thinks(tmp_path, thinks, kind):
    report = reviewed(tmp_path, {"thought_loops": 0.1}, thinks=thinks).report()
    decision = next(each for each in report.decisions if each.candidate == "w4")
    limit = decision.limits[0]
    if thinks:
        assert limit.estimate.lower_bounds[0] > 0.1
        assert any(cause.kind is kind for cause in decision.causes)
    else:
        assert "neither w4 nor the baseline wrote any thoughts" in clauses(limit.unfit)


def test_equal_texts_do_not_excuse_thoughts_that_loop(tmp_path):
    """What a user sees is the baseline's to the last byte, and that is allowed; the thoughts before it are not."""
    rules = {"margin": 0.3, "identical": "allowed", "limits": {"thought_loops": 0.05}}
    made = whole(tmp_path, config(("w8",), judge=False, **rules))
    for name in made.names:
        thought_of(made, name, {"w8": lambda place: LOOP}.get(name, lambda place: "hm"), prose)
    (decision,) = made.report().decisions
    assert (decision.word, decision.limits[0].estimate.identical) == ("HOLD", False)
    thought_of(made, "w8", lambda place: "hm")
    (decision,) = made.report().decisions
    assert (decision.word, decision.limits[0].estimate.identical) == ("SHIP", True)


def marked(text: str, place: int) -> str:
    opening, closing = MARKS[place % len(MARKS)]
    return f"{opening}\n{SECRET}\n{closing}\n\n{text}"


def thinking_folder(path):
    """FastChat's files of two models; b's texts hold thoughts, by every mark; the first lacks its opening one."""
    data = sound_folder(path)
    rows = [fastchat_row("b", id) for id in range(1, 5)]
    for place, row in enumerate(rows):
        turns = row["choices"][0]["turns"]
        row["choices"][0]["turns"] = [marked(turns[0], 2 * place), marked(turns[1], 2 * place + 1)]
    first = rows[0]["choices"][0]["turns"]
    first[0] = first[0].removeprefix(MARKS[0][0])
    write(data / "model_answer/b.jsonl", rows)
    return data


def test_thoughts_in_the_texts_of_stored_answers_are_told_by_the_one_list_of_marks(tmp_path):
    plain = audit(stored(fastchat_folder(sound_folder(tmp_path / "plain"))), resamples=200)
    found = audit(stored(fastchat_folder(thinking_folder(tmp_path / "data"))), resamples=200)
    (before,), (after,) = plain.writing[1], found.writing[1]
    assert not THOUGHTS.keys() & {row.measure for row in before.rows}
    assert after.row("thoughts").model == 1
    assert after.row("thought_characters").model == len(SECRET)
    assert after.row("thought_unclosed").model == 0
    for row in before.rows:
        other = after.row(row.measure)
        assert (other.estimate.value, other.model) == (row.estimate.value, row.model), row.measure
    told = audit_markdown(found)
    assert "| b | candidate | characters of thought | 36, baseline 0; " in told
    assert "loops in thoughts" not in audit_markdown(plain)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"<think>{SECRET}", (SECRET, "")),
        (f"{SECRET}\n</think>\n\nfour", (SECRET, "four")),
        ("four", (None, "four")),
        ("The mark </think> closes it.", (None, "The mark </think> closes it.")),
    ],
)
def test_stored_texts_are_split_with_and_without_the_opening_mark(text, told):
    assert split_stored(text) == told


def test_imported_answers_keep_thoughts_apart_from_what_a_judge_reads(tmp_path):
    held = fastchat_review(fastchat_folder(thinking_folder(tmp_path / "data")), "a", ("b",)).models["b"]
    turns = [turn for each in held.answers for turn in each.turns]
    assert {turn.thinking for turn in turns} == {SECRET}
    assert not any(SECRET in turn.text or ">" in turn.text for turn in turns)


def test_no_judge_reads_a_thought():
    """In ratings, games and the exam, of both turns."""

    def thought(name):
        written = [judged_answer(name, q, f"{prose(1)} A {name}. Two. Six. Ten. Old. New.", "more") for q in "pq"]
        turned = [tuple(turn.model_copy(update={"thinking": SECRET}) for turn in each.turns) for each in written]
        pairs = zip(written, turned, strict=True)
        return answers_by_key(each.model_copy(update={"turns": turns}) for each, turns in pairs)

    models, prompts = {name: thought(name) for name in ("base", "cand")}, assay_prompts(JUDGE_PROMPTS)
    plan, tasks = Planner("j", prompts, models, 1), exam_tasks(models["base"], 2, 1)
    asks = [each.ask for each in (*plan.ratings(), *plan.games([("base", "cand")])) if each.ask]
    marks = [ask for mark in exam_plan(tasks, (Mode.SINGLE, Mode.PAIR), "j", prompts) for ask in mark.asks]
    assert len(asks) > 8
    assert len(marks) > 8
    for found in (asks, marks):
        read = [message["content"] for ask in found for message in ask.messages()]
        assert any("A base." in text for text in read)
        assert not any(SECRET in text for text in read)
