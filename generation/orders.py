"""Work orders: what one process is asked to do, complete in itself, so that it can be sent to any machine.

In: the front door's plan. Out: JSON that a worker reads (`LoadGroup`). generation/pending.py finds what it still lacks.
"""

import functools
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, model_validator

from generation.choices import LETTERS, Style
from generation.harness import HarnessTask
from ledger.checked_items import CheckedItem
from ledger.conditions import Condition
from ledger.digests import digest_of, weights_digest
from ledger.endpoint.parameters import EndpointParameters
from ledger.endpoint.places import given
from ledger.engines import ENGINES, known_engine
from ledger.errors import ConfigError
from ledger.facts import ModelSettings, PlannedRecords
from ledger.records import Item, Question
from ledger.runs import GenerationFolder
from ledger.serving import AS_MT_BENCH, Serving


class EngineSpec(BaseModel):
    """Which model to load, and how; the last four are for models behind an endpoint.

    `loader` is a user's own function for the transformers engine. `batch_invariant` asks vLLM for the mode in which a
    text does not depend on what shares its batch.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Annotated[str, AfterValidator(known_engine)]
    model: str
    arguments: dict[str, Any] = {}
    template: str = ""
    loader: str = ""
    batch_invariant: bool = False
    base_url: str = ""
    api_key_env: str = ""
    concurrency: int = 16
    parameters: EndpointParameters = EndpointParameters()

    @property
    def endpoint(self) -> str:
        """Host and port of a served model, without whatever else its URL may carry."""
        address = urlsplit(given(self.base_url) if ENGINES[self.kind].remote else "")
        return f"{address.hostname}:{address.port}" if address.port else address.hostname or ""

    @functools.cached_property
    def weights(self) -> str | None:
        """The weights' hash, computed once for all that is compared with it."""
        return weights_digest(Path(self.model))


class TaskItems(BaseModel):
    """A task's items and the way to score them; `prompts` says how rendered ones were made.

    `top_k` most likely tokens are kept at each token of the options (0: all of them); None keeps none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    style: Style
    items: tuple[Item, ...]
    prompts: dict[str, Any] = {}
    top_k: int | None = None

    @model_validator(mode="after")
    def _lettered(self) -> Self:
        """Raises ConfigError, which pydantic lets through."""
        if long := [item for item in self.items if self.style == "letters" and len(item.options) > len(LETTERS)]:
            what = f"item {long[0].id} has {len(long[0].options)} options, and there are {len(LETTERS)} letters."
            raise ConfigError(what, where=f"task {self.name}", remedy='Use style = "continuation".')
        return self


class CheckedTask(BaseModel):
    """A task's items whose answers are written and checked, each asked `repeats` times.

    `own` is the user's function that checks them, `harness` the task that scores them; without either the items name a
    checker. `singles` and `aggregates`: some scores are of one repeat, some of all repeats of an item together.
    `prompts` says how the items were made and are checked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    items: tuple[CheckedItem, ...]
    repeats: int = 1
    own: str = ""
    harness: HarnessTask | None = None
    singles: bool = True
    aggregates: bool = False
    prompts: dict[str, Any] = {}

    @property
    def kept(self) -> range:
        """The repeats of an item that become records."""
        return range(self.repeats if self.singles else 1)


class ModelJob(BaseModel):
    """All that one model (or the control) writes and picks in a review.

    The answers in the folders `reads` are read token by token, the `trace_top_k` most likely tokens kept at each
    position: those of the folder `baseline`, its own, and the baseline reads its rivals' as well.
    One that does not write leaves the questions to the baseline, and only traces.
    Records may be added to those made under conditions that differ from today's in `may_differ` alone.
    Records that are in the folder `merged` are done as well: a shard (generation/shards.py) looks into its model's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    model: str
    control: bool = False
    writes: bool = True
    seed: int
    samples: int = 1
    max_tokens: int = 1024
    served: Serving = AS_MT_BENCH
    questions: tuple[Question, ...] = ()
    tasks: tuple[TaskItems, ...] = ()
    checked: tuple[CheckedTask, ...] = ()
    trace_top_k: int = 0
    reads: tuple[Path, ...] = ()
    baseline: Path | None = None
    may_differ: tuple[Condition, ...] = ()
    merged: Path | None = None

    @property
    def folders(self) -> tuple[GenerationFolder, ...]:
        """Where records of this order may be."""
        return tuple(GenerationFolder(path) for path in (self.merged, self.folder) if path)

    @property
    def reads_rivals(self) -> bool:
        """Whether it reads answers that neither it nor the baseline writes: it must wait for them."""
        return bool({*self.reads} - {self.folder, self.baseline})

    def without_rivals(self) -> "ModelJob":
        """What it has to do before there are any rivals' answers."""
        own = tuple(place for place in self.reads if place in (self.folder, self.baseline))
        return self.model_copy(update={"reads": own})

    def settings(self, engine: EngineSpec) -> dict[str, Any]:
        """What the records of this order depend on, beside the questions and items that they carry themselves.

        What not every record depends on stands there only where it is set.
        """
        always = ModelSettings(
            model=engine.model,
            weights=engine.weights,
            engine=engine.kind,
            engine_args=engine.arguments,
            template=engine.template,
            endpoint=engine.endpoint,
            control=self.control,
            seed=self.seed,
            max_tokens=self.max_tokens,
            trace_top_k=self.trace_top_k,
            styles={task.name: task.style for task in self.tasks},
        )
        where_set = ModelSettings(
            prompts={task.name: task.prompts for task in self._all_tasks if task.prompts},
            vocabulary={task.name: task.top_k for task in self.tasks if task.top_k is not None},
            loader=engine.loader,
            batch_invariant=engine.batch_invariant,
            served=self.served.declared(),
            parameters=engine.parameters.declared(),
        )
        return always.noted() | {name: value for name, value in where_set.noted().items() if value}

    @property
    def _all_tasks(self) -> tuple[TaskItems | CheckedTask, ...]:
        return (*self.tasks, *self.checked)

    def planned(self) -> PlannedRecords:
        """How many answers, choices and solutions there will be in the end."""
        answers = len(self.questions) * self.samples if self.writes else 0
        solutions = sum(len(task.items) * len(task.kept) for task in self.checked)
        choices = sum(len(task.items) for task in self.tasks)
        return PlannedRecords(answers=answers, choices=choices, **({"solutions": solutions} if solutions else {}))

    def inputs(self) -> dict[str, str]:
        """Digests of the questions and of each task's items."""
        named = {f"task {t.name}": digest_of([item.digest for item in t.items]) for t in self._all_tasks}
        return {"questions": digest_of([question.digest for question in self.questions]), **named}


class LoadGroup(BaseModel):
    """Orders that share one model load."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: EngineSpec
    orders: tuple[ModelJob, ...]
