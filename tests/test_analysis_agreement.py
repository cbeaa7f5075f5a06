"""Agreement of judges against statsmodels and known values; the verdicts of people, and what they correct."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from analysis.judged.agreement import (
    CLASSES,
    agreement,
    agreements,
    calibration,
    classes,
    krippendorff_alpha,
    people,
)
from analysis.judged.games import TurnClass
from analysis.statistics.causes import Kind
from analysis.statistics.cells import Cell
from analysis.statistics.resampling import Resamplings
from ledger.judgments import Label, Winner

WIN, TIE, LOSS = CLASSES
DRAWS = Resamplings(1, 500)
kinds = st.sampled_from(CLASSES)


def place(number, turn=1):
    return ("cand", Cell("s", f"q{number}", 0, turn, 0))


@given(st.lists(st.tuples(kinds, kinds), min_size=2, max_size=40))
@settings(max_examples=60)
def test_kappa_is_statsmodels(pairs):
    found = agreement("a", "b", pairs, range(len(pairs)), DRAWS)
    table = np.zeros((3, 3))
    for one, other in pairs:
        table[CLASSES.index(one), CLASSES.index(other)] += 1
    with np.errstate(all="ignore"):
        expected = float(cohens_kappa(table).kappa) if len({p for pair in pairs for p in pair}) > 1 else float("nan")
    if np.isfinite(expected):
        assert found.kappa == pytest.approx(expected)
    assert found.equal.value == pytest.approx(np.trace(table) / table.sum())
    swapped = agreement("b", "a", [pair[::-1] for pair in pairs], range(len(pairs)), DRAWS)
    assert swapped.kappa == (pytest.approx(found.kappa) if found.kappa is not None else None)


def test_raters_that_always_say_the_same_have_no_kappa_and_chance_has_none_above_zero():
    assert agreement("a", "b", [(WIN, WIN)] * 5, range(5), DRAWS).kappa is None
    generator = np.random.default_rng(2)
    pairs = [tuple(CLASSES[i] for i in generator.integers(0, 3, 2)) for _ in range(200)]
    found = agreement("a", "b", pairs, range(200), DRAWS)
    assert not found.better_than_chance
    same = agreement("a", "b", [(p, p) for p, _ in pairs], range(200), DRAWS)
    assert (same.kappa, same.better_than_chance) == (pytest.approx(1), True)


@pytest.mark.parametrize(("questions", "better"), [(2, False), (3, False), (6, True), (2_002, True)])
def test_raters_that_always_agree_have_an_interval_with_a_width(questions, better):
    """Two questions on which both said the same show nothing: the bootstrap alone would give them [1, 1]."""
    pairs = [(CLASSES[2 * (number % 2)],) * 2 for number in range(questions)]
    found = agreement("a", "b", pairs, range(questions), DRAWS)
    assert found.kappa == found.interval[1] == 1
    assert (found.interval[0] < 1, found.better_than_chance) == (True, better)
    if questions == 2:
        assert found.interval[0] == pytest.approx((found.equal.interval[0] - 0.5) / 0.5)


def test_questions_that_are_all_alike_give_kappa_no_interval_of_zero_width():
    pairs = [(WIN, WIN), (LOSS, LOSS), (WIN, LOSS)] * 5
    found = agreement("a", "b", pairs, [number // 3 for number in range(15)], DRAWS)
    assert (found.kappa, found.interval) == (pytest.approx(0.4), None)


def test_a_judge_that_never_errs_about_a_candidate_that_always_wins_has_no_corrected_zero_width():
    """Another candidate that always loses gives the judge its kappa."""
    said = {(name, place(n)[1]): each for name, each in (("cand", WIN), ("other", LOSS)) for n in range(8)}
    found = calibration("j", "cand", said, said, next(iter(agreements({"j": said, "people": said}, DRAWS))))
    assert (found.refused, found.corrected.value, found.corrected.interval) == (None, 0.5, None)


def test_alpha_by_a_published_example_and_with_missing_verdicts():
    """Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", section B: two raters, ten units, 0.095."""
    told = ("0100000010", "1110010000")
    assert krippendorff_alpha(
        [{place(n): (LOSS, WIN)[int(each)] for n, each in enumerate(row)} for row in told]
    ) == pytest.approx(0.095, abs=5e-4)
    one = dict(zip(map(place, range(4)), (WIN, WIN, TIE, LOSS), strict=True))
    other = dict(zip(map(place, range(4)), (WIN, LOSS, TIE, LOSS), strict=True))
    # Of all 28 pairs of the eight verdicts 21 differ, of the four pairs of a place one does: 1 - (1 / 4) / (21 / 28).
    assert krippendorff_alpha([one, other]) == pytest.approx(2 / 3)
    assert krippendorff_alpha([one, {place(9): WIN}]) is None
    assert krippendorff_alpha([one, other, {place(0): WIN}]) > krippendorff_alpha([one, other, {place(0): LOSS}])


