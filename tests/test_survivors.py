"""Constants and corners that a changed line once survived: each has its number from outside the code."""

import asyncio
import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from analysis.correlations.across_candidates import Correlation
from analysis.evidence.model_evidence import identical_answers
from analysis.judged.games import TurnClass, inconsistency_by_gap
from analysis.judged.strengths import _estimate as strength_estimate
from analysis.rendering.tables.relations import strongest_correlation
from analysis.statistics.cells import Cell
from analysis.statistics.correlation import fisher_interval
from analysis.statistics.estimates import Estimate
from analysis.token_distributions.position_kl import kl_lower_bound
from assay.sources.lm_eval_folders import offered
from assay.sources.lm_eval_logs import LogReader
from generation.choices import choice_from
from generation.engine import split_tokens
from generation.tokenizers import encoder
from judge.exam import truncated
from ledger.records import Answer, AnswerTurn, Finish, Item, Question
from ledger.traces import TraceArrays
from tests.log_folders import choice, model_logs
from tests.review_factory import Factory
from tests.run_folder import build_report
from tests.test_judge_rates import Clock, limiter


def test_kendalls_interval_has_bonett_and_wrights_variance():
    """Psychometrika 65 (2000) 23-28: standard error sqrt(0.437 / (n - 4)) on Fisher's scale; by hand for 0.5 and 20."""
    z, error = 0.549306, 0.165265
    expected = math.tanh(z - 1.959964 * error), math.tanh(z + 1.959964 * error)
    assert fisher_interval("kendall", 0.5, 20) == pytest.approx(expected, abs=1e-5)
    assert expected == pytest.approx((0.22161, 0.70303), abs=1e-4)


def answered(count, text="the same"):
    question = [Question(source="s", id=str(i), category="c", turns=("?",), temperature=0) for i in range(count)]
    turn = AnswerTurn(text=text, finish=Finish.STOP, prompt_tokens=1, completion_tokens=1, seed=1)
    return SimpleNamespace(answers=[Answer(model="m", sample=0, question=each, turns=(turn,)) for each in question])


def test_answers_are_identical_only_where_all_that_were_planned_are_there():
    assert identical_answers(answered(4), answered(4), planned=4)
    assert not identical_answers(answered(4), answered(4), planned=5)
    assert not identical_answers(answered(4), answered(4, "other"), planned=4)
    assert not identical_answers(answered(0), answered(0), planned=0)


def trace(probability):
    logprobs = np.array([math.log(probability)], dtype=np.float32)
    return TraceArrays(np.array([7], np.int32), logprobs, np.array([[7]], np.int32), logprobs[:, np.newaxis])


def test_what_rounding_took_from_the_candidates_bucket_is_one_millionth():
    """Baseline 0.9 and a bucket of 0.1; the candidate's list holds one: 0.9 ln 0.9 + 0.1 ln(0.1 / 1e-6)."""
    kl, floored, _ = kl_lower_bound(trace(0.9), trace(1.0))
    assert kl[0] == pytest.approx(0.9 * math.log(0.9) + 0.1 * math.log(0.1 / 1e-6), rel=1e-4)
    assert floored == 1


def test_the_exams_short_answer_is_a_fifth_of_the_sentences():
    for sentences, kept in ((9, 1), (10, 2), (14, 2), (15, 3), (5, 1)):
        text = " ".join(f"This is sentence number {number}." for number in range(sentences))
        assert truncated(SimpleNamespace(text=text), "").count(".") == kept


def test_the_first_token_is_not_given_twice():
    def encode(text):
        """A tokenizer that begins each text, but not nothing, with its own first token."""
        return [1, *map(ord, text)] if text else []

    assert split_tokens(encode, "", "ab", first=1) == ((1,), (97, 98))
    assert split_tokens(lambda text: list(map(ord, text)), "", "ab", first=1) == ((1,), (97, 98))


def test_an_option_without_text_has_one_character_for_acc_norm():
    item = Item(task="t", id="i", subject="s", question="?", options=("", "ab"), gold=0)
    found = choice_from("m", item, "continuation", [[-1.0], [-3.0]])
    assert (found.characters, found.picked_norm) == ((1, 2), 0)


