"""The front door: errors become one line and an exit code, results go to standard output."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from assay.cli import run
from ledger.errors import EngineError, TooFewData
from ledger.runs import RunFolder
from tests.house import model_folder

CONFIG = """
name = "r"
[baseline]
model = "{model}"
label = "base"
control = false
[[candidate]]
model = "{model}"
label = "cand"
[questions]
limit = 1
[[judge]]
model = "nobody"
base_url = "http://127.0.0.1:{port}/v1"
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "model")


def refused(capsys, *arguments: str) -> tuple[int, str]:
    code = run(list(arguments))
    captured = capsys.readouterr()
    assert captured.out == ""
    return code, captured.err


def test_init_writes_a_config_once(tmp_path, capsys):
    path = tmp_path / "review.toml"
    assert run(["init", str(path)]) == 0
    assert capsys.readouterr().out.strip() == str(path)
    assert tomllib.loads(path.read_text())["name"] == "my-review"
    code, message = refused(capsys, "init", str(path))
    assert code == 64
    assert "exists already" in message


def test_usage_errors_leave_with_64(capsys):
    assert run(["review"]) == 64
    assert run(["nonsense"]) == 64
    assert run(["review", "x.toml", "--nonsense"]) == 64
    assert capsys.readouterr().out == ""


def test_an_unknown_key_is_one_line(tmp_path, capsys):
    path = tmp_path / "review.toml"
    path.write_text('name = "r"\n[baselin]\nmodel = "a/b"\n')
    code, message = refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"))
    assert code == 64
    assert message.count("\n") == 1
    assert "review.toml" in message
    assert "baseline" in message


def test_a_folder_that_is_no_model_stops_a_review_before_anything_runs(tmp_path, capsys):
    path = tmp_path / "review.toml"
    path.write_text(CONFIG.format(model=tmp_path, port=9))
    code, message = refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"))
    assert code == 64
    assert "is not a model folder" in message
    assert not (tmp_path / "runs" / "r" / "generation").exists()


def test_a_judge_that_nobody_answers_stops_a_review_before_anything_runs(tmp_path, capsys, model, monkeypatch):
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")  # the judge is found out also where no engine is installed
    path = tmp_path / "review.toml"
    path.write_text(CONFIG.format(model=model, port=9))
    code, message = refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"))
    assert code == 20
    assert "nobody answers at 127.0.0.1:9" in message
    assert not (tmp_path / "runs" / "r" / "generation").exists()


def test_a_missing_key_is_asked_for_by_its_variable(tmp_path, capsys, model, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    path = tmp_path / "review.toml"
    path.write_text(CONFIG.format(model=model, port=9).replace("127.0.0.1", "judge.invalid"))
    code, message = refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"))
    assert code == 64
    assert "no API key" in message
    assert "name the variable with this server's key" in message


def test_a_config_that_changed_after_the_run_began_is_refused(tmp_path, capsys, model):
    path = tmp_path / "review.toml"
    path.write_text(CONFIG.format(model=model, port=9))
    refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"))
    records = RunFolder(tmp_path / "runs" / "r").judge("earlier").path / "attempts.jsonl"
    records.parent.mkdir(parents=True, exist_ok=True)
    records.write_text("\n")
    path.write_text(CONFIG.format(model=model, port=9) + "[decision]\nmargin = 2.0\n")
    code, message = refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"))
    assert code == 64
    assert "changed after it was used" in message
    code, message = refused(capsys, "review", str(path), "--runs", str(tmp_path / "runs"), "--amend")
    assert code == 20
    assert len(list((tmp_path / "runs" / "r").glob("review.*.toml"))) == 1


def test_an_unknown_scheme_lists_the_known_ones(tmp_path, capsys, model):
    code, message = refused(capsys, "compress", str(model), str(tmp_path / "out"), "--scheme", "w3a3")
    assert code == 64
    assert all(scheme in message for scheme in ("w8a8", "w4a16", "drop-layers", "prune", "noise"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (EngineError("no memory", where="m"), 20, "assay: m: no memory"),
        (EngineError("bad \x1b[31m\nname"), 20, "assay: bad \\u001b[31m\nname"),
        (TooFewData("flips", 1, 2), 12, "needs at least 2"),
        (OSError(28, "No space left on device", "x"), 20, "assay: x: No space left on device"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("oops"), 70, "a bug in Assay: ZeroDivisionError: oops"),
    ],
)
def test_errors_become_a_line_and_a_code(monkeypatch, tmp_path, capsys, error, code, sentence):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("assay.pipeline.begin", fail)
    found, message = refused(capsys, "analyze", str(tmp_path / "x.toml"))
    assert found == code
    assert sentence in message
    assert "Traceback" not in message


def test_debug_shows_the_traceback(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("ASSAY_DEBUG", "")
    code, message = refused(capsys, "--debug", "analyze", str(tmp_path / "none.toml"))
    assert code == 64
    assert "Traceback" in message


def test_an_output_that_knows_few_characters_does_not_cost_the_decision():
    done = subprocess.run(
        [sys.executable, "-m", "assay.cli", "plan", "--margin", "0.000001"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2014" in done.stdout


def test_help_does_not_load_a_model_library():
    script = (
        "import sys; from assay.cli import run; run(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'vllm', 'openai')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "replace its baseline" in done.stdout
