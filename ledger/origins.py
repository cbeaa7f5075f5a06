"""Where records came from, and what was found beside them: whose they are, and what is not compared.

In: nothing. Out: frozen types that stand in a manifest, so that a later stage can name what an earlier one passed over;
and the sentence that two sides are one model.
"""

import json
import posixpath
from collections.abc import Iterator, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

Passed = Literal["task", "lines", "items", "file", "judgments", "calls", "score", "beside", "other"]
LISTED = ("score", "beside", "other")
MOST_LISTED = 20


def blocks_ship(kind: Passed, declared: str) -> bool:
    """Whether a thing that is not compared stands in the way of SHIP: undeclared, and more than merely listed."""
    return not declared and kind not in LISTED


class LeftOut(BaseModel):
    """Something that was found and is not compared.

    `name` is what `leave_out` must say to declare it, `group` the task that it belongs to. `declared` says by what the
    user left it out on purpose; where it is empty, the thing stands in the way of SHIP. `items` are named one by one.
    "calls" to two models were not alike. "judgments" were left out because they are stale, or used though nobody
    could check them, or though one side was asked more often. Files whose names promise no evidence are of the kind
    "other", a log's scores that we do not compute of the kind "score", and judgments and answers that others stand
    for, or that are averaged with others, of the kind "beside": these are listed, and block nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Passed
    name: str
    cause: str
    group: str = ""
    items: tuple[str, ...] = ()
    declared: str = ""

    @property
    def blocks(self) -> bool:
        """Whether it stands in the way of SHIP."""
        return blocks_ship(self.kind, self.declared)


def other_files(names: Sequence[str]) -> Iterator[LeftOut]:
    """Files that promise no evidence, as far as there is room; the rest by their number."""
    shown, more = names[:MOST_LISTED], len(names) - MOST_LISTED
    for name in [*shown, *([f"{more} more files"] if more > 0 else [])]:
        yield LeftOut(kind="other", name=name, cause="not read")


class Origin(BaseModel):
    """One file of records that was brought in: its hash, and who made it as far as is told.

    `model` is empty where nothing beside the file tells the model: its identity is not shown. `arguments` are the
    engine's, as one text. A model that Assay ran itself has no file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    file: str
    digest: str
    model: str = ""
    engine: str = ""
    arguments: str = ""

    @property
    def identity(self) -> tuple[str, ...]:
        """What two different models do not share: the name, and the arguments that change what it computes.

        Which engine ran it tells two models apart only where Assay ran both itself.
        """
        pairs = argument_pairs(self.arguments)
        name = posixpath.normpath(pairs.pop("pretrained", self.model))
        told = tuple(f"{key}={value}" for key, value in sorted(pairs.items()))
        return (name, *told) if self.file else (name, self.engine, *told)


TUNING = frozenset(
    {
        *("gpu_memory_utilization", "tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size", "device"),
        *("max_model_len", "max_length", "batch_size", "max_batch_size", "max_num_seqs", "max_num_batched_tokens"),
        *("enforce_eager", "swap_space", "parallelize", "num_concurrent", "max_retries", "timeout", "seed"),
        *("trust_remote_code", "disable_log_stats", "disable_log_requests", "use_fast_tokenizer", "cache_dir"),
    }
)
"""Arguments that say how fast, how long or with which draws: another value is no other model."""
DEFAULTS = {"dtype": "auto", "revision": "main"}
"""What an argument that is not given means."""


def argument_pairs(arguments: str) -> dict[str, str]:
    """An engine's arguments by name, as `a=b,c=d` or as a JSON object; those of TUNING are left out."""
    try:
        found = json.loads(arguments)
        pairs = {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
    except ValueError:
        split = (part.partition("=") for part in arguments.split(","))
        pairs = {key.strip(): value.strip() for key, _, value in split if key.strip()}
    return {key: value for key, value in pairs.items() if key not in TUNING and DEFAULTS.get(key) != value}


def one_model(
    before: Sequence[Origin], after: Sequence[Origin], *, same_name: bool = False, identical: bool = False
) -> str:
    """Why two sides are one model: a file's content that both have, or one model with the same arguments; else empty.

    `same_name` says that a folder was rebuilt, or that a server reuses its name; `identical` that two models may
    compute the same.
    """
    contents = {each.digest: each.file for each in before if each.digest and not identical}
    for each in after:
        if each.digest in contents:
            return f"{contents[each.digest]} and {each.file} are the same file, byte for byte"
    known = {each.identity: each for each in before if each.model}
    shared = next((each for each in after if each.identity in known), None)
    if shared is None or same_name:
        return ""
    told = dict.fromkeys(each.arguments for each in (known[shared.identity], shared) if each.arguments != each.model)
    arguments = f" with {' and '.join(filter(None, told))}" if any(told) else ""
    return f"both name the model {shared.model}{arguments}"
