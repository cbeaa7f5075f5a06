"""How numbers are written: of measures, whose form stands in the registry, and of what no gate reads.

In: nothing. Out: forms by name.
"""

from enum import StrEnum


class Form(StrEnum):
    """How a measure's numbers are written."""

    POINTS = "percentage points, signed"
    SHARE = "percent"
    NATS = "nats, three significant digits"
    NATS_CHANGE = "nats, signed"
    THOUSANDTHS = "three decimals"
    THOUSANDTHS_CHANGE = "three decimals, signed"
    CHANGE = "two decimals, signed"
    CHARACTERS_CHANGE = "whole characters, signed"
    PLAIN = "two decimals"


_SHARE_NAMES = (
    *("accuracy", "recovery", "top_margin_kept", "same_top", "coverage", "judge inconsistency"),
    *("first position's share", "agreement", "same rating", "same class", "longer wins", "the longer answer's share"),
    "panel splits",
)
SHOWN_FORMS: dict[str, Form] = {
    **dict.fromkeys(_SHARE_NAMES, Form.SHARE),
    **dict.fromkeys(("spearman", "kendall", "pearson", "strength", "kappa"), Form.CHANGE),
    "logprob_change": Form.NATS_CHANGE,
    "win_score": Form.THOUSANDTHS,
}
"""How numbers are written that no gate reads."""
SHARE_PREFIXES = ("exam", "single ", "pair ")
