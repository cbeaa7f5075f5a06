"""A panel of judges: the rule by hand, and a whole report whose panel decides."""

import html
from types import SimpleNamespace

import pytest

from analysis.correlations.relations import JUDGED
from analysis.decision.gate_words import Word
from analysis.judged.games import TurnClass
from analysis.rendering.formats.markdown import report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.terminal import summary
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import asides
from analysis.rendering.tables.ladder import resolution_line
from analysis.rendering.tables.strip import evidence_strip
from analysis.statistics.cells import Cell
from analysis.summaries.panel import GAMES, majority, members_classes
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.judgments import Game, Label, Mode, Order, Outcome, Winner
from ledger.runs import RunFolder
from ledger.store import Writer
from tests.run_folder import Folder, config

WIN, TIE, LOSS, FLIP, FAILED = (TurnClass(name) for name in ("win", "tie", "loss", "flip", "failed"))


@pytest.mark.parametrize(
    ("classes", "members", "said"),
    [
        ((WIN, WIN, LOSS), 3, WIN),
        ((WIN, WIN, FAILED), 3, WIN),
        ((WIN, WIN), 4, FAILED),
        ((WIN, WIN, LOSS), 4, FLIP),
        ((WIN, TIE, LOSS), 3, FLIP),
        ((FLIP, FLIP, FLIP), 3, FLIP),
        ((WIN, FLIP, FAILED), 3, FLIP),
        ((WIN, FAILED, FAILED), 3, FAILED),
        ((WIN, None, None), 3, FAILED),
        ((TIE, TIE, None), 3, TIE),
        ((), 3, FAILED),
        ((WIN,), 2, FAILED),
    ],
)
def test_more_than_half_of_the_configured_panel_decides(classes, members, said):
    assert majority(classes, members) is said
    assert majority(classes[::-1], members) is said


def asked_again(store, times, **changed):
    """A judge's records, each as often as this; what it says in its repeats may be another thing."""
    records = list(store.records())
    again = [each.model_copy(update={"repeat": n, **changed}) for n in range(1, times) for each in records]
    store.replace([*records, *again])


def panel(tmp_path, passing, ratings=(7.0, 8.0, 3.0), rivals=("w8",), together=True, repeats=(1, 1, 1), **decision):
    data = config(rivals, control=False, task=len(rivals) > 1).model_dump(mode="json", exclude_none=True)
    one = {key: value for key, value in data["judge"][0].items() if key != "model"}
    data["judge"] = [{**one, "model": f"judge-{number}", "repeats": repeats[number - 1]} for number in (1, 2, 3)]
    data["decision"] |= {"panel": together, **decision}
    folder = Folder(tmp_path, config_from(data, "test"), 40)
    for place, name in enumerate(folder.names):
        folder.answer(name)
        if folder.items:
            folder.choose(name, wrong=10 + 3 * place, seed=1, noise=0.1)
    winners = ((Winner.CANDIDATE,) * 2, (Winner.CANDIDATE,) * 2, (Winner.BASELINE,) * 2)
    for judge, passes, rating, winner, times in zip(
        folder.config.judge, passing, ratings, winners, repeats, strict=True
    ):
        alone = Folder.__new__(Folder)
        alone.__dict__ |= folder.__dict__ | {"config": folder.config.model_copy(update={"judge": (judge,)})}
        alone.rate({name: rating - 0.4 * place for place, name in enumerate(folder.names)})
        for place, rival in enumerate(rivals):
            alone.play(rival, (Winner.TIE,) * 2 if place % 2 else winner)
        for store in (folder.run.judge(judge.name).ratings, folder.run.judge(judge.name).games):
            asked_again(store, times)
        alone.examine(right=1.0 if passes else 0.0)
        alone.sign_judge()
    return folder.report()


def test_two_of_three_judges_decide_and_the_third_cannot_outvote_them(tmp_path):
    report = panel(tmp_path, (True, True, True))
    together = report.judges[0]
    assert (together.name, together.exam.state, len(report.judges)) == ("panel", "passed", 4)
    assert together.games[0].scopes[0].classes == {WIN: 80, TIE: 0, LOSS: 0, FLIP: 0, FAILED: 0}
    assert together.scores[0].scopes[0].rating.value == pytest.approx(6.0, abs=0.5)
    assert report.primary_judge is together
    assert "panel: not measured: each judge sits its own. judge-1: not measured (exam" in resolution_line(report)


