"""What both models wrote where a solved item's score changed: the worst first, in the report's browser."""

import base64
import json
import zlib

import pytest

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.exhibit_data import packed
from analysis.review import changed_solutions as module
from analysis.review.changed_solutions import changed_solutions
from analysis.review.exhibits import exhibits
from ledger.checked_items import CheckedItem
from ledger.config import read_config
from ledger.runs import RunFolder
from tests.chromium import chromium, needs_chromium
from tests.test_import_tables import table
from tests.test_solved_tasks import answers, sides

WRONG, RIGHT = 3, 7


@pytest.fixture
def logs(compared, tmp_path):
    """Of forty sums the candidate loses number 3 and gains number 7, which the baseline had wrong."""
    right = [number != RIGHT for number in range(40)]
    after = [number != WRONG for number in range(40)]
    made = sides(tmp_path, {"sums": answers("sums", right)}, {"sums": answers("sums", after)})
    return made, compared(*made)


def found_in(tmp_path):
    run = RunFolder(tmp_path / "runs" / "review")
    evidence = read_evidence(read_config(run.config), run)
    return evidence, run, *changed_solutions(evidence, run)


def test_losses_come_first_with_both_texts(logs, tmp_path):
    _, _, found, more = found_in(tmp_path)
    assert [(each.after.item, each.kind, each.change) for each in found] == [
        ("3", "right→wrong", -1.0),
        ("7", "wrong→right", 1.0),
    ]
    assert (found[0].before.text, found[0].after.text, more) == ("The answer is 3.", "The answer is 4.", 0)
    assert found[0].asked is None


def test_those_beyond_the_most_are_counted(logs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_SOLUTIONS", 1)
    _, _, found, more = found_in(tmp_path)
    assert ([each.after.item for each in found], more) == (["3"], 1)


def test_of_several_repeats_the_first_that_changed_is_shown(compared, tmp_path):
    for name, last in (("a", 1), ("b", 0)):
        rows = [{"item": n, "repeat": r, "score": 1, "text": f"{name}{n}{r}"} for n in range(5) for r in range(3)]
        rows[-1]["score"] = last
        table(tmp_path / f"{name}.jsonl", rows)
    compared(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    _, _, (found,), _ = found_in(tmp_path)
    assert (found.after.item, found.after.repeat, found.after.text) == ("4", 2, "b42")
    assert found.change == pytest.approx(-1 / 3)


def test_without_texts_nothing_is_read_again(compared, tmp_path):
    for name, score in (("a", 1), ("b", 0)):
        table(tmp_path / f"{name}.csv", [{"item": n, "score": score} for n in range(5)])
    compared(tmp_path / "a.csv", tmp_path / "b.csv")
    assert found_in(tmp_path)[2:] == ((), 0)


def test_a_redacted_page_has_no_text_of_them(logs, tmp_path):
    evidence, _, found, _ = found_in(tmp_path)
    for redact, texts in ((False, 2), (True, 0)):
        data = json.loads(
            zlib.decompress(base64.b64decode(packed(exhibits(evidence), (), (found, 0), redact=redact).text))
        )
        row = data["solved"][0]
        assert sum(side[2] is not None for side in row[-1]) == texts
        assert [side[0] for side in row[-1]] == [1.0, 0.0]


@needs_chromium
def test_the_browser_shows_what_was_asked_and_what_both_wrote(logs, compared, tmp_path):
    made, _ = logs
    run = RunFolder(tmp_path / "runs" / "review")
    asked = CheckedItem(
        task="sums",
        id="3",
        subject="sums",
        prompt="What is 1 + 2? <b>",
        max_tokens=8,
        document_digest="",
        targets=("3",),
    )
    run.checked_items.keep([asked])
    compared(*made)
    with chromium() as browser:
        browser.get((run.analysis / "report.html").as_uri() + "#show=items&item=sums/3")
        told = browser.find_element("id", "detail").get_property("textContent")
        assert browser.get_log("browser") == []
    for text in ("What is 1 + 2? <b>", "right: 3", "The answer is 3.", "▸4.", "taken from it: nothing", "right→wrong"):
        assert text in told
