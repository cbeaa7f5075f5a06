"""The decision's truth table: every word, every precedence, Holm, and how numbers are written."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from analysis.decision.decisions import EXIT_CODES, Decision, decisions, overall
from analysis.decision.gate_words import Evidence, Gate, Word
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.sentences.decisions import advice, cause_texts, sentence
from analysis.rendering.sentences.numbers import apart, count_of, number, probability
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.cells import Cell, sampling
from analysis.statistics.estimates import Estimate, estimate_or_missing, not_measured
from analysis.statistics.intervals import cluster_mean, needed_samples, wilson
from analysis.statistics.resampling import Resamplings


def estimate(low, high, measure="rating_change", identical=False, n=80, sd=1.5):
    """One-sided bounds at 5 %, 2.5 % and 1.67 %, each a little wider than the last."""
    lows, highs = (tuple(end + sign * step / 10 for step in range(3)) for end, sign in ((low, -1), (high, 1)))
    middle = (low + high) / 2
    return Estimate(
        measure, "questions", n, middle, (low - 0.05, high + 0.05), None, 0, lows, highs, sd, 0.4, "", identical
    )


def told(*texts):
    """Reasons against evidence that another stage recorded."""
    return tuple(Cause(Kind.RECORDED, names={"recorded": text}) for text in texts)


def decided(low=-0.1, high=0.1, unfit=(), limits=(), identical=False, family_wise="each") -> Decision:
    primary = Gate(estimate(low, high, identical=identical), -0.3, told(*unfit))
    return decisions([Evidence("w4", primary, tuple(limits))], family_wise)[0]


def limit(low, high, most=0.08, unfit=()):
    return Gate(estimate(low, high, "flips", sd=0.3), most, told(*unfit))


WITHIN, BROKEN, OPEN = limit(0.01, 0.05), limit(0.1, 0.2), limit(0.05, 0.1)
UNFIT_BROKEN = limit(0.1, 0.2, unfit=["choices are stale"])


@pytest.mark.parametrize(
    ("bounds", "unfit", "limits", "word"),
    [
        ((-0.2, 0.1), (), (), Word.SHIP),
        ((-0.2, 0.1), (), (WITHIN,), Word.SHIP),
        ((-0.2, 0.1), (), (OPEN,), Word.INCONCLUSIVE),
        ((-0.2, 0.1), (), (BROKEN,), Word.HOLD),
        ((-0.2, 0.1), (), (WITHIN, BROKEN), Word.HOLD),
        ((-0.2, 0.1), (), (UNFIT_BROKEN,), Word.INCONCLUSIVE),
        ((-0.3, 0.1), (), (), Word.INCONCLUSIVE),
        ((-0.9, -0.3), (), (), Word.INCONCLUSIVE),
        ((-0.9, -0.31), (), (), Word.HOLD),
        ((-0.9, -0.31), (), (WITHIN,), Word.HOLD),
        ((-0.2, 0.1), ("the exam failed",), (), Word.UNFIT),
        ((-0.9, -0.5), ("the exam failed",), (), Word.UNFIT),
        ((-0.2, 0.1), ("the exam failed",), (WITHIN,), Word.UNFIT),
        ((-0.2, 0.1), ("the exam failed",), (OPEN,), Word.UNFIT),
        ((-0.2, 0.1), ("the exam failed",), (BROKEN,), Word.HOLD),
        ((-0.2, 0.1), ("the exam failed",), (UNFIT_BROKEN,), Word.UNFIT),
    ],
)
def test_the_truth_table(bounds, unfit, limits, word):
    found = decided(*bounds, unfit=unfit, limits=limits)
    assert found.word is word
    assert found.causes
    assert sentence(found).endswith(".")
    assert bool(advice(found)) == (word in (Word.INCONCLUSIVE, Word.UNFIT))


@pytest.mark.parametrize(("low", "high"), [(-0.3004, 0.1), (-0.9, -0.2996)])
def test_an_open_primary_shows_its_bound_apart_from_the_margin(low, high):
    (cause,) = cause_texts(decided(low, high))
    near = low if high > 0 else high
    assert f"{near:.4f}".replace("-", "−") in cause
    assert "either side of the margin of −0.30" in cause


def test_a_limit_at_its_threshold_is_within():
    found = decided(limits=[limit(0.01, 0.08)])
    assert found.word is Word.SHIP
    assert "within the limit of 8.0 %" in sentence(found)


def test_unfit_evidence_names_every_reason():
    found = decided(unfit=["the exam failed", "answers are stale"])
    assert cause_texts(found) == ["the exam failed", "answers are stale"]
    assert "the exam failed; answers are stale" in sentence(found)


def test_an_unfit_sentence_gives_two_reasons_and_the_causes_all():
    found = decided(unfit=["the exam failed", "answers are stale", "turn 1 is short", "turn 2 is short"])
    assert len(found.causes) == 4
    assert sentence(found).endswith("the exam failed; answers are stale; and 2 more reasons, listed in the report.")
    assert sentence(decided(unfit=["a", "b", "c"])).endswith("a; b; and 1 more reason, listed in the report.")


def test_a_measure_without_bounds_is_unfit_and_a_limit_without_bounds_stays_open():
    missing = not_measured("rating_change", "questions", Cause(Kind.TOO_FEW_DATA), n=1)
    found = decisions([Evidence("w4", Gate(missing, -0.3))], "each")[0]
    assert found.word is Word.UNFIT
    assert "too few data" in sentence(found)
    assert found.lower_bound is None
    gone = Gate(not_measured("flips", "items", Cause(Kind.NO_CHOICES)), 0.08)
    assert decided(limits=[gone]).word is Word.INCONCLUSIVE
    assert "no choices" in sentence(decided(limits=[gone]))
    assert "Mend the evidence of flips first" in advice(decided(limits=[gone]))


def test_identical_records_ship_whatever_the_bounds():
    found = decided(-0.9, 0.9, identical=True, limits=[Gate(estimate(0, 0.5, "flips", identical=True), 0.01)])
    assert found.word is Word.SHIP
    assert "identical byte for byte" in sentence(found)


def test_identical_records_do_not_mend_unfit_evidence():
    assert decided(identical=True, unfit=["stale"]).word is Word.UNFIT


def test_what_would_settle_it_names_units_and_the_assumed_value():
    found = decided(-0.35, 0.15)
    assert "questions (now 80)" in advice(found)
    assert "if it stays at −0.10" in advice(found)
    assert "no practical number" in advice(decided(-0.5, -0.1))


def test_a_loss_is_told_by_its_upper_bound():
    found = decided(-0.9, -0.31)
    assert "rating_change at most −0.31, beyond the margin of −0.30" in sentence(found)


def test_what_is_kept_needs_no_settling():
    found = decided(-0.35, 0.15, limits=[WITHIN, OPEN])
    assert advice(found).count("would settle flips") == 1
    assert "flips" not in advice(decided(-0.35, 0.15, limits=[WITHIN]))


def test_without_variation_only_more_units_can_settle():
    flat = Gate(estimate(-0.65, 0.65, sd=None), -0.3)
    assert "No questions differ yet" in advice(decisions([Evidence("w4", flat)], "each")[0])


def evidence(name, low):
    return Evidence(name, Gate(estimate(low, low + 0.2), -0.3))


def test_holm_steps_down_and_each_does_not():
    """At 5 %: all ship. At 5 %/2 the middle one needs 0.1 more; it is tried there only once the best has shipped."""
    family = [evidence("best", 0.0), evidence("middle", -0.15), evidence("edge", -0.29)]
    assert [d.word for d in decisions(family, "each")] == [Word.SHIP] * 3
    found = decisions(family, "holm")
    assert [d.word for d in found] == [Word.SHIP] * 3
    assert [d.alpha for d in found] == pytest.approx([0.05 / 3, 0.05 / 2, 0.05])
    stuck = decisions([evidence("a", -0.25), evidence("b", -0.28), evidence("c", -0.29)], "holm")
    assert [d.word for d in stuck] == [Word.INCONCLUSIVE] * 3
    assert stuck[0].lower_bound == pytest.approx(-0.45)


@pytest.mark.parametrize(
    ("words", "wanted", "code"),
    [
        ([Word.SHIP], Word.SHIP, 0),
        ([Word.SHIP, Word.INCONCLUSIVE], Word.INCONCLUSIVE, 11),
        ([Word.SHIP, Word.UNFIT, Word.INCONCLUSIVE], Word.UNFIT, 12),
        ([Word.SHIP, Word.UNFIT, Word.HOLD], Word.HOLD, 10),
        ([], Word.UNFIT, 12),
    ],
)
def test_the_overall_word_and_its_exit_code(words, wanted, code):
    by_word = {
        Word.SHIP: decided(),
        Word.HOLD: decided(-0.9, -0.5),
        Word.INCONCLUSIVE: decided(-0.9, 0.1),
        Word.UNFIT: decided(unfit=["x"]),
    }
    found = [by_word[word] for word in words]
    assert [each.word for each in found] == words
    assert overall(found) is wanted
    assert EXIT_CODES[overall(found)] == code


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("rating", 7.0, "7.00"),
        ("rating_change", -0.126, "−0.13"),
        ("rating_change", 0.2, "+0.20"),
        ("rating_change", -0.0001, "0.00"),
        ("win_change", 0.0512, "+0.051"),
        ("accuracy_change", -0.0148, "−1.5 pp"),
        ("flips", 0.1065, "10.7 %"),
        ("kl_options", 7.9e-5, "7.90e-05 nats"),
        ("kl_options", 0.02, "0.0200 nats"),
        ("kl_options", 0.0, "0 nats"),
        ("spearman", -0.981, "−0.98"),
    ],
)
def test_numbers_have_signs_units_and_sensible_digits(measure, value, text):
    assert number(measure, value) == text


def test_two_values_that_differ_read_as_different():
    assert apart("flips", 0.08004, 0.08) == ("8.004 %", "8.000 %")
    assert apart("flips", 0.08, 0.08) == ("8.0 %", "8.0 %")
    assert apart("flips", 0.0803, 0.08) == ("8.03 %", "8.00 %")


def test_a_cell_holds_interval_n_and_the_mde_of_what_is_not_significant():
    assert cell(estimate(-0.15, 0.35)) == "+0.10 [−0.20, +0.40] (n 80, MDE 0.40)"
    assert cell(estimate(0.15, 0.35)) == "+0.25 [+0.10, +0.40] (n 80)"
    assert cell(None) == "not measured"
    assert cell(not_measured("flips", "items", Cause(Kind.NO_CHOICES))) == "not measured: no choices"
    assert cell(not_measured("flips", "items", *told("a long reason " * 9))) == f"not measured: {'a long reason ' * 9}"
    few = estimate_or_missing("flips", "items", lambda: wilson("flips", "items", 0, 0))
    assert cell(few) == "not measured (n 0, needs 1)"
    assert clause(few.missing) == "too few data: flips (items) needs at least 1, there are 0"
    assert (probability(None), probability(0.012), probability(2.7e-8)) == ("not measured", "p = 0.012", "p = 2.7e-08")
    assert count_of(0, 0) == "none planned"


def sampled(sampling_sd, sd=1.0, samples=2):
    draws = Resamplings(1, 300)
    values = np.random.default_rng(1).normal(-0.2, 1, 80)
    values = (values - values.mean()) / values.std(ddof=1) * sd - 0.2
    found = cluster_mean("rating_change", "questions", values, np.ones(80), draws.of(80), (-9.0, 9.0))
    return replace(found, samples=samples, sampling_sd=sampling_sd)


def test_samples_that_would_settle_it_are_named_where_two_were_taken():
    def told(estimate):
        return advice(decisions([Evidence("w4", Gate(estimate, -0.35))], "each")[0])

    assert "samples" not in told(sampled(None))
    assert "questions differ too much" in told(sampled(0.1))
    # 80 (0.15 / 2.486)² = 0.291 may remain; questions alone give 1 - 0.81 = 0.19: 2 · 0.81 / 0.101 = 16.03
    assert "So would about 17 samples of each question (now 2)" in told(sampled(0.9))


def test_needed_samples_agree_with_simulated_power():
    found = sampled(0.9)
    samples = needed_samples(found, 0.15)
    error = np.sqrt((1 - 0.81 + 2 * 0.81 / samples) / 80)
    power = stats.norm.cdf(0.15 / error - stats.norm.ppf(0.95))
    assert 0.80 <= power <= 0.81
    with pytest.raises(ValueError, match="one sample"):
        needed_samples(sampled(None), 0.15)


def test_what_sampling_adds_is_measured_between_samples_of_a_question():
    generator = np.random.default_rng(2)
    values = {
        Cell("s", str(q), k, t, 0): float(level + lean + generator.normal(0, 0.1))
        for q, level in enumerate(generator.normal(0, 2, 200))
        for k, lean in enumerate(generator.normal(0, 1, 4))
        for t in (1, 2)
    }
    samples, sd = sampling(values)
    assert samples == 4
    assert sd == pytest.approx(np.sqrt((1 + 0.1**2 / 2) / 4), rel=0.06)
    assert sampling({cell: value for cell, value in values.items() if cell.sample == 0}) == (1, None)


def test_the_same_answers_may_be_rated_differently_so_the_measured_value_is_told():
    found = decided(-0.2, 0.6, identical=True)
    assert found.word is Word.SHIP
    assert "own records are identical byte for byte (rating_change +0.20)" in sentence(found)
    assert "is zero" not in sentence(found)
