"""A judge's resolution in words: kinds and sizes of damage, the bracket of each kind, a demand that is not met.

In: Resolutions, Causes. Out: short texts and clauses.
"""

from collections.abc import Iterable, Sequence

from analysis.judged.ladder import Resolution
from analysis.rendering.sentences.numbers import NOT_MEASURED
from analysis.statistics.causes import Cause
from ledger.judgments import Damage

KINDS = {
    Damage.TRUNCATED: "end kept away",
    Damage.REPLACED: "sentences replaced",
    Damage.LOOPED: "phrase looped",
    Damage.CHANGED: "one thing wrong",
    Damage.CHANGED_WITH_REFERENCE: "one thing wrong, reference shown",
}
NO_LADDER = f"{NOT_MEASURED} (exam_ladder is not set)"
NONE = "none"


def size_words(damage: Damage, size: float) -> str:
    """How large a damage is, in the words of its kind."""
    if damage is Damage.TRUNCATED:
        return f"last {100 * size:g} %"
    if damage is Damage.REPLACED:
        return f"{size:g} sentence{'s' * (size > 1)}"
    return f"{size:g} times" if damage is Damage.LOOPED else f"{size:g} change"


def rung_words(damage: Damage, size: float) -> str:
    """A rung by what was done to its texts, short enough to stand beside a chart whole."""
    if damage is Damage.CHANGED_WITH_REFERENCE:
        return "same, reference shown"
    words = {Damage.TRUNCATED: "{} kept away", Damage.REPLACED: "{} replaced", Damage.LOOPED: "a phrase {}"}
    return words.get(damage, KINDS[damage]).format(size_words(damage, size))


def sizes_words(damage: Damage, sizes: Iterable[float | None]) -> str:
    """Several sizes of one kind, or that there is none."""
    return ", ".join(size_words(damage, size) for size in sizes if size is not None) or NONE


def resolution_words(found: Sequence[Resolution]) -> str:
    """The bracket of every kind in one text, or that nothing was measured."""
    return "; ".join(f"{KINDS[each.damage]}: {_bracket(each)}" for each in found) or NO_LADDER


def few_texts(found: Resolution) -> str:
    """Why a kind has no bracket, empty where it may have one."""
    few = f"{NOT_MEASURED}: {found.texts} good texts, {found.needs} needed"
    return few if found.texts < found.needs else ""


def exam_resolution(cause: Cause) -> str:
    """The damage that a judge must be shown to see, and the finest that it was."""
    damage = Damage(cause.names["damage"])
    demanded, passed = (sizes_words(damage, [cause.numbers.get(name)]) for name in ("demanded", "passed"))
    return f"{KINDS[damage]}: {demanded} must be passed on its ladder, and the finest rung passed is {passed}"


def _bracket(found: Resolution) -> str:
    if few := few_texts(found):
        return few
    named = {"finest passed": [found.finest_passed], "coarsest failed": [found.coarsest_failed], "open": found.open}
    told = [f"{name} {sizes}" for name, of in named.items() if (sizes := sizes_words(found.damage, of)) != NONE]
    return ", ".join(told) or NOT_MEASURED
