"""Cards: what made a folder, kept inside it as `assay-card.json`.

In: a request and what was done. Out: a strict, frozen record. A folder counts as finished only when its card
parses, says what was asked for, and every file on it is there with the hash it says.
"""

from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from assay.lab.folders import file_digests
from ledger.digests import file_digest
from ledger.errors import ConfigError

CARD_FILE = "assay-card.json"


class Card(BaseModel):
    """What every card carries: the hash of each other file in the folder, by relative path."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    version: Literal[1] = 1
    files: dict[str, str]


class SourceCard(Card):
    """Material that was fetched: where from, under which license, from which archives (name to hash)."""

    kind: Literal["source"] = "source"
    name: str
    source: tuple[str, ...]
    license: str
    archives: dict[str, str]
    recipe: str
    libraries: dict[str, str] = {}


class Request(BaseModel):
    """What a compression depends on; equal requests give equal models.

    `group_size` is the one that was asked for. `calibration` is the hash of the texts that a scheme looked at.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    scheme: str
    group_size: int | None
    seed: int | None
    base_files: dict[str, str]
    calibration: str | None = None


class Effect(BaseModel):
    """What a compression did.

    `matrices` and `weights` count the weight matrices touched and the numbers in them (of layers that were removed, all
    numbers); `share_touched` is their share of all the model's weights. `share_zero` is over the touched weights; None
    but for pruning. `mean_relative_error` is the mean over matrices of ‖after − before‖ / ‖before‖ (Frobenius); None
    where layers were removed. `group_size` is the one that was used; None for no groups.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    layers_before: int
    layers_after: int
    matrices: int
    weights: int
    share_touched: float
    share_zero: float | None = None
    mean_relative_error: float | None = None
    group_size: int | None = None


class LabCard(Card):
    """A compressed model: from which base, by which request, with which effect, by which libraries."""

    kind: Literal["lab"] = "lab"
    base: str
    request: Request
    effect: Effect
    libraries: dict[str, str]


C = TypeVar("C", bound=Card)


def written_card(folder: Path, kind: type[C]) -> C | None:
    """The card of a finished folder; None where there is none, or where the folder is not what its card says."""
    try:
        card = kind.model_validate_json((folder / CARD_FILE).read_bytes())
        whole = all(file_digest(folder / name) == digest for name, digest in card.files.items())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    return card if whole else None


def refuse_foreign(folder: Path) -> None:
    """Raises ConfigError where a folder stands that has no card: Assay replaces only what it wrote."""
    if folder.exists() and not (folder / CARD_FILE).is_file():
        raise ConfigError("this was not written by Assay.", where=str(folder), remedy="Move it, or remove it.")


def contents(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder but its card."""
    return {name: digest for name, digest in file_digests(folder).items() if name != CARD_FILE}


def write_card(folder: Path, card: Card) -> None:
    """Write the card, the last file to be written into a folder."""
    (folder / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
