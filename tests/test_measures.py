"""One home for a measure: names and functions fit one to one, and every list of measures comes from the registry."""

import ast
from dataclasses import fields

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from analysis.benchmarks.solved_rows import SolvedRow
from analysis.correlations.relations import DIVERGENCES, OF_ITEMS, OUTCOMES, PREDICTORS
from analysis.decision.gate_estimates import GATE_ESTIMATES, _picked
from analysis.multiple_choice.distances import ITEM_DISTANCES, js_options
from analysis.multiple_choice.flips import FlipResult
from analysis.rendering.sentences.numbers import number
from analysis.rendering.tables.choices import HEADLINES
from analysis.rendering.tables.words import term
from analysis.summaries.item_pool import PooledRow
from analysis.writing.degradation import DEGRADATION
from analysis.writing.likeness import LIKENESS
from analysis.writing.thoughts import THOUGHTS
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.forms import Form
from ledger.measures import MEASURES, form_of, is_change, measure_of, measures_in
from tests.house import HOUSE


def test_names_and_functions_fit_one_to_one():
    assert set(GATE_ESTIMATES) == {each.name for each in MEASURES}
    assert len({each.name for each in MEASURES}) == len({each.label for each in MEASURES}) == len(MEASURES)
    by_item = {each.name for each in MEASURES if each.section == "flips" and each.form is Form.NATS}
    assert set(ITEM_DISTANCES) == by_item
    assert set(DEGRADATION) == {each.name for each in MEASURES if each.section == "writing"}
    assert set(LIKENESS) == {each.name for each in MEASURES if each.section == "likeness"}
    assert set(THOUGHTS) == {each.name for each in MEASURES if each.section == "thoughts"}
    assert {measure_of(name).kind for name in DEGRADATION} == {"degradation"}
    assert {measure_of(name).kind for name in LIKENESS} == {"divergence"}


def test_what_a_measure_of_items_is_read_from_is_there():
    """A name alone would be found missing only when a gate asks for it."""
    of_rows = {field.name for row in (FlipResult, SolvedRow, PooledRow) for field in fields(row)}
    picked = {name for name, read in GATE_ESTIMATES.items() if getattr(read, "func", None) is _picked}
    assert {"accuracy_change", "flips", "kl_options"} <= picked
    assert picked <= of_rows | set(ITEM_DISTANCES)


def test_every_measure_is_described_whole():
    for each in MEASURES:
        assert each.definition.endswith(".")
        assert each.source
        assert each.low < each.high
        assert ("primary" in each.roles) == bool(each.margin) == bool(each.margin_words)
        meaning = f"{each.definition} Source: {each.source}."
        assert term(each.name) == (each.name, meaning)
        assert term(each.label)[1] == meaning


def test_a_distance_keeps_to_its_range():
    generator = np.random.default_rng(3)
    before, after = generator.normal(size=(2, 500, 4)) * 4
    before[:3, 1], after[:2, 3] = -np.inf, -np.inf
    for name, of in ITEM_DISTANCES.items():
        found = of(before, after)
        assert ((found >= measure_of(name).low) & (found <= measure_of(name).high + 1e-12)).all()
        assert of(before, before) == pytest.approx(0)


def test_jensen_shannon_is_scipys_and_at_most_ln_two():
    generator = np.random.default_rng(5)
    before, after = generator.normal(size=(2, 50, 4)) * 3
    sides = [np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in (before, after)]
    expected = [jensenshannon(one, other) ** 2 for one, other in zip(*sides, strict=True)]
    assert js_options(before, after) == pytest.approx(expected)
    assert js_options(after, before) == pytest.approx(expected)
    apart = np.array([[0.0, -np.inf]]), np.array([[-np.inf, 0.0]])
    assert js_options(*apart) == pytest.approx(np.log(2))
    assert js_options(np.zeros((0, 4)), np.zeros((0, 4))).shape == (0,)


def test_the_lists_are_those_of_the_roles():
    assert OUTCOMES == ("rating_change", "win_change", "failed_answers", "loops", "repetition", "unfinished")
    assert set(measures_in("outcome")) == {*OUTCOMES, *DIVERGENCES}
    assert DIVERGENCES == ("same_text", "similarity")
    assert measures_in("predictor") == PREDICTORS
    assert PREDICTORS[:2] == ("flips", "all_flips")
    assert set(PREDICTORS) - set(OF_ITEMS) == {"kl_trace", "kl_rollout"}
    assert HEADLINES == ("accuracy_change", "flips", "KL (options)")


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("accuracy_change", -0.0123, "−1.2 pp"),
        ("flips", 0.058, "5.8 %"),
        ("kl_options", 0.02401, "0.0240 nats"),
        ("rating_change", 0.3, "+0.30"),
        ("win_change", -0.05, "−0.050"),
        ("win_score", 0.45, "0.450"),
        ("spearman", 0.95, "+0.95"),
        ("exam of j", 0.75, "75.0 %"),
        ("thought_characters", -1234.5, "−1234 characters"),
        ("anything else", 2.345, "2.35"),
    ],
)
def test_numbers_are_written_by_their_form(name, value, written):
    assert number(name, value) == written


def test_a_change_has_zero_in_its_middle():
    assert [each.name for each in MEASURES if is_change(each.name)] == [
        "rating_change",
        "win_change",
        "surprise",
        "accuracy_change",
        "failed_answers",
        *DEGRADATION,
        *THOUGHTS,
        "log_length_ratio",
    ]
    assert form_of("nobody") is Form.PLAIN


@pytest.mark.parametrize(
    ("key", "value", "role"), [("primary", "flips", "primary"), ("limits", {"rating_change": 1.0}, "limit")]
)
def test_the_config_takes_the_names_of_a_role_alone(key, value, role):
    data = {
        "name": "r",
        "baseline": {"model": "a"},
        "candidate": [{"model": "b"}],
        "task": [{}],
        "decision": {key: value},
    }
    with pytest.raises(ConfigError, match=f"is no {role} measure; there are {', '.join(measures_in(role))}"):
        config_from(data, "test")


def test_no_limit_is_on_what_falls_in_loops():
    """A model that repeats itself would keep it: damage would be what lets a candidate pass."""
    assert {"kl_trace", "kl_options"} < set(measures_in("limit"))
    assert not {"kl_rollout", "surprise"} & {*measures_in("limit"), *measures_in("primary")}


def test_nothing_else_lists_measures():
    """A collection with three measures' names or more is a second home; the functions' own are the others."""
    names, lists = {each.name for each in MEASURES}, []
    rooms = ("analysis", "assay", "judge", "generation")
    for path in sorted(path for room in rooms for path in (HOUSE / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Tuple | ast.List | ast.Set | ast.Dict):
                parts = node.keys if isinstance(node, ast.Dict) else node.elts
                held = {part.value for part in parts if isinstance(part, ast.Constant)} & names
                lists += [path.relative_to(HOUSE).as_posix()] if len(held) > 2 else []
    own = {f"analysis/writing/{name}.py" for name in ("degradation", "likeness", "thoughts")}
    more = {"analysis/multiple_choice/distances.py"}  # the home of distances, which may have a third
    others = {"analysis/decision/gate_estimates.py", "analysis/correlations/relations.py"}
    assert set(lists) - more == others | own


def test_a_primary_measure_rises_with_the_candidate_and_a_limit_holds_what_should_stay_low():
    """Gates rest on it: a primary's lower bound must clear minus the margin, a limit's upper bound its threshold."""
    assert {measure_of(name).better for name in measures_in("primary")} == {"higher"}
    assert {measure_of(name).better for name in measures_in("limit")} == {"lower"}
