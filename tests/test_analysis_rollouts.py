"""kl_rollout: the other direction along the candidate's own answers, by position and as a sum; and the surprise."""

import json
import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.rendering.figures.catalog import figures_by_section
from analysis.rendering.formats.csv_tables import csv_tables, estimates
from analysis.rendering.formats.markdown import report_markdown
from analysis.rendering.formats.model_card import model_cards
from analysis.rendering.formats.page import report_html
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.tables.first_screen import panels
from analysis.rendering.tables.rollouts import rollout_position_table, rollout_table
from analysis.rendering.tables.sections import sections, silence
from analysis.rendering.tables.tails import token_tail_table
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.resampling import Resamplings
from analysis.token_distributions.rollout_measures import rollout_report
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.traces import TraceArrays
from tests.run_folder import Folder, config
from tests.test_analysis_traces import VOCABULARY, arrays, distributions, exact, stored

DRAWS = Resamplings(1, 300)


def pair(seed, positions=30, k=5, spread=2.0):
    """What the writer and the reader think along one text."""
    writer, reader, tokens = distributions(seed, positions, spread)
    return arrays(writer, tokens, k), arrays(reader, tokens, k)


def sides(questions, positions=30, k=5, seed=0):
    keys = [("s", str(number), 0, turn) for number in range(questions) for turn in (1, 2)]
    pairs = {key: pair(seed + place, positions, k) for place, key in enumerate(keys)}
    return {key: each[0] for key, each in pairs.items()}, {key: each[1] for key, each in pairs.items()}


def report_of(own, read, baseline=None, **rest):
    return rollout_report("m", "candidate", own, read, read if baseline is None else baseline, DRAWS, 1, **rest)[0]


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), k=st.integers(1, VOCABULARY))
def test_it_is_a_lower_bound_of_kl_from_the_candidate_and_exact_over_the_whole_vocabulary(seed, k):
    keys = [("s", str(number), 0, 1) for number in range(3)]
    full = {key: distributions(seed + place) for place, key in enumerate(keys)}
    whole = np.concatenate([exact(candidate, baseline) for candidate, baseline, _ in full.values()]).mean()
    own = {key: arrays(candidate, tokens, k) for key, (candidate, _, tokens) in full.items()}
    read = {key: arrays(baseline, tokens, k) for key, (_, baseline, tokens) in full.items()}
    found = report_of(own, read)
    assert found.kl.value <= whole + 2e-5 * (1 + whole)
    if k == VOCABULARY:
        assert found.kl.value == pytest.approx(whole, rel=1e-4, abs=2e-5)


def test_means_parts_and_sums_are_those_of_the_positions():
    own, read = sides(6, positions=100)
    found, sums = rollout_report("m", "candidate", own, read, {}, DRAWS, 1)
    from analysis.token_distributions.position_kl import kl_lower_bound

    kl = {key: kl_lower_bound(own[key], read[key]).kl for key in own}
    every = np.array(list(kl.values()))  # (turns, positions)
    assert found.kl.value == pytest.approx(every.mean())
    assert (found.kl.n, found.positions, found.turns, found.top_k) == (6, 1200, 12, 5)
    assert found.per_answer.value == pytest.approx(2 * every.sum(axis=1).mean())  # two turns an answer
    assert found.per_answer.interval[0] < found.per_answer.value < found.per_answer.interval[1]
    parts = {each.scope: (each.positions, each.kl.value) for each in found.scopes}
    expected = {
        "first 64 tokens": (0, 64),
        "tokens 1 to 16": (0, 16),
        "tokens 17 to 64": (16, 64),
        "tokens 65 to 256": (64, 100),
    }
    assert parts.keys() == expected.keys()
    for name, (begin, end) in expected.items():
        assert parts[name] == (12 * (end - begin), pytest.approx(every[:, begin:end].mean()))
    assert sums["s", "3"] == (pytest.approx(kl["s", "3", 0, 1].sum() + kl["s", "3", 0, 2].sum()), 200)
    assert found.tail.maximum == pytest.approx(every.max())
    assert found.tail.reverse.value == pytest.approx(np.mean([kl_lower_bound(read[k], own[k]).kl for k in own]))


def looped(key_seed, before=40, loop=0):
    """An answer that goes astray, and then a loop in which both models foresee every token."""
    own, read = pair(key_seed, before)
    sure = np.full((loop, VOCABULARY), math.log(1e-4))
    sure[:, 3] = math.log(1 - 1e-4 * (VOCABULARY - 1))
    tail = arrays(sure, np.full(loop, 3), 5)

    def joined(one: TraceArrays) -> TraceArrays:
        names = ("tokens", "logprobs", "top_tokens", "top_logprobs")
        return TraceArrays(*(np.concatenate([getattr(one, name), getattr(tail, name)]) for name in names))

    return joined(own), joined(read)


