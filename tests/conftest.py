"""What all tests share: Hypothesis never fails an example for its time, Ctrl-C reaches who sends it, and fixtures.

A fixture imports what it needs by itself: most tests need none of it.
"""

import functools
import signal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("assay", deadline=None)
settings.load_profile("assay")
# A shell that starts pytest in the background hands it SIGINT ignored, and Python keeps it so, here and in children.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that failed is made again at once, to a judge and to a served model."""
    for module in ("judge.retries", "generation.endpoint"):
        monkeypatch.setattr(f"{module}.BACKOFF_SECONDS", 0.001)


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
