"""The model that a config means: a fetched one, a folder, or a hub name.

In: a ModelConfig. Out: what an engine is given; a folder that is not a model is refused before anything runs.
"""

from pathlib import Path

from assay.sources.smollm2 import NAME as SMOLLM2
from assay.sources.smollm2 import fetched_model
from generation.orders import EngineSpec
from ledger.errors import ConfigError
from ledger.model_config import ModelConfig

FETCHED = (SMOLLM2,)


def engine_spec(model: ModelConfig, *, batch_invariant: bool) -> EngineSpec:
    """Which model to load, and how. Raises ConfigError."""
    return EngineSpec(
        kind=model.engine,
        model=model.model if model.engine == "openai" else model_path(model),
        arguments=model.engine_args,
        template=model.template,
        loader=model.loader,
        batch_invariant=batch_invariant,
        base_url=model.base_url,
        api_key_env=model.api_key_env,
        concurrency=model.concurrency,
    )


def model_path(model: ModelConfig) -> str:
    """An absolute folder, or a hub name left as it is. Raises ConfigError."""
    if model.model in FETCHED:
        return str(fetched_model(model.model))
    folder = Path(model.model).expanduser()
    if folder.is_dir():
        _refuse_other_folder(folder, model.name)
        return str(folder.resolve())
    if model.model.startswith((".", "/", "~")) or model.model.count("/") != 1:
        raise ConfigError(f"there is no model folder {model.model}", where=f"model {model.name}")
    return model.model


def _refuse_other_folder(folder: Path, name: str) -> None:
    for needed in ("config.json", "*.safetensors"):
        if not any(folder.glob(needed)):
            raise ConfigError(
                f"{folder} is not a model folder: it has no {needed}",
                where=f"model {name}",
                remedy="Give a Hugging Face folder with config.json and safetensors weights.",
            )
