"""The process that runs one batch: a model is loaded here and nowhere else, so its memory goes when the process does.

In: a Batch as JSON on standard input. Out: one JSON object a line on standard output: progress, or an error.
Whatever the engine prints goes to standard error, which the parent sends to a log file.
"""

import json
import os
import sys
import traceback
from typing import IO

from assay.placement.lifeline import end_with_parent
from generation.engine import Engine
from generation.orders import Batch, EngineSpec
from generation.stage import run_batch
from ledger.errors import EXIT_BUG, AssayError
from ledger.progress import Progress


def load(spec: EngineSpec) -> Engine:
    """The engine that a spec asks for; its vendor is imported only now."""
    if spec.kind == "vllm":
        from generation.vllm_engine import load_vllm

        return load_vllm(spec)
    from generation.transformers_engine import load_transformers

    return load_transformers(spec)


def main() -> int:
    """Run the batch on standard input."""
    end_with_parent(int(sys.argv[1]))
    events = _private_stdout()
    batch = Batch.model_validate_json(sys.stdin.buffer.read())

    def report(progress: Progress) -> None:
        _say(events, {"work": progress.work, "done": progress.done, "total": progress.total, "note": progress.note})

    try:
        run_batch(batch, load, report)
    except AssayError as error:
        traceback.print_exc()
        _say(events, {"error": str(error), "exit_code": error.exit_code})
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last stop before the parent, which has only this line
        traceback.print_exc()
        _say(events, {"error": f"{type(error).__name__}: {error}"[:600], "exit_code": EXIT_BUG})
        return EXIT_BUG
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
