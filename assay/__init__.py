"""May this compressed model replace its baseline? The library's few names, and the front door behind them.

`check`, `review` and `load` give a Result; `flips` compares logs, tables or data frames; `audit` reads FastChat's
files. They are loaded when they are asked for, so that `import assay` costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import Result, audit, check, flips, load, review
    from ledger.errors import AssayError

__all__ = ["AssayError", "Result", "audit", "check", "flips", "load", "review"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the names of __all__, typed above
    if name not in __all__:
        raise AttributeError(f"module 'assay' has no attribute {name!r}")
    return getattr(import_module("assay.api"), name)
