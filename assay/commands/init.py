"""The command `assay init`: a commented config to start from."""

from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from ledger.errors import ConfigError


def init(
    path: Annotated[Path, typer.Argument(help="The file to write; it must not exist yet.")] = Path("review.toml"),
) -> None:
    """Write a commented review.toml to start from.

    Its first lines say which lines to change. The path is printed.

    Example:
        assay init review.toml
    """
    if path.exists():
        raise ConfigError("exists already", where=str(path), remedy="Give another name, or remove it.")
    path.write_text((files("assay.commands") / "review.toml").read_text(encoding="utf-8"), encoding="utf-8")
    print(path)
