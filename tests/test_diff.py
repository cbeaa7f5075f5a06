"""`assay diff`: like with like or not at all, changes with the right sign, fields named, names that stay text."""

import json
import tomllib
from dataclasses import replace

import pytest

from analysis.distances import kl_options
from analysis.evidence import RunEvidence, read_evidence
from analysis.faces.difference import difference_markdown, difference_summary
from analysis.faces.markdown import MOST_LINES
from analysis.faces.text import visible
from analysis.gates import pooled
from analysis.matched_models import renamings
from analysis.run_difference import RunDifference, run_difference
from analysis.tables.difference import change_table, ground_line, notes, rating_table
from analysis.tables.review import Table
from assay.cli import run
from ledger.config import config_from
from ledger.errors import ConfigError, StaleInput
from ledger.judgments import Winner
from ledger.manifests import read_manifest, write_manifest
from ledger.store import write_atomically
from tests.run_folder import HOSTILE, NOW, Folder

CONFIG = """
name = {name}
[baseline]
model = "org/base"
label = "bf16"
control = false
{candidates}
[questions]
source = "test"
[[task]]
name = "test"
{judge}
[decision]
{decision}
"""
CANDIDATE = "[[candidate]]\nmodel = 'org/x'\nlabel = {label}\n"
JUDGE = '[[judge]]\nmodel = "judge-1"\nlabel = "{label}"\n'
JUDGED = {
    "model": "judge-1",
    "host": "judge.example",
    "prompts": "assay",
    "prompts_digest": "p1",
    "form": "text",
    "parsing": "strict",
    "temperature": 0.0,
    "repeats": 1,
}


def folder(path, candidates=("w8", "w4"), judge="j", decision="margin = 1.0", items=60, questions=12) -> Folder:
    """An empty run folder with its config, which is called as the folder is."""
    quoted = (CANDIDATE.format(label=json.dumps(each, ensure_ascii=False)) for each in candidates)
    asked = JUDGE.format(label=judge) if judge else ""
    text = CONFIG.format(name=json.dumps(path.name), candidates="".join(quoted), judge=asked, decision=decision)
    write_atomically(path / "review.toml", text)
    return Folder(path, config_from(tomllib.loads(text), "test"), questions, items)


def fill(made: Folder, scores=None, wrong=None, winner=Winner.TIE) -> Folder:
    """All that the stages would write; a model has 10 wrong items and 7 points unless told otherwise."""
    for name in made.names:
        made.answer(name)
        made.choose(name, wrong=(wrong or {}).get(name, 10), noise=0.1)
    if made.config.judge:
        made.rate({name: (scores or {}).get(name, 7.0) for name in made.names})
        for rival in made.rivals:
            made.play(rival, (winner, winner))
        made.examine()
        made.sign_judge()
        place = made.run.judge(made.config.judge[0].name).path
        write_manifest(place, read_manifest(place).model_copy(update={"settings": JUDGED}))
    return made


def evidence(made: Folder) -> RunEvidence:
    return read_evidence(made.config, made.run)


def compared(first: Folder | RunEvidence, second: Folder | RunEvidence, **options) -> RunDifference:
    sides = (evidence(each) if isinstance(each, Folder) else each for each in (first, second))
    return run_difference(*sides, NOW, resamples=500, **options)


def of(difference: RunDifference, name: str):
    return next(model for model in difference.models if model.before == name)


def change(difference: RunDifference, name: str) -> float:
    """A model's rating_change by its only judge."""
    return of(difference, name).ratings[0].scopes[0].change.value


def texts(difference: RunDifference) -> str:
    """All that the terminal shows."""
    parts = difference_summary(difference)
    cells = [cell for part in parts if isinstance(part, Table) for row in (part.header, *part.rows) for cell in row]
    return "\n".join([*cells, *(part for part in parts if isinstance(part, str))])


def remade(made: RunEvidence, settings=None, facts=None) -> RunEvidence:
    """The evidence with another word of its judge's manifest."""
    judge = made.judges[0]
    held = judge.manifest
    update = {"settings": {**held.settings, **(settings or {})}, "facts": {**held.facts, **(facts or {})}}
    return replace(made, judges=(replace(judge, manifest=held.model_copy(update=update)),))


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> Folder:
    return fill(folder(tmp_path_factory.mktemp("usual") / "release-1"))


@pytest.fixture(scope="module")
def worse(tmp_path_factory) -> Folder:
    """The same review with a w4 that writes and picks worse."""
    return fill(folder(tmp_path_factory.mktemp("worse") / "release-2"), {"w4": 4.0}, {"w4": 25})


def test_equal_runs_change_nothing_and_say_so(usual):
    difference = compared(usual, usual)
    assert difference.identical
    for model in difference.models:
        assert change(difference, model.before) == 0
        whole = pooled(model.choices)
        assert (whole.accuracy_change.value, whole.transitions.all_flips, whole.kl.value) == (0, 0, 0)
    assert "The two runs are identical" in texts(difference)
    assert "The runs share a ground" in ground_line(difference)


def test_a_worse_candidate_is_seen_with_its_sign_and_its_directions(usual, worse):
    difference = compared(usual, worse)
    assert change(difference, "w4") == pytest.approx(-3.0)
    assert (change(difference, "bf16"), change(difference, "w8")) == (0, 0)
    whole = pooled(of(difference, "w4").choices)
    assert whole.accuracy_change.value == pytest.approx(-15 / 60)
    assert (whole.transitions.right_to_wrong, whole.transitions.wrong_to_right) == (15, 0)
    sides = (evidence(made).models[2].choices.logprobs for made in (usual, worse))
    assert whole.kl.value == pytest.approx(kl_options(*sides).mean())
    assert not difference.identical
    assert [model.before for model in difference.models if model.identical] == ["bf16", "w8"]
    back = compared(worse, usual)
    assert change(back, "w4") == pytest.approx(3.0)
    assert pooled(of(back, "w4").choices).transitions.wrong_to_right == 15
    assert pooled(of(back, "w4").choices).kl.value != pytest.approx(whole.kl.value)


