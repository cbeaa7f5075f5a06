"""A pilot's models: those of a run folder, or of two models' logs or tables.

In: paths. Out: the baseline's evidence and each rival's. Logs are read into a run folder that is gone afterwards.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.benchmarks.solution_columns import solution_columns
from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import read_evidence
from analysis.multiple_choice.choices import choice_columns
from assay.sources.lm_eval_folders import EVERYTHING, Chosen
from assay.sources.sides import import_sides, sides_of
from assay.sources.table_offers import AS_FOUND, TableReading
from ledger.config import read_config
from ledger.errors import ConfigError
from ledger.progress import silent
from ledger.runs import RunFolder

WHERE = "--pilot"


def pilot_models(
    paths: Sequence[Path], chosen: Chosen = EVERYTHING, chosen_filter: str = "", reading: TableReading = AS_FOUND
) -> tuple[ModelEvidence, list[ModelEvidence]]:
    """The baseline and its rivals. Raises ConfigError, and what reading logs or a run raises."""
    if len(paths) == 1 and RunFolder(paths[0]).config.exists():
        run = RunFolder(paths[0])
        evidence = read_evidence(read_config(run.config), run)
        return evidence.baseline, [model for model in evidence.models if model is not evidence.baseline]
    given = sorted(each for each in paths[0].glob("*") if each.is_dir()) if len(paths) == 1 else [*paths]
    if len(given) != 2:
        found = f"{len(given)} folders" if len(paths) == 1 else f"{len(given)} paths"
        remedy = "Give a run folder, a folder with the logs of two models, or --pilot twice, the baseline's first."
        raise ConfigError(f"a pilot is two models' logs, or a run; here are {found}", where=WHERE, remedy=remedy)
    sides = sides_of(dict(zip(_names(given), given, strict=True)), chosen, reading)
    with TemporaryDirectory() as scratch:
        run = RunFolder(Path(scratch))
        import_sides(run, sides, {"": chosen_filter}, silent)
        before, after = (_imported(run, name) for name in sides)
    return before, [after]


def _names(sides: Sequence[Path]) -> list[str]:
    """What the two are called: their folders, or their whole paths where these are the same."""
    names = [path.resolve().name for path in sides]
    return names if len({*names}) == len(names) else [str(path) for path in sides]


def _imported(run: RunFolder, name: str) -> ModelEvidence:
    folder = run.generation(name)
    solutions, choices = solution_columns(folder.solutions.records()), choice_columns(folder.choices.records())
    return ModelEvidence(name, "candidate", "", (), choices, None, solutions=solutions)
