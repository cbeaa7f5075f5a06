"""`assay diff` compares like with like or not at all: what is refused by its field, left out, or matched by name."""

import json
from dataclasses import replace

import pytest

from analysis.decision.gate_estimates import pooled
from analysis.rendering.formats.difference import difference_markdown
from analysis.rendering.sentences.clauses import clause
from analysis.rendering.tables.difference import change_table, notes
from analysis.run_diff.matched_models import renamings
from ledger.errors import ConfigError, StaleInput
from ledger.manifests import read_manifest, write_manifest
from tests.diff_runs import (
    JUDGED,
    change,
    compared,
    evidence,
    fill,
    folder,
    of,
    remade,
    texts,
)


@pytest.mark.parametrize("field", JUDGED)
def test_a_judge_set_otherwise_is_refused_and_the_field_named(usual, field):
    made, other = evidence(usual), {"temperature": 0.7, "repeats": 2}.get(field, "other")
    with pytest.raises(StaleInput) as refused:
        compared(made, remade(made, {field: other}))
    assert refused.value.name == f"judge j of release-1 and release-1, {field}"
    assert (refused.value.recorded, refused.value.present) == (json.dumps(JUDGED[field]), json.dumps(other))
    assert compared(made, remade(made, {field: other}), judged=False).models[0].ratings == ()


def test_an_endpoint_that_answers_as_another_model_is_refused(usual):
    made = evidence(usual)
    with pytest.raises(StaleInput, match=r'served_models\.0: .* recorded "judge-1", now "judge-2"'):
        compared(made, remade(made, facts={"served_models": {"judge-2": 3}}))
    assert compared(made, remade(made, facts={"served_models": {}})).identical


def test_a_judge_of_one_run_only_is_refused_unless_it_is_left_out(tmp_path, usual):
    other = fill(folder(tmp_path / "release-2", judge="k"))
    with pytest.raises(ConfigError, match=r"judge: j is in one run only: A has j, B has k\..*--without-judges"):
        compared(usual, other)
    difference = compared(usual, other, judged=False)
    assert all(model.ratings == model.games == () for model in difference.models)
    assert pooled(of(difference, "w4").choices).accuracy_change.value == 0
    assert "left out" in texts(difference)
    assert "−0.42" not in texts(difference)


def test_a_judge_without_a_manifest_is_refused(usual):
    made = evidence(usual)
    unsigned = replace(made, judges=(replace(made.judges[0], manifest=None),))
    with pytest.raises(ConfigError, match="no manifest says how j judged release-1"):
        compared(made, unsigned)


@pytest.mark.parametrize(
    ("field", "value"),
    [("turns", ("one?", "three?")), ("temperature", 0.7), ("references", ("r",)), ("category", "coding")],
)
def test_a_question_that_changed_is_refused_and_the_field_named(usual, field, value):
    made = evidence(usual)
    unit = ("test", "q03")
    asked = {**made.questions, unit: made.questions[unit].model_copy(update={field: value})}
    with pytest.raises(StaleInput) as refused:
        compared(made, replace(made, questions=asked))
    assert refused.value.name == f"question test/q03 of release-1 and release-1, {field}"
    assert refused.value.recorded != refused.value.present
    if field in ("references", "category"):  # only judges see these
        assert compared(made, replace(made, questions=asked), judged=False).identical


@pytest.mark.parametrize(("column", "field"), [("item_digest", "document"), ("prompt_digest", "prompt")])
def test_an_item_that_changed_is_refused_and_the_field_named(tmp_path, column, field):
    first, second = (
        fill(folder(tmp_path / name, judge="", decision="margin = 0.5")) for name in ("release-1", "release-2")
    )
    for made, value in ((first, "d1"), (second, "d2")):
        store = made.run.generation("w4").choices
        changed = [each.model_copy(update={column: value}) if each.item == "i7" else each for each in store.records()]
        store.replace(changed)
    with pytest.raises(StaleInput) as refused:
        compared(first, second)
    assert refused.value.name == f"{field} of item test/i7 of w4"
    assert (refused.value.recorded, refused.value.present) == ("d1", "d2")


