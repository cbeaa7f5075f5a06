"""What docs/how-to/tracking.md calls of wandb: it refuses what W&B cannot sort or store, and tells `wandb.jsonl`."""

import json
import re
from pathlib import Path
from typing import Self


def _told(**call: object) -> None:
    with Path("wandb.jsonl").open("a", encoding="utf-8") as calls:
        calls.write(json.dumps(call) + "\n")


class Artifact:
    def __init__(self, name: str, type: str) -> None:
        assert re.fullmatch(r"[\w.-]+", name), name
        self.name, self.type, self.files = name, type, []

    def add_dir(self, local_path: str) -> None:
        self.files += sorted(path.name for path in Path(local_path).iterdir())


class Run:
    def __init__(self) -> None:
        self.summary: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        _told(summary=self.summary)

    def log(self, data: dict[str, float]) -> None:
        for name, value in data.items():
            assert re.fullmatch(r"[_a-zA-Z][_a-zA-Z0-9]*", name), name
            assert type(value) is float, value
        _told(metrics=data)

    def log_artifact(self, artifact: Artifact) -> None:
        _told(artifact=artifact.name, type=artifact.type, files=artifact.files)


def init(project: str, name: str, job_type: str) -> Run:
    _told(project=project, run=name, job_type=job_type)
    return Run()
