"""The documentation site: `make docs` builds it from the Markdown here, which reads as well without it.

In: docs/**/*.md, pyproject.toml. Out: docs/_build/html, which asks the network for nothing; every warning is an error.
The lists of links in TREES are the site's table of contents, so that no page holds it twice.
"""

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.data import JsonLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HOUSE = Path(__file__).resolve().parents[1]
TREES = ("index", "how-to/index", "contributing/README")

project = "Assay"
project_copyright = "Assay contributors"
release = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
html_title = f"Assay {release}"
extensions = ["myst_parser"]
exclude_patterns = ["_build", "study/*.md"]
html_theme = "furo"
html_copy_source = False
smartquotes = False  # two dashes are an option
highlight_language = "none"  # a block without a language is what a terminal shows
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]


def as_site(_: "Sphinx", page: str, source: list[str]) -> None:
    """Give the site the changelog, which lies outside, and a hidden table of contents for each list of links."""
    if page == "changes":
        source[0] = (HOUSE / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
    source[0] = source[0].replace("../CHANGELOG.md", "changes.md")
    for part in re.split(r"^## ", source[0], flags=re.MULTILINE)[1:] if page in TREES else ():
        caption = f":caption: {part.splitlines()[0]}\n" if page == "index" else ""
        items = re.findall(r"^(?:-|\d+\.) (.*)", part, re.MULTILINE)
        if links := [link for item in items for link in re.findall(r"\]\(((?!\.\.)[^)#:]+)\.md\)", item)]:
            source[0] += "\n".join(["\n```{toctree}\n:hidden:", caption, *links, "```\n"])


def setup(app: "Sphinx") -> None:
    """What Sphinx calls."""
    app.connect("source-read", as_site)
    app.add_lexer("jsonl", JsonLexer)
