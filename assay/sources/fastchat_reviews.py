"""A folder of FastChat's as a review: who is the baseline, whom judges compared with it, which of their words come in.

In: a FastChatFolder and what the user names. Out: a FastChatReview, read before anything is written.

A model that nobody judged decides nothing: it is named and stays outside. So does a judge of none of the models.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from analysis.fastchat_audit.fastchat_numbers import fastchat_scores
from analysis.fastchat_audit.stored import USED, JudgmentFile, Lack, Standing, Stored, StoredPair, StoredRating
from assay.sources.fastchat_files import FastChatFiles, read_folder
from assay.sources.fastchat_folders import FastChatFolder
from assay.sources.fastchat_model_answers import ModelAnswers, model_answers
from assay.sources.lines import NOT_UTF8
from ledger.errors import ConfigError
from ledger.judgments import Game, Mode, Rating

AnyRow = StoredRating | StoredPair
OFFICIAL, UNKNOWN = "official", "unknown"
"""What a config says of a judge's prompts."""
NO_ANSWERS = "a review needs model_answer/*.jsonl and question.jsonl."
NO_TEMPLATE = frozenset({Lack.PROMPT, Lack.QUESTION, Lack.JUDGE_PROMPT})
"""Without these nobody knows by which prompt a row was made."""


@dataclass(frozen=True)
class JudgeWords:
    """What a judge said: what comes in, how many ratings and games do not, how many copies of a row and failures gave
    way to another, how many are further verdicts, and how many lines of its files are none. `averages` are FastChat's
    own of each model, over every row of the judge's; `prompts` is what is known of its prompts.
    """

    paths: list[Path]
    ratings: list[Rating]
    games: list[Game]
    left_out: int
    beside: int
    repeats: int
    unread: int
    averages: dict[str, float]
    prompts: str


@dataclass(frozen=True)
class FastChatReview:
    """A folder as a review: who is the baseline, who answered, which judges said what, which of them goes first."""

    folder: FastChatFolder
    stored: Stored
    baseline: str
    files: dict[str, ModelAnswers]
    chosen: tuple[str, ...] = ()
    primary_judge: str = ""

    @cached_property
    def models(self) -> dict[str, ModelAnswers]:
        """Those that answered and were judged, the baseline first; only the chosen candidates, if any were."""
        judged = self.stored.judged
        rivals = {
            name: held
            for name, held in self.files.items()
            if held.answers and name != self.baseline and name in (self.chosen or judged)
        }
        return {self.baseline: self.files[self.baseline], **rivals}

    @cached_property
    def judges(self) -> dict[str, list[JudgmentFile]]:
        """The files of each judge of these models: the primary judge, then who said most of what can be used."""
        found: dict[str, list[JudgmentFile]] = {}
        said = Counter[str]()
        for file in self.stored.files:
            for judge in file.judges:
                every: list[AnyRow] = [*file.ratings, *file.pairs]
                rows = [row for row in every if row.judge == judge and self.about(row)]
                if rows:
                    found.setdefault(judge, []).append(file)
                    said[judge] += sum(row.used for row in rows)
        order = sorted(found, key=lambda judge: (judge != self.primary_judge, -said[judge]))
        return {judge: found[judge] for judge in order}

    @property
    def others(self) -> list[str]:
        """Judges of other models."""
        return sorted({judge for file in self.stored.files for judge in file.judges} - self.judges.keys())

    @property
    def source(self) -> str:
        """The question set."""
        return next(source for source, _ in self.stored.questions)

    @property
    def primary(self) -> str:
        """Ratings decide where there are any of the baseline and a candidate; empty where nothing compares them."""
        judges = [self.primary_judge] if self.primary_judge else list(self.judges)
        if any(self._compared(judge, Mode.SINGLE) for judge in judges):
            return "rating_change"
        return "win_change" if any(self._compared(judge, Mode.PAIR) for judge in judges) else ""

    def about(self, row: AnyRow) -> bool:
        """Whether a row judges these models alone."""
        return names_of(row) <= self.models.keys()

    def rows(self, judge: str) -> list[AnyRow]:
        """Every row of a judge, in whichever of its files."""
        every: list[AnyRow] = []
        for file in self.stored.files:
            every += [*file.ratings, *file.pairs]
        return [row for row in every if row.judge == judge]

    def words(self, judge: str) -> JudgeWords:
        """What a judge said that comes in."""
        files = [file for file in self.stored.files if judge in file.judges]
        rows = self.rows(judge)
        inside = [row for row in rows if row.freshness in USED and self.about(row)]
        ratings = [row for row in inside if isinstance(row, StoredRating) and row.used]
        pairs = [row for row in inside if isinstance(row, StoredPair) and row.used]
        averages = {name: fastchat_scores(_of(name, rows)).average for name in self.models}
        return JudgeWords(
            paths=[path for path in self.folder.judgments if self.folder.name(path) in {file.name for file in files}],
            ratings=[row.record for row in ratings],
            games=[game for row in pairs for game in row.counted],
            left_out=sum(verdicts_in(row) for row in rows if row.freshness not in USED or not self.about(row)),
            beside=sum(row.standing is not Standing.COUNTS for row in inside),
            repeats=sum(row.used and row.repeat > 0 for row in inside),
            unread=sum(file.unread for file in files),
            averages={name: mean for name, mean in averages.items() if mean is not None},
            prompts=UNKNOWN if any(row.used and row.lacking in NO_TEMPLATE for row in inside) else OFFICIAL,
        )

    def _compared(self, judge: str, mode: Mode) -> bool:
        files = [file for file in self.judges.get(judge, ()) if file.mode is mode]
        rated = {row.record.model for file in files for row in file.ratings if row.judge == judge}
        played = [names_of(row) for file in files for row in file.pairs if row.judge == judge]
        rivals = self.models.keys() - {self.baseline}
        if mode is Mode.SINGLE:
            return self.baseline in rated and bool(rivals & rated)
        return any(self.baseline in names and names & rivals for names in played)


