"""Questions, references and items, from Assay's own material, the fetched MT-Bench, or a user's files.

In: names or paths from the config. Out: Question and Item records; a bad line names its file and number.
Question and reference files have FastChat's layout, so any MT-Bench-like set can be used as it is.
"""

from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from assay.sources.checked_tasks import checked_file, checked_harness, own_problems
from assay.sources.item_files import items_of
from assay.sources.lines import json_objects, unique
from assay.sources.mt_bench import NAME as MT_BENCH
from assay.sources.wheels import cache_folder
from generation.harness import HarnessTask, generates, harness_items
from generation.orders import CheckedTask, TaskItems
from generation.sampling import temperature_of
from ledger.errors import ConfigError
from ledger.material_config import OWN_CHECKED, QuestionsConfig, TaskConfig
from ledger.material_config import OWN_ITEMS as OWN
from ledger.records import Item, Question

DEFAULT_REFERENCES = {OWN: OWN, MT_BENCH: "gpt-4"}
DRAWN = ("repeats", "temperature", "top_p", "max_tokens")
References = dict[str, tuple[str, ...]]


class _QuestionLine(BaseModel):
    """A line of a FastChat question file; fields that decide nothing here are ignored."""

    model_config = ConfigDict(extra="ignore")

    question_id: int | str
    category: str
    turns: tuple[str, ...] = Field(min_length=1)
    required_temperature: float | None = Field(default=None, ge=0, allow_inf_nan=False)


class _ReferenceChoice(BaseModel):
    model_config = ConfigDict(extra="ignore")

    turns: tuple[str, ...]


class _ReferenceLine(BaseModel):
    """A line of a FastChat reference-answer file."""

    model_config = ConfigDict(extra="ignore")

    question_id: int | str
    choices: tuple[_ReferenceChoice, ...] = Field(min_length=1)


def questions(config: QuestionsConfig) -> tuple[Question, ...]:
    """The questions of a review, in file order. Raises ConfigError, BadRecord, DuplicateKey."""
    path = _question_file(config.source)
    set_name = config.references or DEFAULT_REFERENCES.get(config.source, "none")
    references = _references(config.source, set_name)
    source = config.source if config.source in DEFAULT_REFERENCES else Path(config.source).stem
    asked = unique(_QuestionLine, "question_id", json_objects(path), path)
    return tuple(_question(line, source, set_name, references, config) for line in asked)[: config.limit]


def task_items(config: TaskConfig, template: str = "") -> TaskItems:
    """The items of a multiple-choice task, in file order. Raises ConfigError, BadRecord, DuplicateKey.

    A harness task is put in the chat template of the model `template`, where one is named.
    """
    kept = config.vocabulary_top_k if config.vocabulary else None
    if config.of_harness:
        task = replace(_harness_task(config), tokenizer=template)
        return TaskItems(
            name=config.name, style="rendered", items=harness_items(task), prompts=task.prompts, top_k=kept
        )
    own = config.name == OWN
    path: Traversable = files("prompts") / "items.jsonl" if own else _existing(Path(config.name), "task.name")
    items = tuple(items_of(json_objects(path), config.task, path))[: config.limit]
    if not items:
        raise ConfigError("there is no item in it", where=str(path))  # nothing of it would ever be scored
    return TaskItems(name=config.task, style=config.style, items=items, top_k=kept)


def checked_task(config: TaskConfig) -> CheckedTask | None:
    """The items of a task whose answers are written; None for multiple choice. Raises ConfigError and the like."""
    if config.of_harness:
        task = _harness_task(config)
        if generates(task):
            return checked_harness(config, replace(task, chat=bool(config.chat_template)))
        if given := [name for name in DRAWN if getattr(config, name) is not None]:
            what = f"`{given[0]}` is for answers that are written; this task's are picked."
            raise ConfigError(what, where=f"task {config.name}", remedy="Remove it.")
        return None
    if not config.is_checked:
        return None
    path = own_problems() if config.name == OWN_CHECKED else _existing(Path(config.name), "task.name")
    return checked_file(config, json_objects(path), path)


class ReviewTasks:
    """The tasks of a review; a file is read once, and its items are shared by all models."""

    def __init__(self, tasks: Sequence[TaskConfig]) -> None:
        made = [(task, checked_task(task)) for task in tasks]
        self.checked = tuple(found for _, found in made if found)
        self._tasks = [task for task, found in made if not found]
        self._made: dict[tuple[str, str], TaskItems] = {}

    def picked(self, model: str) -> tuple[TaskItems, ...]:
        """The items of multiple choice, those of the harness in the model's chat template where that is wanted."""
        found = []
        for task in self._tasks:
            template = model if task.chat_template else ""
            if (task.name, template) not in self._made:
                self._made[task.name, template] = task_items(task, template)
            found.append(self._made[task.name, template])
        return tuple(found)


def _harness_task(config: TaskConfig) -> HarnessTask:
    return HarnessTask(config.name, config.include_path, config.num_fewshot, config.limit, system=config.system)


def readable(item: Item) -> Item:
    """The item without the prompts that a harness rendered of it, unless nothing else tells its options apart."""
    if len(set(item.options)) < len(item.options):
        return item
    return item.model_copy(update={"contexts": (), "continuations": ()})


def official_prompts() -> Path:
    """FastChat's judge prompts, as fetched. Raises ConfigError."""
    return _existing(_mt_bench() / "judge_prompts.jsonl", "judge.prompts")


def _question(
    line: _QuestionLine, source: str, set_name: str, references: References, config: QuestionsConfig
) -> Question:
    id, temperature = str(line.question_id), line.required_temperature
    if temperature is None:
        temperature = temperature_of(line.category) if config.temperature is None else config.temperature
        temperature = config.temperatures.get(line.category, temperature)
    return Question(
        source=source,
        id=id,
        category=line.category,
        turns=line.turns,
        reference_set=set_name if id in references else None,
        references=references.get(id, ()),
        temperature=temperature,
    )


def _question_file(source: str) -> Traversable:
    if source == OWN:
        return files("prompts") / "questions.jsonl"
    if source == MT_BENCH:
        return _existing(_mt_bench() / "question.jsonl", "questions.source")
    return _existing(Path(source), "questions.source")


def _references(source: str, name: str) -> References:
    if name == "none":
        return {}
    if name == OWN:
        path: Traversable = files("prompts") / "references" / "assay.jsonl"
    elif source == MT_BENCH and not name.endswith(".jsonl"):
        path = _existing(_mt_bench() / "reference_answer" / f"{name}.jsonl", "questions.references")
    else:
        path = _existing(Path(name), "questions.references")
    lines = unique(_ReferenceLine, "question_id", json_objects(path), path)
    return {str(line.question_id): line.choices[0].turns for line in lines}


def mt_bench_is_here() -> bool:
    """Whether MT-Bench was fetched."""
    return (cache_folder() / MT_BENCH).is_dir()


def _mt_bench() -> Path:
    folder = cache_folder() / MT_BENCH
    if not folder.is_dir():
        raise ConfigError("MT-Bench has not been fetched.", remedy="Run `assay fetch mt-bench` once.")
    return folder


def _existing(path: Path, key: str) -> Path:
    if not path.is_file():
        raise ConfigError(f"no such file: {path}", where=key)
    return path
