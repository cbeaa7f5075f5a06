"""What is known of a measure before anything is measured, and how the entries of the registry are written.

In: nothing. Out: frozen Measures; ledger/measures.py lists them.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

from ledger.forms import Form
from ledger.judgments import Mode

Role = Literal["primary", "limit", "predictor", "outcome"]
Kind = Literal["degradation", "divergence", "level"]
Unit = Literal["items", "questions"]
Better = Literal["higher", "lower", "neither"]
INF = math.inf
PAPER = "arXiv 2407.09141"
OWN = "a rule of Assay's own"


@dataclass(frozen=True)
class Measure:
    """What is known of a measure before anything is measured.

    `unit` is what moves as one (a question, an item). `low` and `high` are the ends of its range. `margin` is the
    default for a primary measure, `margin_words` its unit in words, `spreads` the standard deviations per unit that
    were seen. `mode` is the judge's, where one measures it. `words` is the name in a figure's title or on its axis.
    `headline`: it stands in the terminal's short tables too. `verb`: what a model does in each turn that is counted.
    """

    name: str
    label: str
    definition: str
    unit: Unit
    form: Form
    low: float
    high: float
    better: Better
    kind: Kind
    section: str
    source: str
    roles: tuple[Role, ...]
    margin: float | None = None
    margin_words: str = ""
    spreads: tuple[float, ...] = ()
    mode: Mode | None = None
    words: str = ""
    headline: bool = False
    verb: str = ""


def distance(
    name: str,
    label: str,
    definition: str,
    words: str,
    *,
    unit: Unit = "items",
    section: str = "flips",
    high: float = INF,
    source: str = PAPER,
    headline: bool = False,
) -> Measure:
    """A distance between two distributions, in nats."""
    return Measure(
        name=name,
        label=label,
        definition=definition,
        unit=unit,
        form=Form.NATS,
        low=0.0,
        high=high,
        better="lower",
        kind="divergence",
        section=section,
        source=source,
        roles=("limit", "predictor"),
        words=words,
        headline=headline,
    )


def share_of_items(
    name: str,
    label: str,
    definition: str,
    *,
    section: str = "flips",
    source: str = PAPER,
    roles: tuple[Role, ...] = ("limit", "predictor"),
    headline: bool = False,
) -> Measure:
    """A share of the items that two models answer differently."""
    return Measure(
        name=name,
        label=label,
        definition=definition,
        unit="items",
        form=Form.SHARE,
        low=0.0,
        high=1.0,
        better="lower",
        kind="divergence",
        section=section,
        source=source,
        roles=roles,
        headline=headline,
    )


def _of_texts(
    name: str, label: str, definition: str, words: str, *, kind: Kind, form: Form, ends: tuple[float, float]
) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "definition": definition,
        "unit": "questions",
        "form": form,
        "low": ends[0],
        "high": ends[1],
        "kind": kind,
        "words": words,
    }


def damage(
    name: str,
    label: str,
    definition: str,
    words: str,
    *,
    verb: str = "",
    source: str = OWN,
    outcome: bool = False,
    section: str = "writing",
) -> Measure:
    """A change of how many texts, or how much of them, show a sign of degradation; `outcome`: flips may foretell it."""
    roles: tuple[Role, ...] = ("limit", "outcome") if outcome else ("limit",)
    known = _of_texts(name, label, definition, words, kind="degradation", form=Form.POINTS, ends=(-1.0, 1.0))
    return Measure(**known, better="lower", section=section, source=source, roles=roles, headline=outcome, verb=verb)


def likeness(
    name: str,
    label: str,
    definition: str,
    words: str,
    *,
    source: str = OWN,
    form: Form = Form.SHARE,
    ends: tuple[float, float] = (0.0, 1.0),
    outcome: bool = False,
) -> Measure:
    """How far two texts differ, which says nothing of which is worse."""
    known = _of_texts(name, label, definition, words, kind="divergence", form=form, ends=ends)
    roles: tuple[Role, ...] = ("outcome",) if outcome else ()
    return Measure(**known, better="neither", section="likeness", source=source, roles=roles)


def thought(
    name: str,
    label: str,
    definition: str,
    words: str,
    *,
    verb: str = "",
    form: Form = Form.POINTS,
    ends: tuple[float, float] = (-1.0, 1.0),
) -> Measure:
    """A change of how often or how much a model thinks, which says nothing of which is worse."""
    known = _of_texts(name, label, definition, words, kind="divergence", form=form, ends=ends)
    return Measure(**known, better="neither", section="thoughts", source=OWN, roles=(), verb=verb)
