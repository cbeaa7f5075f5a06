"""Several rows on one prompt: which are one judgment, which failed and were asked again, which are further verdicts.

In: rows of all files as they hold them, in their order. Out: the same rows, each with its standing and its repeat.

A retry replaces a failure, never a verdict: else people could ask until they are pleased. A row of another prompt
replaces nothing. Each of a row's two games is a judgment of its own: what one row lacks, another may have.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from analysis.fastchat_audit.stored import Change, Freshness, Lack, Standing, StoredPair, StoredRating, Way

R = TypeVar("R", StoredRating, StoredPair)


def counted(rows: Iterable[R]) -> tuple[R, ...]:
    """Rows of one key and prompt are one judgment; of one key and several prompts, those that may be today's are mixed.

    Rows that equal another in every field are copies; a verdict supersedes failures; further verdicts are repeats.
    """
    held, seen = list(_mixed(list(rows))), set[str]()
    places: defaultdict[Hashable, list[int]] = defaultdict(list)
    for number, row in enumerate(held):
        if row.digest not in seen:
            places[row.freshness, row.about, row.prompt].append(number)
        seen.add(row.digest)
    found = [replace(row, standing=Standing.COPY) for row in held]
    for numbers in places.values():
        for number, row in zip(numbers, _standing([held[number] for number in numbers]), strict=True):
            found[number] = row
    return tuple(found)


def _standing(rows: Sequence[R]) -> Iterable[R]:
    """Rows on one prompt: as many count as have a verdict, or of pairs as have one of each game; of failures, one."""
    words = [[each for each in column if each] for column in zip(*(row.words for row in rows), strict=True)]
    complete = list(zip(*words, strict=False)) or [tuple(column[0] if column else None for column in words)]
    with_words = [number for number, row in enumerate(rows) if any(row.words)] or [0]
    places = dict(zip(with_words, enumerate(complete), strict=False))
    for number, row in enumerate(rows):
        if number in places:
            repeat, told = places[number]
            yield row.counting(told, repeat)
        else:
            yield replace(row, standing=Standing.SUPERSEDED)


def one_way(rows: Sequence[R]) -> tuple[R, ...]:
    """Rows that other judge files or references render than most of the judge's are stale: a scale of their own."""
    ways: defaultdict[str, Counter[Way]] = defaultdict(Counter)
    for row in rows:
        ways[row.judge].update(row.ways)
    most = {judge: min(found, key=lambda way: (-found[way], way)) for judge, found in ways.items() if found}
    return tuple(_stale(row, most[row.judge]) if row.ways and most[row.judge] not in row.ways else row for row in rows)


def _stale(row: R, most: Way) -> R:
    same_file = any(file == most[0] for file, _ in row.ways)
    changed = Change.REFERENCE if same_file else Change.JUDGE_FILE
    return replace(row, freshness=Freshness.STALE, changed=(changed,), ways=frozenset())


def _mixed(rows: Sequence[R]) -> Iterable[R]:
    """Current rows go before unchecked ones of their key; what is left of one key and several prompts is mixed.

    So are current rows beside a prompt that tells no answer, where their own answer was read out of a prompt.
    """
    unread = {row.about for row in rows if row.lacking is Lack.ANSWER}
    prompts: defaultdict[tuple[Hashable, Freshness], set[Hashable]] = defaultdict(set)
    for row in rows:
        prompts[row.about, row.freshness].add(row.prompt)
    for row in rows:
        current, own = prompts[row.about, Freshness.CURRENT], prompts[row.about, row.freshness]
        beside = row.freshness is Freshness.UNCHECKED and current
        several = row.freshness in (Freshness.UNCHECKED, Freshness.CURRENT) and len(own) > 1
        doubtful = row.freshness is Freshness.CURRENT and row.about in unread
        yield replace(row, freshness=Freshness.MIXED) if beside or several or doubtful else row
