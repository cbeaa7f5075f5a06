"""A study's data as files under version control: three Parquet tables and a JSON of facts, small and exact.

In: StudyData, or a folder that holds them. Out: the folder, or the same StudyData.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.multiple_choice.choices import ChoiceColumns
from analysis.review.study_data import StudyData, StudyModel
from analysis.token_distributions.token_turns import Turn
from ledger.config import config_from
from ledger.records import Key

CHOICES, ITEMS, TOKENS, FACTS = "choices.parquet", "items.parquet", "tokens.parquet", "facts.json"
LOGPROB = "logprob_"
TURN = ["source", "question", "sample", "turn"]


def write_study(parts: Iterable[StudyData], folder: Path) -> list[Path]:
    """Write every part of a study into one folder; the files' paths."""
    every = list(parts)
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / CHOICES, every, _choice_rows)
    _write(folder / ITEMS, every, _item_rows)
    _write(folder / TOKENS, every, _token_rows)
    facts = [
        {
            "config": part.config.model_dump(mode="json", exclude_none=True),
            "facts": dict(part.facts),
            "models": [[model.name, model.role, model.family] for model in part.models],
        }
        for part in every
    ]
    (folder / FACTS).write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [folder / name for name in (CHOICES, ITEMS, TOKENS, FACTS)]


def read_study(folder: Path) -> list[StudyData]:
    """The parts of a study, as `write_study` was given them."""
    tables = {name: pd.read_parquet(folder / name) for name in (CHOICES, ITEMS, TOKENS)}
    found = []
    for each in json.loads((folder / FACTS).read_text(encoding="utf-8")):
        config = config_from(each["config"], str(folder / FACTS))
        rows = {name: table[table["review"] == config.name] for name, table in tables.items()}
        models = tuple(_model(name, role, family, rows) for name, role, family in each["models"])
        found.append(StudyData(config, models, each["facts"]))
    return found


def _write(path: Path, parts: list[StudyData], rows: Callable[[StudyModel], pd.DataFrame]) -> None:
    frames = [rows(model).assign(review=part.config.name, model=model.name) for part in parts for model in part.models]
    whole = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    table = pa.Table.from_pandas(whole, preserve_index=False)
    floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    texts = [name for name in table.column_names if name not in floats]
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=texts, use_byte_stream_split=floats
    )


def _choice_rows(model: StudyModel) -> pd.DataFrame:
    frame = model.choices.frame.reset_index()
    for option, column in enumerate(model.choices.logprobs.T):
        frame[f"{LOGPROB}{option}"] = column
    return frame


def _item_rows(model: StudyModel) -> pd.DataFrame:
    frame = pd.DataFrame(list(model.items), columns=["task", "item"])
    return frame.assign(kl=np.array(list(model.items.values()), dtype=np.float32))


def _token_rows(model: StudyModel) -> pd.DataFrame:
    frames = [
        pd.DataFrame(
            {"kl": turn.kl.astype(np.float32), "same": turn.same, "change": turn.change.astype(np.float32)}
        ).assign(**dict(zip(TURN, key, strict=True)))
        for key, turn in model.turns.items()
    ]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _model(name: str, role: str, family: str, tables: dict[str, pd.DataFrame]) -> StudyModel:
    choices, items, tokens = (table[table["model"] == name] for table in tables.values())
    return StudyModel(name, role, family, _columns(name, choices), dict(_items(items)), dict(_turns(tokens)))


def _columns(name: str, rows: pd.DataFrame) -> ChoiceColumns:
    widest = int(rows["options"].max()) if len(rows) else 0
    logprobs = rows[[f"{LOGPROB}{option}" for option in range(widest)]].to_numpy(dtype=np.float64)
    logprobs = np.where(np.isnan(logprobs), -np.inf, logprobs)
    kept = [column for column in rows if not str(column).startswith((LOGPROB, "review", "model"))]
    return ChoiceColumns(name, rows[kept].set_index(["task", "item"]), logprobs)


def _items(rows: pd.DataFrame) -> Iterator[tuple[Key, float]]:
    for task, item, kl in zip(rows["task"], rows["item"], rows["kl"], strict=True):
        yield (task, item), float(kl)


def _turns(rows: pd.DataFrame) -> Iterator[tuple[Key, Turn]]:
    grouped: Any = rows.groupby(TURN, sort=True)
    for (source, question, sample, turn), part in grouped:
        columns = part["kl"].to_numpy(np.float64), part["same"].to_numpy(bool), part["change"].to_numpy(np.float64)
        yield (str(source), str(question), int(sample), int(turn)), Turn(*columns, 0)
