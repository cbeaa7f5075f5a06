"""The compression schemes: their names, their numbers, and how a user writes them.

In: a text such as `w4a16=64` or `prune=0.3`. Out: one frozen value that says exactly what to do. Loads no torch.
"""

import math
from dataclasses import dataclass
from typing import Literal

from ledger.errors import ConfigError

GROUP_SIZES = (128, 64, 32)
"""Weights that share a scale in w4a16, most economical first: what vLLM's CPU and Marlin kernels take."""
CHANNEL = "channel"
"""In the place of a group size: one scale for all inputs of an output."""
MOST_DIGITS = 9

SCHEMES = """\
w8a8            8-bit integer weights (a scale per output channel) and activations (a scale per token)
w4a16           4-bit integer weights (a scale per group of 128, 64 or 32 inputs), 16-bit activations
w4a16=GROUP     the same with this group: 128, 64, 32 or channel (one scale per output channel)
drop-layers=N   the last N decoder layers are removed
prune=S         in each weight matrix the share S (0 < S < 1) of smallest magnitude becomes zero
wanda=S         in each row of each matrix the share S of smallest |weight| times norm of its input becomes zero
noise=SIGMA     Gaussian noise of SIGMA times each matrix's own standard deviation is added"""


@dataclass(frozen=True, slots=True)
class Quantization:
    """Round to nearest; `group` None lets w4a16 choose the largest that fits every matrix."""

    name: Literal["w8a8", "w4a16"]
    group: int | Literal["channel"] | None = None

    @property
    def text(self) -> str:
        """The scheme as a user writes it."""
        return self.name if self.group is None else f"{self.name}={self.group}"


@dataclass(frozen=True, slots=True)
class LayerDrop:
    """The last `count` decoder layers are removed."""

    count: int

    @property
    def text(self) -> str:
        """The scheme as a user writes it."""
        return f"drop-layers={self.count}"


@dataclass(frozen=True, slots=True)
class Pruning:
    """The `share` of each matrix that is smallest in magnitude becomes zero, unstructured."""

    share: float

    @property
    def text(self) -> str:
        """The scheme as a user writes it."""
        return f"prune={self.share!r}"


@dataclass(frozen=True, slots=True)
class Wanda:
    """The `share` of each row that is smallest in magnitude times the norm of its inputs becomes zero, unstructured."""

    share: float

    @property
    def text(self) -> str:
        """The scheme as a user writes it."""
        return f"wanda={self.share!r}"


@dataclass(frozen=True, slots=True)
class Noise:
    """Gaussian noise of `sigma` standard deviations of each matrix, from a generator seeded with `seed`."""

    sigma: float
    seed: int

    @property
    def text(self) -> str:
        """The scheme as a user writes it."""
        return f"noise={self.sigma!r}"


Scheme = Quantization | LayerDrop | Pruning | Wanda | Noise


def parsed_scheme(text: str, seed: int = 0) -> Scheme:
    """The scheme that a text names; the seed is kept only where chance plays a part.

    Raises: ConfigError for an unknown name, or a number that is missing or out of range.
    """
    name, equals, number = text.strip().lower().partition("=")
    if name == "w8a8" and not equals:
        return Quantization("w8a8")
    if name == "w4a16":
        return Quantization("w4a16", _group(text, number) if equals else None)
    if name == "drop-layers" and equals:
        return LayerDrop(_whole_number(text, number))
    if name == "prune" and equals:
        return Pruning(_real_number(text, number, below=1.0))
    if name == "wanda" and equals:
        return Wanda(_real_number(text, number, below=1.0))
    if name == "noise" and equals:
        return Noise(_real_number(text, number, below=math.inf), _checked_seed(seed))
    raise _unfit(text, "is not a scheme")


def _group(text: str, number: str) -> int | Literal["channel"]:
    sizes = {str(size): size for size in GROUP_SIZES}
    if number == CHANNEL:
        return "channel"
    if number not in sizes:
        raise _unfit(text, f"needs a group of {', '.join(sizes)} or {CHANNEL}")
    return sizes[number]


def _checked_seed(seed: int) -> int:
    if not 0 <= seed < 2**63:
        raise ConfigError(f"a seed is a whole number from 0 to 2^63 - 1, not {seed}", where="--seed")
    return seed


def _whole_number(text: str, number: str) -> int:
    if not number.isascii() or not number.isdigit() or len(number) > MOST_DIGITS or int(number) < 1:
        raise _unfit(text, "needs a whole number of 1 or more")
    return int(number)


def _real_number(text: str, number: str, below: float) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not 0.0 < value < below:
        raise _unfit(text, f"needs a number above 0{'' if math.isinf(below) else f' and below {below:g}'}")
    return value


def _unfit(text: str, cause: str) -> ConfigError:
    return ConfigError(f"{text!r} {cause}.", where="--scheme", remedy=f"The schemes are:\n{SCHEMES}")
