"""What a page shows beside numbers: kinds and order of its rows, changed items, and how texts are packed."""

import base64
import json
import zlib
from dataclasses import replace

import numpy as np
import pytest

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats import exhibit_data
from analysis.rendering.formats.exhibit_data import packed
from analysis.rendering.formats.text import visible_lines
from analysis.rendering.tables.strip import evidence_strip
from analysis.review import changed_items as module
from analysis.review.changed_items import changed_items
from analysis.review.exhibits import exhibits
from ledger.judgments import Outcome, Winner
from ledger.records import Finish
from tests.review_factory import Factory
from tests.run_folder import Folder, config


def unpacked(found):
    return json.loads(zlib.decompress(base64.b64decode(found.text)))


def folder_of(path, **settings):
    folder = Folder(path, config(("w8", "w4"), **settings), questions=4, items=24)
    for name in folder.names:
        folder.answer(name, text="the same" if name == "w8" else "text of {model}")
        folder.choose(name, seed=1)
    return folder


def kinds(folder):
    shown = exhibits(read_evidence(folder.config, folder.run))
    return {(row.model, row.cell.question, row.cell.turn): set(row.kinds) for row in shown.rows}


def test_rows_know_what_was_lost_won_flipped_and_cut(tmp_path):
    folder = folder_of(tmp_path)
    folder.rate({"bf16": 7.0, "w8": 5.0, "w4": 9.0}, spread=0)
    folder.play("w8", (Winner.BASELINE, Winner.BASELINE))
    folder.play("w4", (Winner.CANDIDATE, Winner.TIE))
    found = kinds(folder)
    assert {frozenset(each) for key, each in found.items() if key[0] == "w8"} == {frozenset({"regressed"})}
    assert {frozenset(each) for key, each in found.items() if key[0] == "w4"} == {
        frozenset({"improved", "inconsistent"})
    }
    shown = exhibits(read_evidence(folder.config, folder.run))
    assert [row.gain for row in shown.rows] == [-2.0] * 8 + [2.0] * 8
    assert shown.counts["regressed"] == shown.counts["improved"] == shown.counts["inconsistent"] == 8


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.UNREADABLE, "unreadable"),
        (Outcome.CONTRADICTORY, "unreadable"),
        (Outcome.REFUSED, "refused"),
        (Outcome.TRUNCATED, "truncated"),
        (Outcome.FAILED, "failed"),
    ],
)
def test_an_outcome_of_either_side_marks_the_row(tmp_path, outcome, kind):
    folder = folder_of(tmp_path)
    folder.rate(dict.fromkeys(folder.names, 7.0), outcome=outcome)
    for rival in folder.rivals:
        folder.play(rival, (Winner.TIE, Winner.TIE))
    assert all(found == {kind} for found in kinds(folder).values())


@pytest.mark.parametrize("lost", ["rated", "played"])
def test_a_planned_judgment_without_a_record_marks_the_row_as_the_tile_counts_it(tmp_path, lost):
    folder = folder_of(tmp_path)
    if lost != "rated":
        folder.rate({"bf16": 7.0, "w8": 7.0, "w4": 7.0}, spread=0)
    if lost != "played":
        for rival in folder.rivals:
            folder.play(rival, (Winner.TIE, Winner.TIE))
    assert all("failed" in found for found in kinds(folder).values())
    (tile,) = (tile for tile in evidence_strip(folder.report()) if tile.name == "failed")
    assert int(tile.value) > 0


def test_an_answer_that_was_cut_and_one_that_is_the_same(tmp_path):
    folder = Folder(tmp_path, config(("w8", "w4"), judge=False), questions=4, items=0)
    folder.answer("bf16", text="same")
    folder.answer("w8", text="same")
    folder.answer("w4", text="other", finish=Finish.LENGTH)
    found = kinds(folder)
    assert {frozenset(each) for key, each in found.items() if key[0] == "w8"} == {frozenset({"identical"})}
    assert {frozenset(each) for key, each in found.items() if key[0] == "w4"} == {frozenset({"truncated"})}


def test_judges_that_say_the_opposite_disagree(tmp_path):
    made = Factory(tmp_path / "r", questions=16, items=0, words=5)
    shown = exhibits(read_evidence(made.config, made.write()))
    evidence = shown.evidence
    for row in shown.rows:
        changes = []
        for judge in evidence.judges:
            scores = [judge.ratings[name][row.cell].score for name in ("bf16", row.model)]
            changes += [scores[1] - scores[0]] if None not in scores else []
        opposite = min(changes) < 0 < max(changes)
        assert not opposite or "disagree" in row.kinds
    assert 0 < shown.counts["disagree"] < len(shown.rows)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Factory(
        tmp_path_factory.mktemp("items") / "r",
        questions=8,
        items=300,
        judges=(),
        decision={"primary": "accuracy_change"},
    )


