"""Our code is what runs: a user's `judge.py`, or a folder of that name, is never executed in place of a room."""

import json
import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from assay import rooms
from assay.placement import processes
from assay.placement.judge_server import served
from assay.placement.local_placement import run_locally
from assay.placement.processes import Job, Worker
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.pending import pending_orders
from ledger.errors import EXIT_USAGE, ConfigError
from ledger.progress import silent
from ledger.records import Question
from tests import house
from tests.strangers import NAMES, executed, strangers


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    monkeypatch.setenv("ASSAY_SCRIPTED_ENGINE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def job(tmp_path) -> Job:
    question = Question(source="s", id="1", category="math", turns=("1?",), temperature=0.0)
    order = ModelJob(folder=tmp_path / "m", model="m", seed=1, questions=(question,))
    return Job(LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=(order,)), tmp_path / "engine.log")


def ended(*words: str, folder: Path, path: tuple[Path, ...]) -> subprocess.CompletedProcess[str]:
    """A Python that was started in the folder, with these places on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_worker_does_not_execute_modules_of_the_working_folder(tmp_path, job, monkeypatch):
    folder = strangers(tmp_path / "work")
    monkeypatch.chdir(folder)
    run_locally([job], silent)
    assert not pending_orders(job.batch)
    assert not executed(folder)


class Started(Exception):
    """What the spy raises in place of a process."""


def serve(job: Job) -> None:
    with served("model", "j", {}, job.log, silent):
        pass


@pytest.mark.parametrize("start", [Worker, serve])
def test_what_is_started_does_not_import_from_its_folder(job, monkeypatch, start):
    def spy(command, **settings):
        raise Started(command, settings["env"])

    monkeypatch.setattr(subprocess, "Popen", spy)
    with pytest.raises(Started) as caught:
        start(job)
    command, environment = caught.value.args
    assert command[:3] == [sys.executable, "-P", "-m"]
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(house.HOUSE)


def test_no_python_is_started_another_way():
    """Where a Python is started its path is named; fetching runs pip with it, which is not ours."""
    files = [path for room in house.ROOMS for path in (house.HOUSE / room).rglob("*.py")]
    naming = {path.relative_to(house.HOUSE).as_posix() for path in files if "sys.executable" in path.read_text()}
    assert naming == {"assay/rooms.py", "assay/sources/wheels.py"}


@pytest.mark.parametrize("room", rooms.ROOMS)
def test_the_command_stops_at_a_stranger_and_names_both_paths(tmp_path, room):
    folder = strangers(tmp_path / "work", [room])
    done = ended("-m", "assay.cli", "plan", "--margin", "0.1", folder=folder, path=(house.HOUSE,))
    assert (done.returncode, done.stdout) == (EXIT_USAGE, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"assay: {room}: Python finds {str(folder / room) + '.py'!r}, ")
    assert repr(str(house.HOUSE / room)) in done.stderr
    assert not executed(folder)


def test_the_command_works_where_strangers_are_not_on_the_path(tmp_path):
    folder = strangers(tmp_path / "work")
    done = ended("-P", "-m", "assay.cli", "plan", "--margin", "0.1", folder=folder, path=(house.HOUSE,))
    assert done.returncode == 0, done.stderr
    assert not executed(folder)


def test_a_worker_that_finds_a_stranger_tells_it_as_an_error(tmp_path, job, monkeypatch):
    folder = strangers(tmp_path / "work")
    words = ("-P", "-m", processes.WORKER_MODULE, str(os.getpid()))
    done = ended(*words, folder=tmp_path, path=(folder, house.HOUSE))
    assert done.returncode == json.loads(done.stdout)["exit_code"] == EXIT_USAGE
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (folder, house.HOUSE))))
    monkeypatch.setattr(processes, "python_environment", lambda _: None)  # as if this code were an installed package
    with pytest.raises(ConfigError, match=r"generation: Python finds '.*work/generation\.py', but .*/generation'"):
        run_locally([job], silent)
    assert not executed(folder)


@pytest.mark.parametrize("module", ["judge_server", "ray_placement"])
def test_servers_and_actors_stop_at_a_stranger(tmp_path, module):
    folder = strangers(tmp_path / "work")
    done = ended("-P", "-c", f"import assay.placement.{module}", folder=tmp_path, path=(folder, house.HOUSE))
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ImportError: generation: Python finds")
    assert not executed(folder)


def test_a_folder_without_code_is_a_stranger_too(tmp_path, monkeypatch):
    """Python takes it for a namespace package where ours is found by an editable install, which is asked last."""
    found = ModuleSpec("ledger", None, is_package=True)
    found.submodule_search_locations = [str(tmp_path / "ledger")]
    monkeypatch.setattr(rooms, "find_spec", lambda _: found)
    assert rooms.stranger().startswith(f"ledger: Python finds {str(tmp_path / 'ledger')!r}, ")


def test_a_room_reached_by_a_link_is_ours(tmp_path):
    link = tmp_path / "house"
    link.symlink_to(house.HOUSE)
    done = ended("-P", "-c", "from assay.rooms import stranger; print(stranger())", folder=tmp_path, path=(link,))
    assert done.stdout == "\n"


def test_a_missing_room_is_told_with_its_place(tmp_path):
    (tmp_path / "assay").mkdir()
    (tmp_path / "assay" / "rooms.py").write_bytes(Path(rooms.__file__).read_bytes())
    script = "from assay.rooms import stranger; print(stranger())"
    done = ended("-S", "-P", "-c", script, folder=tmp_path, path=(tmp_path,))
    assert done.stdout.startswith(f"ledger: Python does not find it; it should be {str(tmp_path / 'ledger')!r}")


def test_a_new_python_runs_this_very_code(monkeypatch):
    """Without it a checkout that only the working folder led to would start workers of another, installed version."""
    assert rooms.python_environment({})["PYTHONPATH"] == str(house.HOUSE)
    given = {"PYTHONPATH": "/a", "X": "1"}
    assert rooms.python_environment(given) == {"PYTHONPATH": f"{house.HOUSE}{os.pathsep}/a", "X": "1"}
    monkeypatch.setattr(rooms, "HOUSE", Path("/venv/lib/site-packages"))  # never before Python's own library
    assert rooms.python_environment(given) == given


def test_the_code_of_the_start_check_is_that_of_a_wrong_config():
    assert os.EX_USAGE == EXIT_USAGE
    assert set(rooms.ROOMS) | {"assay"} == set(house.ROOMS)
    assert set(NAMES) < set(rooms.ROOMS)
