"""The documentation site builds without a warning and asks the network for nothing; the reference is the code's."""

import contextlib
import importlib.util
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from assay import load
from assay.cli import run
from assay.commands.demo import NO_JUDGE
from ledger.errors import EXIT_HOLD
from ledger.measures import MEASURES
from tests.command_lines import ALL_PAGES, DOCS, blocks
from tests.house import HOUSE

ASKING = re.compile(
    r"""(?:src|srcset|data|poster)\s*=\s*["']?(?:https?:)?//|url\(["']?(?:https?:)?//|@import|fetch\(["']http"""
)
"""What would make a browser ask another host, a link that is followed by hand apart."""
PLACEHOLDERS = {
    *("generation/NAME_engine.py", "generation/NAME_arguments.py"),
    *("prompts/judge/MODE.toml",),
}
"""Names in walks that a reader replaces."""
PLACE = re.compile(r"`((?:tests|analysis|judge|ledger|generation|assay|prompts|docs(?!/_build))/[\w/.-]+\.\w+)`")


def generator():
    spec = importlib.util.spec_from_file_location("generate", DOCS / "reference" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def built(source: Path, out: Path) -> subprocess.CompletedProcess:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-d",
        str(out / "read"),
        str(source),
        str(out),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site")
    done = built(DOCS, out)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return out


def test_the_reference_is_what_the_code_generates():
    again = "Write it anew: python docs/reference/generate.py"
    for name, text in generator().pages().items():
        assert (DOCS / "reference" / name).read_text(encoding="utf-8") == text, again


def test_every_key_of_the_config_has_a_meaning():
    rows = re.findall(r"^\| `\w+` \|.*$", (DOCS / "reference" / "config.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) > 100
    assert [row for row in rows if re.search(r"\|\s*\|$", row)] == []


def test_every_measure_and_every_exit_code_stands_in_the_reference():
    measures, errors = ((DOCS / "reference" / f"{name}.md").read_text("utf-8") for name in ("measures", "errors"))
    assert all(f"| `{each.name}` |" in measures for each in MEASURES)
    assert re.findall(r"^\| (\d+) \|", errors, re.MULTILINE) == ["0", "10", "11", "12", "20", "64", "70", "130"]
    assert all(f"`{name}`" in errors for name in ("ConfigError", "StaleInput", "TooFewData"))


def test_every_page_is_in_the_site_with_its_pictures(site):
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in ALL_PAGES if path.is_relative_to(DOCS)}
    assert len(pages) > 40
    assert [page for page in pages if not (site / page).is_file()] == []
    assert "report-phone" in (site / "reading.html").read_text(encoding="utf-8")
    assert {path.name for path in DOCS.glob("*.png")} == {path.name for path in (site / "_images").glob("*.png")}
    assert "newest first" in (site / "changes.html").read_text(encoding="utf-8")


def test_the_site_asks_the_network_for_nothing(site):
    asking = []
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".css", ".js"):
            asking += [f"{path.name}: {found}" for found in ASKING.findall(path.read_text(encoding="utf-8"))]
        if path.suffix == ".html":
            links = re.findall(r"<(?:link|script)[^>]+", path.read_text(encoding="utf-8"))
            asking += [f"{path.name}: {link}" for link in links if re.search(r"(?:href|src)=\"(?:https?:)?//", link)]
    assert asking == []


def test_the_search_works_from_the_site_alone(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert "bootstrap" in index
    assert "searchindex.js" in (site / "search.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[a](words.md#loop)", ""),
        ("[a](words.md#lop)", "'lop'"),
        ("[a](word.md)", "word.md"),
        ("[a](#none)", "none"),
        ("![a](none.png)", "none.png"),
        ("```toom\nx\n```", "toom"),
    ],
    ids=["right", "anchor", "page", "own anchor", "picture", "language"],
)
def test_what_leads_nowhere_fails_the_build(tmp_path, text, fault):
    docs = tmp_path / "docs"
    docs.mkdir()
    for path in (DOCS / "conf.py", HOUSE / "pyproject.toml"):
        shutil.copy(path, tmp_path / path.relative_to(HOUSE))
    (docs / "index.md").write_text(f"# Site\n\n## More\n\n- [words](words.md)\n\n{text}\n")
    (docs / "words.md").write_text("# Words\n\n## Loop\n\nA passage.\n")
    done = built(docs, tmp_path / "out")
    assert (done.returncode != 0) == bool(fault)
    assert fault in done.stderr


