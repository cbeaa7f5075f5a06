"""Several tests at once: p values corrected for their number.

In: p values, None where there was no test. Out: adjusted ones in the same order.
Source: Holm 1979; Benjamini and Hochberg 1995 (statsmodels).
"""

from collections.abc import Sequence

from statsmodels.stats.multitest import multipletests


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p in the given order, for planned comparisons; None stays None and is not counted."""
    return _adjusted(p_values, "holm")


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """The same for a grid that nobody planned: Benjamini and Hochberg's, by the rate of false discoveries."""
    return _adjusted(p_values, "fdr_bh")


def _adjusted(p_values: Sequence[float | None], method: str) -> list[float | None]:
    known = [p for p in p_values if p is not None]
    found = iter(multipletests(known, method=method)[1] if known else [])
    return [None if p is None else float(next(found)) for p in p_values]