def test_a_strengths_interval_is_two_sided_at_five_percent():
    """The 97.5 % quantile of t with 20 degrees of freedom is 2.085963."""
    found = strength_estimate(1.0, 0.1, 21, first=False)
    assert found.interval == pytest.approx((1 - 0.2085963, 1 + 0.2085963), abs=1e-6)
    assert stats.t.cdf(2.085963, 20) == pytest.approx(0.975, abs=1e-6)


def test_the_strongest_correlation_may_be_negative():
    def row(predictor, value):
        coefficient = Estimate("spearman", "candidates", 9, value)
        return Correlation(
            "rating_change", predictor, "spearman", "all", coefficient, None, 0.1, "exact", None, None, False
        )

    report = SimpleNamespace(correlations=(row("flips", -0.9), row("kl_options", 0.4)))
    assert strongest_correlation(report).startswith("Strongest of 2 correlations: rating_change against flips")


def test_a_few_stray_refusals_among_many_calls_set_no_pace():
    """Three 429s in a hundred calls lie under four of a hundred: what follows is not slowed down."""
    clock = Clock()
    held = limiter(clock)

    async def work():
        for _ in range(100):
            await held.enter(1)
            held.borne()
        for _ in range(3):
            held.limited(None)
        before = clock.now
        for _ in range(64):
            await held.enter(1)
        return clock.now - before

    assert asyncio.run(work()) == pytest.approx(0.064)  # a thousandth of a second between any two calls


def test_wandas_count_is_rounded():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from assay.lab.wanda import zero_smallest_in_rows

    weight = torch.tensor([[5.0, 1.0, 4.0, 2.0, 3.0]])
    zero_smallest_in_rows(weight, weight.clone(), 0.36)  # 1.8 of 5
    assert weight.tolist() == [[5.0, 0.0, 4.0, 0.0, 3.0]]


def test_ratings_half_a_point_apart_are_one_point_apart():
    """Half points go up, also where rounding to the even number would send 2.5 and 0.5 down."""
    cells = [Cell("s", str(place), 0, 1, 0) for place in range(5)]
    changes = dict(zip(cells, (0.4, 0.5, -1.5, 2.5, -7.0), strict=True))
    found = inconsistency_by_gap(dict.fromkeys(cells, TurnClass.INCONSISTENT), changes)
    assert [(each.gap, each.n) for each in found] == [(0, 1), (1, 1), (2, 1), (3, 2)]


class Bound:
    """A tokenizer that begins every text with token 1, `<s>`, unless it is told not to."""

    bos_token, bos_token_id = "<s>", 1

    def encode(self, text, add_special_tokens=True):
        letters = [1] * text.startswith("<s>") + [ord(letter) for letter in text.removeprefix("<s>")]
        return [1, *letters] if add_special_tokens else letters


def test_a_text_that_begins_with_the_token_that_begins_texts_gets_no_second_one():
    encode = encoder(Bound())
    assert encode("ab") == encode("<s>ab") == [1, 97, 98]


def test_identical_answers_are_those_of_every_question_and_sample(tmp_path):
    """The third model has answers that neither of the two has: what they share is not all that was asked."""
    made = Factory(tmp_path / "r", questions=4, items=8, candidates=("same", "other"), judges=("judge-a",))
    run = made.write()
    baseline = [*run.generation("bf16").answers.records()]
    run.generation("same").answers.replace([each.model_copy(update={"model": "same"}) for each in baseline])
    assert "same" in build_report(made.config, run, "now").identical_answers
    for name in ("bf16", "same"):
        store = run.generation(name).answers
        store.replace([*store.records()][:3])
    assert "same" not in build_report(made.config, run, "now").identical_answers


def test_an_empty_option_of_a_log_has_a_length_of_one_in_characters_and_in_bytes(tmp_path):
    """Over characters the empty one is best; over bytes a letter of two at -1.5 has -0.75, and is."""
    line = choice("t", 0, True, options=2, acc=1.0, acc_norm=1.0, acc_bytes=0.0)
    line["arguments"] = {"gen_args_0": {"arg_0": "q", "arg_1": ""}, "gen_args_1": {"arg_0": "q", "arg_1": "é"}}
    line["filtered_resps"] = [["-1.0", "False"], ["-1.5", "False"]]
    folder = model_logs(tmp_path / "m", "m", {"t": [line]}, configs={"t": {"task": "t"}})
    (log,) = offered([folder]).logs
    (found,) = LogReader(log, "m").records()
    assert (found.picked, found.picked_norm, found.gold) == (0, 0, 0)
