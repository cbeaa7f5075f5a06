"""Tokens: the calibration text in a model's own vocabulary.

In: a model's folder. Out: rows of token ids, all of one length, so that nothing has to be padded.
"""

from pathlib import Path

import torch
from transformers import AutoTokenizer

from assay.lab.calibration import calibration_text
from assay.lab.checkpoints import quiet_transformers
from ledger.errors import EngineError, first_line

ROW_TOKENS = 128


def calibration_tokens(base: Path) -> torch.Tensor:
    """Token ids (rows, ROW_TOKENS) of the whole text but its last, shorter row.

    Raises: EngineError where the folder has no tokenizer that loads.
    """
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True, trust_remote_code=False)
            ids = tokenizer(calibration_text(), add_special_tokens=False)["input_ids"]
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError) as error:
        raise EngineError(f"its tokenizer cannot be loaded: {first_line(error)}", where=str(base)) from error
    rows = len(ids) // ROW_TOKENS
    return torch.tensor(ids[: rows * ROW_TOKENS]).view(rows, ROW_TOKENS)
