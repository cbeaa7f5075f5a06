"""What is wrong with a config, in one sentence: the key as TOML writes it, and the nearest known one.

In: pydantic's error. Out: the sentence.
"""

import difflib
import json
import re

from pydantic import ValidationError

from ledger.decision_config import TaskRole
from ledger.model_config import BaselineConfig
from ledger.sections import ConfigSection
from ledger.store import first_fault

OF_KEY = "[key]"  # pydantic's mark of a fault in a name, not in its value
OF_FORM = ("tuple_type", "dict_type", "model_type")
BARE = re.compile(r"[\w-]+")


def fault_sentence(error: ValidationError) -> str:
    """The first fault of a config."""
    fault = error.errors(include_url=False, include_context=False)[0]
    parts, cause = [str(part) for part in fault["loc"]], first_fault(error)[1]
    if parts[-1:] == [OF_KEY]:
        return f"{_key(parts[:-2])}: {json.dumps(parts[-2])} is refused: {cause}."
    path = _key(parts)
    if fault["type"] != "extra_forbidden":
        cause = _form(fault["type"], parts[-1], fault["input"]) if fault["type"] in OF_FORM else cause
        return f"{path}: {cause}." if path else f"{cause}."
    sections: list[type[ConfigSection]] = [*ConfigSection.__subclasses__(), BaselineConfig]
    known = {name for section in sections for name in section.model_fields}
    near = difflib.get_close_matches(str(fault["loc"][-1]), sorted(known), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    return f"unknown key {path!r}.{hint}"


def _key(parts: list[str]) -> str:
    """A key as TOML writes it: a name with dots of its own is quoted."""
    return ".".join(part if BARE.fullmatch(part) else json.dumps(part, ensure_ascii=False) for part in parts)


def _form(kind: str, name: str, given: object) -> str:
    """What a key takes that was given in another form."""
    if kind != "tuple_type":
        return "takes a table" + (f", as {name} = {{ NAME = VALUE }}" if kind == "dict_type" else " of its own")
    if isinstance(given, dict):
        return f"there may be several: begin each with [[{name}]]"
    what = "a list of task names" if name in (*TaskRole,) else "a list"
    return f"takes {what}, as {name} = [{json.dumps(given if isinstance(given, str) else 'NAME')}]"
