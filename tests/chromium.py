"""A real headless Chromium for the tests of the page: where it is, how it is started, what it was asked for.

In: a page on disk. Out: a driver whose console and network logs can be read. Nothing of it reaches the network.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
AXE = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
ARGUMENTS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
)
DESKTOP, PHONE = (1280, 900), (390, 800)
CI = bool(os.environ.get("CI"))
needs_chromium = pytest.mark.skipif(not (CHROMIUM and DRIVER) and not CI, reason="no Chromium here: `make browser`")
needs_axe = pytest.mark.skipif(not AXE.exists() and not CI, reason="no axe-core here: `make browser`")


@contextmanager
def chromium() -> Iterator[webdriver.Chrome]:
    """A browser on a light desktop; it ends with the context."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM or "chromium"
        for argument in (*ARGUMENTS, f"--user-data-dir={profile}"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(DRIVER or "chromedriver"))
        try:
            emulate(driver)
            yield driver
        finally:
            driver.quit()


def emulate(driver: webdriver.Chrome, size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> None:
    """Give the window this size, and its pages light or dark; a page that is open is to be opened again."""
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def requests(driver: webdriver.Chrome) -> list[str]:
    """The address of every request that the page made since this was last asked, data and blob addresses apart."""
    found = []
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            found.append(message["params"]["request"]["url"].split("#")[0])
    return [url for url in found if not url.startswith(("data:", "blob:"))]
