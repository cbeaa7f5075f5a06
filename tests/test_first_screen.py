"""The page's first screen: a row per candidate, five places, nothing twice, one sentence where nothing was measured."""

import re
from dataclasses import replace

import pytest

from analysis.decision.gate_words import Word
from analysis.decision.task_states import State
from analysis.rendering.figures.forests import primary_forest
from analysis.rendering.figures.row_charts import row_drawing
from analysis.rendering.formats.labels import shortened, shortened_apart
from analysis.rendering.formats.markdown import MOST_CHARACTERS, report_markdown, short_line
from analysis.rendering.formats.page import report_html
from analysis.rendering.tables.evidence import exam_mark
from analysis.rendering.tables.first_screen import asked, headline, panels
from analysis.rendering.tables.review import Table, choice_warnings, judge_warnings, warnings
from analysis.rendering.tables.sections import sections, silence
from analysis.rendering.tables.tasks import task_line
from analysis.statistics.causes import Cause, Kind
from ledger.decision_config import TaskRole
from tests.log_folders import damaged, lines, pair, pattern
from tests.review_factory import Factory
from tests.run_folder import build_report, config, whole
from tests.test_analysis_formats import FIVE, hopeless, texts, told


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """Five candidates with different words, three judges, two tasks."""
    made = Factory(tmp_path_factory.mktemp("made") / "r", questions=24, items=200, words=20)
    return build_report(made.config, made.write(), "2026-11-25T12:00:00+00:00")


def first_screen(page):
    return page[: page.index("<nav ")]


def panel(report, name):
    return next(each for each in panels(report) if each.id == name)


def test_one_word_stands_for_all_only_where_all_have_it(report, tmp_path):
    words = [each.word for each in report.decisions]
    assert len(set(words)) > 1
    counts = [f"{words.count(word)} {word}" for word in (Word.HOLD, Word.UNFIT, Word.INCONCLUSIVE, Word.SHIP)]
    assert headline(report) == ", ".join(count for count in counts if not count.startswith("0"))
    assert f'class="banner mixed">\n<p class="word">{headline(report)}</p>' in report_html(report)
    assert report_markdown(report).startswith(f"## {headline(report)}: ")
    alone = whole(tmp_path, config(("w8",), margin=1.0)).report()
    assert headline(alone) == "● SHIP"
    assert 'class="banner ship">\n<p class="word">● SHIP</p>' in report_html(alone)


def test_every_candidate_has_a_row_whose_interval_is_that_of_the_figure(report):
    screen = first_screen(report_html(report))
    (chart,) = primary_forest(report)
    drawn = row_drawing(chart)
    margin = next(line.place for line, _ in drawn.lines if line.text == "margin")
    rows = re.findall(r'<li>.*?</li>|<li class="floor">.*?</li>', screen[: screen.index("</ul>")], re.S)
    assert len(rows) == len(report.decisions) + 1
    for row, each in zip(rows, drawn.rows, strict=True):
        assert f'd="M{each.low} {each.middle}H{each.high}"' in row
        assert f'cx="{each.value}"' in row
        assert f'd="M{margin} ' in row
        assert each.row.description.split(" [")[0] in row
    assert "noise floor" in rows[-1]


def test_the_figure_of_the_rows_is_not_drawn_twice_and_is_a_file_still(report):
    page = report_html(report)
    (chart,) = primary_forest(report)
    assert chart.title not in page
    decision = next(part for part in sections(report) if part.id == "decision")
    assert "<figure>" not in page[page.index('<section id="decision">') : page.index('<section id="writing">')]
    assert decision.tables


def test_digests_and_dates_stand_at_the_foot_alone(report):
    page = report_html(report)
    for text in (report.config_digest, report.made_at):
        assert text not in first_screen(page)
        assert text in page[page.index("<footer>") :]
    assert asked(report) in told(report)


def test_the_places_stand_in_their_order_with_a_link_to_the_rest(report):
    screen = first_screen(report_html(report))
    titles = ["Tasks", "What it writes", "What the judge may say", "What was not looked at"]
    places = [screen.index(f">{title}</a></h2>") for title in titles]
    assert places == sorted(places)
    assert places[-1] < screen.index('class="strip"')
    assert {each.target for each in panels(report)} <= {section.id for section in sections(report)}


