"""The decision's part of the config: what is claimed, by which task, at which margin, and when evidence counts.

In: a `[decision]` table. Out: a frozen DecisionConfig.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ledger.conditions import Condition
from ledger.judgments import Damage
from ledger.ladder import SIZES
from ledger.measure_facts import Role
from ledger.measures import measure_of, measures_in
from ledger.sections import ConfigSection

Share = Annotated[float, Field(gt=0, lt=1)]


class TaskRole(StrEnum):
    """What a task may do to a decision: a proving one must be cleared, a guarding one may hold, a shown one neither."""

    PROVES = "proves"
    GUARDS = "guards"
    SHOWN = "shown"


def _of_role(role: Role) -> AfterValidator:
    """Only the names of measures that play a role."""

    def known(name: str) -> str:
        if name not in measures_in(role):
            raise ValueError(f"{name!r} is no {role} measure; there are {', '.join(measures_in(role))}")
        return name

    return AfterValidator(known)


def limited(name: str) -> tuple[str, str]:
    """The task, empty for all items, and the measure that a limit's name says: MEASURE or TASK.MEASURE."""
    task, _, measure = name.rpartition(".")
    return task, measure


def _known_limit(name: str) -> str:
    """A measure, or TASK.MEASURE for a measure of items. Raises ValueError."""
    task, measure = limited(name)
    if name.startswith("."):
        raise ValueError(f"no task stands before the dot; {name[1:]} alone is of all items")
    if not measure:
        raise ValueError(f"no measure is named, as in mmlu.flips; there are {', '.join(measures_in('limit'))}")
    if measure not in measures_in("limit"):
        raise ValueError(f"{measure!r} is no limit measure; there are {', '.join(measures_in('limit'))}")
    if task and measure_of(measure).section not in ("flips", "solved"):
        raise ValueError(f"{measure} is not measured task by task")
    return name


def _named(task: str) -> str:
    """A task's name. Raises ValueError."""
    if not task:
        raise ValueError("a task has a name")
    return task


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


Primary = Annotated[str, _of_role("primary")]
Task = Annotated[str, AfterValidator(_named)]
Tasks = Annotated[tuple[Task, ...], AfterValidator(_each_once)]
"""Tasks by name; one that is named again in the same list is one."""
Limit = Annotated[str, AfterValidator(_known_limit)]