@pytest.fixture(scope="module")
def toured(tmp_path_factory):
    """The run of the tour, what it printed, and what `assay analyze` does of the same records, which are the demo's."""
    runs, said = tmp_path_factory.mktemp("tour"), (io.StringIO(), io.StringIO())
    with contextlib.redirect_stdout(said[0]):
        assert run(["tour", "--runs", str(runs)]) == 0
    with contextlib.redirect_stdout(said[1]):
        assert run(["analyze", str(runs / "tour" / "review.toml"), "--runs", str(runs)]) == EXIT_HOLD
    return runs / "tour", *(" ".join(each.getvalue().split()) for each in said)


def test_the_tutorial_shows_what_the_tour_prints(toured):
    [shown] = [block.text for block in blocks(DOCS / "tutorial.md", "") if "w8a8" in block.text]
    parts = [part.strip() for line in shown.splitlines() for part in line.split("…")]
    assert len(parts) > 8
    assert [part for part in parts if part not in toured[1]] == []


def test_the_demos_page_shows_what_the_demo_prints(toured):
    [shown] = [block.text for block in blocks(DOCS / "how-to" / "demo.md", "") if "w8a8" in block.text]
    parts = [" ".join(part.split()) for part in re.split(r"…|\n\n", shown) if part.strip()]
    assert len(parts) > 4
    assert [part for part in parts if part not in toured[2] + " ".join(NO_JUDGE.split())] == []


def test_the_noise_floors_are_those_of_the_study_and_the_tour(toured):
    page, study = ((DOCS / name).read_text(encoding="utf-8") for name in ("explanation/noise-floors.md", "study.md"))
    control, wanda = (re.search(rf"^\| {name} \|.*$", study, re.MULTILINE)[0] for name in ("bf16@control", "wanda10"))
    table = page.split("| the nearest candidate |")[1].split("\n\n")[0].splitlines()
    flips, kl, same, alike = (
        line.split(" | ")[1:] for line in table if line.startswith(("| flips", "| KL", "| the", "| sim"))
    )
    for mine, other in (flips, kl):
        assert mine in control
        assert other.strip(" |").removeprefix("wanda10: ").split(" nats")[0] in wanda
    frame = load(toured[0]).to_frame()
    for measure, (mine, other) in (("same_text", same), ("similarity", alike)):
        rows = frame[(frame.measure == measure) & frame.path.str.startswith("writing/")]
        values = {path.split("/")[1]: f"{100 * value:.1f} %" for path, value in zip(rows.path, rows.value, strict=True)}
        assert mine.removesuffix(" of turns") == values.pop("smollm2@control")
        assert other.strip(" |") == f"w8a8: {values['w8a8']}"
        assert max(values, key=lambda name: float(values[name].split()[0])) == "w8a8"


def test_what_a_page_names_of_the_house_is_there():
    named = {(page.name, found) for page in ALL_PAGES for found in re.findall(PLACE, page.read_text(encoding="utf-8"))}
    assert len(named) > 60
    assert {name for _, name in named if not (HOUSE / name).exists()} == PLACEHOLDERS


def test_the_calibration_that_is_told_is_that_of_the_source():
    page = " ".join((DOCS / "explanation" / "statistics.md").read_text(encoding="utf-8").split())
    why = page.split("**Why the mean has this form.**")[1].split("## Tests")[0]
    source = (HOUSE / "analysis" / "statistics" / "intervals.py").read_text(encoding="utf-8")
    told = {float(number) for number in re.findall(r"\b0\.8\d|\b0\.9\d+", why)}
    assert told == {0.89, 0.92, 0.87, 0.94, 0.944, 0.82}
    assert told <= {float(number) for number in re.findall(r"\b0\.\d+", source)}
