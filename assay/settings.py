"""Single keys of a config, said on the command line: `--set questions.max_tokens=256`.

In: a config's TOML and KEY=VALUE texts. Out: the TOML with these keys, comments kept; it is declared and hashed as if
it had been written so. A table of an array is named by label, name, or place from 1: `candidate.w4a16.engine`.
"""

from collections.abc import MutableMapping, Sequence
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import AoT

from ledger.errors import ConfigError

OPTION = "--set"
NAMES = ("label", "name", "model", "serve")
SHAPE = "Give KEY=VALUE, as questions.max_tokens=256."


def overridden(text: str, settings: Sequence[str], where: str) -> str:
    """The TOML with every setting in it, the last one of a key holds. Raises ConfigError."""
    if not settings:
        return text
    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ConfigError(f"cannot be read as TOML: {error}", where=where) from error
    for setting in settings:
        key, sign, value = setting.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not sign or not all(path):
            raise ConfigError(f"{setting!r} sets nothing", where=OPTION, remedy=SHAPE)
        _set(document, path, toml_value(value.strip()), setting)
    return tomlkit.dumps(document)


def valued(given: Sequence[str], option: str) -> dict[str, Any]:
    """KEY=VALUE texts by key, each value as TOML has it. Raises ConfigError."""
    found: dict[str, Any] = {}
    for each in given:
        key, sign, value = each.partition("=")
        if not (key and sign):
            raise ConfigError(f"{each!r} is no KEY=VALUE", where=option, remedy="As max_model_len=4096.")
        found[key] = toml_value(value)
    return found


def toml_value(text: str) -> Any:  # noqa: ANN401 - whatever TOML can say
    """The value as TOML has it; what is not TOML is a text."""
    try:
        return tomlkit.value(text).unwrap()
    except (TOMLKitError, ValueError):
        return text


def _set(table: MutableMapping[str, Any], path: Sequence[str], value: Any, setting: str) -> None:  # noqa: ANN401
    first, *rest = path
    if not rest:
        table[first] = value
        return
    within = table.setdefault(first, tomlkit.table())
    if isinstance(within, AoT):
        within, rest = _member(within, rest[0], setting), rest[1:]
    if not rest or not isinstance(within, MutableMapping):
        raise ConfigError(f"{setting!r}: {first} is no table with such a key", where=OPTION, remedy=SHAPE)
    _set(within, rest, value, setting)


def _member(tables: AoT, name: str, setting: str) -> MutableMapping[str, Any]:
    """The table of this label, name, model or place. Raises ConfigError with those that there are."""
    names = [next((str(each[key]) for key in NAMES if key in each), "") for each in tables]
    if name in names:
        return tables[names.index(name)]
    if name.isdigit() and 1 <= int(name) <= len(names):
        return tables[int(name) - 1]
    table = setting.partition(".")[0].strip()
    remedy = f"There are {', '.join(names)}: write {table}.{names[0]}.KEY=VALUE."
    raise ConfigError(f"{setting!r}: there is no {name!r}", where=OPTION, remedy=remedy)
