"""What models write, from texts alone: known texts, and what must hold for any."""

import json
import math
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.statistics.cells import Cell
from analysis.writing.degradation import DEGRADATION, WrittenTurn, degradation_values, repetition
from analysis.writing.faults import faults
from analysis.writing.likeness import LIKENESS, first_difference, log_length_ratio, same_text, similarity
from analysis.writing.loops import LEAST_COPIED, loop_of
from analysis.writing.pieces import pieces
from analysis.writing.scripts import in_wrong_script
from ledger.records import Finish
from tests.command_lines import ALL_PAGES
from tests.house import HOUSE, rows_of

MT_BENCH = HOUSE.parent / "shared" / "mt_bench"
POEM = """The harbor keeps its lamps alight,
The gulls have folded in their cries,
And all the masts that lean to night
Are needles sewing up the skies.
"""
LINE = "The tide will carry what we cannot keep,\n"
PROSE = (
    "A ledger is a book of accounts. Whoever opens it should find each sum twice, once where it came from and once "
    "where it went. That habit is old, and it outlived the quill because it lets a stranger check the work."
)
TEXTS = st.text(alphabet=st.sampled_from("ab .,\n1|!好Я`"), max_size=60)


def loops(text: str) -> bool:
    return loop_of(text, pieces(text)) is not None


def turn(text: str, **more) -> WrittenTurn:
    return WrittenTurn(text, more.pop("asked", ("Write something.",)), more.pop("finish", Finish.STOP), **more)


def table(rows: int) -> str:
    head = "| city | founded | people | river |\n|------|---------|--------|-------|\n"
    return head + "".join(
        f"| city {i} | {1100 + 7 * i} | {i * 31 % 900} thousand | {'yes' if i % 3 else 'no'} |\n" for i in range(rows)
    )


def test_a_line_twice_in_a_poem_is_no_loop_and_thirty_times_is():
    assert not loops(POEM + LINE * 2)
    assert not loops(POEM + LINE * 2 + POEM.replace("harbor", "village"))
    assert loops(POEM + LINE * 30)
    assert loops(POEM + LINE * 30 + POEM)


def test_where_a_loop_begins_and_how_often_it_copies():
    found = loop_of(POEM + LINE * 30, pieces(POEM + LINE * 30))
    assert found is not None
    text = POEM + LINE * 30
    assert text[found.again : found.end].count("The tide will carry") >= 28
    assert (found.period, round(found.copies)) == (len(pieces(LINE)), 30)
    assert len(POEM) - 2 <= found.start < found.again < found.end == len(text) - 1


@pytest.mark.parametrize(
    "good",
    [
        table(60),
        "\n".join(f"{i}. Carry crate {i} to bay {i * 3 % 17}" for i in range(1, 80)),
        "\n".join(f"x[{i}] = x[{i - 1}] + y[{i}] * {i % 7}" for i in range(1, 60)),
        "\n".join(" ".join(str((i * j) % 10) for j in range(12)) for i in range(12)),
        "P = " + " + ".join(["(1/6)"] * 6),
        ", ".join(map(str, range(300))),
        "-" * 69 + "\nTotal\n" + "=" * 69 + "\n" + PROSE,
        "|" + "---|" * 24 + "\n" + PROSE,
        "[" + ", ".join(["0"] * 20) + "]",
        POEM * 2,
        PROSE,
        "ha " * 20,
        "",
        "[" + ",\n ".join(["[" + ", ".join(["0"] * 8) + "]"] * 8) + "]",
        "| a | b | c | d |\n|---|---|---|---|\n" + "| NULL | NULL | NULL | NULL |\n" * 6,
        "तेरी यादें आती हैं, मेरी नींदें जाती हैं।\n" * 3,
        "W B W B W B W B\n" * 8 + "White moves first.",
        PROSE + "\n" + "-" * 69,
        "The key is " + "0123456789abcdef" * 8 + ".",
    ],
    ids=[
        *(
            "table",
            "list",
            "code",
            "numbers",
            "sum",
            "count",
            "rules",
            "frame",
            "zeros",
            "twice",
            "prose",
            "ha",
            "none",
        ),
        *("matrix", "nulls", "refrain", "board", "rule", "key"),
    ],
)
def test_good_lists_tables_poems_and_code_are_no_loops(good):
    assert not loops(good)


