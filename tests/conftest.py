"""What all tests share: Hypothesis never fails an example for its time, Ctrl-C reaches who sends it, and fixtures.

A fixture imports what it needs by itself: most tests need none of it.
"""

import fcntl
import functools
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("assay", deadline=None)
settings.load_profile("assay")
# A shell that starts pytest in the background hands it SIGINT ignored, and Python keeps it so, here and in children.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with real engines come first: with several workers, the longest must not begin last."""
    real = {item.path for item in items if item.get_closest_marker("model")}
    items.sort(key=lambda item: item.path not in real)


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """The folder of the real small model; of several workers one fetches it, and the others wait."""
    from assay.sources.smollm2 import fetch_smollm2

    with (Path(tempfile.gettempdir()) / "assay-tests.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return fetch_smollm2(lambda _: None)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that failed is made again at once, to a judge and to a served model."""
    monkeypatch.setattr("ledger.endpoint.waits.BACKOFF_SECONDS", 0.001)


@pytest.fixture
def endpoint_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of judges and served models stands in its variable."""
    from tests.fake_judge_server import KEY, KEY_VARIABLE

    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the lab's tests compress: the folder of a random little Llama, which nobody changes."""
    from tests.tiny_llama import tiny_llama

    return tiny_llama(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run that others are compared with, which nobody changes."""
    from tests.diff_runs import fill, folder

    return fill(folder(tmp_path_factory.mktemp("usual") / "release-1"))


@pytest.fixture
def compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """`assay compare` of the given arguments, in this test's folder."""
    from tests.log_folders import Compared

    return functools.partial(Compared, tmp_path, capsys)
