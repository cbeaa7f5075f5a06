"""The model that a config means: a fetched one, a folder, a GGUF file, or a hub name.

In: a ModelConfig. Out: what an engine is given; a folder that is not a model is refused before anything runs.
"""

import os
from pathlib import Path

from assay.sources.smollm2 import NAME as SMOLLM2
from assay.sources.smollm2 import fetched_model
from generation.orders import EngineSpec
from ledger.engines import ENGINES
from ledger.errors import ConfigError
from ledger.model_config import ModelConfig

FETCHED = (SMOLLM2,)
GGUF = ".gguf"


def engine_spec(model: ModelConfig, *, batch_invariant: bool) -> EngineSpec:
    """Which model to load, and how. Raises ConfigError."""
    return EngineSpec(
        kind=model.engine,
        model=model.model if ENGINES[model.engine].remote else model_path(model),
        arguments=model.engine_args,
        template=model.template,
        loader=model.loader,
        batch_invariant=batch_invariant,
        base_url=model.base_url,
        api_key_env=model.api_key_env,
        concurrency=model.concurrency,
        parameters=model.parameters,
    )


def model_path(model: ModelConfig) -> str:
    """An absolute folder or GGUF file, or a hub name left as it is. Raises ConfigError."""
    if model.model in FETCHED:
        return str(fetched_model(model.model))
    place, where = Path(os.path.expanduser(model.model)), f"model {model.name}"  # noqa: PTH111 - raises on a stranger's ~
    if place.is_dir():
        _refuse_other_folder(place, model, where)
        return str(place.resolve())
    if place.is_file() and place.suffix.lower() == GGUF:
        if not ENGINES[model.engine].takes_gguf_files:
            remedy = f'Give its folder, and engine_args = {{ gguf_file = "{place.name}" }}.'
            raise ConfigError(f"{model.engine} loads no GGUF file by its path.", where=where, remedy=remedy)
        return str(place.resolve())
    if model.model.startswith((".", "/", "~")) or model.model.count("/") != 1:
        raise ConfigError(f"there is no model folder or {GGUF} file {model.model}", where=where)
    return model.model


def _refuse_other_folder(folder: Path, model: ModelConfig, where: str) -> None:
    gguf = model.engine_args.get("gguf_file")
    found = {name: any(folder.glob(name)) for name in ("config.json", "*.safetensors")}
    if gguf:  # a path within the folder, and no pattern
        found = {str(gguf): (folder / str(gguf)).is_file()}
    for needed, there in found.items():
        if not there:
            raise ConfigError(
                f"{folder} is not a model folder: it has no {needed}",
                where=where,
                remedy="Give a Hugging Face folder with config.json and safetensors weights.",
            )