@pytest.mark.parametrize(
    "bad",
    [
        "The answer is 5. " * 12,
        PROSE + " I hope this helps." * 14,
        "\n".join(f"{i}. The first step is to begin." for i in range(1, 20)),
        "5, " * 300,
        PROSE + "!" * 400,
        "a" * 700,
        "的确如此，" * 20,
        "ไม่เป็นไร" * 12,
        PROSE * 3 + PROSE[:40],
        "| NULL | NULL | NULL | NULL |\n" * 40,
        "तेरी यादें आती हैं। " * 12,
        "The" + "!" * 159,
        "The letter is C" + " C" * 50,
        PROSE + " It was 0." + "3" * 200,
        PROSE + " " + "ha" * 60 + " and so it went on.",
        PROSE + "\n" + "- [ ]\n" * 50,
    ],
    ids=[
        *("sentence", "ending", "numbered", "numbers", "marks", "letter", "han", "thai", "paragraphs", "rows", "hindi"),
        *("exclamations", "letters", "digits", "laughter", "boxes"),
    ],
)
def test_what_is_said_again_and_again_is_a_loop(bad):
    assert loops(bad)


def test_the_rule_is_the_one_that_is_stated():
    """At the end three copies and LEAST_COPIED pieces; where the text goes on, four and half as many again."""
    line = " ".join(f"w{i}" for i in range(11)) + "\n"
    other = "Nothing of this was said before, and the text goes on."
    assert LEAST_COPIED == 32
    assert (loops(line * 3), loops(line * 4)) == (False, True)
    assert (loops(line * 4 + other), loops(line * 5 + other), loops(line * 6 + other)) == (False, False, True)
    long = " ".join(f"w{i}" for i in range(200)) + "\n"
    assert (loops(long * 2), loops(long * 3), loops(long * 3 + other)) == (False, True, False)


def test_a_loop_is_found_whose_passage_repeats_words_within():
    assert loops(PROSE + " it is a lake, and it is a lake. but it is a sea," * 9)


