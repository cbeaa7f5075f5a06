"""The rooms beside `assay`: whether Python finds them there and nowhere else, and how another Python is started so.

Their names are general: a `judge.py` or a folder `analysis` of the user's, found first, would be executed in place of
ours. So every process of Assay asks here before it imports a room. Only the standard library is imported.

In: Python's search path. Out: one sentence about a room found elsewhere; the command and environment of a new process.
"""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

ROOMS = ("ledger", "prompts", "generation", "judge", "analysis")
HOUSE = Path(__file__).resolve().parents[1]
INSTALLED = ("site-packages", "dist-packages")
REMEDY = "Rename it, or keep its folder off Python's path (PYTHONPATH, or where `python -m assay.cli` is started)."


def stranger() -> str:
    """What is found in place of a room, with both paths, in one line; empty where all rooms are ours."""
    for room in ROOMS:
        found, ours = _place(room), HOUSE / room
        if found is None:
            return f"{room}: Python does not find it; it should be {str(ours)!r}. Install Assay again."
        if found.resolve() != ours.resolve():
            return f"{room}: Python finds {str(found)!r}, but Assay's own is {str(ours)!r}. {REMEDY}"
    return ""


def python_command(module: str, *arguments: str) -> list[str]:
    """How a module is started: with `-P`, for Python would look for the rooms in the working folder first."""
    return [sys.executable, "-P", "-m", module, *arguments]


def python_environment(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The given environment, or this process's, in which a new Python runs this very code.

    A source checkout may have been found by the working folder alone, while another one is installed. What is
    installed is found anyway, and must stay behind Python's own library.
    """
    known = dict(os.environ if given is None else given)
    if HOUSE.name in INSTALLED:
        return known
    paths = [str(HOUSE), *filter(None, [known.get("PYTHONPATH")])]
    return known | {"PYTHONPATH": os.pathsep.join(paths)}


def _place(room: str) -> Path | None:
    """The folder or file that an import would take; nothing is executed."""
    spec = find_spec(room)
    if spec is None:
        return None
    return Path(next(iter(spec.submodule_search_locations or ()), spec.origin or room))
