"""Several tests at once: p values corrected for their number.

In: p values, None where there was no test. Out: adjusted ones in the same order.
Source: Holm 1979; Benjamini and Hochberg 1995 (statsmodels). Holm's steps are written here, because statsmodels' end
with a full garbage collection: a tenth of a second and more at every call of a large program.
"""

from collections.abc import Callable, Sequence

import numpy as np
from statsmodels.stats.multitest import fdrcorrection

from analysis.statistics.resampling import Floats

Step = Callable[[Floats], Floats]


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjusted p in the given order, for planned comparisons; None stays None and is not counted."""
    return _adjusted(p_values, _steps_down)


def benjamini_hochberg(p_values: Sequence[float | None]) -> list[float | None]:
    """The same for a grid that nobody planned: Benjamini and Hochberg's, by the rate of false discoveries."""
    return _adjusted(p_values, lambda known: fdrcorrection(known)[1])


def _steps_down(known: Floats) -> Floats:
    """The smallest p times their number, the next one times one less, none under the one before, at most 1."""
    order = np.argsort(known)
    stepped = np.maximum.accumulate(known[order] * np.arange(len(known), 0, -1)).clip(max=1)
    found = np.empty_like(stepped)
    found[order] = stepped
    return found


def _adjusted(p_values: Sequence[float | None], step: Step) -> list[float | None]:
    known = np.array([p for p in p_values if p is not None])
    found = iter(step(known) if len(known) else ())
    return [None if p is None else float(next(found)) for p in p_values]
