"""People's verdicts on pairs of answers, as files have them: JSON lines, a JSON array or CSV.

In: a file with a question, a turn, two models and a winner per line, as FastChat's human votes have it or in our own
words. Out: Label records of the review's models, in its run folder; a line about other models or questions is passed
over, counted and named.
Source: FastChat 0.2.36 `llm_judge/compute_agreement.py` reads an array (`json.load`).
"""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.sources.lines import (
    Row,
    checked,
    is_array,
    json_array,
    json_objects,
    not_text,
    whole_number,
)
from assay.sources.tables import DELIMITERS
from ledger.config import ReviewConfig
from ledger.errors import BadRecord, ConfigError, ConflictingRecords, DuplicateKey
from ledger.judgments import Label, Winner
from ledger.records import Key
from ledger.runs import RunFolder
from ledger.store import key_text, write_lock

FIRST = frozenset({"model_a", "model_1", "a", "1", "first"})
SECOND = frozenset({"model_b", "model_2", "b", "2", "second"})
TIE = frozenset({"tie", "c", "0", "tie (inconsistent)", "tie (bothbad)", "both", "neither"})
ARRAY = ".json"
OTHER_QUESTIONS = "questions without an answer of the baseline"
OTHER_TURNS = "turns that their questions do not have"
OTHER_SAMPLES = "samples that the baseline did not write"
NAMES = {
    "question": ("question", "question_id"),
    "first": ("baseline", "model_a", "model_1"),
    "second": ("candidate", "model_b", "model_2"),
    "winner": ("winner", "label"),
    "rater": ("rater", "judge", "annotator"),
}


@dataclass(frozen=True)
class PassedOver:
    """A line that is about other models than the review's, or about a question that its baseline did not answer."""

    about: str


@dataclass(frozen=True)
class Added:
    """How many labels a run has, how many of them are new, how many lines said what was said before; and how many were
    about each pair of other models, or about questions that the baseline did not answer.
    """

    labels: int
    new: int
    repeated: int
    passed_over: dict[str, int]


def add_labels(path: Path, run: RunFolder, config: ReviewConfig) -> Added:
    """Add a file's labels to the run's; those of earlier files stay.

    Raises what `labels` raises, ConfigError before the baseline has answered, ConflictingRecords for another winner
    than an earlier file's.
    """
    answers = list(run.generation(config.baseline.name).answers.records())
    asked = {each.question.id: each.question for each in answers}
    samples = {(each.question.id, each.sample) for each in answers}
    if not asked:
        remedy = "Run: assay generate CONFIG, or assay import answers FOLDER --config CONFIG"
        raise ConfigError("the baseline has no answers yet.", where=str(run.path), remedy=remedy)
    names = [model.name for model in config.candidate]
    lines = list(labels(path, config.baseline.name, names, {id: each.source for id, each in asked.items()}))
    read = [each for each in lines if isinstance(each, Label)]
    there = [label for label in read if (label.question, label.sample) in samples]
    found = [label for label in there if label.turn <= len(asked[label.question].turns)]
    others = Counter(each.about for each in lines if isinstance(each, PassedOver))
    lost = {OTHER_SAMPLES: len(read) - len(there), OTHER_TURNS: len(there) - len(found)}
    others.update({about: count for about, count in lost.items() if count})
    with write_lock(run.path):
        kept = {label.key: label for label in run.labels.records()}
        before = len(kept)
        for label in found:
            if kept.setdefault(label.key, label).winner is not label.winner:
                raise ConflictingRecords(run.labels.path, path, key_text(label.key))
        run.labels.replace(kept.values())
    return Added(len(kept), len(kept) - before, len(found) - len(kept) + before, dict(others.most_common()))


def labels(
    path: Path, baseline: str, candidates: list[str], sources: Mapping[str, str]
) -> Iterator[Label | PassedOver]:
    """One Label per line, PassedOver for one about other models or questions; `sources` are those of the review's ids.

    Raises BadRecord for a line that cannot be understood or a file that is not UTF-8, DuplicateKey for a line that
    contradicts another, ConfigError for an unknown kind of file.
    """
    if fault := not_text(path):
        raise BadRecord(path, None, "", fault)
    if path.suffix == ARRAY and is_array(path):
        try:
            yield from _labels(path, json_array(path), baseline, candidates, sources)
        except BadRecord as error:
            at = f"entry {error.line} of the array: " if error.line else ""
            raise BadRecord(path, None, error.field, f"{at}{error.cause}") from error
        except DuplicateKey as error:
            what = f"entries {error.first_line} and {error.second_line} of the array differ: key {error.key}"
            raise BadRecord(path, None, "", what) from error
    else:
        yield from _labels(path, _rows(path), baseline, candidates, sources)


