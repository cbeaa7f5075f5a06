"""The ready-made reviews: their variants are schemes, what is missing is made, and the study runs to its end."""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from assay import ready_reviews
from assay.cli import run
from assay.commands.demo import SELF_JUDGE, judge_of
from assay.commands.study import REVIEWS
from assay.lab.schemes import parsed_scheme
from assay.ready_reviews import begin_ready, prepare_models, ready_review
from ledger.config import ReviewConfig, config_from_text, read_config
from ledger.errors import ConfigError
from ledger.progress import silent
from ledger.runs import RunFolder
from tests.house import model_folder

MINE = 'name = "demo"\n[baseline]\nmodel = "a/b"\n[[candidate]]\nmodel = "a/c"\n[[task]]\n'


def config_of(name: str) -> ReviewConfig:
    text = (files("assay.commands") / f"{name}.toml").read_text(encoding="utf-8")
    return config_from_text(text + SELF_JUDGE if name == "demo" else text, name)


@pytest.fixture
def made(tmp_path, monkeypatch) -> list[tuple[str, str]]:
    """Folders and schemes that were asked for; nothing is fetched and nothing compressed."""
    heard = []
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "cache"))
    base = model_folder(tmp_path / "cache" / "smollm2")

    def compress(source: Path, out: Path, scheme: str, **_: object) -> Path:
        assert source == base
        heard.append((str(out), scheme))
        return out if out.exists() else model_folder(out)

    monkeypatch.setattr(ready_reviews, "fetch_smollm2", lambda _: base)
    monkeypatch.setattr(ready_reviews, "compress", compress)
    return heard


def test_the_study_has_its_variants_in_families():
    candidates = config_of("study").candidate
    assert len(candidates) >= 16
    families = {
        family: [c.amount for c in candidates if c.family == family] for family in {c.family for c in candidates}
    }
    assert families.keys() == {"bits", "layers", "magnitude", "wanda", "noise"}
    assert all(len(set(amounts)) == len(amounts) >= 3 for amounts in families.values())
    assert families["magnitude"] == families["wanda"] == [0.1, 0.2, 0.3, 0.4, 0.5]


@pytest.mark.parametrize("name", [*REVIEWS, "demo"])
def test_each_candidate_names_its_scheme_its_family_and_its_amount(name):
    config = config_of(name)
    assert config.name == name
    assert config.baseline.control
    for candidate in config.candidate:
        assert candidate.family
        assert candidate.amount is not None
        if candidate.model != "smollm2":
            folder, scheme = candidate.model.split("/")
            assert folder == "models"
            assert parsed_scheme(scheme).text == scheme


def test_the_config_in_the_run_folder_has_whole_paths(made, tmp_path):
    odd = tmp_path / 'with "quotes" and \N{GRINNING FACE}'  # JSON would make a surrogate pair of it, which TOML refuses
    ready = ready_review("demo", odd, SELF_JUDGE)
    prepare_models(ready, print)
    config = read_config(begin_ready(ready, tmp_path / "runs", silent).run.config)
    assert [(candidate.model, Path(candidate.model).name) for candidate in config.candidate] == made
    assert {Path(candidate.model).parent for candidate in config.candidate} == {odd}
    assert [judge.name for judge in config.judge] == ["smollm2-judge"]


def test_models_stand_in_the_cache_and_one_engine_needs_none(made, tmp_path):
    prepare_models(ready_review("study-transformers"), print)
    assert made == []
    prepare_models(ready_review("study"), print)
    assert {Path(folder).parent for folder, _ in made} == {tmp_path / "cache" / "models"}


def test_a_limited_study_runs_to_its_end_and_the_same_command_goes_on(made, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    runs = tmp_path / "runs"
    for label in ("w8a8", "nf4"):
        assert run(["study", "--runs", str(runs), "--only", label]) == 0
    folders = {name: RunFolder(runs / name) for name in REVIEWS}
    assert [scheme for _, scheme in made] == ["w8a8"]  # what was not asked for is not made
    written = {name: {path.name for path in (run.path / "generation").iterdir()} for name, run in folders.items()}
    assert written == {
        "study": {"bf16", "bf16@control", "w8a8"},
        "study-transformers": {"bf16-hf", "bf16-hf@control", "nf4"},
    }
    for each in folders.values():
        assert json.loads((each.analysis / "report.json").read_text())
    choices = folders["study"].generation("w8a8").choices.path.read_bytes()
    assert not list(folders["study"].generation("w8a8").answers.records())
    capsys.readouterr()
    assert run(["study", "--runs", str(runs), "--only", "w8a8"]) == 0
    assert "bf16: all records are there" in capsys.readouterr().err
    assert folders["study"].generation("w8a8").choices.path.read_bytes() == choices


def test_an_unknown_variant_is_refused_with_the_known_ones(made, tmp_path, capsys):
    assert run(["study", "--runs", str(tmp_path / "runs"), "--only", "w3a16"]) == 64
    told = capsys.readouterr().err
    assert "no variant is called w3a16" in told
    assert "wanda50" in told
    assert not list((tmp_path / "runs").glob("*/generation"))


def test_a_review_of_the_users_that_is_called_demo_is_left_alone(tmp_path, made):
    own = RunFolder(tmp_path / "runs" / "demo")
    own.path.mkdir(parents=True)
    own.config.write_text(MINE)
    with pytest.raises(ConfigError, match="a review of your own has the name 'demo'"):
        begin_ready(ready_review("demo", more=SELF_JUDGE), tmp_path / "runs", silent)
    assert own.config.read_text() == MINE


def test_a_judge_of_the_demo_keeps_its_name(made):
    (judge,) = ready_review("demo", more=judge_of("http://h/v1", "models/gemini-2.5-pro")).config.judge
    assert judge.model == "models/gemini-2.5-pro"


def test_a_demo_with_another_judge_is_begun_again_and_the_earlier_config_is_kept(tmp_path, made):
    for more in (SELF_JUDGE, SELF_JUDGE.replace("16", "8")):
        run = begin_ready(ready_review("demo", more=more), tmp_path / "runs", silent).run
    assert read_config(run.declaration).judge[0].concurrency == 8
    assert [read_config(path).judge[0].concurrency for path in run.path.glob("review.*.toml")] == [16]


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("", "OPENAI_API_KEY"),
        ("https://api.openai.com/v1", "OPENAI_API_KEY"),
        ("https://api.openai.com.evil/v1", "JUDGE_API_KEY"),
        ("http://127.0.0.1:8000/v1", "JUDGE_API_KEY"),
    ],
)
def test_openais_key_goes_to_openai_alone(made, monkeypatch, url, key):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    (judge,) = ready_review("demo", more=judge_of(url, "m")).config.judge
    assert (judge.base_url, judge.api_key_env) == (url or "https://api.openai.com/v1", key)