@pytest.fixture(scope="module")
def items(made):
    return read_evidence(made.config, made.write())


def test_changed_items_are_those_picked_otherwise_with_their_probabilities(items):
    found, left_out = changed_items(items)
    assert left_out == 0
    before, by_name = items.baseline.choices, {model.name: model.choices for model in items.rivals}
    expected = sum(
        int((before.picks("acc") != choices.picks("acc")).sum())
        for name, choices in by_name.items()
        if not name.endswith("@control")
    )
    assert len(found) == expected > 50
    assert [each.margin for each in found] == sorted((each.margin for each in found), reverse=True)
    for each in found:
        assert sum(each.before) == pytest.approx(1)
        picks = int(np.argmax(each.before)), int(np.argmax(each.after))
        assert picks[0] != picks[1]
        right = tuple(pick == each.gold for pick in picks)
        assert each.kind == {(True, False): "right→wrong", (False, True): "wrong→right"}.get(right, "wrong→other")


def test_a_candidate_under_other_conditions_has_no_changed_items(items):
    """The report does not compare its choices either."""
    where = items.rivals[0]
    told = [each.manifest.model_copy(update={"facts": {"processor": each.name}}) for each in (items.baseline, where)]
    base, other = replace(items.baseline, manifest=told[0]), replace(where, manifest=told[1])
    models = tuple({where.name: other, base.name: base}.get(model.name, model) for model in items.models)
    found, _ = changed_items(replace(items, models=models))
    assert where.role == "candidate"
    assert {each.model for each in changed_items(items)[0]} - {each.model for each in found} == {where.name}


def test_too_many_changed_items_are_counted_and_the_surest_are_kept(items, monkeypatch):
    whole, _ = changed_items(items)
    monkeypatch.setattr(module, "MOST_ITEMS", 10)
    found, left_out = changed_items(items)
    assert found == whole[:10]
    assert left_out == len(whole) - 10


def test_an_items_text_is_shown_only_if_it_is_what_the_models_were_given(made, items):
    texts = list(made.run.items.records())
    shown = exhibits(items)
    assert all(row[8] for row in unpacked(packed(shown, texts, redact=False))["items"])
    other = [item.model_copy(update={"question": "another?"}) for item in texts]
    assert not any(row[8] for row in unpacked(packed(shown, other, redact=False))["items"])
    assert not any(row[8] or row[9] for row in unpacked(packed(shown, texts, redact=True))["items"])


def test_picks_that_rounding_would_hide_are_told(items):
    shown = exhibits(items)
    close = replace(shown.changed_items[0], before=(0.49998, 0.50002), after=(0.50002, 0.49998))
    (row,) = unpacked(packed(replace(shown, changed_items=(close,)), (), redact=False))["items"]
    assert row[6] == row[7] == [0.5, 0.5]
    assert row[10] == [1, 0]


def test_replies_are_shortened_where_little_was_lost_and_only_if_they_must(tmp_path, monkeypatch):
    made = Factory(tmp_path / "r", questions=12, items=0, words=20)
    shown = exhibits(read_evidence(made.config, made.write()))
    everything = packed(shown, (), redact=False)
    assert everything.reply_characters == exhibit_data.MOST_CHARACTERS
    monkeypatch.setattr(exhibit_data, "MOST_BYTES", 3 * len(everything.text) // 4)
    monkeypatch.setattr(exhibit_data, "WHOLE_ROWS", 5)
    less = packed(shown, (), redact=False)
    assert less.reply_characters < 800
    data = unpacked(less)
    worst = {(data["models"].index(row.model), int(row.cell.question) - 101, row.cell.turn) for row in shown.rows[:5]}
    for _, model, question, _, turn, *_, reply in data["ratings"]:
        if (model, question, turn) in worst:
            assert isinstance(reply, str)
    assert any(isinstance(row[-1], list) for row in data["ratings"])
    for row in data["ratings"]:
        if isinstance(row[-1], list):
            assert len(row[-1][0]) == less.reply_characters
            assert row[-1][1] > 0


def test_invisible_characters_are_seen_and_lines_stay():
    assert visible_lines("a\nb\tc\r\nd\x1b[1m\u202e\x00é☃") == "a\nb\tc\nd\\u001b[1m\\u202e\\u0000é☃"