def test_both_decisions_stand_beside_each_other(usual, worse):
    shown = texts(compared(usual, worse))
    assert "● SHIP → ■ HOLD" in shown
    assert "● SHIP → ● SHIP" in shown
    assert "SHIP → HOLD: w4 must not replace the baseline yet" in shown


def test_a_baseline_that_moved_is_told_first_and_not_subtracted(tmp_path, usual):
    moved = fill(folder(tmp_path / "release-2"), {"bf16": 6.0}, {"bf16": 16})
    difference = compared(usual, moved)
    assert "The baseline itself moved (rating_change by j −1.00" in ground_line(difference)
    assert "flips 10.0 %" in ground_line(difference)
    assert difference_summary(difference)[1] == ground_line(difference)
    assert rating_table(difference).rows[0][0] == "bf16 (baseline)"
    assert change(difference, "w4") == 0


def test_games_are_not_paired_but_stand_side_by_side(tmp_path, usual):
    lost = fill(folder(tmp_path / "release-2"), winner=Winner.BASELINE)
    beside = of(compared(usual, lost), "w8").games[0]
    assert beside.before.win_change.value == 0
    assert beside.after.win_change.value == -0.5
    assert "0/0/24/0/0" in texts(compared(usual, lost))


@pytest.mark.parametrize("field", JUDGED)
def test_a_judge_set_otherwise_is_refused_and_the_field_named(usual, field):
    made = evidence(usual)
    with pytest.raises(StaleInput) as refused:
        compared(made, remade(made, {field: "other"}))
    assert refused.value.name == f"judge j of release-1 and release-1, {field}"
    assert (refused.value.recorded, refused.value.present) == (json.dumps(JUDGED[field]), '"other"')
    assert compared(made, remade(made, {field: "other"}), judged=False).models[0].ratings == ()


def test_an_endpoint_that_answers_as_another_model_is_refused(usual):
    made = evidence(usual)
    with pytest.raises(StaleInput, match=r'served_models: .* recorded \["judge-1"\], now \["judge-2"\]'):
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
    first, second = (fill(folder(tmp_path / name, judge="")) for name in ("release-1", "release-2"))
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
    assert of(difference, "w4").choices.fault.startswith("engine vllm in A, transformers in B")
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


def test_hostile_names_stay_text_in_every_face(tmp_path, capsys):
    name = f"w8 {HOSTILE} \x9b31m \u202e | @team #1 www.evil.example"
    first, second = (fill(folder(tmp_path / run_name, (name, "w4"))) for run_name in ("release-1", "release-2"))
    difference = compared(first, second)
    page, shown = difference_markdown(difference), texts(difference)
    for text in (page, shown):
        assert not {"\x9b", "\u202e"} & set(text)
    assert "<script" not in page.replace("\\<", "")
    assert "@team" not in page
    assert visible(name) in shown
    assert run(["diff", str(first.run.path), str(second.run.path), "--match", f"{name}=w9"]) == 64
    assert not {"\x9b", "\u202e"} & set(capsys.readouterr().err)


def test_forty_lines_hold_many_candidates_and_every_face_has_the_same_numbers(tmp_path):
    names = tuple(f"w{index}" for index in range(12))
    first = fill(folder(tmp_path / "release-1", names))
    second = fill(folder(tmp_path / "release-2", (*names[:11], "new")), {"w0": 5.0})
    difference = compared(first, second)
    lines = difference_markdown(difference).splitlines()
    assert len(lines) <= MOST_LINES
    assert sum("more in diff.json |" in line for line in lines) == 4
    wanted = rating_table(difference).rows[1][4]
    assert wanted.startswith("−2.00 [")
    assert wanted in texts(difference)
    assert any(visible(wanted).split(" [")[0] in line for line in lines if line.startswith("| w0 | j |"))


def test_the_command_writes_its_files_and_leaves_with_zero(tmp_path, capsys, usual, worse):
    out = tmp_path / "out"
    assert run(["diff", str(usual.run.path), str(worse.run.path), "--out", str(out)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("A is release-1 (● SHIP")
    assert str(out / "diff.md") in shown.replace("\n", "")
    data = json.loads((out / "diff.json").read_text())
    assert data["models"][2]["ratings"][0]["scopes"][0]["change"]["value"] == pytest.approx(-3.0)
    assert "■ HOLD" in (out / "diff.md").read_text()
    assert len(list(out.iterdir())) == 2


def test_a_refused_comparison_leaves_with_the_error_s_code_and_writes_nothing(tmp_path, capsys, usual):
    other = fill(folder(tmp_path / "release-2"))
    place = other.run.judge("j").path
    write_manifest(place, read_manifest(place).model_copy(update={"settings": {**JUDGED, "prompts_digest": "p2"}}))
    pair = [str(usual.run.path), str(other.run.path)]
    assert run(["diff", *pair, "--out", str(tmp_path / "out")]) == 64
    told = capsys.readouterr()
    assert told.out == ""
    assert 'prompts_digest: changed after it was used: recorded "p1", now "p2"' in told.err
    assert not (tmp_path / "out").exists()
    assert run(["diff", *pair, "--without-judges"]) == 0
    assert run(["diff", str(tmp_path), pair[0]]) == 64
    assert "the run's config not found" in capsys.readouterr().err
