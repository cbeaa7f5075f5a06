"""What is read from a reply: the strict rules, FastChat's rules, and what holds for every text."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge.verdicts import Reading, fastchat_score, fastchat_winner, reading
from ledger.judgments import Outcome
from ledger.thinking import spoken
from tests.house import MT_BENCH, needs_mt_bench, rows_of

UNMARKED = st.text(st.characters(exclude_characters="[]<>", exclude_categories=["Cs"]))


def strict(mode, text, finish="stop", refusal=None):
    return reading(mode, text, finish, refusal, "strict")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good.\nRating: [[7]]", 7.0),
        ("Rating: [[7.5]]", 7.5),
        ("[[ 8 ]]", 8.0),
        ("[[8/10]] and [[ 8.0 / 10 ]]", 8.0),
        ("[[8]] is [[8.0]]", 8.0),
        ("[[08]]", 8.0),
        ("[[10]]", 10.0),
        ("[[1]]", 1.0),
        ("**[[9]]**", 9.0),
        ("write [[rating]], so [[6]]", 6.0),
        ("<think>maybe [[3]]</think>Rating: [[9]]", 9.0),
        ("maybe [[3]]</think>Rating: [[9]]", 9.0),
        ("<think>the answer says <think> [[2]]</think>[[9]]", 9.0),
        ("format is [[5]], so [[9]]", Outcome.CONTRADICTORY),
        ("[[11]] or [[5]]", Outcome.CONTRADICTORY),
        ("[[11]]", Outcome.OUT_OF_RANGE),
        ("[[0]]", Outcome.OUT_OF_RANGE),
        ("[[-3]]", Outcome.OUT_OF_RANGE),
        ("[[" + "9" * 5000 + "]]", Outcome.OUT_OF_RANGE),
        ("Rating: 8", Outcome.UNREADABLE),
        ("[8]", Outcome.UNREADABLE),
        ("[[1, 2], [3, 4]]", Outcome.UNREADABLE),
        (r"Rating: \[\[8\]\]", 8.0),
        ("[[**8**]] and [[ *8.0* ]]", 8.0),
        ("[[Rating: 8]]", 8.0),
        ("[[Final score: **8/10**]]", 8.0),
        ("[[８]] or ［［8．0］］", 8.0),
        ("[[Rating：8]]", 8.0),
        ("[[Rating: 8]] or [[7]]", Outcome.CONTRADICTORY),
        ("[[rating]]", Outcome.UNREADABLE),
        ("[[8 or 9]]", Outcome.UNREADABLE),
        ("[[٨]]", Outcome.UNREADABLE),
        ("[[8]/10]", Outcome.UNREADABLE),
        ("[[A]]", Outcome.UNREADABLE),
        ("", Outcome.UNREADABLE),
        ("$ERROR$", Outcome.UNREADABLE),
        ("[[8]]\n<think>or rather", Outcome.UNREADABLE),
        ("It leaves <think> open, so [[8]]", 8.0),
    ],
)
def test_a_strict_score(text, expected):
    found = strict("single", text)
    assert (found.value if isinstance(expected, float) else found.outcome) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Verdict: [[A]]", "A"),
        ("[[ B ]], I repeat [[B]]", "B"),
        ("[[C]]", "C"),
        ("not [[B]] but [[A]]", Outcome.CONTRADICTORY),
        ("[[a]] or [B] or C", "A"),
        ("[[Tie]]", "C"),
        ("[[Draw]], [[verdict：draw]]", "C"),
        ("[[A]] is no [[draw]]", Outcome.CONTRADICTORY),
        (r"\[\[B\]\], **[[b]]**", "B"),
        ("[[Verdict: **A**]]", "A"),
        ("[[Answer B]]", "B"),
        ("[[a]] or [[Tie]]", Outcome.CONTRADICTORY),
        ("[[A/B]]", Outcome.UNREADABLE),
        ("<thinking>[[A]]</thinking>", Outcome.UNREADABLE),
        ("[[7]]", Outcome.UNREADABLE),
    ],
)
def test_a_strict_winner(text, expected):
    found = strict("pair", text)
    assert (found.value if len(expected) == 1 else found.outcome) == expected


def test_how_a_reply_ended_is_seen_before_its_text():
    text = "[[9]]"
    assert strict("single", text, "length").outcome is Outcome.TRUNCATED
    assert strict("single", text, "content_filter").outcome is Outcome.FILTERED
    assert strict("single", text, "stop", refusal="I will not.").outcome is Outcome.REFUSED
    assert reading("single", text, "length", None, "fastchat").value == 9


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[7]]", 7.0),
        ("[[7.5]]", 7.5),
        ("[[5.]]", 5.0),
        ("format is [[5]] ... [[9]]", 5.0),
        ("[[8]/10]", 8.0),
        ("so [3] it is", 3.0),
        ("[[rating]] 8 but arr[2]", 2.0),
        ("[[11]]", Outcome.OUT_OF_RANGE),
        ("arr[0]", Outcome.OUT_OF_RANGE),
        ("[[10/10]]", Outcome.UNREADABLE),
        ("[[ 8 ]]", Outcome.UNREADABLE),
        ("Rating: 8", Outcome.UNREADABLE),
        ("", Outcome.UNREADABLE),
        ("$ERROR$", Outcome.UNREADABLE),
        ("[[08]]", Outcome.UNREADABLE),
        ("[[٨]]", Outcome.UNREADABLE),
    ],
)
def test_fastchats_score(text, expected):
    found = fastchat_score(text)
    assert (found.value if isinstance(expected, float) else found.outcome) == expected


def test_fastchats_winner_prefers_a():
    assert fastchat_winner("not [[A]] but [[B]]").value == "A"
    assert fastchat_winner("[[C]] or [[B]]").value == "B"
    assert fastchat_winner("[A]") == Reading(Outcome.UNREADABLE)


@needs_mt_bench
def test_on_real_replies_both_rules_agree_and_give_the_stored_scores():
    rows = [row for file in MT_BENCH.glob("*/model_judgment/*_single.jsonl") for row in rows_of(file)]
    assert len(rows) == 160 * 4 + 320
    means: dict[str, list[float]] = {}
    for row in rows:
        old, new = fastchat_score(row["judgment"]), strict("single", row["judgment"])
        assert old == new
        assert (old.value if old.value is not None else -1) == row["score"]
        if old.value is not None:
            means.setdefault(row["model"], []).append(old.value)
    assert [score for row in rows if (score := row["score"]) == -1] == [-1]
    assert {model: round(sum(scores) / len(scores), 2) for model, scores in means.items()} == {
        "phi-3-dpo": 8.2,
        "mistral-orpo-mix": 6.0,
        "mistral-orpo-trl": 7.17,
        "mistral-orpo-capybara": 6.82,
        "mistral-orpo": 5.86,
    }


@needs_mt_bench
def test_on_real_games_both_rules_give_the_stored_winners():
    rows = rows_of(MT_BENCH / "phi-3/model_judgment/gpt-4_pair.jsonl")
    positions = {"model_1": ("A", "B"), "model_2": ("B", "A"), "tie": ("C", "C"), "error": (None, None)}
    outcomes = Counter()
    for row in rows:
        for game, name in enumerate(("g1", "g2")):
            old, new = fastchat_winner(row[f"{name}_judgment"]), strict("pair", row[f"{name}_judgment"])
            assert old.value == new.value == positions[row[f"{name}_winner"]][game]
            outcomes[old.outcome] += 1
    assert outcomes == {Outcome.SCORED: 147, Outcome.UNREADABLE: 3}


@given(st.text(), st.sampled_from(["single", "pair"]), st.sampled_from(["strict", "fastchat"]))
def test_no_text_raises_and_only_a_verdict_is_scored(text, mode, parsing):
    found = reading(mode, text, "stop", None, parsing)
    assert (found.outcome is Outcome.SCORED) == (found.value is not None)
    if found.value is not None:
        assert 1 <= found.value <= 10 if mode == "single" else found.value in "ABC"


@given(
    st.lists(
        st.sampled_from(
            [
                "[[",
                "]]",
                "[",
                "5",
                "7.5",
                "A",
                "B",
                " ",
                "<think>",
                "</think>",
                "/10",
                "x",
                "\\[",
                "**",
                "Tie",
                "a",
                "Rating: ",
                "８",
            ]
        )
    )
)
def test_no_heap_of_markers_raises(pieces):
    for mode in ("single", "pair"):
        for parsing in ("strict", "fastchat"):
            found = reading(mode, "".join(pieces), "stop", None, parsing)
            if mode == "single" and found.value is not None:
                assert 1 <= found.value <= 10


@given(UNMARKED, UNMARKED, st.decimals(1, 10, places=1))
def test_text_without_markers_changes_no_verdict(before, after, score):
    assert strict("single", f"{before}[[{score}]]{after}").value == float(score)
    assert strict("pair", f"{before}[[B]]{after}").value == "B"
    assert spoken(before) == before


def test_a_heap_of_tags_is_read_in_linear_time():
    started = time.monotonic()
    assert spoken("<think>" * 200_000) is None
    assert strict("single", "[" * 200_000).outcome is Outcome.UNREADABLE
    for heap in (" " * 200_000, "*" * 200_000, "1" * 200_000, "Rating: " * 50_000):
        assert strict("single", "[[" + heap).outcome is Outcome.UNREADABLE
    assert time.monotonic() - started < 20  # in quadratic time it takes many minutes