def test_flips_are_ties_and_failed_pairs_are_no_verdict():
    cells = [place(n)[1] for n in range(3)]
    found = classes(dict(zip(cells, (TurnClass.INCONSISTENT, TurnClass.FAILED, WIN), strict=True)), "cand")
    assert found == {place(0): TIE, place(2): WIN}
    assert [each.n for each in agreements({"a": found, "b": {place(0): TIE}, "c": {place(7): WIN}}, DRAWS)] == [1]


def label(number, winner, rater="r1"):
    about = {"baseline": "base", "candidate": "cand", "source": "s", "question": f"q{number}", "turn": 1}
    return Label(rater=rater, winner=winner, **about)


def test_the_majority_of_people_and_a_tie_between_them():
    first = [label(0, Winner.CANDIDATE), label(0, Winner.CANDIDATE, "r2"), label(0, Winner.BASELINE, "r3")]
    split = [label(2, Winner.CANDIDATE), label(2, Winner.BASELINE, "r2")]
    said = people([*first, label(1, Winner.TIE), *split])
    assert said == {place(0): WIN, place(1): TIE, place(2): TIE}


def test_labels_correct_a_judge_that_favors_the_candidate_and_refuse_one_that_guesses():
    """The judge turns every third loss into a win; people saw 60 of 300 questions."""
    generator = np.random.default_rng(8)
    truth = {place(n): CLASSES[i] for n, i in enumerate(generator.choice(3, 300, p=(0.3, 0.2, 0.5)))}
    judge = {p: WIN if each is LOSS and n % 3 == 0 else each for n, (p, each) in enumerate(truth.items())}
    seen = dict(list(truth.items())[:60])
    with_people = next(iter(agreements({"j": judge, "people": seen}, DRAWS)))
    found = calibration("j", "cand", judge, seen, with_people)
    right = float(np.mean([{WIN: 1, TIE: 0.5, LOSS: 0}[each] for each in truth.values()])) - 0.5
    assert found.raw - right > 0.1
    assert abs(found.corrected.value - right) < abs(found.raw - right)
    assert found.corrected.interval[0] < right < found.corrected.interval[1]
    guesses = {p: CLASSES[i] for p, i in zip(truth, generator.integers(0, 3, 300), strict=True)}
    chance = next(iter(agreements({"j": guesses, "people": seen}, DRAWS)))
    assert calibration("j", "cand", guesses, seen, chance).refused.kind is Kind.NO_BETTER_THAN_CHANCE
    few = calibration("j", "cand", judge, dict(list(seen.items())[:3]), with_people).refused
    assert (few.kind, few.numbers) == (Kind.FEW_LABELS, {"labels": 3, "need": 5})


def test_over_two_thousand_questions_kappa_has_an_interval_and_labels_still_correct():
    generator = np.random.default_rng(4)
    truth = {place(n): CLASSES[i] for n, i in enumerate(generator.choice(3, 2_001, p=(0.3, 0.2, 0.5)))}
    judge = {p: WIN if n % 4 == 0 else each for n, (p, each) in enumerate(truth.items())}
    found = next(iter(agreements({"j": judge, "people": truth}, DRAWS)))
    few = dict(list(truth.items())[:2_000])
    beside = next(iter(agreements({"j": judge, "people": few}, Resamplings(1, 2_000))))
    assert found.interval == pytest.approx(beside.interval, abs=0.005)
    assert calibration("j", "cand", judge, truth, found).refused is None


def test_one_question_that_alone_tells_two_raters_apart_gives_kappa_no_interval():
    """Without it both always say the same: the jackknife of 2,002 questions has no end."""
    found = agreement("a", "b", [(WIN, WIN)] * 2_001 + [(WIN, LOSS)], range(2_002), DRAWS)
    assert (found.kappa, found.interval, found.better_than_chance) == (0, None, False)


def test_where_all_is_labeled_the_corrected_change_is_peoples_own_and_as_sure():
    """The judge's error moves against its value on the same questions: what is left is how sure people's mean is."""
    generator = np.random.default_rng(5)
    truth = {place(n): CLASSES[i] for n, i in enumerate(generator.choice(3, 80, p=(0.3, 0.2, 0.5)))}
    judge = {p: WIN if generator.random() < 0.3 else each for p, each in truth.items()}
    with_people = next(iter(agreements({"j": judge, "people": truth}, DRAWS)))
    found = calibration("j", "cand", judge, truth, with_people).corrected
    worth = np.array([{WIN: 1.0, TIE: 0.5, LOSS: 0.0}[each] for each in truth.values()])
    assert found.value == pytest.approx(worth.mean() - 0.5)
    reach = stats.t.ppf(0.975, 79) * worth.std(ddof=1) / np.sqrt(80)
    assert found.interval == pytest.approx((found.value - reach, found.value + reach))
