"""Two models' texts side by side: changes and likeness with intervals, what is seen, and how limits read them."""

import math
import random
import tomllib
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.decision.gate_estimates import GATE_ESTIMATES
from analysis.decision.gate_words import Word
from analysis.rendering.sentences.clauses import clauses
from analysis.statistics.causes import Kind
from analysis.statistics.cells import Cell
from analysis.statistics.question_means import below_p, change_p
from analysis.statistics.resampling import Resamplings
from analysis.writing.degradation import DEGRADATION, WrittenTurn, degradation_values
from analysis.writing.likeness import LIKENESS
from analysis.writing.paired_writing import SideBySide, side_by_side, writing_reports
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.measures import measure_of
from ledger.records import Answer, AnswerTurn, Finish
from tests.run_folder import Folder, config, whole

DRAWS = Resamplings(1, 400)
LOOP = "and the answer is the same as before, " * 9
WORDS = ("tide", "crate", "ledger", "lamp", "gull", "harbor", "mast", "rope", "salt", "quay", "storm", "bell")


def prose(seed: int, words: int = 40) -> str:
    chance = random.Random(seed)
    return " ".join(chance.choice(WORDS) + str(chance.randrange(50)) for _ in range(words)) + "."


def wrote(texts: list[str], turns: int = 2, finish: Finish | None = Finish.STOP) -> dict[Cell, WrittenTurn]:
    """The texts question by question, so many turns each."""
    return {
        Cell("s", f"q{i // turns:03}", 0, 1 + i % turns, 0): WrittenTurn(text, ("Write.",), finish)
        for i, text in enumerate(texts)
    }


def side(before: dict, after: dict, name="w4", role="candidate") -> SideBySide:
    texts = tuple({cell: turn.text for cell, turn in each.items()} for each in (before, after))
    return side_by_side(name, role, texts, (degradation_values(before.items()), degradation_values(after.items())))


def reports(before: dict, draws: Resamplings = DRAWS, **rivals: dict):
    sides = [side(before, after, name, name if name == "control" else "candidate") for name, after in rivals.items()]
    return {each.model: each for each in writing_reports(sides, sorted(before), draws)}


def test_equal_answers_give_no_change_and_full_likeness():
    texts = [prose(i) for i in range(40)] + [LOOP, "", "```\nx", "Дунай"] * 5
    found = reports(wrote(texts), w4=wrote(texts))["w4"]
    for name in DEGRADATION:
        row = found.row(name)
        assert (row.estimate.value, row.p) == (0, 1)
        assert row.estimate.interval[0] < 0 < row.estimate.interval[1]
    for name in LIKENESS:
        assert found.row(name).estimate.value == (0 if measure_of(name).low < 0 else 1)
    assert not any(row.seen for row in found.rows)


SOME = st.sampled_from(
    [prose(1), prose(2), prose(3, 7), LOOP, "", "```\nopen", "Дунай", "one two three", prose(1) + " x"]
)


@given(st.lists(st.tuples(SOME, SOME), min_size=4, max_size=12))
@settings(max_examples=40, deadline=None)
def test_swapping_the_models_negates_changes_and_keeps_distances(pairs):
    one, other = (wrote([pair[i] for pair in pairs]) for i in (0, 1))
    there, back = reports(one, w=other)["w"], reports(other, w=one)["w"]
    for row, turned in zip(there.rows, back.rows, strict=True):
        if row.estimate.value is None:
            assert turned.estimate.value is None
        elif measure_of(row.measure).low < 0:
            assert row.estimate.value == pytest.approx(-turned.estimate.value)
            assert (row.p, row.baseline) == (turned.p, turned.model)
        else:
            assert row.estimate.value == pytest.approx(turned.estimate.value)


def test_turns_and_samples_of_a_question_move_together():
    before = wrote([prose(i) for i in range(80)])
    after = dict(before)
    for cell in [cell for cell in before if cell.question < "q020"]:
        after[cell] = WrittenTurn(LOOP, ("Write.",), Finish.STOP)
    row = reports(before, w=after)["w"].row("loops")
    assert (row.turns, row.baseline, row.model, row.estimate.n) == (80, 0, 0.5, 40)
    assert row.estimate.value == 0.5
    changes = np.array([2.0] * 20 + [0.0] * 20)
    assert row.p == pytest.approx(change_p({Cell("s", f"{i:02}", 0, 1, 0): x for i, x in enumerate(changes)}, DRAWS))


def test_how_an_answer_ended_is_not_measured_where_nobody_tells():
    before, after = wrote([prose(i) for i in range(20)], finish=None), wrote([prose(i) for i in range(20)], finish=None)
    row = reports(before, w=after)["w"].row("unfinished")
    assert (row.estimate.value, row.estimate.missing.kind, row.p) == (None, Kind.FINISH_UNTOLD, None)
    one_told = reports(wrote([prose(i) for i in range(20)]), w=after)["w"].row("unfinished")
    assert one_told.estimate.missing.kind is Kind.FINISH_UNTOLD


def test_what_is_seen_survives_holm_over_measures_and_candidates():
    before = wrote([prose(i) for i in range(80)])
    damaged = wrote([LOOP if i % 2 else prose(i) for i in range(80)])
    slightly = wrote([LOOP if i in (1, 9, 17, 25) else prose(i) for i in range(80)])
    alone = reports(before, slight=slightly)["slight"].row("loops")
    found = reports(
        before, Resamplings(1, 4_000), bad=damaged, slight=slightly, **{f"same{i}": before for i in range(6)}
    )
    assert found["bad"].row("loops").seen
    assert found["bad"].row("loops").model == 0.5
    assert not found["bad"].row("unfinished").seen
    assert found["slight"].row("loops").p == pytest.approx(0.125, abs=0.03)
    assert alone.p == pytest.approx(0.125, abs=0.05)
    assert found["slight"].row("loops").holm_p == 1
    tested = sum(row.p is not None for each in found.values() for row in each.rows)
    assert found["bad"].row("loops").holm_p <= found["bad"].row("loops").p * tested


