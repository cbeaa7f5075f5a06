"""Positive controls before they run: where one that is made stands, what keeps it from being made, and making it.

In: a review's config. Out: the models to run; faults, before anything is run; a damaged copy of the baseline, in
Assay's cache beside other made models. It is made once: its folder is named by the baseline's weights, the scheme and
the review's seed.
"""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from assay.lab.compression import check_base, compress, libraries_of
from assay.lab.libraries import require_libraries
from assay.lab.schemes import parsed_scheme
from assay.sources.models import model_path
from assay.sources.wheels import cache_folder
from generation.checkpoints import weights_bytes
from ledger.config import ReviewConfig
from ledger.digests import digest_of, weights_digest
from ledger.engines import ENGINES
from ledger.errors import AssayError, ConfigError
from ledger.model_config import ModelConfig
from ledger.positive_control import PositiveControlConfig
from ledger.progress import Progress, Report

FOLDER = "models/positive-controls"
GIB = 2**30
RESERVE_BYTES = GIB // 4
REMEDY = "A damaged model of your own takes its place: a [[positive_control]] table with its `model`."


def models_to_run(config: ReviewConfig, model: str = "") -> list[ModelConfig]:
    """All that Assay runs, or the one named; the positive controls last, those that are there.

    Raises ConfigError for a name that no model has.
    """
    names = [each.name for each in (*config.run_models, *config.positive_control)]
    if model not in ("", *names):
        raise ConfigError(f"no model is called {model!r}", where="--model", remedy=f"There are {', '.join(names)}.")
    controls = (_present(config, each) for each in config.positive_control if model in ("", each.name))
    return [*(each for each in config.run_models if model in ("", each.name)), *filter(None, controls)]


def _present(config: ReviewConfig, control: PositiveControlConfig) -> ModelConfig | None:
    """A positive control as a model that an engine loads; None for one that is not made yet."""
    if not control.scheme:
        return control
    with suppress(ConfigError):  # preflight tells it; and the baseline need not be where another model runs
        if (place := made_folder(config, control)).is_dir():
            return config.baseline.model_copy(update={"model": str(place), "label": control.name, "family": ""})
    return None


def made_folder(config: ReviewConfig, control: PositiveControlConfig) -> Path:
    """Where the damaged baseline stands once it is made. Raises ConfigError where the baseline is no folder here."""
    base = _base(config, control)
    scheme = parsed_scheme(control.scheme, config.seed).text
    weights = digest_of(weights_digest(base))[:12]
    return cache_folder() / FOLDER / f"{base.name}-{weights}" / f"{scheme}-seed{config.seed}"


def positive_control_faults(config: ReviewConfig, free_memory: int) -> Iterator[AssayError]:
    """What keeps a positive control from being made: its scheme, the baseline, a library, the disk or the memory."""
    for each in config.positive_control:
        try:
            if each.scheme and not (place := made_folder(config, each)).is_dir():
                base = _base(config, each)
                check_base(base)
                require_libraries(libraries_of(parsed_scheme(each.scheme, config.seed)), "The model lab")
                _refuse_no_room(base, place, free_memory)
        except ConfigError as error:
            yield ConfigError(str(error), where=_where(each))


def make_positive_controls(config: ReviewConfig, report: Report, model: str = "") -> None:
    """Make those that are not there, or the one named. One that fails is told of, and missing from the report."""
    for each in config.positive_control:
        if not each.scheme or model not in ("", each.name):
            continue
        place = None
        try:
            place = made_folder(config, each)
            if place.is_dir():
                continue
            report(Progress(f"{each.name}: making the positive control", 0, 1))
            compress(_base(config, each), place, each.scheme, seed=config.seed)
            report(Progress(f"{each.name}: making the positive control", 1, 1))
        except AssayError as error:
            if not (place and place.is_dir()):  # another process may have made it meanwhile
                report(Progress(f"{each.name}: the positive control was not made: {error}", 1, 1))


def _base(config: ReviewConfig, control: PositiveControlConfig) -> Path:
    """The baseline's own folder. Raises ConfigError where it is elsewhere, or loaded by other means."""
    baseline, needs = config.baseline, f"the scheme {control.scheme} needs"
    if ENGINES[baseline.engine].remote or not ENGINES[baseline.engine].runs:
        raise ConfigError(f"{needs} the baseline's weights, which are not here.", remedy=REMEDY)
    if baseline.loader:
        raise ConfigError(f"{needs} a baseline that loads without a `loader` of your own.", remedy=REMEDY)
    folder = Path(model_path(baseline))
    if not folder.is_dir():
        what = f"{needs} the baseline as a folder on this machine, and {baseline.model} is none."
        raise ConfigError(what, remedy=f"Download it and name its folder, or do without. {REMEDY}")
    return folder


def _refuse_no_room(base: Path, place: Path, free_memory: int) -> None:
    """Raise ConfigError where a copy of the base's weights fits neither the memory nor the cache's disk."""
    there, weights = next(each for each in place.parents if each.exists()), weights_bytes(str(base))
    free = shutil.disk_usage(there).free
    if weights + RESERVE_BYTES > free:
        what = f"the damaged copy takes {weights / GIB:.1f} GiB, and {free / GIB:.1f} GiB are free in {there}."
        raise ConfigError(what, remedy="Make room, or set ASSAY_HOME to a folder on another disk.")
    if weights > free_memory:
        what = f"the baseline's weights take {weights / GIB:.1f} GiB, the free memory is {free_memory / GIB:.1f} GiB."
        raise ConfigError(what, remedy=REMEDY)


def _where(control: PositiveControlConfig) -> str:
    return f"positive control {control.name}"