def fastchat_review(
    folder: FastChatFolder, baseline: str = "", candidates: Sequence[str] = (), primary_judge: str = ""
) -> FastChatReview:
    """What a folder holds; without a name the baseline is the first of the judged models with answers.

    Without `candidates` all other judged models with answers are candidates. Raises ConfigError.
    """
    found, where = read_folder(folder, baseline), str(folder.path)
    if broken := [note for note in found.stored.notes if NOT_UTF8 in note and note.startswith("question.jsonl")]:
        raise ConfigError(broken[0], where=where)
    questions = {id: question for (_, id), question in found.stored.questions.items()}
    files = {name: model_answers(name, held, questions) for name, held in found.answers.items()}
    names = [name for name, held in files.items() if held.answers]
    if not names:
        raise ConfigError(_nothing(found), where=where, remedy="See --data.")
    judged = found.stored.judged
    chosen = baseline or next((name for name in names if name in judged), names[0])
    _refuse((chosen, *candidates), names, "answers", where)
    if chosen in candidates:
        what = f"{chosen} is the baseline: no model replaces itself."
        raise ConfigError(what, where=where, remedy="Name another --candidate, or another --baseline.")
    if len(judged & {*names}) > 1:  # else nothing compares two models, whatever they are called: an audit
        _refuse((*([baseline] if baseline else []), *candidates), sorted(judged), "judgments", where)
    judges = sorted({judge for file in found.stored.files for judge in file.judges})
    _refuse([primary_judge] if primary_judge else [], judges, "judgments by", where)
    return FastChatReview(folder, found.stored, chosen, files, tuple(candidates), primary_judge)


def _nothing(found: FastChatFiles) -> str:
    """Why no answer comes in: files that are missing, or hold nothing that is to a question here."""
    written = sorted({id for held in found.answers.values() for id in held.rows})
    asked = sorted(id for _, id in found.stored.questions)
    if written and asked:
        ids = f"ids such as {', '.join(written[:3])} there, {', '.join(asked[:3])} here"
        return f"no answer in model_answer/ is to a question of question.jsonl ({ids})."
    return f"{'; '.join(found.stored.notes[:3])}." if found.stored.notes else NO_ANSWERS


def _refuse(names: Iterable[str], known: Sequence[str], what: str, where: str) -> None:
    """Stop at a name that nothing is known of. Raises ConfigError."""
    words = what if what.endswith("by") else f"{what} of"
    for name in names:
        if name not in known:
            remedy = f"There are {words} {', '.join(known) or 'nobody'}."
            raise ConfigError(f"there are no {words} {name!r}.", where=where, remedy=remedy)


def names_of(row: AnyRow) -> set[str]:
    """Whom a row judges."""
    return {row.record.model} if isinstance(row, StoredRating) else {row.first, row.second}


def verdicts_in(row: AnyRow) -> int:
    """A rating, or two games."""
    return 1 if isinstance(row, StoredRating) else 2


def _of(name: str, rows: Sequence[AnyRow]) -> list[StoredRating]:
    return [row for row in rows if isinstance(row, StoredRating) and row.record.model == name]
