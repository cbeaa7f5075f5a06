"""The page in a real Chromium: silent, safe with hostile texts, usable by mouse, key, deep link, phone and axe."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.exhibit_data import MOST_CHARACTERS
from analysis.rendering.formats.page import Shown
from analysis.rendering.formats.writers import write_reports
from analysis.rendering.tables.first_screen import headline
from analysis.review.exhibits import KINDS, exhibits
from analysis.review.review_report import report_from
from analysis.writing.thoughts import THOUGHTS
from ledger.config import config_from
from ledger.judgments import Outcome
from ledger.runs import RunFolder
from tests.chromium import AXE, DESKTOP, PHONE, chromium, emulate, needs_axe, needs_chromium, requests
from tests.review_factory import Factory

pytestmark = needs_chromium
NOW = "2026-11-25T12:00:00+00:00"
HOSTILE = (
    "</script><script>window.broken = 1</script><img src=x onerror='window.broken = 2'> {{7*7}} $' $& ${7*7} <!-- "
    '\x00 \u202e txet \x1b[31mred =HYPERLINK("http://evil.example") \ud800 end\nsecond line'
)
SEEN = HOSTILE.replace("\x00", "\\u0000").replace("\u202e", "\\u202e").replace("\x1b", "\\u001b").replace("\ud800", "�")


def replaced(record, **values):
    return record.model_copy(update=values)


def make_hostile(made, run):
    """Hostile texts in a question, an answer, a reply and an item, and one answer of a million characters."""
    for name in ("bf16", "drop1"):
        store = run.generation(name).answers
        first, second, *rest = store.records()
        turns = (replaced(first.turns[0], text=HOSTILE.replace("\ud800", "�")), *first.turns[1:])
        question = replaced(first.question, turns=(HOSTILE.replace("\ud800", "�"), "more?"))
        long = (replaced(second.turns[0], text="x" * 1_000_000), *second.turns[1:])
        store.replace([replaced(first, turns=turns, question=question), replaced(second, turns=long), *rest])
    judge = run.judge("judge-a").ratings
    judge.replace(replaced(each, reply=HOSTILE.replace("\ud800", "�")) for each in judge.records())


@pytest.fixture(scope="module")
def review(tmp_path_factory):
    """Evidence and report of a hostile review, its page, and the redacted page."""
    made = Factory(tmp_path_factory.mktemp("browser") / "r", questions=24, items=200, words=30)
    run = made.write()
    make_hostile(made, run)
    evidence = read_evidence(made.config, run)
    report = report_from(evidence, NOW, resamples=200)
    items = tuple(run.items.records())
    for folder, redact in (("open", False), ("redacted", True)):
        told = report.model_copy(update={"redacted": redact})
        write_reports(told, run.path / folder, Shown(exhibits(evidence), items))
    return run.path, report, exhibits(evidence)


LONG = "meta-llama--Llama-2-13b-chat-hf-w4a16"


@pytest.fixture(scope="module")
def sampled(tmp_path_factory):
    """The page of a review of two samples, the second rated far worse, with a candidate named like the usual order."""
    small = {"questions": 3, "items": 8, "words": 5, "candidates": ("w8a8", "loss", LONG), "judges": ("judge-a",)}
    made = Factory(tmp_path_factory.mktemp("samples") / "r", **small)
    run = made.write()
    for name in ("bf16", *made.candidates):
        store = run.generation(name).answers
        store.replace([replaced(each, sample=sample) for sample in (0, 1) for each in store.records()])
    ratings = list(run.judge("judge-a").ratings.records())
    score = dict.fromkeys(made.candidates, 1.0)
    worse = [replaced(each, sample=1, score=score.get(each.model, 9.0), outcome=Outcome.SCORED) for each in ratings]
    run.judge("judge-a").ratings.replace([*ratings, *worse])
    questions = {**made.declaration["questions"], "samples": 2}
    evidence = read_evidence(config_from({**made.declaration, "questions": questions}, "test"), run)
    write_reports(report_from(evidence, NOW, resamples=200), run.path / "open", Shown(exhibits(evidence)))
    return (run.path,)


@pytest.fixture(scope="module")
def browser():
    with chromium() as driver:
        yield driver


@pytest.fixture
def seen(browser, size, dark):
    """The browser with a window of this size, light or dark."""
    emulate(browser, size, dark=dark)
    yield browser
    emulate(browser)


def opened(driver, review, state="", folder="open"):
    driver.get("about:blank")
    driver.get((review[0] / folder / "report.html").as_uri() + state)
    WebDriverWait(driver, 20).until(lambda d: d.find_elements(By.CSS_SELECTOR, "#rows li"))
    return driver


def told(driver):
    return driver.find_element(By.ID, "detail").get_property("textContent")


def rows(driver):
    return [each.get_property("textContent") for each in driver.find_elements(By.CSS_SELECTOR, "#rows a")]


def current(driver):
    return driver.find_element(By.CSS_SELECTOR, "#rows a[aria-current]")


def test_the_page_opens_without_a_word_to_the_console_or_the_network(browser, review):
    requests(browser)
    opened(browser, review)
    assert browser.get_log("browser") == []
    assert set(requests(browser)) <= {"about:blank", (review[0] / "open" / "report.html").as_uri()}
    assert browser.title.startswith(headline(review[1]))


def test_hostile_texts_are_seen_and_do_nothing(browser, review):
    state = "#q=101&turn=1&candidate=drop1"
    shown = told(opened(browser, review, state))
    for text in (SEEN, "{{7*7}} $' $& ${7*7} <!--"):
        assert text in shown
    assert shown.count("window.broken = 1") >= 4  # question, both answers, a reply
    assert browser.execute_script("return window.broken") is None
    assert browser.execute_script("return document.querySelectorAll('#detail img, #detail script').length") == 0
    assert browser.get_log("browser") == []


def test_a_million_characters_are_cut_aloud(browser, review):
    shown = told(opened(browser, review, "#q=102&turn=1&candidate=drop1"))
    assert f"{1_000_000 - MOST_CHARACTERS} more characters" in shown
    assert shown.count("x" * MOST_CHARACTERS) == 2
    assert (review[0] / "open" / "report.html").stat().st_size < 2_000_000


def test_the_policy_holds(browser, review):
    opened(browser, review)
    browser.execute_script(
        "window.violations = [];"
        "addEventListener('securitypolicyviolation', (e) => violations.push(e.violatedDirective));"
        "const s = document.createElement('script'); s.textContent = 'window.broken = 3'; document.body.append(s);"
        "const i = new Image(); i.src = 'http://127.0.0.1:9/x.png'; document.body.append(i);"
        "document.body.setAttribute('style', 'color: red');"
    )
    browser.execute_async_script("const done = arguments[0]; fetch('http://127.0.0.1:9/').then(done, () => done(1));")
    found = set(browser.execute_script("return window.violations"))
    assert {"script-src-elem", "img-src", "connect-src", "style-src-attr"} <= found
    assert browser.execute_script("return window.broken") is None
    browser.get_log("browser")


def test_every_filter_shows_what_it_counts(browser, review):
    opened(browser, review)
    counts = review[2].counts
    assert counts["regressed"] > counts["improved"] > 0
    show = Select(browser.find_element(By.ID, "filter-show"))
    offered = {option.get_attribute("value") for option in show.options}
    assert not offered & THOUGHTS.keys()  # nobody thinks in this review
    for kind in (kind for kind in KINDS if kind not in THOUGHTS):
        show.select_by_value(kind)
        assert len(rows(browser)) == counts[kind]
        assert f"show={kind}" in browser.current_url
    show.select_by_value("regressed")
    Select(browser.find_element(By.ID, "filter-model")).select_by_value("drop2")
    Select(browser.find_element(By.ID, "filter-category")).select_by_value("math")
    Select(browser.find_element(By.ID, "filter-turn")).select_by_value("2")
    wanted = [
        row
        for row in review[2].rows
        if "regressed" in row.kinds
        and row.model == "drop2"
        and row.cell.turn == 2
        and review[2].evidence.categories[row.cell.unit] == "math"
    ]
    assert [text.split(",")[0] for text in rows(browser)] == [row.cell.question for row in wanted]
    assert len(wanted) > 0


def test_rows_are_sorted_by_what_was_lost_or_by_question(browser, review):
    opened(browser, review)
    gains = [row.gain for row in review[2].rows]
    assert gains == sorted(gains)
    first = review[2].rows[0]
    assert rows(browser)[0].startswith(f"{first.cell.question}, turn {first.cell.turn} {first.model}")
    Select(browser.find_element(By.ID, "filter-sort")).select_by_value("question")
    ids = [int(text.split(",")[0]) for text in rows(browser)]
    assert ids == sorted(ids)


def test_deep_links_and_keys_lead_to_a_row(browser, review):
    opened(browser, review, "#q=105&turn=2")
    assert told(browser).startswith("105 (")
    assert "turn 2" in browser.find_element(By.CSS_SELECTOR, "#detail h3").text
    before = current(browser).get_attribute("href")
    browser.find_element(By.TAG_NAME, "body").send_keys("j")
    after = current(browser).get_attribute("href")
    assert after != before
    assert browser.current_url.split("#")[1] == after.split("#")[1]
    browser.find_element(By.TAG_NAME, "body").send_keys("k")
    assert current(browser).get_attribute("href") == before
    address = browser.current_url
    shown = told(browser)
    opened(browser, review, "#" + address.split("#")[1])
    assert told(browser) == shown


def test_the_address_of_every_row_leads_back_to_it_alone(browser, sampled):
    opened(browser, sampled)
    links = [each.get_attribute("href") for each in browser.find_elements(By.CSS_SELECTOR, "#rows a")]
    assert len(set(links)) == len(set(rows(browser))) == len(links) == 3 * 3 * 2 * 2
    for link in reversed(links):
        browser.execute_script("location.hash = arguments[0]", link.split("#")[1])
        WebDriverWait(browser, 5).until(lambda d, link=link: current(d).get_attribute("href") == link)


def test_a_filter_named_like_the_usual_order_stands_in_the_address(browser, sampled):
    opened(browser, sampled)
    Select(browser.find_element(By.ID, "filter-model")).select_by_value("loss")
    assert "model=loss" in browser.current_url
    assert len(rows(browser)) == 3 * 2 * 2


def test_a_long_name_keeps_both_ends_in_the_list_and_is_whole_on_hover(browser, sampled):
    opened(browser, sampled)
    (name,) = {each.text for each in browser.find_elements(By.CSS_SELECTOR, f'.list .who[title="{LONG}"]')}
    assert (name[:8], name[8], name[9:]) == (LONG[:8], "…", LONG[-8:])


def test_the_first_difference_is_marked_in_the_candidates_answer(browser, review):
    opened(browser, review, "#q=110&turn=1&candidate=prune30")
    same = browser.find_element(By.CSS_SELECTOR, "#detail .pair .same").get_property("textContent")
    models = {model.name: model for model in review[2].evidence.models}
    before, after = (
        next(a for a in models[name].answers if a.question.id == "110").turns[0].text for name in ("bf16", "prune30")
    )
    assert before.startswith(same)
    assert after.startswith(same)
    rest = len(same)
    assert before[rest:].split(" ")[0] != after[rest:].split(" ")[0]


def test_changed_items_show_both_models_probabilities(browser, review):
    opened(browser, review, "#show=right%E2%86%92wrong")
    wanted = [each for each in review[2].changed_items if each.kind == "right→wrong"]
    assert len(rows(browser)) == len(wanted) > 0
    shown = told(browser)
    first = wanted[0]
    for value in (*first.before, *first.after):
        assert f"{100 * value:.1f} %"[:-3] in shown
    assert "baseline's pick" in shown
    assert "candidate's pick" in shown
    item = next(each for each in RunFolder(review[0]).items.records() if each.id == first.item)
    assert item.question in shown


def test_the_strip_links_to_its_rows(browser, review):
    opened(browser, review)
    link = browser.find_element(By.CSS_SELECTOR, '.strip a[href="#show=inconsistent"]')
    link.click()
    WebDriverWait(browser, 10).until(lambda d: len(rows(d)) == review[2].counts["inconsistent"])
    assert browser.execute_script("return document.getElementById('answers').getBoundingClientRect().top") < 120


def test_a_redacted_page_keeps_every_number_and_no_text(browser, review):
    opened(browser, review, "#q=101&turn=1&candidate=drop1", folder="redacted")
    shown = told(browser)
    assert "redacted" in shown
    assert "window.broken" not in shown
    assert "rated" in shown
    browser.find_element(By.CSS_SELECTOR, "aside")
    page = (review[0] / "redacted" / "report.html").read_text(encoding="utf-8")
    data = browser.execute_async_script(
        "const done = arguments[0]; const b = Uint8Array.from(atob(document.getElementById('exhibits').textContent),"
        "(c) => c.charCodeAt(0)); new Response(new Blob([b]).stream().pipeThrough(new DecompressionStream('deflate')))"
        ".text().then(done);"
    )
    assert json.loads(data)["redacted"] is True
    for model in review[2].evidence.models:
        for answer in model.answers[2:5]:
            assert answer.turns[0].text[:40] not in page + data
            assert answer.question.turns[0][:20] not in page + data
    for name in ("report.json", "report.md", "junit.xml"):
        opened_text = (review[0] / "open" / name).read_text().replace('"redacted": false', '"redacted": true')
        assert (review[0] / "redacted" / name).read_text() == opened_text


def test_texts_are_in_no_face_but_the_page(review):
    words = [answer.turns[1].text[:40] for answer in review[2].evidence.models[0].answers]
    for path in sorted((review[0] / "open").rglob("*.*")):
        if path.name != "report.html":
            text = path.read_text(encoding="utf-8", errors="replace")
            assert not any(word in text for word in words), path


@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, True), (PHONE, False), (PHONE, True)])
def test_nothing_overflows_and_nothing_jumps(seen, review, size, dark):
    opened(seen, review)
    width, inner = seen.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
    assert (inner, width <= inner) == (size[0], True)
    assert seen.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches") is dark
    jumped = seen.execute_async_script(
        "const done = arguments[0]; let sum = 0; new PerformanceObserver((list) => list.getEntries().forEach("
        "(e) => { sum += e.value; })).observe({ type: 'layout-shift', buffered: true });"
        "setTimeout(() => done(sum), 300);"
    )
    assert jumped < 0.05
    assert seen.get_log("browser") == []


@needs_axe
@pytest.mark.parametrize(("size", "dark"), [(DESKTOP, True), (PHONE, False)])
def test_axe_finds_nothing_serious(seen, review):
    opened(seen, review, "#q=110&turn=2&candidate=prune30")
    seen.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    seen.execute_script(AXE.read_text(encoding="utf-8"))
    seen.set_script_timeout(120)
    found = seen.execute_async_script(
        "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] })"
        ".then(done).catch((error) => done({ error: String(error) }))"
    )
    assert "error" not in found
    assert len(found["passes"]) > 10
    bad = [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found["violations"]]
    assert not [each for each in bad if each[1] in ("serious", "critical")], bad


def test_it_is_used_by_keyboard_and_printed(browser, review):
    opened(browser, review)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    pdf = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert pdf.startswith("JVBERi")  # %PDF
    closed = browser.execute_script("return document.querySelectorAll('details:not([open])').length")
    assert closed == 0


def test_print_cuts_no_table_and_keeps_the_light_page(browser, review):
    opened(browser, review)
    size = {"width": 1030, "height": 720, "deviceScaleFactor": 1, "mobile": False}  # A4 across, without its margins
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": dark})
    browser.execute_script("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    try:
        cut = browser.execute_script(
            "return [...document.querySelectorAll('table')].filter((each) => each.getBoundingClientRect().right > "
            "innerWidth + 1).map((each) => each.className)"
        )
        ink = browser.execute_script("return getComputedStyle(document.body).color")
    finally:
        emulate(browser)
    assert cut == []
    assert ink == "rgb(27, 31, 36)"