def _labels(
    path: Path, rows: Iterator[Row], baseline: str, candidates: list[str], sources: Mapping[str, str]
) -> Iterator[Label | PassedOver]:
    said: dict[Key, tuple[int, Winner]] = {}
    words: set[str] = set()
    for number, row in rows:
        label = _label(path, number, row, baseline, candidates, sources)
        if isinstance(label, Label):
            words.add(_plain(_field(path, number, row, "winner")))
            first, winner = said.setdefault(label.key, (number, label.winner))
            if winner is not label.winner:
                raise DuplicateKey(path, key_text(label.key), first, number)
        yield label
    if words == {"0", "1"}:
        raise BadRecord(
            path, None, "winner", "is 0 and 1 alone: the two places, or a tie and the first? Say tie or 1, 2"
        )


def _label(
    path: Path, number: int, row: dict[str, Any], baseline: str, candidates: list[str], sources: Mapping[str, str]
) -> Label | PassedOver:
    models = [str(_field(path, number, row, name)) for name in ("first", "second")]
    question = _plain(_field(path, number, row, "question"))
    for name in ("model_a", "model_1", "model_b", "model_2"):
        if row.get(name) not in (None, "", *models):
            raise BadRecord(path, number, name, f"is {row[name]!r}, and the line is about {' and '.join(models)}")
    rivals = [model for model in models if model != baseline]
    source = sources.get(question)
    if baseline not in models or rivals not in [[each] for each in candidates]:
        return PassedOver(" and ".join(sorted(models)))
    if source is None or row.get("source") not in (None, "", source):
        return PassedOver(OTHER_QUESTIONS)
    about = {
        "rater": _rater(row),
        "baseline": baseline,
        "candidate": rivals[0],
        "source": source,
        "question": question,
        "sample": _number(path, number, row, "sample", 0),
        "turn": _number(path, number, row, "turn", 1),
        "winner": _winner(
            path, number, _plain(_field(path, number, row, "winner")), models, _roles(row, models, baseline)
        ),
    }
    return checked(Label, about, path, number)


def _plain(said: object) -> str:
    """An id or a winner as a text; 1.0 is what a spreadsheet makes of the whole numbers in a column with gaps."""
    text = str(said).strip()
    return text.removesuffix(".0") if text.removesuffix(".0").isdigit() else text


def _number(path: Path, number: int, row: dict[str, Any], name: str, default: int) -> int:
    said = row.get(name)
    try:
        return default if said in (None, "") else whole_number(said)
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRecord(path, number, name, str(error)) from error


def _roles(row: dict[str, Any], models: list[str], baseline: str) -> list[tuple[Winner, str]]:
    """Each model's role in the review, and the word for its role in the line, which may have them the other way."""
    own = any(row.get(name) not in (None, "") for name in ("baseline", "candidate"))
    roles = [Winner.BASELINE if model == baseline else Winner.CANDIDATE for model in models]
    words = [Winner.BASELINE.value, Winner.CANDIDATE.value] if own else [role.value for role in roles]
    return list(zip(roles, words, strict=True))


def _winner(path: Path, number: int, said: str, models: list[str], roles: list[tuple[Winner, str]]) -> Winner:
    """Whom a word names, by position, role or model; where a model `b` stands first, `b` is a word for both."""
    word = said.lower()
    named = [Winner.TIE] if word in TIE else []
    for model, position, (role, called) in zip(models, (FIRST, SECOND), roles, strict=True):
        if word in position or word in (called, model.lower()):
            named.append(role)
    if not named:
        raise BadRecord(path, number, "winner", f"{said!r} is neither of the models nor a tie")
    if len(named) > 1:
        raise BadRecord(path, number, "winner", f"{said!r} may be either of two; say baseline, candidate or tie")
    return named[0]


def _rater(row: dict[str, Any]) -> str:
    said = next((row[name] for name in NAMES["rater"] if row.get(name) not in (None, "")), "human")
    return "/".join(map(str, said)) if isinstance(said, list) else str(said)


def _field(path: Path, number: int, row: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever a file holds
    for each in NAMES[name]:
        if row.get(each) not in (None, ""):
            return row[each]
    raise BadRecord(path, number, NAMES[name][0], f"is missing (or {', '.join(NAMES[name][1:])})")


def _rows(path: Path) -> Iterator[Row]:
    if path.suffix == ".csv":
        return _csv_rows(path)
    if path.suffix in (".jsonl", ARRAY):
        return json_objects(path)
    raise ConfigError("is no .jsonl, no .json and no .csv file", where=str(path))


def _csv_rows(path: Path) -> Iterator[Row]:
    """Rows under a header, whose own delimiter holds: spreadsheets of half the world write semicolons."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        delimiter = max(DELIMITERS, key=stream.readline().count)
        stream.seek(0)
        reader = csv.DictReader(stream, delimiter=delimiter)
        try:
            yield from ((reader.line_num, row) for row in reader)
        except csv.Error as error:
            raise BadRecord(path, reader.line_num, "", f"not CSV: {error}") from error
