"""What a judge is asked with: its key and its prompts.

In: a judge's config. Out: the key from the environment, the set of prompts.
"""

from importlib.resources import files

from assay.sources.material import official_prompts
from judge.official_prompts import read_official
from judge.prompt_sets import PromptSet, assay_prompts
from ledger.endpoint.places import key_for
from ledger.errors import ConfigError
from ledger.judge_config import JudgeConfig


def api_key(judge: JudgeConfig) -> str:
    """The judge's key from the environment; none is needed on this machine. Raises ConfigError."""
    return key_for(judge.base_url, judge.api_key_env, f"judge {judge.name}")


def prompt_set(judge: JudgeConfig) -> PromptSet:
    """The prompts that a judge is given. Raises ConfigError where nobody knows them."""
    if judge.prompts == "unknown":
        what = 'its prompts are unknown (prompts = "unknown"): its judgments were brought in without any.'
        raise ConfigError(what, where=f"judge {judge.name}", remedy="Its rows stand in the files that were imported.")
    if judge.prompts == "official":
        return read_official(official_prompts())
    return assay_prompts(files("prompts") / "judge", judge.form)
