"""People's verdicts on pairs of answers, as files have them: JSON lines or CSV.

In: a file with a question, a turn, two models and a winner a line, as FastChat's human votes have it or in our own
words. Out: Label records of the review's models; a line about other models is passed over and counted.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ledger.errors import BadRecord, ConfigError
from ledger.judgments import Label, Winner

FIRST = frozenset({"model_a", "a", "first"})
SECOND = frozenset({"model_b", "b", "second"})
TIE = frozenset({"tie", "c", "tie (inconsistent)", "both", "neither"})
NAMES = {
    "question": ("question", "question_id"),
    "first": ("baseline", "model_a", "model_1"),
    "second": ("candidate", "model_b", "model_2"),
    "winner": ("winner", "label"),
    "rater": ("rater", "judge", "annotator"),
}


def labels(path: Path, baseline: str, candidates: list[str], sources: Mapping[str, str]) -> Iterator[Label | None]:
    """A Label a line, None for one about other models or questions; `sources` are the review's questions by id.

    Raises BadRecord for a line that cannot be understood, ConfigError for an unknown kind of file.
    """
    for number, row in _rows(path):
        models = [str(_field(path, number, row, name)) for name in ("first", "second")]
        question = str(_field(path, number, row, "question"))
        rivals = [model for model in models if model != baseline]
        if baseline not in models or rivals not in [[each] for each in candidates] or question not in sources:
            yield None
            continue
        try:
            turn, sample = int(row.get("turn") or 1), int(row.get("sample") or 0)
        except (TypeError, ValueError) as error:
            raise BadRecord(path, number, "turn", str(error)) from error
        yield Label(
            rater=_rater(row),
            baseline=baseline,
            candidate=rivals[0],
            source=str(row.get("source") or sources[question]),
            question=question,
            sample=sample,
            turn=turn,
            winner=_winner(path, number, str(_field(path, number, row, "winner")), models, baseline),
        )


def _winner(path: Path, number: int, said: str, models: list[str], baseline: str) -> Winner:
    word = said.strip().lower()
    if word in TIE:
        return Winner.TIE
    named = {"baseline": baseline, "candidate": next(model for model in models if model != baseline)}
    named |= {model.lower(): model for model in models}
    won = models[0] if word in FIRST else models[1] if word in SECOND else named.get(word)
    if won is None:
        raise BadRecord(path, number, "winner", f"{said!r} is neither of the models nor a tie")
    return Winner.BASELINE if won == baseline else Winner.CANDIDATE


def _rater(row: dict[str, Any]) -> str:
    said = next((row[name] for name in NAMES["rater"] if row.get(name)), "human")
    return "/".join(map(str, said)) if isinstance(said, list) else str(said)


def _field(path: Path, number: int, row: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever a file holds
    for each in NAMES[name]:
        if row.get(each) not in (None, ""):
            return row[each]
    raise BadRecord(path, number, NAMES[name][0], f"is missing (or {', '.join(NAMES[name][1:])})")


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            yield from enumerate(csv.DictReader(stream), start=2)
        return
    if path.suffix not in (".jsonl", ".json"):
        raise ConfigError("is no .jsonl and no .csv file", where=str(path))
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadRecord(path, number, "", f"not JSON: {error}") from error
            if not isinstance(row, dict):
                raise BadRecord(path, number, "", "not a JSON object")
            yield number, row