@pytest.mark.parametrize("repeats", [(1, 1, 3), (3, 3, 1), (5, 1, 2)])
def test_a_member_that_was_asked_more_often_weighs_no_more(tmp_path, repeats):
    once = panel(tmp_path / "once", (True, True, True)).judges[0]
    often = panel(tmp_path / "often", (True, True, True), repeats=repeats).judges[0]
    numbers = [
        [each.value for model in report.scores for row in model.scopes for each in (row.rating, row.change) if each]
        for report in (often, once)
    ]
    assert numbers[0] == pytest.approx(numbers[1])
    assert (often.games, often.coverage, often.paired) == (once.games, once.coverage, once.paired)


def test_a_member_has_one_word_on_a_turn_of_all_its_repeats():
    games = {}
    for turn, said in enumerate(([WIN, WIN, LOSS], [WIN, LOSS], [FAILED, LOSS], [FAILED, FAILED]), start=1):
        for repeat, each in enumerate(said):
            cell = Cell("s", "q", 0, turn, repeat)
            for order, winner in zip(Order, GAMES[each], strict=True):
                about = {"source": "s", "question": "q", "sample": 0, "turn": turn, "repeat": repeat, "order": order}
                outcome = Outcome.SCORED if winner else Outcome.FAILED
                contest = {"judge": "j", "prompt_digest": "x", "baseline": "a", "candidate": "b"}
                games[cell, order] = Game(**about, **contest, outcome=outcome, winner=winner)
    said = members_classes(SimpleNamespace(games={"b": games}), "b")
    assert [said[Cell("s", "q", 0, turn, 0)] for turn in (1, 2, 3, 4)] == [WIN, FLIP, LOSS, FAILED]


@pytest.mark.parametrize("together", [True, False])
def test_a_judge_that_contradicts_the_primary_one_is_told_on_the_first_screen_and_decides_nothing(tmp_path, together):
    report = panel(tmp_path, (True, True, True), together=together, primary="win_change", margin=0.05)
    said = f"judge-3 contradicts {'panel' if together else 'judge-1'}: by its word alone, win_change at most −"
    assert report.word is Word.SHIP
    assert (said in asides(report.decisions[0]), "judge-2" in asides(report.decisions[0])) == (True, False)
    faces = report_markdown(report).replace("\\", "").replace("`", ""), " ".join(map(str, summary(report)))
    faces += (html.unescape(report_html(report)).partition("<h2")[0],)
    assert [said in face for face in faces] == [True, True, True]


def test_a_judge_whose_word_does_not_count_contradicts_nobody(tmp_path):
    report = panel(tmp_path, (True, True, False), together=False, primary="win_change", margin=0.05)
    assert (report.word, report.decisions[0].beside) == (Word.SHIP, ())


@pytest.mark.parametrize("games", [Order, ()])
def test_games_that_are_lost_beside_ratings_that_are_not_are_told_and_decide_nothing(tmp_path, games):
    """Every first turn is lost, half of what was planned: too little to decide by, and enough to be told."""
    folder = Folder(tmp_path, config(("w8",), control=False, task=False, primary="rating_change", margin=0.3), 40)
    for name in folder.names:
        folder.answer(name)
    folder.rate(dict.fromkeys(folder.names, 7.0))
    folder.play("w8", (Winner.BASELINE,) * 2 if games else (Winner.TIE,) * 2)
    store = folder.run.judge(folder.config.judge[0].name).games
    store.replace([game for game in store.records() if game.turn == 1])
    folder.examine(right=1.0)
    folder.sign_judge()
    report = folder.report()
    said = "rating_change decides, and by other judgments of judge-1 win_change at most −"
    assert report.word is Word.SHIP
    faces = report_markdown(report).replace("\\", "").replace("`", ""), " ".join(map(str, summary(report)))
    faces += (html.unescape(report_html(report)).partition("<h2")[0],)
    assert [said in face for face in faces] == [bool(games)] * 3