def test_no_task_hides_from_the_first_screen(report):
    states = panel(report, "tasks")
    names = {task.task for each in report.decisions for task in each.tasks}
    said = [row.task for row in states.states.rows] + [name for line in states.lines for name in names if name in line]
    assert names <= set(said)
    (first, *_), decision = states.states.rows, report.decisions[0]
    task = next(each for each in decision.tasks if each.task == first.task)
    assert first.cells[0].text.split()[1] == task.state.value
    cleared = tuple(
        replace(each, tasks=tuple(replace(task, state=State.CLEARED) for task in each.tasks))
        for each in report.decisions
    )
    all_clear = panel(report.model_copy(update={"decisions": cleared}), "tasks")
    assert all_clear.states is None
    assert f"Cleared by every candidate: {', '.join(sorted(names))}." in all_clear.lines


def test_a_baseline_that_guesses_says_so_in_its_cell(report):
    guessed = tuple(
        replace(
            each, tasks=tuple(replace(task, state=State.OPEN, beats_chance=False, unfit=None) for task in each.tasks)
        )
        for each in report.decisions
    )
    rows = panel(report.model_copy(update={"decisions": guessed}), "tasks").states.rows
    assert all("open, baseline guesses" in cell.text for row in rows for cell in row.cells)


def test_long_names_keep_both_ends_and_are_whole_on_hover(tmp_path):
    name = "meta-llama--Llama-2-13b-chat-hf-quantized.w4a16"
    page = report_html(whole(tmp_path, config((name, "w4"), margin=0.01)).report())
    assert f'title="{name}">{shortened(name, 20)}</th>' in page.replace("<wbr>", "")
    assert re.fullmatch(r"meta-llama….*w4a16", shortened(name, 20))


def test_a_judge_s_place_says_whether_its_word_counts_and_its_mark_once(report, tmp_path):
    lines = panel(report, "judge").lines
    assert [line.endswith("its word counts.") for line in lines] == [True] * len(report.judges)
    screen = told(report)[: told(report).index("<nav ")]
    assert screen.count(exam_mark(report.judges[0])) == len(report.judges)
    assert "exam of" not in screen
    weak = hopeless(tmp_path)
    assert panel(weak, "judge").lines == ()
    assert panel(weak, "judge").warnings == judge_warnings(weak)
    assert warnings(weak) == (*judge_warnings(weak), *choice_warnings(weak))
    assert panel(weak, "writes").lines[0] == "No judgment of a pair of answers is there."


def test_what_nothing_measured_is_a_sentence_and_no_table(tmp_path):
    weak = hopeless(tmp_path)
    page = told(weak)
    silent = [sentence for part in sections(weak) for table in part.tables if (sentence := silence(table))]
    assert len(silent) >= 5
    assert all(f'<p class="silent">{sentence}</p>' in page for sentence in silent)
    scores = next(sentence for sentence in silent if sentence.startswith("Scores by judge"))
    assert scores.endswith("not measured (n 0, needs 2).")
    assert "rating_change was not measured for any candidate" in page
    assert '<svg class="mark"' not in page
    assert len(re.findall(r'<li class="undrawn">', page)) == len(FIVE)


def test_a_table_with_one_number_is_shown():
    rows = (("w8", "not measured (n 0, needs 2)", "—"), ("w4", "not measured (n 1, needs 2)", "0"))
    table = Table("x", "Scores", "", ("model", "rating", "p"), rows)
    assert silence(table) == "Scores: not measured (n 0, needs 2); (n 1, needs 2)."
    third = replace(table, rows=(*rows, ("w2", "not measured (n 3, needs 4)", "—")))
    assert silence(third) == "Scores: not measured (n 0, needs 2); (n 1, needs 2); and 1 more."
    assert silence(replace(table, rows=(*rows, ("w2", "3.00", "—")))) is None
    assert silence(replace(table, rows=())) == "Scores: not measured, nothing in this review measures it."
    assert silence(replace(table, rows=(("w8", "—", "—"),))) is None


def test_without_judge_questions_and_tasks_each_place_is_a_sentence(tmp_path):
    picked = whole(tmp_path, config(("w8", "w4"), margin=0.05, judge=False, questions=False, primary="accuracy_change"))
    report = picked.report()
    assert panel(report, "judge").lines == ("No judge: nobody says which answers are better.",)
    assert panel(report, "writes").lines == ("No model was asked to write.",)


def with_tasks(report, **changes):
    """The same report with every task of every candidate changed."""
    decided = [replace(each, tasks=tuple(replace(task, **changes) for task in each.tasks)) for each in report.decisions]
    return report.model_copy(update={"decisions": tuple(decided)})


