"""Who may not judge: a model that is itself under review, because judges favor their own words.

In: a review's config. Out: nothing, or a ConfigError that names the judge and the contestant.
"""

from contextlib import suppress
from pathlib import Path

from assay.sources.models import model_path
from ledger.config import ReviewConfig
from ledger.errors import ConfigError
from ledger.model_config import ModelConfig


def refuse_contestants(config: ReviewConfig) -> None:
    """Raise ConfigError where a judge is one of the models, imported ones too, unless the config allows it by name."""
    if config.decision.judge_may_compete:
        return
    for judge in config.judge:
        name = judge.serve or judge.model
        rivals = [*config.models, *(each for each in config.positive_control if each.model)]
        rival = next((model for model in rivals if _is_same(name, model)), None)
        if rival:
            raise ConfigError(
                f"the judge {name} is also a contestant ({rival.name}).",
                where=f"judge {judge.name}",
                remedy="Take another judge, or set judge_may_compete = true under [decision].",
            )


def _is_same(judge: str, model: ModelConfig) -> bool:
    """Whether a judge goes by the label, the name or the folder of a model."""
    mine = {judge, _folder(judge)}
    return any(_same(one, other) for one in mine for other in (model.name, model.model, _folder(model.model)))


def _folder(name: str) -> str:
    """The folder that a name means on this machine, or the name where it means none."""
    with suppress(ConfigError):
        return model_path(ModelConfig(model=name))
    return name


def _same(one: str, other: str) -> bool:
    """Paths that exist are compared as files, names also by their last part: `org/model` may be served as `model`."""
    paths = Path(one), Path(other)
    if all(path.exists() for path in paths):
        return paths[0].resolve() == paths[1].resolve()
    names = [name.rstrip("/").casefold() for name in (one, other)]
    return names[0] == names[1] or names[0].rsplit("/", 1)[-1] == names[1].rsplit("/", 1)[-1]