class DecisionConfig(ConfigSection):
    """What is claimed and when it counts; declared before the run.

    Every task guards unless `proves` or `shown` names it. `margins` are the losses of accuracy that are acceptable task
    by task, `margins_relative` the same as shares of the baseline's own accuracy; where a task has both, the stricter
    counts. `metrics` and `filters` name the one score by which a solved task decides; undeclared, the first does, and a
    loss under any holds. `expect` says what the baseline should score, within `expect_tolerance`. A limit is of all
    items, or of one task ("mmlu.flips").
    `allow_different` names what may differ between the baseline's choices and a candidate's; rounding alone differs
    between engines, number formats, thread counts, processors and versions, and flips items. With `panel` the judges
    decide together: more than half of them, else nobody; without, the first judge in the needed mode decides.
    `leave_out` names what was found and is not compared on purpose: tasks, files, items (TASK/ITEM); anything else that
    is not compared keeps a candidate from SHIP. `same_name` says that two models share a name and arguments,
    `identical` that they may compute the same log-probabilities to the last bit. With `blind_spots` "inconclusive" a
    guarding task that is open keeps a candidate from SHIP, which else names it. `exam_resolution` names kinds of damage
    and the size that a judge's ladder must show it to see: a finer one passed is as good, a coarser one fails its exam.
    """

    primary: Primary | None = None
    margin: float | None = Field(default=None, gt=0)
    proves: Tasks = Field(default=(), description="tasks that must be cleared, or nothing ships")
    guards: Tasks = Field(default=(), description="tasks that may hold: all that are named nowhere, too")
    shown: Tasks = Field(default=(), description="tasks that decide nothing")
    margins: dict[Task, Share] = Field(default_factory=dict)
    margins_relative: dict[Task, Share] = Field(default_factory=dict)
    expect: dict[Task, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)
    expect_tolerance: float = Field(default=0.02, ge=0, le=0.2, description="how far from `expect` a baseline may lie")
    metrics: dict[str, str] = Field(default_factory=dict)
    filters: dict[str, str] = Field(default_factory=dict, description="the filter by which a solved task decides")
    limits: dict[Limit, float] = Field(
        default_factory=dict, description="the most of a measure that is acceptable, of all items or as TASK.MEASURE"
    )
    coverage: float = Field(default=0.9, ge=0, le=1)
    exam_lower_bound: float = Field(default=0.75, ge=0, le=1)
    exam_part_share: float = Field(default=0.5, ge=0, le=1, description="what a judge must reach in each part")
    exam_resolution: dict[Damage, float] = Field(
        default_factory=dict, description="the finest damage of a kind that a judge must see, by its ladder"
    )
    family_wise: Literal["each", "holm"] = Field(
        default="each", description="holm: several candidates share the 5 %, instead of 5 % each"
    )
    judge_may_compete: bool = False
    allow_different: tuple[Condition, ...] = ()
    panel: bool = Field(default=False, description="several judges decide together")
    leave_out: tuple[str, ...] = ()
    same_name: Literal["", "allowed"] = ""
    identical: Literal["", "allowed"] = ""
    blind_spots: Literal["named", "inconclusive"] = "named"

    def role_of(self, task: str) -> TaskRole:
        """What a task may do."""
        return TaskRole.PROVES if task in self.proves else TaskRole.SHOWN if task in self.shown else TaskRole.GUARDS

    @property
    def deciding(self) -> dict[str, tuple[str, str]]:
        """The metric and the filter by which tasks decide, an empty one for any."""
        named = dict.fromkeys([*self.metrics, *self.filters])
        return {task: (self.metrics.get(task, ""), self.filters.get(task, "")) for task in named}

    @property
    def ruled_tasks(self) -> frozenset[str]:
        """Those that a rule counts on: what is missing of them blocks, whoever left it out; a shown one may lack."""
        return frozenset(self.named_tasks) - {*self.shown}

    @property
    def counted_tasks(self) -> tuple[str, ...]:
        """Every task whose own number may change the decision by a margin, an expectation or a limit."""
        of_limits = (task for name in self.limits if (task := limited(name)[0]))
        return tuple(dict.fromkeys([*self.margins, *self.margins_relative, *self.expect, *of_limits]))

    @property
    def named_tasks(self) -> tuple[str, ...]:
        """Every task that a rule of this decision speaks of, in the order of the rules."""
        roles = (*self.proves, *self.guards, *self.shown)
        return tuple(dict.fromkeys([*roles, *self.counted_tasks, *self.metrics, *self.filters]))

    @model_validator(mode="after")
    def _limits_can_be_kept_and_broken(self) -> Self:
        for name, most in self.limits.items():
            if most < 0:
                raise ValueError(f"limits.{name} is {most:g}; no candidate lies at or under a limit below 0")
            if most > measure_of(limited(name)[1]).high:
                raise ValueError(f"limits.{name} is {most:g}, but it is a share: 0.08 is eight items of a hundred")
        return self

    @model_validator(mode="after")
    def _resolutions_are_rungs(self) -> Self:
        for damage, size in self.exam_resolution.items():
            if size not in SIZES[damage]:
                known = ", ".join(f"{each:g}" for each in SIZES[damage])
                raise ValueError(f"exam_resolution.{damage} is {size:g}, and no rung of that ladder; there are {known}")
        return self

    @model_validator(mode="after")
    def _one_role_each(self) -> Self:
        roles = (*self.proves, *self.guards, *self.shown)
        if twice := next((task for task in roles if roles.count(task) > 1), ""):
            raise ValueError(f"the task {twice} has two roles: name it once in `proves`, `guards` or `shown`")
        if both := {*self.counted_tasks} & {*self.shown}:
            raise ValueError(f"`shown` names {min(both)}: a task decides nothing then, and another rule of it would")
        if both := {*self.named_tasks} & {*self.leave_out}:
            raise ValueError(f"`leave_out` names {min(both)}, which another rule of [decision] speaks of")
        return self
