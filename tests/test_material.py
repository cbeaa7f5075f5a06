"""Questions, references and items from files: FastChat's layout, bad lines named."""

import json
import re
from pathlib import Path

import pytest

from assay.sources.material import questions, task_items
from assay.sources.models import model_path
from ledger.digests import weights_digest
from ledger.errors import BadRecord, ConfigError, DuplicateKey
from ledger.material_config import QuestionsConfig, TaskConfig
from ledger.model_config import ModelConfig
from tests.house import MT_BENCH, needs_mt_bench


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return path


def asked(id: int, **changes) -> dict:
    return {"question_id": id, "category": "math", "turns": ["a?", "b?"], "reference": ["unused"]} | changes


def test_own_questions_come_with_own_references():
    found = questions(QuestionsConfig())
    assert len(found) == 32
    with_reference = {question.category for question in found if question.references}
    assert with_reference == {"reasoning", "math", "coding"}
    assert all(q.reference_set == "assay" and len(q.references) == 2 for q in found if q.references)
    assert {q.temperature for q in found if q.category == "writing"} == {0.7}


def test_a_prefix_of_the_own_questions_is_balanced():
    assert len({question.category for question in questions(QuestionsConfig(limit=8))}) == 8


def test_references_can_be_left_out():
    assert not any(question.references for question in questions(QuestionsConfig(references="none")))


def test_a_users_file_may_have_any_number_of_turns_and_its_own_temperature(tmp_path):
    path = lines(
        tmp_path / "mine.jsonl", asked(1, turns=["one?"]), asked(2, turns=["1", "2", "3"], required_temperature=0.3)
    )
    found = questions(QuestionsConfig(source=str(path)))
    assert [(q.source, q.id, len(q.turns), q.temperature) for q in found] == [
        ("mine", "1", 1, 0.0),
        ("mine", "2", 3, 0.3),
    ]


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ('{"question_id": 2', "not JSON"),
        (asked(2, turns="a"), "turns"),
        (asked(2, required_temperature=float("inf")), "required_temperature"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"question_id": ' + "9" * 5000, "not JSON"),
    ],
)
def test_a_bad_line_is_named(tmp_path, row, cause):
    path = lines(tmp_path / "mine.jsonl", asked(1), row)
    with pytest.raises(BadRecord, match=r"mine\.jsonl, line 2") as caught:
        questions(QuestionsConfig(source=str(path)))
    assert cause in str(caught.value)


def test_a_repeated_question_is_named_with_both_lines(tmp_path):
    path = lines(tmp_path / "mine.jsonl", asked(1), asked(2), asked(1))
    with pytest.raises(DuplicateKey, match="line 1 and again on line 3"):
        questions(QuestionsConfig(source=str(path)))


def test_own_items_and_a_users_items(tmp_path):
    own = task_items(TaskConfig(limit=40))
    assert len(own.items) == 40
    assert len({item.subject for item in own.items}) >= 8
    path = lines(tmp_path / "trivia.jsonl", {"id": "1", "question": "q?", "options": ["a", "b"], "gold": 1})
    mine = task_items(TaskConfig(name=str(path), style="letters"))
    assert (mine.name, mine.style, mine.items[0].task, mine.items[0].subject) == (
        "trivia",
        "letters",
        "trivia",
        "trivia",
    )


def test_a_bad_item_is_named(tmp_path):
    path = lines(tmp_path / "trivia.jsonl", {"id": "1", "question": "q?", "options": ["a", "b"], "gold": 2})
    with pytest.raises(BadRecord, match=r"line 1.*`gold` is 2"):
        task_items(TaskConfig(name=str(path)))
    with pytest.raises(ConfigError, match="no such file"):
        task_items(TaskConfig(name="none.jsonl"))


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"is not a model folder: it has no config\.json"):
        model_path(ModelConfig(model=str(tmp_path)))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"no \*.safetensors"):
        model_path(ModelConfig(model=str(tmp_path)))
    (tmp_path / "model.safetensors").write_bytes(b"")
    assert model_path(ModelConfig(model=str(tmp_path))) == str(tmp_path)
    with pytest.raises(ConfigError, match="there is no model folder"):
        model_path(ModelConfig(model=str(tmp_path / "missing")))
    with pytest.raises(ConfigError, match="there is no model folder"):
        model_path(ModelConfig(model="~nobody-of-this-name/model"))
    assert model_path(ModelConfig(model="org/name")) == "org/name"


def test_what_has_not_been_fetched_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="assay fetch mt-bench"):
        questions(QuestionsConfig(source="mt-bench"))
    with pytest.raises(ConfigError, match="assay fetch smollm2"):
        model_path(ModelConfig(model="smollm2"))


@needs_mt_bench
def test_mt_bench_has_80_questions_and_30_references(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    (tmp_path / "mt-bench").symlink_to(MT_BENCH)
    found = questions(QuestionsConfig(source="mt-bench"))
    assert len(found) == 80
    assert sum(bool(question.references) for question in found) == 30
    assert {question.reference_set for question in found} == {"gpt-4", None}


def test_a_gguf_file_is_a_model_and_has_weights_of_its_own(tmp_path):
    """docs/formats.md: `model` may be a file for vLLM; transformers takes its folder and `gguf_file`."""
    file = tmp_path / "m-Q4.gguf"
    file.write_bytes(b"GGUF")
    assert model_path(ModelConfig(model=str(file))) == str(file)
    before = weights_digest(file)
    file.write_bytes(b"other")
    assert len({None, before, weights_digest(file)}) == 3
    with pytest.raises(ConfigError, match=r'gguf_file = "m-Q4\.gguf"'):
        model_path(ModelConfig(model=str(file), engine="transformers"))
    (tmp_path / "more").mkdir()
    for name in (file.name, "m [Q4].gguf", "more/m.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
        found = model_path(ModelConfig(model=str(tmp_path), engine="transformers", engine_args={"gguf_file": name}))
        assert found == str(tmp_path)
    for name in ("none.gguf", "*.gguf"):
        with pytest.raises(ConfigError, match=f"has no {re.escape(name)}"):
            model_path(ModelConfig(model=str(tmp_path), engine_args={"gguf_file": name}))
    with pytest.raises(ConfigError, match="there is no model folder"):
        model_path(ModelConfig(model=str(tmp_path / "none.gguf")))


def test_a_repeated_reference_is_named_with_both_lines(tmp_path):
    path = lines(tmp_path / "mine.jsonl", asked(1))
    reference = {"question_id": 1, "choices": [{"turns": ["x"]}]}
    references = lines(tmp_path / "r.jsonl", reference, reference)
    with pytest.raises(DuplicateKey, match=r"r\.jsonl.*line 1 and again on line 2"):
        questions(QuestionsConfig(source=str(path), references=str(references)))
