"""What docs/how-to/tracking.md calls of MLflow: it refuses what MLflow refuses, and tells `mlflow.jsonl` the rest."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_NAME = 250


def _told(**call: object) -> None:
    with Path("mlflow.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(call) + "\n")


@contextmanager
def start_run(run_name: str) -> Iterator[None]:
    _told(run=run_name)
    yield
    _told(ended=run_name)


def set_tag(key: str, value: str) -> None:
    _told(**{key: value})


def log_metrics(metrics: dict[str, float]) -> None:
    for name, value in metrics.items():
        assert re.fullmatch(r"[/\w.\- ]+", name), name
        assert len(name) <= LONGEST_NAME, name
        assert type(value) is float, value
    _told(metrics=metrics)


def log_artifacts(local_dir: str, artifact_path: str) -> None:
    _told(files=sorted(path.name for path in Path(local_dir).iterdir()), below=artifact_path)
