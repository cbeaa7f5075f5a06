"""Model folders on disk: which files make one, loading one, saving one.

In: a local Hugging Face folder with safetensors weights. Out: a model on the CPU in the folder's own number format,
and back. No pickled weights, no code from the folder, no network.
"""

import errno
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from assay.lab.folders import copy_files
from ledger.errors import EngineError, first_line

Model = Any  # a transformers PreTrainedModel; transformers is not typed here

COMPANIONS = (
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json",
    "vocab.txt", "merges.txt", "tokenizer.model", "tekken.json", "chat_template.jinja", "chat_template.json",
    "generation_config.json", "LICENSE", "LICENSE.txt",
)  # fmt: skip
"""What a model needs beside its weights and config; copied byte for byte, so that both models see the same tokens."""


def present_companions(folder: Path) -> list[str]:
    """Names of the companions that a folder has."""
    return [name for name in COMPANIONS if (folder / name).is_file()]


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars and no warnings from transformers inside; errors are raised, not printed.

    The converter of GGUF files draws its bar on stderr without asking, hence the redirection.
    """
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def loaded_model(folder: Path, **options: object) -> Model:
    """The causal language model of a folder, with every weight read from it.

    Raises: EngineError where it cannot be loaded, or where a weight is missing (transformers would make one up).
    """
    settings: dict[str, object] = {"dtype": "auto", "use_safetensors": True} | options
    fixed = {"local_files_only": True, "trust_remote_code": False, "output_loading_info": True}
    try:
        with quiet_transformers():
            model, report = AutoModelForCausalLM.from_pretrained(folder, **settings, **fixed)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, ImportError, SafetensorError) as error:
        raise _unloadable(folder, first_line(error)) from error
    faults = [*report["missing_keys"], *report["mismatched_keys"]]
    if faults:
        raise _unloadable(folder, f"{len(faults)} weights are missing or of another shape, such as {faults[0]}")
    return model.eval()


def save_model(model: Model, base: Path, folder: Path) -> None:
    """Write config and weights, then the base's tokenizer and generation settings, unchanged, beside them.

    Raises: OSError where the disk is full (safetensors reports it as an error of its own).
    """
    try:
        with quiet_transformers():
            model.save_pretrained(folder)
    except SafetensorError as error:
        full = "No space left" in str(error)
        raise OSError(errno.ENOSPC if full else errno.EIO, str(error)) from error
    copy_files(base, present_companions(base), folder)


def inner_matrices(model: Model) -> dict[str, torch.nn.Linear]:
    """The linear layers between embedding and head, by name, in the model's order.

    The head is left out: often it is the embedding itself (tied), and quantizers leave it alone as well.
    Raises: EngineError where less than half of the weights of the layers are in them (fused experts, GPT-2's Conv1D).
    """
    head = model.get_output_embeddings()
    linear = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and module is not head
    }
    covered = sum(module.weight.numel() for module in linear.values())
    embeddings = {id(part.weight) for part in (head, model.get_input_embeddings()) if part is not None}
    inner = sum(weight.numel() for weight in model.parameters() if weight.ndim > 1 and id(weight) not in embeddings)
    if not linear or 2 * covered < inner:
        raise EngineError(
            f"only {covered} of {inner} weights are in linear layers, which are all that the lab can change",
            where=type(model).__name__,
            remedy="Compress this model with another tool and review the result.",
        )
    return linear


def share_of_weights(model: Model, matrices: dict[str, torch.nn.Linear]) -> float:
    """Which share of all the model's weights (tied ones counted once) stands in these matrices."""
    touched: int = sum(module.weight.numel() for module in matrices.values())
    return touched / int(sum(weight.numel() for weight in model.parameters()))


def relative_error(before: torch.Tensor, after: torch.Tensor) -> float:
    """‖after − before‖ / ‖before‖ (Frobenius) in float32; 0 for a matrix of zeros."""
    norm = float(torch.linalg.vector_norm(before.float()))
    return float(torch.linalg.vector_norm(after.float() - before.float())) / norm if norm > 0 else 0.0


def edit_json(path: Path, changes: dict[str, Any], dropped: tuple[str, ...] = ()) -> None:
    """Change some entries of a JSON object in a file and drop others; the rest stays as it was."""
    data = json.loads(path.read_text(encoding="utf-8")) | changes
    kept = {name: value for name, value in data.items() if name not in dropped}
    path.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _unloadable(folder: Path, cause: str) -> EngineError:
    return EngineError(f"the model cannot be loaded: {cause}", where=str(folder))