def test_a_likeness_is_seen_only_under_the_controls():
    """The baseline run again is not like itself either: without a control no distance is seen."""
    texts = [prose(i) for i in range(80)]
    near = [text.replace("tide", "wave") for text in texts]
    far = [prose(1000 + i) for i in range(80)]
    lone = reports(wrote(texts), far=wrote(far))["far"].row("similarity")
    assert (lone.p, lone.seen) == (None, False)
    found = reports(wrote(texts), far=wrote(far), near=wrote(near), control=wrote(near))
    assert found["far"].row("similarity").seen
    assert not found["near"].row("similarity").seen
    assert found["control"].row("similarity").holm_p is None


def test_two_means_lie_apart_at_the_level_at_which_their_bounds_part():
    generator = np.random.default_rng(4)
    drawn = [generator.normal(mean, 0.1, 40) for mean in (0.4, 0.5)]
    low, high = ({Cell("s", f"{i:03}", 0, 1, 0): x for i, x in enumerate(each)} for each in drawn)
    p = below_p(low, high, (0.0, 1.0), DRAWS)
    assert 1e-12 < p < 0.05
    assert below_p(high, low, (0.0, 1.0), DRAWS) == 1
    assert below_p(low, {}, (0.0, 1.0), DRAWS) is None
    shifted = {cell: value + 0.4 for cell, value in high.items()}
    assert below_p(low, shifted, (0.0, 1.0), DRAWS) < p


def rewritten(folder: Folder, model: str, text) -> None:
    """The model's answers with other texts."""
    store = folder.run.generation(model).answers
    answers = [
        Answer(
            model=model,
            sample=each.sample,
            question=each.question,
            turns=tuple(AnswerTurn(**(dict(turn) | {"text": text(each, i)})) for i, turn in enumerate(each.turns)),
        )
        for each in store.records()
    ]
    store.replace(answers)


def test_a_limit_on_loops_holds_and_breaks(tmp_path):
    """Loops are no gate until a limit says so."""
    made = {}
    for limits in ({}, {"loops": 0.1}):
        folder = whole(tmp_path / str(len(limits)), config(margin=1.0, limits=limits), scores=(7.0, 7.0, 7.0, 7.0))
        rewritten(folder, "w4", lambda answer, turn: LOOP if int(answer.question.id[1:]) % 2 else prose(turn))
        made[len(limits)] = folder.report()
    assert made[0].decisions[1].word is Word.HOLD or made[0].writing[1].row("loops").seen
    words = {each.candidate: each for each in made[1].decisions}
    limit = words["w4"].limits[0]
    assert (limit.estimate.measure, limit.estimate.value) == ("loops", 0.5)
    assert limit.estimate.lower_bounds[0] > 0.1
    assert any(cause.kind is Kind.LIMIT_OVER for cause in words["w4"].causes)
    assert words["w8"].limits[0].estimate.upper_bounds[0] < 0.1


def test_a_limit_on_what_nobody_wrote_is_unfit(tmp_path):
    report = whole(tmp_path, config(judge=False, questions=False, limits={"loops": 0.1}, margin=0.1)).report()
    assert report.writing == ()
    limit = report.decisions[0].limits[0]
    assert "no answers of w8" in clauses(limit.unfit)


def test_a_limit_of_writing_is_of_no_task_and_likeness_is_no_limit():
    data = {"name": "r", "baseline": {"model": "a"}, "candidate": [{"model": "b"}], "questions": {"source": "assay"}}
    for name, words in (("mmlu.loops", "not measured task by task"), ("similarity", "is no limit measure")):
        with pytest.raises(ConfigError, match=words):
            config_from({**data, "decision": {"limits": {name: 0.02}}}, "test")
    kept = config_from({**data, "decision": {"limits": {"loops": 0.02}}}, "test")
    assert kept.decision.limits == {"loops": 0.02}
    assert "loops" in GATE_ESTIMATES


def test_init_writes_limits_for_loops_and_cut_offs():
    """Of 80 questions; and with none that loops on either side, the limit that it writes can be kept."""
    declared = tomllib.loads((files("assay.commands") / "review.toml").read_text(encoding="utf-8"))
    limits = config_from(declared, "test").decision.limits
    assert {"loops", "unfinished"} <= set(limits)
    texts = wrote([prose(i) for i in range(160)])
    row = reports(texts, w4=texts)["w4"].row("loops")
    assert row.estimate.upper_bounds[0] == pytest.approx(1 - 0.05 ** (1 / 80))
    assert row.estimate.upper_bounds[0] < limits["loops"]


def test_damage_of_every_turn_is_seen_among_a_thousand_tests():
    """No number of drawn patterns shows a p under 1/400; what holds for any sum of random signs does."""
    before = wrote([prose(i) for i in range(160)])
    rivals = {f"m{i:03}": wrote([LOOP] * 160) for i in range(80)}
    found = reports(before, **rivals)
    assert all(each.row("loops").seen for each in found.values())
    assert found["m000"].row("loops").p == pytest.approx(2 * math.exp(-40))
    few = reports(wrote([prose(i) for i in range(10)]), w=wrote([LOOP] * 10))["w"].row("loops")
    assert few.p == 2 / 2**5  # five questions: every pattern is there
