"""`assay diff`: changes with the right sign and direction, every format with the same numbers, names that stay text."""

import json

import pytest

from analysis.decision.gate_estimates import pooled
from analysis.multiple_choice.distances import kl_options
from analysis.rendering.formats.difference import difference_markdown, difference_summary
from analysis.rendering.formats.markdown import MOST_LINES
from analysis.rendering.formats.text import visible
from analysis.rendering.tables.difference import ground_line, rating_table
from assay.cli import run
from ledger.judgments import Winner
from ledger.manifests import read_manifest, write_manifest
from tests.diff_runs import (
    JUDGED,
    change,
    compared,
    evidence,
    fill,
    folder,
    of,
    texts,
)
from tests.run_folder import HOSTILE, Folder


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
        assert (whole.accuracy_change.value, whole.transitions.all_flips, whole.distance("kl_options").value) == (
            0,
            0,
            0,
        )
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
    assert whole.distance("kl_options").value == pytest.approx(kl_options(*sides).mean())
    assert not difference.identical
    assert [model.before for model in difference.models if model.identical] == ["bf16", "w8"]
    back = compared(worse, usual)
    assert change(back, "w4") == pytest.approx(3.0)
    assert pooled(of(back, "w4").choices).transitions.wrong_to_right == 15
    assert pooled(of(back, "w4").choices).distance("kl_options").value != pytest.approx(
        whole.distance("kl_options").value
    )


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
