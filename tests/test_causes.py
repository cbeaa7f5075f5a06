"""Causes in words: every kind has one clause, and a clause needs no more than its cause gives."""

import json

import pytest

from analysis.rendering.formats.data import report_json
from analysis.rendering.sentences.clauses import CLAUSES, clause, clauses, part
from analysis.rendering.sentences.decisions import advice, sentence
from analysis.statistics.causes import Cause, Kind
from tests.cause_examples import HASHES, SAID
from tests.run_folder import Folder, config, whole


def test_every_kind_has_one_clause_and_is_tried_here():
    assert set(CLAUSES) == set(Kind) == {cause.kind for cause, _ in SAID}


@pytest.mark.parametrize(("cause", "text"), SAID, ids=lambda each: each.kind.value if isinstance(each, Cause) else "")
def test_a_cause_reads_as_this_clause(cause, text):
    assert clause(cause) == text


def test_causes_join_to_one_text_and_lose_their_full_stop_within_a_sentence():
    stale = Cause(Kind.STALE_RECORDS, "answers.jsonl", names=HASHES)
    assert clauses([stale, Cause(Kind.NO_TASK)]) == f"{clause(stale)}; no [[task]] was configured"
    assert (clause(stale)[-1], part(stale)) == (".", clause(stale)[:-1])


def test_names_from_outside_are_not_read_as_fields():
    assert clause(Cause(Kind.NO_MEASURING_JUDGE, "{subject} {0}")) == "no judge measures {subject} {0}"


def test_report_json_has_each_cause_for_programs_and_in_words(tmp_path):
    """A limit that is broken, with the bound as it was computed; and beside it what every other format prints."""
    report = whole(tmp_path, config(margin=1.0, limits={"flips": 0.02}), wrong=30).report()
    data = json.loads(report_json(report))
    for decision, written in zip(report.decisions, data["decisions"], strict=True):
        assert (written["sentence"], written["settle"]) == (sentence(decision), advice(decision))
        assert [each["text"] for each in written["causes"]] == [clause(each) for each in decision.causes]
    *_, over = data["decisions"][-1]["causes"]
    bound = report.decisions[-1].limits[0].estimate.lower_bounds[0]
    assert (over["kind"], over["subject"], over["numbers"]["threshold"]) == ("limit_over", "flips", 0.02)
    assert over["numbers"]["lower_bound"] == bound > 0.02
    assert over["text"] in data["decisions"][-1]["sentence"]
    assert [note["text"] for note in data["notes"]] == [clause(note) for note in report.notes]


def test_causes_below_a_cause_have_their_words_too(tmp_path):
    report = Folder(tmp_path, config(margin=1.0)).report()
    nested = json.loads(report_json(report))["decisions"][0]["primary"]["unfit"]
    assert [each["text"] for outer in nested for each in outer["causes"]] == [
        clause(each) for outer in report.decisions[0].primary.unfit for each in outer.causes
    ]
    assert any(outer["causes"] for outer in nested)
