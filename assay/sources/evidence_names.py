"""Which files promise evidence by their names, or by what stands in them, though nothing reads them.

In: paths in a folder of FastChat's. Out: whether they are named as judgments and answers are, whatever container they
are in; whether a folder holds rows of judgments.
"""

import gzip
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

JUDGMENT_NAME = re.compile(r"(?i)_(?:single|pair)(?![a-z])|judge?ment")
"""What FastChat, or people after it, call judgments."""
ROWS_NAME = re.compile(r"(?i)\.jsonl(?![a-z])")
DATA_NAME = re.compile(r"(?i)\.(?:json|csv|tsv|parquet|gz|zip|tgz|tar|bz2|xz|zst|7z|pkl|db|sqlite)(?![a-z])")
PAGE_NAME = re.compile(r"(?i)\.(?:md|html?|pdf|png|jpe?g|svg|py|sh|ipynb|log)$")
"""What people read and programs are."""
SYSTEM = ("._", ".ipynb_checkpoints", ".DS_Store", ".git", "__pycache__", "__MACOSX")
JUDGMENT_FIELDS = frozenset({"judgment", "user_prompt", "g1_judgment", "g1_user_prompt", "g1_winner", "score"})
DEEPEST = 3
FIRST_BYTES = 1_000_000


def promises(name: str) -> bool:
    """Whether a file, or a folder beside, is named as those with answers and judgments are, in any container.

    Files of questions and of judge prompts are not, nor is what systems and editors leave beside files.
    """
    path = PurePosixPath(name)
    if is_system_file(name):
        return False
    if name.endswith("/"):
        return True  # a folder is named for what it holds
    alone = path.parent == PurePosixPath()
    if alone and (path.name == "question.jsonl" or path.name.endswith("prompts.jsonl")):
        return False
    if ROWS_NAME.search(path.name):
        return True
    if PAGE_NAME.search(path.name):
        return False
    return bool(JUDGMENT_NAME.search(path.name) or (not alone and DATA_NAME.search(path.name)))


def is_system_file(name: str) -> bool:
    """Whether a system or an editor left it beside people's files."""
    return any(part.startswith(SYSTEM) for part in PurePosixPath(name).parts)


def holds_judgments(folder: Path) -> bool:
    """Whether a folder is named as one of judgments and not empty, or a file in it begins with a row of FastChat's."""
    files = list(_files(folder))
    if JUDGMENT_NAME.search(folder.name):
        return bool(files)
    return any(begins_with_judgment(path) for path in files if ROWS_NAME.search(path.name))


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        depth = len(Path(place).relative_to(folder).parts)
        folders[:] = [] if depth >= DEEPEST else [name for name in sorted(folders) if not is_system_file(name)]
        yield from (Path(place, name) for name in sorted(names) if not is_system_file(name))


def begins_with_judgment(path: Path) -> bool:
    """Whether a file's first line is a row of FastChat's judgments, whatever the file is called."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            row = json.loads(stream.readline(FIRST_BYTES))
    except (OSError, EOFError, ValueError, RecursionError, zlib.error):
        return False
    fields = {*row} if isinstance(row, dict) else set()
    return "question_id" in fields and "judge" in fields and bool(fields & JUDGMENT_FIELDS)