def test_a_mean_over_tokens_falls_in_loops_where_the_first_tokens_and_the_sum_do_not():
    found = {}
    for loop in (0, 400):
        pairs = {("s", str(number), 0, 1): looped(number, loop=loop) for number in range(8)}
        own, read = ({key: each[side] for key, each in pairs.items()} for side in (0, 1))
        found[loop] = report_of(own, read, sides(8, seed=500)[1])
    parts = {loop: {each.scope: each.kl.value for each in report.scopes} for loop, report in found.items()}
    assert found[400].kl.value < 0.15 * found[0].kl.value
    assert found[400].per_answer.value == pytest.approx(found[0].per_answer.value, rel=1e-3)
    assert parts[400]["tokens 17 to 64"] == pytest.approx(parts[0]["tokens 17 to 64"] * 24 / 48, rel=1e-3)
    assert parts[400]["tokens 1 to 16"] == pytest.approx(parts[0]["tokens 1 to 16"])
    assert parts[400]["tokens 65 to 256"] < 1e-3
    assert found[400].scopes[0].kl.value > 5 * found[400].kl.value
    assert found[400].surprise.value < found[0].surprise.value  # the loop is no surprise either


def test_surprise_is_paired_by_question_and_zero_for_the_baselines_own():
    own, read = sides(5)
    baseline = {key: each for key, each in sides(7, positions=17, seed=100)[1].items() if key[1] != "0"}
    found = report_of(own, read, baseline)

    def mean(traces, question):
        return -np.concatenate([each.logprobs for key, each in traces.items() if key[1] == question]).mean()

    both = [(mean(read, q), mean(baseline, q)) for q in "1234"]
    assert found.surprise.value == pytest.approx(np.mean([one - other for one, other in both]), abs=1e-5)
    assert found.surprise.n == 4
    assert found.loglik == pytest.approx(-np.mean([one for one, _ in both]), abs=1e-5)
    assert found.loglik_own - found.loglik == pytest.approx(found.surprise.value, abs=1e-9)
    same = report_of(read, read, read)
    assert (same.surprise.value, same.kl.value, same.kl.identical) == (0, 0, True)
    assert "all values are equal" in clause(same.surprise.missing)


def test_an_answer_with_a_turn_that_nobody_read_is_no_part_of_the_sum_and_is_counted():
    own, read = sides(5)
    gone = ("s", "2", 0, 2)
    lost = {key: each for key, each in read.items() if key != gone}
    planned = {*own, ("s", "9", 0, 1)}
    found = report_of(own, lost, planned=planned)
    whole = report_of(*({key: each for key, each in side.items() if key[1] != "2"} for side in (own, read)))
    assert found.per_answer.value == pytest.approx(whole.per_answer.value)
    assert (found.per_answer.n, found.per_answer.left_out, found.missing, found.turns) == (4, 2, 2, 9)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "not traced"),
        ({"refusal": Cause(Kind.RECORDED, names={"recorded": "this engine gives none"})}, "this engine gives none"),
    ],
)
def test_what_was_not_read_is_not_measured_and_says_why(given, said):
    found, sums = rollout_report("m", "candidate", {}, {}, {}, DRAWS, 1, **given)
    assert clause(found.fault) == said
    assert {clause(each.missing) for each in (found.kl, found.surprise, found.per_answer)} == {said}
    assert (sums, found.tail, found.loglik, len(found.scopes)) == ({}, None, None, 1)


def test_a_baseline_that_read_another_text_than_the_candidate_is_a_fault():
    own, read = sides(3)
    key = ("s", "1", 0, 1)
    read[key] = pair(999)[1]
    assert clause(report_of(own, read).fault) == "the traces of s/1/0/1 hold other tokens than the baseline's"


def test_what_the_baseline_thinks_impossible_is_infinite_and_told():
    own, read = sides(4)
    key = ("s", "1", 0, 1)
    values = read[key].logprobs.copy()
    values[3] = -math.inf
    listed = np.where(read[key].top_tokens == read[key].tokens[:, None], values[:, None], read[key].top_logprobs)
    read[key] = TraceArrays(read[key].tokens, values, read[key].top_tokens, listed)
    found = report_of(own, read, sides(4, seed=50)[1])
    assert (found.kl.value, found.tail.infinite, found.per_answer.value) == (None, 1, None)
    assert "not finite" in clause(found.surprise.missing)


