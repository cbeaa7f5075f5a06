"""The process that runs one batch: a model is loaded here and nowhere else, so its memory goes when the process does.

In: a LoadGroup as JSON on standard input. Out: one JSON object per line on standard output: progress, and at the end an
error or that it finished.
Whatever the engine prints goes to standard error, which the parent sends to a log file.

With ASSAY_SCRIPTED_ENGINE=1 no model is loaded: the scripted engine answers (generation/scripted_engine.py), for tests
and for trying a config; ASSAY_SCRIPTED_SECONDS is how long each of its steps takes. Such records say so in their
settings (`engine_args`), so real ones cannot be added to them: try a config in a folder of its own (`--runs`).
"""

import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from typing import IO

from assay.rooms import stranger

if __name__ == "__main__" and (found := stranger()):  # told before it is executed
    print(json.dumps({"error": found, "kind": "ConfigError", "exit_code": os.EX_USAGE}), flush=True)
    sys.exit(os.EX_USAGE)

from assay.placement.lifeline import end_with_parent
from generation.engine import Engine, Reply
from generation.engines import load_engine
from generation.orders import EngineSpec, LoadGroup
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from ledger.errors import EXIT_BUG, AssayError
from ledger.progress import Progress

SCRIPTED = "ASSAY_SCRIPTED_ENGINE"
SCRIPTED_SECONDS = "ASSAY_SCRIPTED_SECONDS"


def is_scripted() -> bool:
    """Whether the scripted engine stands in for every model."""
    return os.environ.get(SCRIPTED) == "1"


def marked(spec: EngineSpec) -> EngineSpec:
    """The spec; where no model runs, its arguments say that, and with them the settings of what is written."""
    return spec.model_copy(update={"arguments": {**spec.arguments, "scripted": True}}) if is_scripted() else spec


def load(spec: EngineSpec) -> Engine:
    """The engine that a spec asks for; its vendor is imported only now."""
    if is_scripted():
        return UnhurriedEngine(float(os.environ.get(SCRIPTED_SECONDS, "0")))
    return load_engine(spec)


class UnhurriedEngine(ScriptedEngine):
    """The scripted engine with steps that take their time; it notes the GPUs that it was shown."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds
        self.facts["devices"] = os.environ.get("CUDA_VISIBLE_DEVICES", "")

    def step(self) -> Sequence[Reply]:
        """The replies to the oldest requests, a while later."""
        time.sleep(self.seconds)
        return super().step()


def main() -> int:
    """Run the batch on standard input."""
    end_with_parent(int(sys.argv[1]))
    events = _private_stdout()
    batch = LoadGroup.model_validate_json(sys.stdin.buffer.read())

    def report(progress: Progress) -> None:
        _say(events, {"work": progress.work, "done": progress.done, "total": progress.total, "note": progress.note})

    try:
        run_batch(batch, load, report)
    except AssayError as error:
        traceback.print_exc()
        _say(events, {"error": str(error), "kind": type(error).__name__, "exit_code": error.exit_code})
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last stop before the parent, which has only this line
        traceback.print_exc()
        kind = type(error).__name__
        _say(events, {"error": f"{kind}: {error}"[:600], "kind": kind, "exit_code": EXIT_BUG})
        return EXIT_BUG
    _say(events, {"finished": True})
    return 0


def _private_stdout() -> IO[str]:
    """Keep standard output for events, and send everybody else's prints to standard error."""
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return events


def _say(events: IO[str], event: dict[str, object]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # records are on the disk; an engine's own shutdown takes seconds and may hang
