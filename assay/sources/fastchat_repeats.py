"""Several rows on one prompt: which are one judgment, which failed and were asked again, which are further verdicts.

In: rows of one judge as files hold them, in their order. Out: the same rows, each with its standing and its repeat.

A retry replaces a failure, never a verdict: else people could ask until they are pleased. A row of another prompt
replaces nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from analysis.fastchat_audit.stored import Change, Freshness, Standing, StoredPair, StoredRating, Way

R = TypeVar("R", StoredRating, StoredPair)


def counted(rows: Iterable[R]) -> tuple[R, ...]:
    """Rows of one key and prompt are one judgment; of one key and several prompts, those that may be today's are mixed.

    Rows that equal another in every field are copies; a verdict supersedes failures; further verdicts are repeats.
    """
    held, seen = list(_mixed(list(rows))), set[str]()
    verdicts = {_place(row) for row in held if row.has_verdict}
    repeats = Counter[Hashable]()
    found = []
    for row in held:
        place = _place(row)
        standing = Standing.COUNTS
        if row.digest in seen:
            standing = Standing.COPY
        elif not row.has_verdict and (place in verdicts or repeats[place]):
            standing = Standing.SUPERSEDED
        found.append(replace(row, standing=standing).repeated(repeats[place] if standing is Standing.COUNTS else 0))
        repeats[place] += standing is Standing.COUNTS
        seen.add(row.digest)
    return tuple(found)


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
    """Current rows go before unchecked ones of their key; what is left of one key and several prompts is mixed."""
    prompts: defaultdict[tuple[Hashable, Freshness], set[Hashable]] = defaultdict(set)
    for row in rows:
        prompts[row.about, row.freshness].add(row.prompt)
    for row in rows:
        current, own = prompts[row.about, Freshness.CURRENT], prompts[row.about, row.freshness]
        beside = row.freshness is Freshness.UNCHECKED and current
        several = row.freshness in (Freshness.UNCHECKED, Freshness.CURRENT) and len(own) > 1
        yield replace(row, freshness=Freshness.MIXED) if beside or several else row


def _place(row: StoredRating | StoredPair) -> Hashable:
    return (row.freshness, row.about, row.prompt)
