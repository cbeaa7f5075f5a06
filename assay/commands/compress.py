"""The command `assay compress`: a compressed model from a local one.

In: a base, a place, a scheme. Out: the new folder's path on stdout, progress on stderr.
"""

from pathlib import Path
from typing import Annotated

import typer

from assay.display import say
from assay.lab.compression import compress as compressed
from assay.sources.smollm2 import NAME as SMOLLM2
from assay.sources.smollm2 import fetched_model


def compress(
    base: Annotated[str, typer.Argument(help="A local model folder (config.json, *.safetensors), or smollm2.")],
    out: Annotated[Path, typer.Argument(help="The new folder; it must not exist yet.")],
    scheme: Annotated[
        str,
        typer.Option(
            "--scheme",
            metavar="SCHEME",
            help="w8a8, w4a16, w4a16=GROUP, drop-layers=N, prune=S or wanda=S (0 < S < 1), noise=SIGMA.",
        ),
    ],
    seed: Annotated[
        int, typer.Option("--seed", metavar="NUMBER", help="For noise; the same seed gives the same model.")
    ] = 0,
) -> None:
    """Make a compressed model from a local one.

    Its folder is printed. w8a8 and w4a16 round to the nearest integers (no calibration data) in the format of
    compressed-tensors, which vLLM and transformers load; GROUP is 128, 64, 32 or channel, without it the largest size
    that fits. The other schemes give ordinary models: the last N layers dropped; the share S of the weights pruned, by
    magnitude (prune) or by magnitude and calibrated inputs (wanda, with texts of Assay's own); Gaussian noise of SIGMA
    standard deviations. assay-card.json in OUT says what was done.

    Examples:
        assay compress smollm2 models/smollm2-w4a16 --scheme w4a16
        assay compress smollm2 models/smollm2-28 --scheme drop-layers=2
        assay compress smollm2 models/smollm2-w4a16-g32 --scheme w4a16=32
        assay compress ./llama models/llama-pruned --scheme wanda=0.3
    """
    folder = fetched_model(SMOLLM2) if base == SMOLLM2 and not Path(base).exists() else Path(base)
    print(compressed(folder, out, scheme, seed=seed, progress=say))
