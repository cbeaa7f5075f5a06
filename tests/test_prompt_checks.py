"""What a model would be found lacking only after it was loaded is told by the preflight, from its tokenizer alone."""

import json
from collections.abc import Sequence

import pytest

from assay import pipeline, prompt_checks
from assay.preflight import preflight
from assay.prompt_checks import context_tokens, prompt_notices, template_fault
from generation.orders import EngineSpec, ModelJob, TaskItems
from generation.scripted_engine import ScriptedEngine
from generation.shards import Shard, merge_shards, sharded
from generation.stage import pending_orders, run_batch
from ledger.errors import ConfigError, EngineError, StaleInput
from ledger.manifests import read_manifest
from ledger.records import Item, Question
from ledger.runs import GenerationFolder
from tests.test_generation_stage import batch, order
from tests.test_preflight import model, needs_transformers, no_gpu, review

TEMPLATE = "{% for m in messages %}{{ m.content }}{% endfor %}"
__all__ = ["no_gpu"]  # a fixture


class Tokenizer:
    """A token per character; its chat template joins what was said."""

    name_or_path = "org/model"
    bos_token = None

    def __init__(self, chat_template: str | None = TEMPLATE) -> None:
        self.chat_template = chat_template

    def apply_chat_template(self, turns: Sequence[dict], add_generation_prompt: bool, tokenize: bool) -> str:
        return "".join(turn["content"] for turn in turns)

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        return [ord(character) for character in text]


@pytest.fixture
def tokenizer(monkeypatch):
    """Every model's tokenizer is this one."""
    made = Tokenizer()
    monkeypatch.setattr(prompt_checks, "stored_tokenizer", lambda name: made)
    return made


def job(folder, question="What is it?", stem="Pick", options=("a", "b")):
    items = tuple(
        Item(task="t", id=str(n), subject="", question=f"{stem} {n}", options=options, gold=0) for n in (1, 2)
    )
    asked = Question(source="s", id="1", category="writing", turns=(question, "And?"), temperature=0.0)
    tasks = (TaskItems(name="t", style="continuation", items=items),)
    return ModelJob(folder=folder, model="m", seed=1, questions=(asked,), tasks=tasks)


def spec(folder, **changes):
    return EngineSpec(**{"kind": "transformers", "model": str(folder), **changes})


@needs_transformers
def test_no_chat_template_where_questions_are_asked_is_a_fault_beforehand(tmp_path, tokenizer):
    models = model(tmp_path, "one"), model(tmp_path, "two")
    under_way, _ = review(tmp_path, models)
    preflight(under_way)
    tokenizer.chat_template = None
    with pytest.raises(ConfigError, match=r"model base: .*its tokenizer has no chat template") as caught:
        preflight(under_way)
    assert caught.value.exit_code == 64
    assert 'template = "fastchat:NAME"' in str(caught.value)


def test_a_fastchat_template_that_does_not_exist_is_told_with_the_nearest(tmp_path, tokenizer):
    pytest.importorskip("fastchat.conversation", reason="the extra fastchat is not installed")
    tokenizer.chat_template = None
    assert template_fault(spec(tmp_path, template="fastchat:vicuna_v1.1"), job(tmp_path)) is None
    fault = template_fault(spec(tmp_path, template="fastchat:vicuna"), job(tmp_path))
    assert isinstance(fault, ConfigError)
    assert "vicuna_v1.1" in str(fault)


def test_who_is_not_asked_needs_no_template(tmp_path, tokenizer):
    tokenizer.chat_template = None
    tasks_alone = job(tmp_path).model_copy(update={"questions": ()})
    assert template_fault(spec(tmp_path), tasks_alone) is None
    assert isinstance(template_fault(spec(tmp_path), job(tmp_path)), ConfigError)
    assert template_fault(spec(tmp_path, loader="mine:load"), job(tmp_path)) is None
    served = spec(tmp_path, kind="openai", base_url="http://127.0.0.1:1/v1")
    assert template_fault(served, job(tmp_path)) is None


def test_prompts_longer_than_the_context_are_counted(tmp_path, tokenizer):
    folder = model(tmp_path, "one", max_position_embeddings=40)
    assert list(prompt_notices(spec(folder), job(tmp_path))) == []
    (notice,) = prompt_notices(spec(folder), job(tmp_path, question="x" * 50))
    assert notice == "1 of the 1 longest prompts of the questions does not fit its context of 40 tokens (up to 50)"
    (notice,) = prompt_notices(spec(folder), job(tmp_path, options=("a", "b" * 60)))
    assert notice.startswith("2 of the 2 longest prompts of t do not fit its context of 40 tokens (up to ")


