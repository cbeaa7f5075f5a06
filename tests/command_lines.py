"""What pages, help texts and workflows tell people to type, and whether the real command line takes it.

In: Markdown or shell text. Out: code blocks with their line numbers, the `assay` commands in them, and the faults of
a command, found by Typer's own parser without running anything.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import typer

from assay.cli import app_for
from tests.house import HOUSE

DOCS = HOUSE / "docs"
ORDER = re.findall(r"^\d+\. \[[^]]+\]\(([\w-]+\.md)\)", (DOCS / "how-to" / "index.md").read_text("utf-8"), re.MULTILINE)
HOW_TO = tuple(DOCS / "how-to" / name for name in ORDER)
"""The recipes in the order of their index: a reader at one desk follows them one after another."""
PAGES = (
    HOUSE / "README.md",
    *sorted(DOCS.glob("*.md")),
    *HOW_TO,
    *sorted((DOCS / "explanation").glob("*.md")),
    DOCS / "release" / "README.md",
)
"""Pages whose commands a reader types."""
GENERATED = tuple(sorted((DOCS / "reference").glob("*.md")))
ALL_PAGES = (*PAGES, *GENERATED, *sorted({*DOCS.glob("*/*.md")} - {*PAGES, *GENERATED, *(DOCS / "study").iterdir()}))
"""All pages; the two in docs/study/ are parts of docs/study.md."""
FENCE = re.compile(r"^```(.*?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(assay [^`]+)`")
COMMAND = re.compile(r"(?:^|[;|&(]|\bif|\bdo|\bthen)\s*(?:[A-Z_]+=\S+ )*(assay (?:[^#\n;|&)<>\\]|\\\n)*)", re.MULTILINE)
ACTS_AT_ONCE = ("--install-completion", "--show-completion")
"""Options that Typer obeys while it reads them: they are looked up, never parsed."""
INCOMPLETE = ("MissingParameter", "BadParameter", "BadOptionUsage", "NoArgsIsHelpError")
"""What a command in a sentence may leave out: values."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; `line` is where its text begins."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{name_of(self.page)}, line {self.line}"


def name_of(page: Path) -> str:
    """The page's path in the house, if it is one of its pages."""
    return str(page.relative_to(HOUSE) if page.is_relative_to(HOUSE) else page)


def blocks(page: Path, *languages: str) -> list[Block]:
    """The page's fenced blocks in these languages, in their order; in all languages if none is named."""
    text = page.read_text(encoding="utf-8")
    found = [Block(page, text[: match.start(2)].count("\n") + 1, match[1], match[2]) for match in FENCE.finditer(text)]
    return [block for block in found if not languages or block.language in languages]


def inline(page: Path) -> list[str]:
    """The `assay …` commands inside a page's prose."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [" ".join(match.split()) for match in INLINE.findall(prose)]


def commands(shell: str) -> list[str]:
    """The `assay` commands of a shell text, without comments, pipes and redirections."""
    return [" ".join(match.replace("\\\n", " ").split()) for match in COMMAND.findall(shell)]


def fault(command: str, *, whole: bool = True) -> str:
    """Why the real command line would not take a command, else empty; without `whole` its values may be missing."""
    words = shlex.split(command)[1:]
    entry = typer.main.get_command(app_for())
    if words and words[0] in ACTS_AT_ONCE:
        known = any(words[0] in parameter.opts for parameter in entry.params)
        return "" if known else f"no option {words[0]}: {command}"
    try:
        with entry.make_context("assay", list(words)) as context:
            while (name := next(iter(_rest(context)), None)) is not None and hasattr(context.command, "commands"):
                known = context.command.get_command(context, name)
                if known is None:
                    return f"no command {name!r}: {command}"
                context = known.make_context(name, _rest(context)[1:], parent=context)
    except typer.Exit:
        return ""  # --help
    except Exception as error:  # noqa: BLE001 - Typer keeps its own Click, whose errors have no public names
        kind = type(error).__name__
        return "" if not whole and kind in INCOMPLETE else f"{kind}: {error}: {command}"
    return ""


def _rest(context: typer.Context) -> list[str]:
    return [*getattr(context, "_protected_args", []), *context.args]