def test_other_conditions_leave_out_that_model_s_choices_unless_both_reviews_allow_them(tmp_path):
    def made(name, engine, decision):
        each = fill(folder(tmp_path / name, decision=decision))
        place = each.run.generation("w4").path
        write_manifest(place, read_manifest(place).model_copy(update={"settings": {"engine": engine}}))
        return each

    free = 'margin = 1.0\nallow_different = ["engine"]'
    first, second = made("a", "vllm", free), made("b", "transformers", "margin = 1.0")
    difference = compared(first, second)
    assert clause(of(difference, "w4").choices.fault).startswith("engine vllm in A, transformers in B")
    assert "The choices of w4 cannot be compared: engine vllm in A" in " ".join(notes(difference))
    assert change(difference, "w4") == 0
    assert of(difference, "w8").choices.fault is None
    assert of(compared(first, made("c", "transformers", free)), "w4").choices.fault is None


def test_unmatched_models_are_listed_and_renamed_ones_are_matched(tmp_path, usual):
    renamed = fill(folder(tmp_path / "release-2", ("w8", "w4-gptq", "w2")), {"w4-gptq": 6.0})
    before, after = evidence(usual), evidence(renamed)
    difference = compared(before, after)
    assert (difference.only_before, difference.only_after) == (("w4",), ("w4-gptq", "w2"))
    assert any("In A only, so not compared: w4." in note for note in notes(difference))
    assert "In B only, so not compared: w4-gptq, w2." in difference_markdown(difference)
    assert not difference.identical
    named = compared(before, after, renamed=renamings(["w4=w4-gptq"], before, after))
    assert (named.only_before, named.only_after) == ((), ("w2",))
    assert of(named, "w4").after == "w4-gptq"
    assert "w4 → w4-gptq" in texts(named)
    swapped = compared(before, after, renamed=renamings(["w4=w8"], before, after))
    assert [(model.before, model.after) for model in swapped.models] == [("bf16", "bf16"), ("w4", "w8")]
    assert swapped.only_before == ("w8",)


def test_a_match_names_candidates_of_both_runs_once(tmp_path, usual):
    before = evidence(usual)
    after = evidence(folder(tmp_path / "release-2", ("a=b", "w4")))
    assert renamings(["w8=a=b"], before, after) == {"w8": "a=b"}
    for texts_given, cause in (
        (["w8"], "'w8' is not OLD=NEW"),
        (["w9=w4"], "A's candidates are w8, w4; B's are a=b, w4"),
        (["bf16=w4"], "is not OLD=NEW"),
        (["w8=w4", "w8=a=b"], "matched already"),
        (["w8=w4", "w4=w4"], "matched already"),
    ):
        with pytest.raises(ConfigError, match=cause):
            renamings(texts_given, before, after)


def test_records_of_one_run_only_are_left_out_and_counted(tmp_path, usual):
    fewer = fill(folder(tmp_path / "release-2", items=50, questions=10))
    difference = compared(usual, fewer)
    assert pooled(of(difference, "w8").choices).transitions.n == 50
    assert of(difference, "w8").ratings[0].scopes[0].change.n == 10
    assert any("w8 10 items, 4 ratings by j" in note for note in notes(difference))


def test_what_was_made_or_decided_otherwise_is_told_with_both_values(tmp_path, usual):
    second = fill(folder(tmp_path / "release-2", decision='primary = "accuracy_change"'))
    for name in second.names:
        place = second.run.generation(name).path
        held = read_manifest(place)
        machine = held.environment.model_copy(update={"packages": {"vllm": "0.32.0"}})
        update = {"settings": {"seed": 1, **({"weights": "sha256:2"} if name == "w4" else {})}, "environment": machine}
        write_manifest(place, held.model_copy(update=update))
    difference = compared(usual, second)
    assert set(change_table(difference).rows) == {
        ("package vllm", "—", "0.32.0", "all"),
        ("weights", "—", "sha256:2", "w4"),
    }
    told = " ".join(notes(difference))
    assert "margin 1.0 in A, 0.02 in B; primary rating_change in A, accuracy_change in B" in told