def test_a_judge_that_failed_its_exam_abstains_and_one_left_is_no_panel(tmp_path):
    two = panel(tmp_path / "two", (True, False, True)).judges[0]
    assert two.exam.state == "passed"
    assert two.games[0].scopes[0].classes[FLIP] == 80  # one against one: undecided
    alone = panel(tmp_path / "one", (True, False, False))
    assert alone.judges[0].exam.state == "failed"
    assert "only 1 of 3 judges may be believed" in clause(alone.judges[0].unfit[0])
    assert alone.word == "UNFIT"


def test_a_panels_changes_are_correlated_and_resampled_as_any_judges(tmp_path):
    report = panel(tmp_path, (True, True, True), rivals=("c1", "c2", "c3", "c4", "c5"))
    found = [row for row in report.correlations if (row.predictor, row.method) == ("flips", "pearson")]
    rows = [row for row in found if row.outcome in JUDGED]
    assert [row.outcome for row in rows] == ["rating_change", "win_change"]
    assert all(row.bootstrap and abs(sum(row.bootstrap) / 2 - row.coefficient.value) < 0.1 for row in rows)
    assert len(report.judges[0].strengths) == 6


def test_a_panel_of_one_is_refused():
    data = config(("w8",)).model_dump(mode="json", exclude_none=True)
    data["decision"]["panel"] = True
    with pytest.raises(ConfigError, match="a panel needs several"):
        config_from(data, "test")


def test_the_page_tells_how_far_to_trust_the_judges(tmp_path):
    """Two judges for the candidate and one against it, and people who side with the two."""
    report = panel(tmp_path, (True, True, True))
    page = report_html(report)
    trust = report.trust
    games = [each for each in trust.agreements if each.by is Mode.PAIR]
    assert [(each.first, each.second, each.equal.value) for each in games] == [
        ("judge-1", "judge-2", 1.0),
        ("judge-1", "judge-3", 0.0),
        ("judge-2", "judge-3", 0.0),
    ]
    assert trust.alpha < 0
    assert f"Krippendorff's alpha of all judges' games: {trust.alpha:.2f}" in html.unescape(page)
    assert "Does a judge agree with itself?" in page


def test_labels_of_people_stand_beside_the_judges(tmp_path):
    with Writer(RunFolder(tmp_path).labels) as writer:
        about = {"rater": "me", "baseline": "bf16", "candidate": "w8", "source": "test", "turn": 1}
        writer.append(*(Label(**about, question=f"q{n:02}", winner=Winner.CANDIDATE) for n in range(8)))
    trust = panel(tmp_path, (True, True, True)).trust
    people = [each for each in trust.agreements if each.second == "people"]
    with_people = {each.first: each.equal.value for each in people if each.by is Mode.PAIR}
    assert with_people == {"judge-1": 1.0, "judge-2": 1.0, "judge-3": 0.0}
    assert trust.alpha_with_people is not None
    assert {each.judge for each in trust.calibrations} == {"judge-1", "judge-2", "judge-3"}
    assert all(each.refused for each in trust.calibrations)  # they never vary: nothing tells them from chance


def test_a_panel_sees_no_positions_so_it_has_no_position_bias(tmp_path):
    """Undecided: each of the two who may be believed is steady, and they contradict each other."""
    report = panel(tmp_path, (True, False, True))
    together = report.judges[0].games[0]
    assert together.scopes[0].classes[FLIP] == 80
    assert (together.bias.toward_first, together.bias.p, together.bias.first_seat.value) == (0, None, None)
    assert together.gaps == ()
    tile = next(each for each in evidence_strip(report) if each.name == "judge inconsistency")
    assert (tile.value, tile.description) == ("0.0 %", "0 of 80 verdicts of judge-1 changed with the positions")


def test_a_judges_taste_for_length_counts_its_decided_pairs_of_unequal_length(tmp_path):
    """The candidate's name, and so its answers, are two characters shorter than the baseline's."""
    wins = [each.longer_wins for each in panel(tmp_path, (True, True, True)).trust.steadiness]
    assert [(each.value, each.n) for each in wins] == [(0.0, 80), (0.0, 80), (1.0, 80)]
