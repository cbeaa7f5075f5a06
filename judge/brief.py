"""What one judge is to do in a review: whose answers, by which prompts, and every judgment that follows from that.

In: a run folder with answers, the judge's config, a prompt set. Out: a Brief; from it the plan, the settings that its
records depend on, and the hashes of what it reads.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from operator import itemgetter
from typing import Any
from urllib.parse import urlsplit

from judge.exam import PlannedMark, exam_plan, exam_tasks
from judge.ladder import Ladder, LadderText, ladder_plan
from judge.plan import Answers, Ask, Planned, Planner, answers_by_key
from judge.prompt_sets import TEMPERATURE, PromptSet
from ledger.digests import file_digest
from ledger.endpoint.places import resolved
from ledger.errors import MissingRecords
from ledger.facts import JudgeSettings
from ledger.judge_config import JudgeConfig
from ledger.judgments import ExamMark, Game, Judgment, Mode, Rating
from ledger.runs import RunFolder


@dataclass(frozen=True)
class ReviewPlan:
    """All that one judge has to do in a review; of the ladder, what it may have to.

    What it says of the models in `last` is asked for when all else is.
    """

    exam: list[PlannedMark[ExamMark]]
    ratings: list[Planned[Rating]]
    games: list[Planned[Game]]
    ladder: Ladder
    last: Collection[str] = ()

    def asks(self, *, exam_only: bool = False) -> list[Ask]:
        """Each conversation once, the exam first; the ladder's hang on its verdicts."""
        ratings = ((each.blank.model in self.last, each.ask) for each in self.ratings)
        games = ((each.blank.candidate in self.last, each.ask) for each in self.games)
        judged = () if exam_only else sorted(chain(ratings, games), key=itemgetter(0))
        exam = (ask for mark in self.exam for ask in mark.asks)
        return list({ask.judgment: ask for ask in chain(exam, (ask for _, ask in judged if ask))}.values())


@dataclass(frozen=True)
class Brief:
    """A judge's part of a review.

    `reparsing` lets the rules differ by which the records there were read. `good_texts` are for the ladder.
    `positive_controls` are judged as candidates are, each against the baseline alone and after all others, so that no
    budget is spent on them first.
    """

    run: RunFolder
    config: JudgeConfig
    prompts: PromptSet
    baseline: str
    candidates: Sequence[str]
    control: str | None
    seed: int
    exam_only: bool = False
    reparsing: bool = False
    good_texts: Sequence[LadderText] = ()
    positive_controls: Sequence[str] = ()

    @property
    def about(self) -> dict[str, Any]:
        """Who is judged, for the manifest."""
        candidates = list(self.candidates)
        told = {"positive_controls": [*self.positive_controls]} if self.positive_controls else {}
        return {"baseline": self.baseline, "candidates": candidates, "control": self.control, "seed": self.seed, **told}

    @property
    def rivals(self) -> list[str]:
        """Everybody but the baseline, the control first."""
        return [*([self.control] if self.control else []), *self.candidates, *self.positive_controls]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Who plays whom; the control plays the baseline only."""
        others = combinations(self.candidates, 2) if self.config.pairs == "all" else ()
        return [*((self.baseline, rival) for rival in self.rivals), *others]

    @property
    def settings(self) -> dict[str, Any]:
        """What every record of this judge depends on."""
        config = self.config
        return JudgeSettings(
            judge=config.name,
            model=config.model or config.serve,
            host="served here" if config.serve else urlsplit(resolved(config.base_url)).hostname or "",
            prompts=self.prompts.name,
            prompts_digest=self.prompts.digest,
            form=self.prompts.form,
            temperature=TEMPERATURE if config.temperature is None else config.temperature,
            parsing=config.parsing,
            modes=config.modes,
            repeats=config.repeats,
            max_tokens=config.max_tokens,
            **({"parameters": declared} if (declared := config.declared()) else {}),
        ).noted()

    def answers(self) -> dict[str, Answers]:
        """The answers of every model, the baseline's first; the exam needs only these. Raises MissingRecords."""
        names = [self.baseline] if self.exam_only else [self.baseline, *self.rivals]
        return {name: self._answers_of(name) for name in names}

    def plan(self, models: dict[str, Answers]) -> ReviewPlan:
        """All that the judge has to do; prompts are rendered for their digests and forgotten."""
        config = self.config
        planner = Planner(config.name, self.prompts, models, config.repeats)
        tasks = exam_tasks(models[self.baseline], config.exam_tasks, self.seed) if config.exam else []
        judged = not self.exam_only
        return ReviewPlan(
            exam=list(exam_plan(tasks, config.modes, config.name, self.prompts)),
            ratings=list(planner.ratings()) if judged and Mode.SINGLE in config.modes else [],
            games=list(planner.games(self.pairs)) if judged and Mode.PAIR in config.modes else [],
            ladder=self._ladder(),
            last=frozenset(self.positive_controls),
        )

    def _ladder(self) -> Ladder:
        config = self.config
        return ladder_plan(self.good_texts, config.name, self.prompts, self.seed) if config.exam_ladder else Ladder()

    def inputs(self, models: Iterable[str]) -> dict[str, str]:
        """The hash of every file of answers."""
        paths = [self.run.generation(model).answers.path for model in models]
        return {path.relative_to(self.run.path).as_posix(): file_digest(path) for path in paths}

    def _answers_of(self, model: str) -> Answers:
        store = self.run.generation(model).answers
        answers = answers_by_key(store.records())
        if not answers:
            raise MissingRecords(store.path, f"answers of {model}", "Generate them before they are judged.")
        return answers


def outcomes(records: Iterable[Judgment]) -> dict[str, int]:
    """How many records have which outcome."""
    return dict(sorted(Counter(record.outcome.value for record in records).items()))
