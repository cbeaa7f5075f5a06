"""A pilot's models: those of a run folder, or of two folders of lm-evaluation-harness' logs.

In: paths. Out: the baseline's evidence and each rival's. Logs are read into a run folder that is gone afterwards.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from analysis.benchmarks.solutions import solution_columns
from analysis.evidence.model_evidence import ModelEvidence
from analysis.evidence.run_evidence import read_evidence
from analysis.multiple_choice.choices import choice_columns
from assay.sources.imports import import_logs
from assay.sources.lm_eval_folders import offered
from ledger.config import read_config
from ledger.errors import ConfigError
from ledger.progress import silent
from ledger.runs import RunFolder

WHERE = "--pilot"


def pilot_models(paths: Sequence[Path], chosen_filter: str = "") -> tuple[ModelEvidence, list[ModelEvidence]]:
    """The baseline and its rivals. Raises ConfigError, and what reading logs or a run raises."""
    if len(paths) == 1 and RunFolder(paths[0]).config.exists():
        run = RunFolder(paths[0])
        evidence = read_evidence(read_config(run.config), run)
        return evidence.baseline, [model for model in evidence.models if model is not evidence.baseline]
    sides = sorted(each for each in paths[0].glob("*") if each.is_dir()) if len(paths) == 1 else [*paths]
    if len(sides) != 2:
        found = f"{len(sides)} folders" if len(paths) == 1 else f"{len(sides)} paths"
        remedy = "Give a run folder, a folder with the logs of two models, or --pilot twice, the baseline's first."
        raise ConfigError(f"a pilot is two models' logs, or a run; here are {found}", where=WHERE, remedy=remedy)
    with TemporaryDirectory() as scratch:
        run = RunFolder(Path(scratch))
        before, after = (
            _imported(run, path, name, chosen_filter) for path, name in zip(sides, _names(sides), strict=True)
        )
    return before, [after]


def _names(sides: Sequence[Path]) -> list[str]:
    """What the two are called: their folders, or their whole paths where these are the same."""
    names = [path.resolve().name for path in sides]
    return names if len({*names}) == len(names) else [str(path) for path in sides]


def _imported(run: RunFolder, path: Path, name: str, chosen_filter: str) -> ModelEvidence:
    import_logs(run, name, offered([path]), silent, chosen_filter)
    folder = run.generation(name)
    solutions, choices = solution_columns(folder.solutions.records()), choice_columns(folder.choices.records())
    return ModelEvidence(name, "candidate", "", (), choices, None, solutions=solutions)
