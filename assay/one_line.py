"""The review that one line asks for: defaults that need no config file.

In: the wishes of `assay check`. Out: a Declaration whose text a reader can change and run again.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from assay.declarations import Declaration, Value, declaration, quoted, section
from assay.settings import OPTION, overridden
from assay.sources.material import mt_bench_is_here
from ledger.endpoint.places import OPENAI_HOST, address, resolved
from ledger.engines import ENGINES
from ledger.errors import ConfigError
from ledger.material_config import OWN_CHECKED, OWN_ITEMS
from ledger.measures import measure_of

COMMAND = "assay check"
MOST_NAME = 80
MAX_TOKENS, QUICK_TOKENS = 512, 96
QUICK_QUESTIONS, QUICK_ITEMS, QUICK_PROBLEMS = 12, 160, 16
MT_BENCH_REFERENCES = "gpt-4-0125-preview"
OPENAI_MODEL = "gpt-4o-2024-08-06"
OPENAI_KEY, OTHER_KEY = "OPENAI_API_KEY", "JUDGE_API_KEY"


@dataclass(frozen=True)
class Wishes:
    """What a user said in one line; the baseline is the first of `models`."""

    models: tuple[str, ...]
    name: str = ""
    quick: bool = False
    margin: float | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    engine: str = "vllm"
    engine_args: Mapping[str, Any] = field(default_factory=dict)
    judge_model: str = ""
    judge_url: str = ""


def one_line_review(wishes: Wishes, settings: Sequence[str] = ()) -> Declaration:
    """The config of these wishes, with any key set otherwise by `settings` (KEY=VALUE). Raises ConfigError."""
    if len(wishes.models) < 2:
        raise ConfigError("give the baseline and at least one candidate", remedy="Each is a folder or a hub name.")
    local = [name for name, engine in ENGINES.items() if engine.runs and not engine.remote]
    if wishes.engine not in local:
        remedy = "For a served model write a config: `assay init`."
        raise ConfigError(f"{wishes.engine!r} is not {' or '.join(local)}", where="--engine", remedy=remedy)
    if twice := _options(wishes) & {setting.partition("=")[0].strip() for setting in settings}:
        raise ConfigError(f"{min(twice)} is set by an option of its own and by {OPTION}", remedy="Say it once.")
    labels = model_labels(wishes.models)
    name = wishes.name or "-".join(["check", *labels, *["quick"] * wishes.quick])[:MOST_NAME]
    parts = [
        f"# Written by `{COMMAND}`. Change it, give it another name, and run it again: assay review FILE\n"
        f"name = {quoted(name)}\nseed = 1\n",
        *_models(wishes, labels),
        *_material(wishes),
        *([judge_section(wishes.judge_url, wishes.judge_model)] if wishes.judge_model or wishes.judge_url else []),
        _decision(wishes),
    ]
    return declaration(overridden("\n".join(parts), settings, COMMAND), COMMAND)


def _options(wishes: Wishes) -> set[str]:
    """The keys of the config that the wishes' own options set."""
    said = {"name": bool(wishes.name), "decision.margin": wishes.margin is not None}
    return {key for key, here in said.items() if here} | {f"decision.limits.{measure}" for measure in wishes.limits}


def model_labels(models: Sequence[str]) -> list[str]:
    """The last part of each path or hub name; where two share it, as many parts as tell them apart."""
    for count in range(1, max(len(_parts(model)) for model in models) + 1):
        labels = ["-".join(_parts(model)[-count:]) for model in models]
        if len(set(labels)) == len(labels):
            return labels
    twice = next(model for model in models if list(map(_parts, models)).count(_parts(model)) > 1)
    raise ConfigError(f"{twice} is given twice", remedy="The baseline runs twice by itself, as its own noise floor.")


def _parts(model: str) -> list[str]:
    return [part for part in model.replace("\\", "/").split("/") if part not in ("", ".", "..", "~")] or ["model"]


def _models(wishes: Wishes, labels: Sequence[str]) -> list[str]:
    """The baseline runs twice, so that every difference has a noise floor."""
    arguments = {"engine_args": wishes.engine_args} if wishes.engine_args else {}
    found = []
    for place, (model, label) in enumerate(zip(wishes.models, labels, strict=True)):
        place_of = str(Path(model).resolve()) if Path(model).is_dir() else model  # the config works from anywhere
        shared: dict[str, Value] = {"model": place_of, "label": label, "engine": wishes.engine, **arguments}
        found.append(section("[[candidate]]", **shared) if place else section("[baseline]", **shared, control=True))
    return found


def _material(wishes: Wishes) -> list[str]:
    """What the models write, pick and solve."""
    quick = wishes.quick
    official = mt_bench_is_here() and not quick
    asked: dict[str, Value] = {"source": "mt-bench" if official else "assay"}
    asked |= {"references": MT_BENCH_REFERENCES} if official else {}
    asked |= {"limit": QUICK_QUESTIONS} if quick else {}
    asked |= {"max_tokens": QUICK_TOKENS if quick else MAX_TOKENS, "traces": True}
    limits = {OWN_ITEMS: QUICK_ITEMS, OWN_CHECKED: QUICK_PROBLEMS}
    tasks = []
    for name in wishes.tasks or (OWN_ITEMS, OWN_CHECKED):
        few = {"limit": limits.get(name, QUICK_ITEMS)} if quick else {}
        tasks.append(section("[[task]]", name=name, **few))
    return [section("[questions]", **asked), *tasks]


def judge_section(url: str, model: str) -> str:
    """A judge at an endpoint, OpenAI's by default; a key goes only where it belongs."""
    place = resolved(url)
    key = OPENAI_KEY if address(place)[0] == OPENAI_HOST else OTHER_KEY
    return section("[[judge]]", model=model or OPENAI_MODEL, base_url=place, api_key_env=key)


def _decision(wishes: Wishes) -> str:
    judged = wishes.judge_model or wishes.judge_url  # then ratings decide, by the margin of their scale
    margin = wishes.margin if wishes.margin is not None or judged else measure_of("accuracy_change").margin
    said: dict[str, Value] = {} if margin is None else {"margin": margin}
    return section("[decision]", **said, limits={**_usual_limits(), **wishes.limits})


def _usual_limits() -> dict[str, float]:
    """Those that `assay init` writes."""
    written = (files("assay.commands") / "review.toml").read_text(encoding="utf-8")
    limits: dict[str, float] = tomllib.loads(written)["decision"]["limits"]
    return limits