def reviewed(path, candidates=("w8", "w4", "w2", "w1"), read=True):
    """Rollouts of candidates that part from the baseline more and more, of a control that does not; judged."""
    settings = config(candidates, control=True)
    data = settings.model_dump(mode="json", exclude_none=True)
    data["questions"] |= {"rollouts": True}
    folder = Folder(path, config_from(data, "test"))
    folder.examine()
    keys = [("test", question.id, 0, turn) for question in folder.questions for turn in (1, 2)]
    folder.rate({name: 6.0 - place for place, name in enumerate(("bf16", *candidates, "bf16@control"))})
    at_baseline = folder.run.generation("bf16").path
    for number, name in enumerate(("bf16", "bf16@control", *candidates)):
        folder.answer(name, "text of {model}")
        folder.choose(name, wrong=10 + 2 * number)
        if read:
            pairs = {key: pair(100 * number + place, 30, spread=1 + number) for place, key in enumerate(keys)}
            same = name.startswith("bf16")
            stored(at_baseline, "bf16", {key: each[0 if same else 1] for key, each in pairs.items()}, author=name)
            if name != "bf16":
                own = {key: each[0] for key, each in pairs.items()}
                stored(folder.run.generation(name).path, name, own, author=name)
    folder.sign_judge()
    return folder.report()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return reviewed(tmp_path_factory.mktemp("rollouts"))


def test_the_report_shows_every_model_and_the_control_as_no_floor(report):
    table = rollout_table(report)
    rows = {row[0]: dict(zip(table.header, row, strict=True)) for row in table.rows}
    assert list(rows) == ["w8", "w4", "w2", "w1", "bf16@control"]
    assert "nats [" in rows["w4"]["KL (rollout)"]
    assert (rows["w4"]["K"], rows["w4"]["turns"]) == ("5", "24 (720 tokens)")
    assert rows["w4"]["surprise"].startswith(("+", "−"))
    assert rows["bf16@control"]["KL (rollout)"].startswith("0 nats")
    assert "noise floor" not in table.header
    assert "it is no noise floor" in table.caption
    positions = rollout_position_table(report)
    assert [row[2] for row in positions.rows if row[0] == "w2"] == [
        "first 64 tokens",
        "tokens 1 to 16",
        "tokens 17 to 64",
    ]
    assert ("w8", "KL (rollout)") in {row[:2] for row in token_tail_table(report).rows}
    section = next(each for each in sections(report) if each.id == "traces")
    assert {"rollouts", "rollout-positions"} <= {each.id for each in section.tables}
    screen = next(panel for panel in panels(report) if panel.title == "What it writes")
    line = next(line for line in screen.lines if line.startswith("KL along the candidates' own answers: w8 "))
    assert re.search(r"w2 [\d.]+ nats [^;]* in the first 64 tokens, [\d.]+ nats [^;]* over an answer", line)
    assert "in the first 64 tokens" in report_markdown(report)


def test_a_figure_shows_where_along_the_answers(report):
    (figure,) = figures_by_section(report)["traces"]
    assert [row.label for row in figure.rows[:5]] == [
        *(f"{name}, first 64 tokens" for name in ("w8", "w4", "w2", "w1", "control"))
    ]
    assert [row.part for row in figure.rows[:5]] == [False, False, False, False, True]
    assert figure.rows[5].label == "w8, tokens 1 to 16"
    found = next(each for each in report.rollouts if each.model == "w8").scopes[0]
    assert (figure.rows[0].value, figure.rows[0].interval) == (found.kl.value, found.kl.interval)
    assert "720 tokens" in figure.rows[0].description
    assert figure.title in report_html(report)


def test_they_are_exported_as_other_measures_are(report):
    files = csv_tables(report)
    assert {"rollouts.csv", "rollout-positions.csv"} <= files.keys()
    paths = {path for path, _ in estimates(report)}
    assert {"rollouts/w8/kl", "rollouts/w8/per_answer", "rollouts/w8/surprise"} <= paths
    assert "rollouts/w8/first 64 tokens/kl" in paths
    assert "rollouts/w8/tokens 1 to 16/surprise" in paths
    card = model_cards(report)["w8"]
    assert "kl_rollout" in card
    assert "surprise" in card


def test_they_are_held_against_what_the_judge_says(report):
    found = [each for each in report.correlations if each.predictor == "kl_rollout" and each.outcome == "rating_change"]
    whole = next(each for each in found if (each.method, each.scope) == ("spearman", "all"))
    assert whole.coefficient.value is not None
    assert whole.coefficient.interval is not None


def test_rollouts_that_were_asked_for_and_not_run_are_not_measured(tmp_path):
    report = reviewed(tmp_path, ("w8",), read=False)
    assert [clause(each.fault) for each in report.rollouts] == ["not traced", "not traced"]
    assert "not measured: not traced" in json.dumps(rollout_table(report).rows)


def test_a_review_without_rollouts_says_that_nothing_measures_them(tmp_path):
    folder = Folder(tmp_path, config(("w8",), judge=False))
    for name in folder.names:
        folder.answer(name)
    table = rollout_table(folder.report())
    assert figures_by_section(folder.report())["traces"] == ()
    assert silence(table) == "On the candidates' own answers: not measured, nothing in this review measures it."


def test_no_limit_can_be_set_on_them():
    data = config(("w8",), judge=False).model_dump(mode="json", exclude_none=True)
    data["decision"]["limits"] = {"kl_rollout": 0.1}
    with pytest.raises(ConfigError, match="kl_rollout"):
        config_from(data, "test")
