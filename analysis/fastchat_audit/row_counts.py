"""How many rows of FastChat's files are of which state: current, stale and by what, unchecked, repeated.

In: rows of one model or pair. Out: counts.
"""

from collections import Counter
from collections.abc import Iterable

from analysis.fastchat_audit.audit_report import Beside
from analysis.fastchat_audit.stored import Freshness, Standing, StoredPair, StoredRating


def freshness(rows: Iterable[StoredRating | StoredPair]) -> dict[Freshness, int]:
    """How many rows are of which state."""
    counts = Counter(row.freshness for row in rows)
    return {each: counts[each] for each in Freshness}


def changed(rows: Iterable[StoredRating | StoredPair]) -> dict[str, int]:
    """How many rows are stale by which changes, the most first."""
    words = (" and ".join(row.changed) for row in rows if row.freshness is Freshness.STALE)
    return dict(Counter(words).most_common())


def lacking(rows: Iterable[StoredRating | StoredPair]) -> dict[str, int]:
    """How many rows are unchecked for want of what, the most first."""
    return dict(Counter(str(row.lacking) for row in rows if row.freshness is Freshness.UNCHECKED).most_common())


def beside(rows: Iterable[StoredRating | StoredPair]) -> Beside:
    """Rows beside others on their prompt."""
    standings = Counter(row.standing for row in rows)
    return Beside(
        copies=standings[Standing.COPY],
        superseded=standings[Standing.SUPERSEDED],
        repeats=sum(row.used and row.repeat > 0 for row in rows),
    )


def counted(words: Iterable[str]) -> dict[str, int]:
    """How often each word stands there, by name."""
    return dict(sorted(Counter(words).items()))