def test_every_one_of_many_candidates_is_a_column_of_tasks(report):
    many = tuple(replace(report.decisions[i % 5], candidate=f"org/model-{i:02}-quantized-w4a16") for i in range(12))
    states = panel(report.model_copy(update={"decisions": many}), "tasks").states
    assert sorted(states.candidates) == [each.candidate for each in many]
    assert all(len(row.cells) == 12 for row in states.rows)
    for place, name in enumerate(states.candidates):
        decision = next(each for each in many if each.candidate == name)
        assert [row.cells[place].text.split()[1] for row in states.rows] == [task.state for task in decision.tasks]
    labels = shortened_apart(states.candidates, 12)
    assert len(set(labels.values())) == 12
    assert not any(line.startswith("Tasks of") for line in panel(report, "tasks").lines)


def test_what_is_asked_of_a_cleared_task_is_said_where_it_is_not_the_usual(report):
    usual = with_tasks(report, state=State.CLEARED, why=None)
    name = usual.decisions[0].tasks[0].task
    assert f"Cleared by every candidate: {name}, " in panel(usual, "tasks").lines[0]
    asked_more = with_tasks(usual, role=TaskRole.PROVES, threshold=-0.01, expected=0.7)
    notes = f"{name} (must be cleared, margin 1.0 pp, expected 70.0 %)"
    assert notes in panel(asked_more, "tasks").lines[0]
    assert notes in task_line(asked_more.decisions[0], asked_more.task_margin)
    shown = with_tasks(report, role=TaskRole.SHOWN, state=State.OPEN)
    assert panel(shown, "tasks").states.rows[0].notes == "shown alone"


@pytest.mark.parametrize("beside", [0, 2000])
def test_no_interval_stands_twice_on_the_first_screen_of_a_hold(compared, tmp_path, beside):
    rights = {"hard": pattern("hard", 600), **({"easy": pattern("easy", beside)} if beside else {})}
    after = {task: damaged(right, 0.2) if task == "hard" else right for task, right in rights.items()}
    before, after = (
        {task: lines(task, right, noise) for task, right in held.items()}
        for held, noise in ((rights, 0.0), (after, 0.01))
    )
    made = compared(*pair(tmp_path, before, after))
    assert made.code == 10
    screen = re.sub(r"<[^>]*>", " ", first_screen(made.files["report.html"]))
    intervals = re.findall(r"\[[−+\d.,\s]+\]", screen)
    assert len(intervals) == len(set(intervals)) == (2 if beside else 1)
    assert "hard lost more than the margin" in screen
    assert "■\u00a0HOLD" in screen


def test_limits_have_a_column_wherever_they_are_declared(report):
    (name, most), *_ = report.limits
    title = f"{name} (limit {100 * most:.1f} %)"
    assert f"| {title} |" in report_markdown(report)
    assert title in texts(report)
    free = report.model_copy(update={"limits": (), "decisions": tuple(replace(x, limits=()) for x in report.decisions)})
    assert "(limit" not in report_markdown(free)
    assert "Limits" not in texts(free)


def test_long_names_are_shortened_in_terminal_tables_and_whole_in_markdown(tmp_path):
    names = ("meta-llama--Llama-2-13b-chat-hf-quantized.w4a16", "meta-llama--Llama-2-70b-chat-hf-quantized.w4a16")
    made = whole(tmp_path, config(names, margin=0.01)).report()
    cells = texts(made)
    assert not {*names} & {*cells}
    assert {"…13b…", "…70b…"} <= {*cells}
    assert all(any(name in text for text in cells) for name in names)
    assert all(f"| {name} | " in report_markdown(made) for name in names)


def test_a_line_that_is_cut_ends_with_a_whole_name():
    text = ", ".join(f"name-of-a-long-task-{i}" for i in range(99))
    cut = short_line(text)
    assert len(cut) <= MOST_CHARACTERS
    assert all(name in text.split(", ") for name in cut.removesuffix(" …").split(", "))


def test_a_name_in_the_first_clause_keeps_its_capitals(report):
    cause = Cause(Kind.RECORDED, names={"recorded": "the texts of GPT-4 are gone"})
    lost = report.model_copy(update={"not_looked_at": (("the quality of free text", cause),)})
    assert panel(lost, "writes").lines[0] == "The texts of GPT-4 are gone."
