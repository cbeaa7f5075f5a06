"""Which column of a table is what: as the user says, or by the names that tables usually have.

In: the names of columns, and what the user said. Out: Columns, and the unread ones whose names promise evidence. Where
two columns could be meant, none is chosen silently.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ledger.errors import ConfigError
from ledger.origins import LeftOut, Passed
from ledger.solutions import more_is_better

NONE = "none"  # what the user says of a column that is not to be read
USUAL: dict[str, tuple[str, ...]] = {
    "item": ("item", "item_id", "id", "doc_id", "sample_id", "question_id", "example_id", "qid", "idx", "index"),
    "score": ("score", "correct", "is_correct", "acc", "accuracy", "exact_match", "passed", "value"),
    "options": ("options", "option_scores", "option_logprobs", "logprobs", "loglikelihoods"),
    "gold": ("gold", "gold_index", "answer_index", "label", "target"),
    "pick": ("pick", "picked", "prediction", "pred", "extracted"),
    "task": ("task", "task_name", "benchmark", "dataset"),
    "subject": ("subject", "category", "subtask"),
    "repeat": ("repeat", "epoch", "trial", "attempt"),
    "prompt": ("prompt", "input", "question"),
    "text": ("text", "output", "completion", "response", "generation"),
    "finish": ("finish", "finish_reason", "stop_reason"),
    "tokens": ("tokens", "completion_tokens", "output_tokens"),
    "seed": ("seed",),
    "temperature": ("temperature",),
}
"""What a column is, and the names by which it is found; the first is chosen before the others."""
SEVERAL = ("score", "options")
DECIDING = ("item", "score", "options", "task", "repeat")  # another column of these gives other numbers
EVIDENCE = re.compile(
    r"(?i)(^|[_\W])(score|acc|accuracy|correct|match|f1|em|pass|passed|reward|grade|rating|bleu|rouge\w*|logprobs?"
    r"|loglikelihoods?|logits?|prob|probs|gold|pred|prediction)($|[_\W])"
)
"""Names that promise evidence."""
SCORES = re.compile(
    r"(?i)(^|[_\W])(score|acc|accuracy|correct|match|f1|em|pass|passed|reward|grade|rating|bleu|rouge\w*)($|[_\W])"
)
"""Names that promise another score: a loss under it would be nowhere to be seen."""
UNREAD = "its name promises evidence, and it is not read"


@dataclass(frozen=True)
class Columns:
    """The columns to read: one of a kind by what it is, the scores, and one of option scores or one per option."""

    one: Mapping[str, str]
    scores: tuple[str, ...]
    options: tuple[str, ...] = ()
    unread: tuple[str, ...] = field(default=(), compare=False)
    named: bool = field(default=False, compare=False)

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        return list(dict.fromkeys([*self.one.values(), *self.scores, *self.options]))

    @property
    def told(self) -> dict[str, str]:
        """What is read from which column."""
        several = {"score": ",".join(self.scores), "options": ",".join(self.options)}
        return {**self.one, **{what: names for what, names in several.items() if names}}

    @property
    def left_out(self) -> Iterator[LeftOut]:
        """The columns that promise evidence and are not read; a second score blocks unless the first was named."""
        for name in self.unread:
            kind: Passed = "lines" if SCORES.search(name) and not self.named else "score"
            yield LeftOut(kind=kind, name=name, cause=UNREAD)


def said_columns(text: str, where: str) -> dict[str, tuple[str, ...]]:
    """What `item=id,score=correct` says; several scores are several metrics. Raises ConfigError."""
    found: dict[str, tuple[str, ...]] = {}
    for pair in filter(None, text.split(",")):
        what, sign, name = (part.strip() for part in pair.partition("="))
        if not (sign and name) or what not in USUAL:
            raise ConfigError(f"{pair!r} is no WHAT=COLUMN", where=where, remedy=f"WHAT is {', '.join(USUAL)}.")
        if what in found and what not in SEVERAL:
            raise ConfigError(f"{what} is given twice", where=where, remedy="Name one column.")
        found[what] = (*found.get(what, ()), name)
    return found


def columns_of(columns: Sequence[str], said: Mapping[str, Sequence[str]], where: str) -> Columns:
    """Which column is what. Raises ConfigError for one that is not there, and where two could be meant."""
    found: dict[str, tuple[str, ...]] = {}
    for what in USUAL:
        names = tuple(said.get(what) or ())
        for name in names:
            if name not in columns and name != NONE:
                remedy = f"There are {', '.join(columns)}."
                raise ConfigError(f"there is no column {name!r}", where=f"{where}, --columns {what}=", remedy=remedy)
        taken = {name for others in (*found.values(), *said.values()) for name in others}
        decides = what in DECIDING or (what == "gold" and bool(found["options"]))
        chosen = names or _usual(what, [name for name in columns if name not in taken], where, decides=decides)
        found[what] = () if chosen == (NONE,) else chosen
    if found["options"] and not found["gold"]:
        if said.get("options"):
            what = "the right option is in no column"
            raise ConfigError(what, where=where, remedy="Name it: --columns gold=NAME.")
        found["options"] = ()
    for what in [name for name in ("item", "score") if not found[name] and not (name == "score" and found["options"])]:
        remedy = f"Name it: --columns {what}=NAME. There are {', '.join(columns)}."
        raise ConfigError(f"no column is called like {_an(what)}", where=where, remedy=remedy)
    for name in found["score"]:
        if not more_is_better(name):
            what = f"of what is called {name!r} less is better, and of a score more is"
            raise ConfigError(what, where=where, remedy="Add a column of which more is better, as 1 minus it.")
    one = {what: names[0] for what, names in found.items() if names and what not in SEVERAL}
    read = {*one.values(), *found["score"], *found["options"]}
    refused = [name for names in said.values() for name in names]
    usual = {name for what in ("score", "options", "gold", "pick") for name in USUAL[what]}
    unread = [name for name in columns if name not in read and _promises(name, usual)]
    left = tuple(name for name in unread if name not in refused)
    return Columns(one, found["score"], found["options"], left, named=bool(said.get("score")))


def _promises(name: str, usual: set[str]) -> bool:
    """Whether a column's name promises evidence."""
    return name.lower() in usual or bool(EVIDENCE.search(name)) or not more_is_better(name)


def _usual(what: str, columns: Sequence[str], where: str, *, decides: bool) -> tuple[str, ...]:
    """The column that has a usual name. Raises ConfigError where several have, and numbers depend on which."""
    by_name = {name.lower(): name for name in columns}
    found = [by_name[name] for name in USUAL[what] if name in by_name]
    if decides and len(found) > 1 and found[0].lower() != what:
        names = " and ".join(found)
        several = f", or several: --columns {what}={found[0]},{what}={found[1]}" if what in SEVERAL else ""
        remedy = f"Name the one that is meant: --columns {what}={found[0]}{several}."
        raise ConfigError(f"two columns could be the {what}: {names}", where=where, remedy=remedy)
    return tuple(found[:1])


def _an(what: str) -> str:
    return f"an {what}" if what[0] in "aeiou" else f"a {what}"
