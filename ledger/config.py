"""The review's config: one TOML file, declared before the run and hashed into the report.

In: `review.toml`. Out: a frozen ReviewConfig, or a ConfigError that names the key and the nearest known one.
API keys never stand here: `api_key_env` names the environment variable that holds one.
"""

import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from ledger.config_faults import fault_sentence
from ledger.decision_config import DecisionConfig, Primary
from ledger.digests import digest_of
from ledger.engines import ENGINES
from ledger.errors import ConfigError
from ledger.judge_config import JudgeConfig
from ledger.material_config import QuestionsConfig, TaskConfig
from ledger.measures import measure_of
from ledger.model_config import BaselineConfig, ModelConfig
from ledger.positive_control import PositiveControls
from ledger.runs import CONTROL_SUFFIX, control_of
from ledger.sections import ConfigSection

WHOLE = "all"


class PlacementConfig(ConfigSection):
    """Where the models run; nothing in the results depends on it, so it may change during a review.

    `ray` is a cluster's address, `auto` for the one this machine belongs to, `local` to start one here, or empty for
    this machine without Ray. `replicas` copies of a model share its work.
    """

    ray: str = ""
    replicas: int = Field(default=1, ge=1)


class ReviewConfig(ConfigSection):
    """A whole review.

    `batch_invariant` asks vLLM for its mode in which a text does not depend on what shares its batch (GPUs only).
    `positive_control` is run and judged beside the candidates, and decides nothing.
    """

    name: str = Field(
        min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="records and reports go to runs/NAME/"
    )
    seed: int = 1
    batch_invariant: bool = False
    positive_control: PositiveControls = ()
    baseline: BaselineConfig
    candidate: tuple[ModelConfig, ...] = Field(min_length=1)
    questions: QuestionsConfig | None = None
    task: tuple[TaskConfig, ...] = ()
    judge: tuple[JudgeConfig, ...] = ()
    decision: DecisionConfig = DecisionConfig()
    placement: PlacementConfig = PlacementConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        named = [model.name for model in (*self.models, *self.positive_control)]
        _refuse_repeated("label", named, "set `label`")
        _refuse_repeated("judge", [j.name for j in self.judge], "set `label`")
        _refuse_repeated("task", [t.task for t in self.task], "name it once, or rename one of two files")
        if both := {t.task for t in self.task} & set(self.decision.leave_out):
            raise ValueError(f"`leave_out` names the task {min(both)}, which a [[task]] asks for: remove the [[task]]")
        if any(name.endswith(CONTROL_SUFFIX) for name in named):
            raise ValueError(f"a label may not end in {CONTROL_SUFFIX}; that names the control")
        if WHOLE in {*named, *(j.name for j in self.judge)}:
            raise ValueError(f"a label may not be {WHOLE}; that names the whole, beside its parts")
        if not self.questions and not self.task:
            raise ValueError("nothing to review: add [questions], a [[task]], or both")
        if self.judge and not self.questions:
            raise ValueError("a [[judge]] needs [questions] to judge")
        if self.judge and self.questions and self.questions.answers == "baseline":
            raise ValueError('a [[judge]] needs the answers of all models: leave out `answers = "baseline"`')
        if len({judge.form for judge in self.judge}) > 1:
            raise ValueError("the judges of one review give their verdicts in one `form`")
        if self.decision.exam_resolution and not (self.judge and all(judge.exam_ladder for judge in self.judge)):
            raise ValueError(
                "decision.exam_resolution is what a ladder must show: set exam_ladder = true in each [[judge]]"
            )
        if self.decision.panel and not self.judge[1:]:
            raise ValueError("a panel needs several [[judge]]s")
        if len({task.vocabulary_top_k for task in self.task if task.vocabulary}) > 1:
            raise ValueError("the tasks of one review keep one `vocabulary_top_k`")
        self._refuse_unmeasured_primary()
        self._refuse_boundless_margin()
        return self

    def _refuse_unmeasured_primary(self) -> None:
        primary = self.decision.primary
        if primary and not self._measures(primary):
            raise ValueError(f"decision.primary is {primary}, but nothing in this review measures it")

    def _measures(self, primary: Primary) -> bool:
        mode = measure_of(primary).mode
        return any(mode in judge.modes for judge in self.judge) if mode else bool(self.task)

    def _refuse_boundless_margin(self) -> None:
        """A margin that nothing can lose ships every candidate: most often it is in the wrong unit."""
        if fault := boundless(self.primary, self.margin):
            raise ValueError(f"decision.margin is {self.margin:g}, but {fault}")

    @property
    def primary(self) -> Primary:
        """The declared primary measure, or the first of rating_change, win_change, accuracy_change that is measured."""
        judged: tuple[Primary, ...] = ("rating_change", "win_change")
        return self.decision.primary or next((name for name in judged if self._measures(name)), "accuracy_change")

    @property
    def margin(self) -> float:
        """The declared margin, or the default of the primary measure, in its unit."""
        return self.margin_of(self.primary)

    def margin_of(self, measure: Primary) -> float:
        """The margin of a measure that could decide: the declared one for the primary, else its default."""
        declared = self.decision.margin if measure == self.primary else None
        return (measure_of(measure).margin or 0.0) if declared is None else declared

    def task_margins(self, task: str) -> tuple[float | None, float | None]:
        """The acceptable loss of accuracy on a task, and the same as a share of the baseline's; one may be None."""
        own, relative = self.decision.margins.get(task), self.decision.margins_relative.get(task)
        return (self.margin_of("accuracy_change") if own is None and relative is None else own), relative

    @property
    def models(self) -> tuple[ModelConfig, ...]:
        """The baseline first, then the candidates."""
        return (self.baseline, *self.candidate)

    @property
    def run_models(self) -> tuple[ModelConfig, ...]:
        """The models that Assay itself runs."""
        return tuple(model for model in self.models if ENGINES[model.engine].runs)

    @property
    def positive_names(self) -> tuple[str, ...]:
        """The names of the positive controls."""
        return tuple(each.name for each in self.positive_control)

    @property
    def of_positive_controls(self) -> "ReviewConfig":
        """The same review with its positive controls in the candidates' place: measured alike, and apart from them."""
        return self.model_copy(update={"candidate": self.positive_control, "positive_control": ()})

    @property
    def reads_answers(self) -> bool:
        """Whether any model reads answers token by token."""
        return self.questions is not None and (self.questions.traces or self.questions.rollouts)

    def authors(self, model: str) -> tuple[str, ...]:
        """Whose answers a model that Assay runs, or the control, reads token by token; the baseline's first."""
        asked, baseline = self.questions, self.baseline.name
        traced = asked is not None and (asked.traces or (asked.rollouts and model == baseline))
        read = (baseline,) if traced else ()
        if asked is None or not asked.rollouts or model in self.positive_names:
            return read
        if model != baseline:
            return (*read, model)
        control = (control_of(baseline),) if self.baseline.control else ()
        return (*read, *(each.name for each in self.run_models if each is not self.baseline), *control)

    @property
    def digest(self) -> str:
        """Hash of every setting that the results depend on."""
        return digest_of(self.settings)

    @property
    def settings(self) -> dict[str, Any]:
        """Every setting that the results depend on, defaults included; where the work runs is not one."""
        unset = set() if self.positive_control else {"positive_control"}  # whose absence changes no earlier digest
        return self.model_dump(mode="json", exclude={"placement", *unset})


def boundless(measure: Primary, margin: float) -> str:
    """Why a margin bounds nothing: a measure cannot lose so much; empty where it can."""
    known = measure_of(measure)
    most = f"{measure} cannot lose more than {-known.low:g}; it is {known.margin_words}"
    return most if margin >= -known.low else ""


def read_config(path: Path) -> ReviewConfig:
    """The config in a TOML file. Raises ConfigError with the file, the key and what to do."""
    return config_from_text(config_text(path), where=str(path))


def config_text(path: Path) -> str:
    """What a TOML file says, comments included. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ConfigError("no such file", where=str(path), remedy="`assay init` writes a commented example.") from error
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"cannot be read as TOML: {error}", where=str(path)) from error


def config_from_text(text: str, where: str) -> ReviewConfig:
    """A checked config from TOML; `where` names its origin in errors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"cannot be read as TOML: {error}", where=where) from error
    return config_from(data, where)


def config_from(data: dict[str, Any], where: str) -> ReviewConfig:
    """A checked config from plain values; `where` names their origin in errors."""
    try:
        return ReviewConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(fault_sentence(error), where=where) from error


def _refuse_repeated(kind: str, names: list[str], remedy: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two entries share the {kind} {name!r}; {remedy}")