@pytest.mark.parametrize(
    ("stated", "arguments", "context"), [(40, {}, 40), (40, {"max_model_len": 30}, 30), (None, {}, None)]
)
def test_the_context_is_the_smaller_of_what_is_told(tmp_path, stated, arguments, context):
    folder = model(tmp_path, "one", **({"max_position_embeddings": stated} if stated else {}))
    assert context_tokens(spec(folder, arguments=arguments)) == context


def test_a_template_that_asks_the_clock_is_told_where_it_is_used(tmp_path, tokenizer):
    tokenizer.chat_template = "{{ strftime_now('%d %b %Y') }}" + TEMPLATE
    folder = model(tmp_path, "one")
    (notice,) = prompt_notices(spec(folder), job(tmp_path))
    assert "asks the clock" in notice
    assert list(prompt_notices(spec(folder, template="fastchat:vicuna_v1.1"), job(tmp_path))) == []
    assert list(prompt_notices(spec(folder), job(tmp_path).model_copy(update={"questions": ()}))) == []


def picked_alone(folder):
    """Work whose choices are there, and whose answers failed at the chat template."""

    def fails(request):
        raise EngineError("its chat template fails")

    work = batch(order(folder))
    with pytest.raises(EngineError):
        run_batch(work, lambda _: ScriptedEngine(window=4, write=fails))
    return work


def templated(work, name):
    return work.model_copy(update={"engine": work.engine.model_copy(update={"template": name})})


def test_another_template_is_no_other_run_while_only_choices_are_there(tmp_path):
    """Nothing that was picked depends on it: a template that was found wrong by the first answer is mended."""
    work = picked_alone(tmp_path)
    folder = GenerationFolder(tmp_path / "m")
    scored = list(folder.choices.records())
    assert scored
    assert not list(folder.answers.records())
    mended = templated(work, "fastchat:vicuna_v1.1")
    run_batch(mended, lambda _: ScriptedEngine(window=4))
    assert list(folder.choices.records())[: len(scored)] == scored
    assert read_manifest(folder.path).settings["template"] == "fastchat:vicuna_v1.1"
    with pytest.raises(StaleInput, match="template"):
        pending_orders(templated(work, "fastchat:one_shot"))


def test_a_config_that_is_mended_before_any_record_needs_no_word(tmp_path):
    config, runs = tmp_path / "review.toml", tmp_path / "runs"
    text = 'name = "r"\n[baseline]\nmodel = "a/base"\n[[candidate]]\nmodel = "a/cand"\n[[task]]\nlimit = {}\n'

    def begun(limit):
        config.write_text(text.format(limit))
        return pipeline.begin(config, runs, lambda _: None)

    run = begun(1).run
    begun(2)
    assert "limit = 2" in run.declaration.read_text()
    folder = run.generation("base").path
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    (folder / "choices.jsonl").touch()
    begun(3)
    (folder / "choices.jsonl").write_text(json.dumps({}) + "\n")
    with pytest.raises(StaleInput, match="declared when the run began"):
        begun(4)


def test_shards_that_were_written_with_a_mended_template_are_taken_into_the_choices_of_the_first(tmp_path):
    work = picked_alone(tmp_path)
    mended = templated(work, "fastchat:vicuna_v1.1")
    for index in (1, 2):
        run_batch(sharded(mended, Shard(index, 2)), lambda _: ScriptedEngine(window=4))
    merge_shards(mended.orders[0])
    folder = GenerationFolder(tmp_path / "m")
    assert len(list(folder.answers.records())) == len(work.orders[0].questions)
    assert read_manifest(folder.path).settings["template"] == "fastchat:vicuna_v1.1"


def test_a_tokenizer_that_an_argument_names_is_not_judged_by_the_folder_s(tmp_path, tokenizer):
    tokenizer.chat_template = None
    assert template_fault(spec(tmp_path, arguments={"tokenizer": "/elsewhere"}), job(tmp_path)) is None
    assert template_fault(spec(tmp_path), job(tmp_path).model_copy(update={"writes": False})) is None
    assert context_tokens(spec(tmp_path, arguments={"max_model_len": -1})) is None
