"""A page of many candidates with long names: what tells them apart is read on a screen, on a phone and on paper."""

import re

import pytest
from selenium.webdriver.common.by import By

from analysis.rendering.formats.labels import NO_ENDS, shared_ends, shortened, shortened_apart
from assay.cli import run
from tests.chromium import DESKTOP, PHONE, chromium, emulate, needs_chromium
from tests.log_folders import damaged, flipped, lines, model_logs, pattern

STEM, DATE = "meta-llama-Llama-3.1-8B-Instruct-", "-2025-11-03"
TELLING = (
    *("quantized.w3a16", "quantized.w4a16", "quantized.w8a8", "quantized.w8a16", "FP8-dynamic", "GPTQ-4bit-g128"),
    *("AWQ-4bit-g64", "pruned.2of4", "drop4-layers", "wanda50", "NVFP4A16", "quantized.w2a16"),
)
NAMES = [f"{STEM}{each}{DATE}" for each in TELLING]
TASKS = ("arc_challenge", "hellaswag", "mmlu_pro_stem")
ITEMS = 200


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Two of twelve candidates lost in two of three tasks; the third is shown alone."""
    folder = tmp_path_factory.mktemp("many")
    known = {task: pattern(task, ITEMS) for task in TASKS}
    sides = [model_logs(folder / f"{STEM}bf16{DATE}", "bf16", {task: lines(task, known[task]) for task in TASKS})]
    for place, name in enumerate(NAMES):
        moved = {task: flipped(known[task], 20 + place) for task in TASKS}
        if place in {0, 11}:
            moved |= {task: damaged(moved[task], 0.3) for task in TASKS[::2]}
        after = {task: lines(task, moved[task], 0.01 * (place + 1)) for task in TASKS}
        sides.append(model_logs(folder / name, name, after))
    assert run(["compare", *map(str, sides), "--runs", str(folder), "--name", "many", "--shown", TASKS[2]]) == 10
    return folder / "many" / "analysis" / "report.html"


@pytest.fixture(scope="module")
def browser(page):
    with chromium() as driver:
        driver.get(page.as_uri())
        yield driver


def test_what_all_names_share_is_left_out_and_their_telling_end_stays():
    ends = shared_ends(NAMES)
    assert ends == (STEM, DATE)
    assert shortened(NAMES[0], 20, ends) == "…quantized.w3a16…"
    assert shortened(f"{STEM}bf16{DATE}@control", 20, ends) == "…bf16-2025…3@control"
    assert shortened(f"{STEM}a-very-long-way-of-quantizing.w3a16{DATE}", 20, ends).endswith(".w3a16…")
    assert shortened("short", 20, ends) == "short"
    assert len({*shortened_apart(NAMES, 20, ends).values()}) == len(NAMES)


@pytest.mark.parametrize(
    ("names", "ends"),
    [
        (("w4a16", "w8a8"), NO_ENDS),  # a shared letter is no part of a name
        (("org/m-w4", "org/m-w8"), ("org/m-", "")),
        (("m-", "m-w4"), NO_ENDS),  # nothing would be left of the first
        (("x--end", "x-1-end"), ("x-", "")),
        (("one",), NO_ENDS),
        ((), NO_ENDS),
    ],
)
def test_only_whole_parts_of_names_are_shared(names, ends):
    assert shared_ends(names) == ends


def test_labels_say_what_they_leave_out_and_every_name_stands_whole(page):
    text = page.read_text()
    columns = re.findall(r'<th scope="col" title="([^"]*)">(.*?)</th>', text[: text.index("<nav ")])
    assert {name for name, _ in columns} == {*NAMES}
    labels = {name: re.sub(r"<wbr>|\u2060", "", label) for name, label in columns}
    assert labels[NAMES[0]] == "…quantized.w3a16…"
    assert f"Names leave out what all share: {STEM}…{DATE}." in text
    decision = text[text.index('<table class="decision">') :]
    assert all(f'<th scope="row">{name}</th>' in decision[: decision.index("</table>")] for name in NAMES)
    drawing = page.parent / "figures" / "flips_by_direction.svg"
    assert f"…quantized.w3a16…<title>{NAMES[0]}</title>" in drawing.read_text()


def test_the_fold_counts_what_it_folds(page):
    text = page.read_text()
    words = re.findall(r"</span> ([A-Z]+)</strong>", text[text.index("<summary>7 more: ") : text.index("</header>")])
    assert len(words) == 7
    counts = ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
    assert f"<summary>7 more: {counts}</summary>" in text


def test_the_headline_counts_the_items_that_decide(page):
    assert f"; {2 * ITEMS} items; primary measure" in page.read_text()


def test_what_holds_for_all_models_names_none(page):
    assert "The version of the library is not stated for any model;" in page.read_text()


@needs_chromium
def test_tables_of_tasks_and_flips_fit_a_desktop(browser):
    emulate(browser, DESKTOP)
    for name in ("states", "tasks", "flips", "tails"):
        wide = browser.find_element(By.CSS_SELECTOR, f".wide:has(> table.{name})")
        room, needed = (int(wide.get_property(each)) for each in ("clientWidth", "scrollWidth"))
        assert needed <= room, name


@needs_chromium
def test_a_phone_shows_whole_captions_and_that_the_tasks_scroll(browser):
    emulate(browser, PHONE)
    cut = browser.execute_script(
        "return [...document.querySelectorAll('caption span')].filter((each) => each.getBoundingClientRect().right > "
        "each.closest('.wide').getBoundingClientRect().right + 1).map((each) => each.textContent)"
    )
    hint = browser.find_element(By.CSS_SELECTOR, ".aside")
    shown = hint.is_displayed()
    emulate(browser, DESKTOP)
    assert cut == []
    assert hint.get_property("textContent") == "12 candidates: scroll to the side →"
    assert (shown, hint.is_displayed()) == (True, False)


@needs_chromium
def test_print_opens_every_fold_without_a_script(browser):
    hidden = (
        "return [...document.querySelectorAll('header details .rows > li, main > section > details li')]"
        ".filter((each) => !each.checkVisibility()).length"
    )
    assert browser.execute_script(hidden) > 7
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert browser.execute_script(hidden) == 0
    finally:
        emulate(browser)
