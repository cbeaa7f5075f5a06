"""The screens in docs/, taken anew: `python tests/screens.py [a demo's report.html]`, by hand when the page changes.

In: Chromium and Pillow (which vLLM brings); the tour, a made review as large as one on GPUs, a made compare, and the
demo's page where it is given.
Out: PNG files of few colors.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from selenium.webdriver.chrome.webdriver import WebDriver

HOUSE = Path(__file__).resolve().parents[1]
sys.path[0] = str(HOUSE)

# ruff: noqa: E402
from analysis.rendering.formats.writers import write_reports
from assay.cli import run
from assay.reporting import report_of
from tests.chromium import DESKTOP, PHONE, chromium, emulate
from tests.log_folders import damaged, flipped, lines, pair, pattern
from tests.review_factory import Factory

COLORS = 96
MADE_AT = "2026-11-30T12:00:00+00:00"


def made_review(folder: Path) -> Path:
    """Five candidates, three judges, MT-Bench's number of questions and MMLU's of items, in two tasks."""
    made = Factory(folder / "release", questions=80, items=14_042)
    written = made.write()
    report, shown = report_of(made.config, written, MADE_AT, redact=False)
    write_reports(report, written.analysis, shown)
    return written.analysis / "report.html"


def toured(folder: Path) -> Path:
    """The page of `assay tour`."""
    run(["tour", "--runs", str(folder)])
    return folder / "tour" / "analysis" / "report.html"


def made_compare(folder: Path) -> Path:
    """Logs of two models: one task that lost, one that is open, two that are cleared."""
    sizes = {"arc_challenge": 1172, "hellaswag": 2500, "piqa": 400, "gsm_mc": 600}
    known = {task: pattern(task, items, 0.7) for task, items in sizes.items()}
    after = {task: flipped(right, 60) for task, right in known.items()} | {"gsm_mc": damaged(known["gsm_mc"], 0.12)}
    before_lines = {task: lines(task, right) for task, right in known.items()}
    after_lines = {task: lines(task, right, 0.01) for task, right in after.items()}
    pair(folder, before_lines, after_lines)
    run(["compare", str(folder / "bf16"), str(folder / "int4"), "--runs", str(folder / "runs")])
    return folder / "runs" / "compare" / "analysis" / "report.html"


def shot(browser: WebDriver, page: Path, to: str, size: tuple[int, int], *, dark: bool = False) -> None:
    """The first screen of a page."""
    emulate(browser, size, dark=dark)
    browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    browser.get(page.resolve().as_uri())
    image = Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    image.quantize(COLORS, dither=Image.Dither.NONE).save(HOUSE / "docs" / f"{to}.png", optimize=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch, chromium() as browser:
        review, compare = made_review(Path(scratch)), made_compare(Path(scratch))
        shot(browser, toured(Path(scratch)), "report-tour", DESKTOP)
        shot(browser, review, "report-first-screen", DESKTOP)
        shot(browser, review, "report-phone", PHONE, dark=True)
        shot(browser, compare, "report-compare", DESKTOP)
        for demo in sys.argv[1:]:
            shot(browser, Path(demo), "report-demo", DESKTOP)


if __name__ == "__main__":
    main()
