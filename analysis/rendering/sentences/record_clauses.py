"""Clauses about records: what was recorded, what one side alone has, where two texts differ.

In: Causes of one kind each. Out: texts; clauses.py says which kind is written by which.
"""

import json

from analysis.statistics.causes import Cause

CLOCK_IN_TEMPLATE = (
    "The chat template of {subject} asks the clock, so prompts of another day differ: run all models on one day, or "
    "give the template a fixed date."
)


def recorded(cause: Cause) -> str:
    """Another stage's own words, and whose, where the two sides tell different things."""
    return f"{cause.subject}: {cause.names['recorded']}" if cause.subject else cause.names["recorded"]


def one_side_has_items(cause: Cause) -> str:
    """The first few items that one side alone has."""
    count = int(cause.numbers["items"])
    shown = ", ".join([*cause.rows, *(["…"] if count > len(cause.rows) else [])])
    return f"{cause.subject} alone has {count} of its items: {shown}"


def prompt_text(cause: Cause) -> str:
    """Two texts from shortly before their first difference, line breaks and quotes visible."""
    if not cause.names:
        return f"their texts of item {cause.subject} differ, and are left out here"
    own, other = (json.dumps(cause.names[side], ensure_ascii=False) for side in ("own", "other"))
    return f"{own} against the baseline's {other}"


def adversarial(cause: Cause) -> str:
    """Answers that speak to the judge, and what was done about them."""
    counts = ", ".join(f"{cause.numbers[name]} {name}" for name in cause.rows)
    official = cause.names["prompts"] == "official"
    shown = "the official prompts show them as they are" if official else "what could pass for a verdict was sanitized"
    return f"Adversarial answers of {cause.subject} to {cause.names['judge']}: {counts} ({shown})."


def judgments_failed(cause: Cause) -> str:
    """The endpoint's own words, which may quote what it was asked."""
    words = cause.names.get("words", "what the endpoint said is left out here")
    return f"{cause.numbers['judgments']} judgments of {cause.subject} failed for good: {words}"
