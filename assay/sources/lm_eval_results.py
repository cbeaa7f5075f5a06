"""What a results file of lm-evaluation-harness tells of a run: whose it is, its tasks and groups, its versions.

In: the JSON beside samples. Out: plain values; nothing where it tells nothing. Keys and passwords are masked.
"""

import glob
import json
import re
from pathlib import Path
from typing import Any

from ledger.errors import ConfigError
from ledger.facts import CLOCK_FUNCTION
from ledger.origins import Origin

STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d(?:\.\d+)?"
FACTS = (
    *("lm_eval_version", "model_name", "model_args", "model_dtype", "chat_template_sha", "transformers_version"),
    *("git_hash", "fewshot_as_multiturn", "system_instruction_sha", "limit"),
)
SECRET = re.compile(
    r"(?i)(\b(?:\w*(?:api_?key|secret|password)\w*|(?:hf_|auth_|access_)?token)\b[\"']?\s*[=:]\s*[\"']?)[^,\"'}\s]+"
)
UNREADABLE = (OSError, ValueError, RecursionError)


def origin_in(results: dict[str, Any], file: str, digest: str = "") -> Origin:
    """Who made a file, as its results file tells; where that has no name, the arguments are the name."""
    config = part(results, "config")
    arguments = plain_text(config.get("model_args") or "")
    name = results.get("model_name") or config.get("model_name") or arguments
    engine = plain_text(config.get("model") or results.get("model_source") or "")
    return Origin(file=file, digest=digest, model=plain_text(name), engine=engine, arguments=arguments)


def facts_in(results: dict[str, Any], task: str) -> dict[str, str]:
    """What made a task's log."""
    stated = {**part(results, "config"), **results}
    own = {name: plain_text(stated[name]) for name in FACTS if stated.get(name) is not None}
    own |= {} if "limit" in own else _part_run(part(results, "n-samples").get(task))
    of_task = {"num_fewshot": part(results, "n-shot").get(task), "task_version": part(results, "versions").get(task)}
    return own | {name: str(value) for name, value in of_task.items() if value is not None}


def _part_run(counts: Any) -> dict[str, str]:  # noqa: ANN401 - whatever a file holds
    """What `--samples` chose of a task's documents: no limit stands in the config, and fewer were evaluated."""
    original, effective = (counts.get(name) if isinstance(counts, dict) else None for name in ("original", "effective"))
    fewer = isinstance(original, int) and isinstance(effective, int) and effective < original
    return {"limit": f"{effective} of {original} (--samples)"} if fewer else {}


def asks_clock(results: dict[str, Any]) -> bool:
    """Whether a run's prompts held the day on which they were made."""
    return CLOCK_FUNCTION in str(results.get("chat_template"))


def groups_of(task: str, results: dict[str, Any], *, every: bool = False) -> list[str]:
    """The groups that hold a task, the top-most first, and the task itself last.

    Only those with a score of their own, unless `every` one is wanted: mmlu is one benchmark in 57 subjects, while an
    umbrella that the harness gives no score (leaderboard, openllm) only lists benchmarks. Where a results file gives no
    scores at all, a group counts.
    """
    listed = [(name, held) for name, held in part(results, "group_subtasks").items() if isinstance(held, list)]
    parents = {str(child): name for name, held in listed for child in held}
    found, name = [task], task
    while name in parents and parents[name] not in found:
        name = parents[name]
        found.insert(0, name)
    return found if every else [name for name in found if name == task or _scored(name, results)]


def tasks_in(results: dict[str, Any]) -> list[str]:
    """The leaf tasks that a run had; those that a group lists and nothing else tells of are among them."""
    listed = [(name, held) for name, held in part(results, "group_subtasks").items() if isinstance(held, list)]
    groups = {name for name, held in listed if held} | {*part(results, "groups")}
    named = {*part(results, "configs"), *part(results, "n-samples"), *part(results, "results")}
    named |= {str(child) for _, held in listed for child in held}
    return sorted(named - groups)


def part(results: dict[str, Any], name: str) -> dict[str, Any]:
    """A section of a results file; empty where it is none."""
    found = results.get(name)
    return found if isinstance(found, dict) else {}


def results_beside(path: Path, stamp: str) -> Path:
    """The results file of a run's samples: of its time, whatever stands before that."""
    usual = path.with_name(f"results_{stamp}.json")
    others = [] if usual.exists() else sorted(path.parent.glob(f"*_{glob.escape(stamp)}.json"))
    return others[0] if others else usual


def results_in(path: Path) -> dict[str, Any]:
    """What a results file says; nothing where there is none. Raises ConfigError."""
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}
    except UNREADABLE as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    return data if isinstance(data, dict) else {}


def _scored(group: str, results: dict[str, Any]) -> bool:
    scores = [part(part(results, section), group) for section in ("groups", "results")]
    scored = any(part(results, section) for section in ("groups", "results"))
    return not scored or any(isinstance(value, int | float) for each in scores for value in each.values())


def plain_text(value: Any) -> str:  # noqa: ANN401 - whatever a file holds
    """A text as it is; anything else as JSON, so that the same reads the same, and 100.0 as 100. Keys are masked."""
    value = int(value) if isinstance(value, float) and value.is_integer() else value
    return SECRET.sub(r"\1***", value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str))