@given(st.integers(2, 40), st.integers(0, 30), st.randoms(use_true_random=False))
def test_any_passage_loops_when_it_is_copied_often_enough(period, before, chance):
    passage = [f"w{chance.randrange(1000)}" for _ in range(period)]
    opening = [f"o{i}" for i in range(before)]
    copies = max(4, -(-3 * LEAST_COPIED // period))
    assert loops(" ".join(opening + passage * copies))


def test_pieces_take_time_in_proportion_to_the_length():
    """Ten times the text is at most ten times the periods' candidates: no quadratic step hides in the rule."""
    chance = random.Random(3)
    text = " ".join(f"w{chance.randrange(400)}" for _ in range(20_000))
    assert not loops(text)
    assert loops(text + " and so on" * 40)


def test_repetition_is_seq_rep_4_by_hand():
    assert repetition(pieces("a b c d e f g")) == 0
    assert repetition(pieces("a b c d, a b c d")) == pytest.approx(1 - 4 / 5)
    assert repetition(pieces("go " * 103)) == pytest.approx(1 - 1 / 100)
    assert repetition(pieces("one two three")) is None
    assert repetition(pieces("我们我们我们我们")) == pytest.approx(1 - 2 / 5)
    assert pieces("तेरी यादें। cafe\u0301") == ["तेरी", "यादें", "।", "cafe\u0301"]


@pytest.mark.parametrize(
    ("text", "more", "found"),
    [
        ("```python\nx = 1\n```", {}, ()),
        ("```python\nx = 1\n", {}, ("open code",)),
        ("```python\nx = 1\n", {"cut": True}, ()),
        ("````\n```\nx\n````", {}, ()),
        ("Use ``` to open a fence, then ```.", {}, ()),
        ("1. Run:\n   ```sh\n   ls\n   ```\n2. Done.", {}, ()),
        ("Fine.<|im_end|>", {}, ("template token",)),
        ("Fine. [/INST] And more", {}, ("template token",)),
        ("Fine.</s>", {}, ("template token",)),
        ("<s>struck</s> out, in HTML", {}, ()),
        ("<|im_end|> ends a turn.", {"asked": ("What does <|im_end|> do?",)}, ()),
        ("a \ufffd b", {}, ("replacement character",)),
        ("", {"thinking": "so, let me see"}, ("open thinking",)),
        ("done", {"thinking": "so, let me see"}, ()),
        ("so I think</think> done", {}, ("open thinking",)),
        ("so I think [/THINK] done", {}, ("open thinking",)),
        ("The tag <think> opens it.", {"asked": ("What is <think>?",)}, ()),
        ("Models write `<think>` first.", {}, ()),
        ("Models write <think> first, and </think> last.", {}, ()),
        ("Models write <think> first.", {}, ()),
        ("Fine.\n<think>\nBut wait", {}, ("open thinking",)),
        ("Fine.\n<|channel>thought\nBut wait", {}, ("template token", "open thinking")),
        ("```ls -l```\nlists files.", {}, ()),
        ("```python\nx = 1```", {}, ()),
        ("~~~~struck~~~~ out", {}, ()),
        ("He said [UNK] and <extra_id_0>.", {}, ("template token",)),
        ("```ls -l``` lists files.\n```sh\nls", {}, ("open code",)),
    ],
)
def test_what_is_broken(text, more, found):
    settings = {"asked": ("Write.",), "thinking": None, "cut": False} | more
    assert faults(text, settings["asked"], settings["thinking"], cut=settings["cut"]) == found


@pytest.mark.parametrize(
    ("asked", "text", "wrong"),
    [
        ("Name a river.", "The Danube.", False),
        ("Name a river.", "The 多瑙 river.", True),
        ("Name a river.", "Дунай", True),
        ("Name an angle.", "The angle α is π/2, and µ is small.", False),
        ("Translate Дунай.", "Дунай is the Danube.", False),
        ("多瑙河有多长？", "多瑙河长约两千八百公里。", False),
        ("多瑙河有多长？", "The Danube is about 2850 km long.", True),
        ("多瑙河有多长？", "約2850キロメートルです。", True),
        ("ドナウ川はどこですか", "ヨーロッパ中部です。", False),
        ("写一个函数", "```python\nprint('long and Latin and nothing else at all')\n```\n完成了。", False),
        ("도나우강은?", "多瑙河", True),
        ("Café naïve?", "Ça va, señor; straße.", False),
        ("Name a river.", "", False),
        ("Name a river.", 'The Danube (Дунай) is "Дунай" in Russian.', False),
        ("Name a river.", "`река = 'Дунай'` prints it.", False),
        ("Name a river in Russian.", "Дунай", False),
        ("把这句话翻译成英语：多瑙河很长。", "The Danube is long.", False),
        ("Write Tokyo in kanji.", "東京", False),
        ("Name a river in Russian.", "多瑙河", True),
        ("Say it in Japanese.", "ヨーロッパの川です。", False),
        ("Give the rule.", "sin(αβ) = Δθ·λμν", False),
        ("Give the rule.", "ο Δούναβης ποταμός", True),
    ],
)
def test_the_script_is_held_against_the_question_alone(asked, text, wrong):
    assert in_wrong_script(text, (asked,)) is wrong


def test_what_is_cut_or_empty():
    values = degradation_values(
        (Cell("s", str(i), 0, 1, 0), each)
        for i, each in enumerate([turn("a b c d"), turn("", finish=Finish.EMPTY), turn("a", finish=Finish.LENGTH)])
    )
    assert [*values["unfinished"].values()] == [0, 0, 1]
    assert [*values["empty"].values()] == [0, 1, 0]
    assert len(values["repetition"]) == 1
    untold = degradation_values([(Cell("s", "1", 0, 1, 0), turn("a", finish=None))])
    assert untold["unfinished"] == {}


def test_similarity_is_rouge_l_by_hand():
    """The F measure of the longest common subsequence: of five and four words three are common."""
    assert similarity("the cat sat down here", "The cat lay here") == pytest.approx(2 * 3 / 9)
    assert similarity("one two", "three four") == 0
    assert similarity("", "") == 1
    assert similarity("", "one") == 0
    assert similarity("!!!!", "????") == 0
    assert similarity("internationalization", "internationalisation") == 0


@given(TEXTS, TEXTS)
def test_likeness_is_whole_between_equals_and_the_same_both_ways(one, other):
    assert (similarity(one, one), same_text(one, one), first_difference(one, one)) == (1, 1, 1)
    assert log_length_ratio(one, one) in (0, None)
    for name, of in LIKENESS.items():
        there, back = of(one, other), of(other, one)
        if name == "log_length_ratio":
            assert there is back is None or there == pytest.approx(-back)
        else:
            assert there == pytest.approx(back)
            assert 0 <= there <= 1


@given(TEXTS)
def test_signs_stay_in_their_range(text):
    for name, of in DEGRADATION.items():
        value = of(turn(text))
        assert value is None or 0 <= value <= 1, name


def test_length_is_the_logarithm_of_characters():
    assert log_length_ratio("ab", "abcd") == pytest.approx(math.log(2))
    assert log_length_ratio("ab", "  ") is None


@pytest.mark.skipif(not MT_BENCH.exists(), reason="the real MT-Bench files are not here")
def test_in_real_answers_every_loop_is_one():
    """960 answers of six models and 60 of a reference: 21 loop, all read by eye; the healthy models have none."""
    found: dict[str, int] = {}
    for path in sorted(MT_BENCH.rglob("model_answer/*.jsonl")) + sorted(MT_BENCH.rglob("reference_answer/*.jsonl")):
        for line in Path(path).read_text(encoding="utf-8").splitlines():
            for choice in json.loads(line)["choices"]:
                found[path.stem] = found.get(path.stem, 0) + sum(map(loops, choice["turns"]))
    assert found == {
        "mistral-orpo": 2,
        "mistral-orpo-capybara": 1,
        "mistral-orpo-mix": 3,
        "mistral-orpo-trl": 0,
        "phi-3": 12,
        "phi-3-dpo": 3,
        "gpt-4": 0,
    }


def judged_turns():
    """Every turn that GPT-4 rated, as its stored prompt has it, with its rating: also answers that no file holds."""
    asked = {row["question_id"]: row["turns"] for row in rows_of(MT_BENCH / "question.jsonl")}
    for path in sorted(MT_BENCH.rglob("gpt-4_single.jsonl")):
        for row in (row for row in rows_of(path) if row["score"] >= 0):
            second = "### User:\n" + asked[row["question_id"]][1] + "\n\n### Assistant A:\n"
            begin = second if row["turn"] == 2 else "[The Start of Assistant's Answer]\n"
            end = "\n\n<|The End of" if row["turn"] == 2 else "\n[The End of"
            yield row["model"], row["user_prompt"].split(begin)[-1].rsplit(end, 1)[0], row["score"]


@pytest.mark.skipif(not MT_BENCH.exists(), reason="the real MT-Bench files are not here")
def test_gpt_4_rates_turns_that_loop_far_lower():
    rated = [(name, loops(text), score) for name, text, score in judged_turns()]
    looped, others = ([score for _, loop, score in rated if loop is kind] for kind in (True, False))
    assert (len(looped), len(others)) == (48, 911)
    assert sum(loop for name, loop, _ in rated if name == "mistral-orpo") == 41  # 39 of older answers
    assert sum(looped) / len(looped) == pytest.approx(3.2, abs=0.05)
    assert sum(others) / len(others) == pytest.approx(6.8, abs=0.05)


def test_assays_own_texts_do_not_loop():
    texts = [path.read_text(encoding="utf-8") for path in ALL_PAGES]
    texts += [path.read_text(encoding="utf-8") for path in sorted((HOUSE / "analysis").rglob("*.py"))]
    texts += (HOUSE / "prompts" / "references" / "assay.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(texts) > 100
    assert [text[:60] for text in texts if loops(text)] == []


@pytest.mark.parametrize("text", ["!" * 150, ". " * 100, "!@" * 80, "\n".join(["---"] * 80)])
def test_a_text_of_marks_alone_that_repeat_is_a_loop(text):
    """What a broken quantization writes; beside letters the same marks rule a table."""
    assert loops(text)
    assert not loops(
        "Prices and sizes, in the order of the list:\n" + text[:150] + "\nThat is all there is to say about it."
    )


@pytest.mark.parametrize(
    "text", ["", " \n", "\u200b", "\ufeff", "\x00" * 50, "\u2800" * 20, "\u3164", "\ufe0f", "\u034f"]
)
def test_what_cannot_be_seen_is_empty(text):
    assert DEGRADATION["empty"](WrittenTurn(text, ("Say it.",), None)) == 1.0


@pytest.mark.parametrize("text", ["4", "?", "→", "🙂", "東"])
def test_what_can_be_seen_is_not(text):
    assert DEGRADATION["empty"](WrittenTurn(text, ("Say it.",), None)) == 0.0


@pytest.mark.parametrize(
    "text", ["He saw <unk> and <pad>.", "caf<0xC3><0xA9>", "Yes.<turn|>", "<|turn>user\nAnd?", "<|im_end"]
)
def test_tokens_that_no_reader_should_see_are_broken(text):
    broken = DEGRADATION["broken"](WrittenTurn(text, ("Say it.",), None))
    assert broken == float(text != "<|im_end")  # half a token is anybody's text


def test_a_token_that_is_spoken_of_is_not():
    assert DEGRADATION["broken"](WrittenTurn("Mask the `<pad>` token.", ("How do I batch?",), None)) == 0.0
