"""The run folder: where each stage writes.

    runs/<review>/review.toml           the config
    runs/<review>/declared.toml         the config that the run was begun with
    runs/<review>/generation/<model>/   manifest.json answers.jsonl choices.jsonl solutions.jsonl traces.parquet
                                        options.parquet engine.log shards/<I>-of-<N>/ (records and a manifest) until
                                        they are merged
    runs/<review>/labels.jsonl          people's verdicts (assay import labels)
    runs/<review>/items.jsonl           the texts of the items, for people who read the report; those of items that are
                                        solved are in checked_items.jsonl
    runs/<review>/judge/<judge>/        manifest.json attempts.jsonl ratings.jsonl games.jsonl exam.jsonl ladder.jsonl
                                        batch/ (a provider's batches) server.log (of a judge that is served here)
    runs/<review>/analysis/             report.html report.md report.json junit.xml figures/ tables/ model-cards/
                                        eval_results/

In: a folder. Out: paths and stores.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ledger.checked_items import CheckedItem
from ledger.digests import digest_of
from ledger.judgments import Attempt, ExamMark, Game, Label, LadderMark, Rating
from ledger.records import Answer, Choice, Item
from ledger.solutions import Solution
from ledger.store import Store

CONTROL_SUFFIX = "@control"
SHARDS_NAME = "shards"
RECORDS = frozenset({".jsonl", ".parquet"})  # what files of records end in
LONGEST_NAME_BYTES = 120  # of the 255 that file systems take: names of drafts and figures add to it
SHARD_FOLDER = re.compile(r"(\d+)-of-(\d+)")


def control_of(baseline: str) -> str:
    """The name of the control: the baseline run again with other seeds and another admission order."""
    return baseline + CONTROL_SUFFIX


def folder_name(name: str) -> str:
    """A model's or judge's name as one path segment; names that needed a change get a digest, so none collide."""
    safe = "".join(c if c.isalnum() or c in "-_.@+" else "_" for c in name).lstrip(".")
    safe = safe.encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
    return safe if safe == name else f"{safe}-{digest_of(name)[:6]}"


def _holds_bytes(file: Path) -> bool:
    """Whether a file is one of records and not empty; a writer or a merge may have moved one since it was listed."""
    if file.suffix not in RECORDS:
        return False
    try:
        return file.stat().st_size > 0
    except FileNotFoundError:
        return True


@dataclass(frozen=True)
class GenerationFolder:
    """What one model wrote and picked."""

    path: Path

    @property
    def answers(self) -> Store[Answer]:
        """Its answers."""
        return Store(self.path / "answers.jsonl", Answer)

    @property
    def choices(self) -> Store[Choice]:
        """Its choices."""
        return Store(self.path / "choices.jsonl", Choice)

    @property
    def solutions(self) -> Store[Solution]:
        """Its solutions."""
        return Store(self.path / "solutions.jsonl", Solution)

    @property
    def answered(self) -> bool:
        """Whether any answer is there."""
        return any(True for _ in self.answers.records())

    @property
    def holds_records(self) -> bool:
        """Whether anything is there that was made under its manifest's settings."""
        from ledger.traces import OPTION_TOKENS, TRACES, trace_keys

        stored = any(True for store in (self.choices, self.answers, self.solutions) for _ in store.records())
        return stored or any(trace_keys(self.path, layout) for layout in (TRACES, OPTION_TOKENS))

    def shard(self, index: int, count: int) -> "GenerationFolder":
        """The folder of shard `index` of `count`, the first being 1."""
        return GenerationFolder(self.path / SHARDS_NAME / f"{index}-of-{count}")

    @property
    def shards(self) -> "list[GenerationFolder]":
        """The shards that are there, in their order."""
        found = {path: SHARD_FOLDER.fullmatch(path.name) for path in (self.path / SHARDS_NAME).glob("*-of-*")}
        order = {path: (int(match[2]), int(match[1])) for path, match in found.items() if match}
        return [GenerationFolder(path) for path in sorted(order, key=order.__getitem__)]


@dataclass(frozen=True)
class JudgeFolder:
    """What one judge said."""

    path: Path

    @property
    def attempts(self) -> Store[Attempt]:
        """Every call made to it."""
        return Store(self.path / "attempts.jsonl", Attempt)

    @property
    def ratings(self) -> Store[Rating]:
        """Its ratings, derived from the attempts."""
        return Store(self.path / "ratings.jsonl", Rating)

    @property
    def games(self) -> Store[Game]:
        """Its games, derived from the attempts."""
        return Store(self.path / "games.jsonl", Game)

    @property
    def exam(self) -> Store[ExamMark]:
        """Its exam marks, derived from the attempts."""
        return Store(self.path / "exam.jsonl", ExamMark)

    @property
    def ladder(self) -> Store[LadderMark]:
        """What it saw of graded damage, derived from the attempts; not there unless `exam_ladder` was set."""
        return Store(self.path / "ladder.jsonl", LadderMark)


@dataclass(frozen=True)
class RunFolder:
    """One review's folder."""

    path: Path

    @property
    def config(self) -> Path:
        """The review's config as it was run."""
        return self.path / "review.toml"

    @property
    def declaration(self) -> Path:
        """The config as it was declared before the run."""
        return self.path / "declared.toml"

    @property
    def is_begun(self) -> bool:
        """Whether a file of records of any model or judge holds anything; one that is moved meanwhile counts."""
        walks = (os.walk(self.path / stage) for stage in ("generation", "judge"))
        return any(_holds_bytes(Path(place, name)) for walk in walks for place, _, names in walk for name in names)

    @property
    def analysis(self) -> Path:
        """The reports' folder."""
        return self.path / "analysis"

    @property
    def labels(self) -> Store[Label]:
        """What people said about pairs of answers."""
        return Store(self.path / "labels.jsonl", Label)

    @property
    def items(self) -> Store[Item]:
        """What the models were given to pick from; no number depends on it."""
        return Store(self.path / "items.jsonl", Item)

    @property
    def checked_items(self) -> Store[CheckedItem]:
        """What the models were asked to solve; no number depends on it."""
        return Store(self.path / "checked_items.jsonl", CheckedItem)

    @property
    def generations(self) -> Path:
        """The folder of all models' records."""
        return self.path / "generation"

    def generation(self, model: str) -> GenerationFolder:
        """The folder of one model's records."""
        return GenerationFolder(self.generations / folder_name(model))

    def judge(self, judge: str) -> JudgeFolder:
        """The folder of one judge's records."""
        return JudgeFolder(self.path / "judge" / folder_name(judge))
