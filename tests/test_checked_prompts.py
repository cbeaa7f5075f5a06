"""What checked tasks ask of a model, found out before it is loaded; a template that wrote solutions is theirs."""

import pytest

from assay import prompt_checks
from assay.preflight import _bytes_of
from assay.prompt_checks import prompt_notices, template_fault
from generation.orders import CheckedTask, EngineSpec, LoadGroup, ModelJob
from generation.pending import pending_orders
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from ledger.checked_items import CheckedItem
from ledger.errors import StaleInput


class Tokenizer:
    """A token per character."""

    name_or_path = "org/model"
    bos_token = None
    chat_template: str | None = "{{ strftime_now('%d') }}"

    def apply_chat_template(self, turns, tokenize, **how):
        return "".join(turn["content"] for turn in turns)

    def encode(self, text, add_special_tokens=True):
        return [ord(character) for character in text]


@pytest.fixture
def tokenizer(monkeypatch):
    """Every model's tokenizer is this one."""
    made = Tokenizer()
    monkeypatch.setattr(prompt_checks, "stored_tokenizer", lambda name: made)
    return made


def job(folder, **changes):
    values = {"task": "sums", "id": "1", "subject": "x", "max_tokens": 1000, "document_digest": "d"}
    values |= {"checker": "number", "targets": ("4",), "messages": (("user", "2 + 2?"),)} | changes
    task = CheckedTask(name="sums", items=(CheckedItem(**values),))
    return ModelJob(folder=folder, model="m", seed=1, checked=(task,))


def spec(**changes):
    return EngineSpec(**{"kind": "transformers", "model": "none", **changes})


def test_a_conversation_needs_a_chat_template_and_a_bare_text_none(tmp_path, tokenizer):
    assert template_fault(spec(), job(tmp_path)) is None
    tokenizer.chat_template = None
    assert "no chat template" in str(template_fault(spec(), job(tmp_path)))
    assert template_fault(spec(), job(tmp_path, messages=(), prompt="2 + 2 =")) is None


def test_a_prompt_longer_than_the_context_and_a_clock_are_told(tmp_path, tokenizer):
    short = spec(arguments={"max_model_len": 4})
    found = list(prompt_notices(short, job(tmp_path)))
    assert any("prompts of sums" in each and "context of 4 tokens" in each for each in found)
    assert len(found) == 2, "the template asks the clock"
    assert len(list(prompt_notices(short, job(tmp_path, messages=(), prompt="2 + 2 =")))) == 1


def test_what_solutions_take_on_the_disk_counts(tmp_path):
    (pending,) = pending_orders(LoadGroup(engine=spec(), orders=(job(tmp_path),)))
    assert _bytes_of(pending, spec()) == 8 * 1000 + 800


def test_a_template_that_wrote_solutions_cannot_change(tmp_path):
    run_batch(LoadGroup(engine=spec(), orders=(job(tmp_path),)), lambda _: ScriptedEngine())
    with pytest.raises(StaleInput, match="template"):
        pending_orders(LoadGroup(engine=spec(template="fastchat:vicuna_v1.1"), orders=(job(tmp_path),)))
