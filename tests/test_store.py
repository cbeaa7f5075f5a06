"""The store: keys once, torn tails cut, broken lines named, one writer at a time."""

import errno
import json
import multiprocessing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.errors import BadRecord, DuplicateKey, StoreLocked
from ledger.judgments import Attempt
from ledger.records import Choice
from ledger.runs import RunFolder
from ledger.store import Store, Writer, draft_of, write_atomically, write_lock


def choice(item: str, model: str = "m") -> Choice:
    return Choice(
        model=model,
        task="t",
        item=item,
        subject="s",
        item_digest="d",
        logprobs=(-1.0, -2.0),
        characters=(3, 4),
        tokens=(1, 1),
        gold=0,
        picked=0,
        picked_norm=0,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store[Choice]:
    return Store(tmp_path / "choices.jsonl", Choice)


def fill(store: Store[Choice], *items: str) -> None:
    with Writer(store) as writer:
        for item in items:
            writer.append(choice(item))


def test_records_come_back_in_order(store):
    fill(store, "a", "b")
    assert [record.item for record in store.records()] == ["a", "b"]
    assert next(iter(store.records())) == choice("a")


def test_a_missing_file_has_no_records(store):
    assert list(store.records()) == []


def test_a_second_record_with_a_key_is_refused_when_written(store):
    fill(store, "a", "b")
    with Writer(store) as writer, pytest.raises(DuplicateKey, match="line 2 and again on line 3"):
        writer.append(choice("b"))
    assert len(store.path.read_text().splitlines()) == 2


def test_a_second_record_with_a_key_is_refused_when_read_with_both_lines_named(store):
    fill(store, "a", "b")
    line = store.path.read_text().splitlines()[0]
    store.path.write_text(store.path.read_text() + line + "\n")
    with pytest.raises(DuplicateKey, match="line 1 and again on line 3"):
        list(store.records())


def test_a_torn_last_line_is_reported_and_cut_off_by_the_next_writer(store):
    fill(store, "a", "b")
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[:-9])
    assert [record.item for record in store.records()] == ["a"]
    assert store.torn is not None
    assert store.torn.line == 2
    fill(store, "b")
    assert store.path.read_bytes() == whole


@pytest.mark.parametrize("cut", range(1, 200, 7))
def test_wherever_a_writer_is_killed_the_next_one_completes_the_file(store, cut):
    fill(store, "a", "b")
    whole = store.path.read_bytes()
    store.path.write_bytes(whole[: max(0, len(whole) - cut)])
    with Writer(store) as writer:
        for item in ("a", "b"):
            if choice(item).key not in writer.keys:
                writer.append(choice(item))
    assert store.path.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_named(store):
    fill(store, "a", "b")
    lines = store.path.read_text().splitlines()
    store.path.write_text("\n".join([lines[0], '{"model": 1}', lines[1]]) + "\n")
    with pytest.raises(BadRecord, match=r"choices\.jsonl, line 2: field 'model'"):
        list(store.records())


def test_an_unknown_field_and_an_unknown_version_are_refused_by_name(store):
    data = choice("a").model_dump(mode="json")
    store.path.write_text(json.dumps(data | {"surprise": 1}) + "\n")
    with pytest.raises(BadRecord, match="surprise"):
        list(store.records())
    store.path.write_text(json.dumps(data | {"version": 7}) + "\n")
    with pytest.raises(BadRecord, match="schema version 7"):
        list(store.records())


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_nan_and_infinity_are_refused(store, number):
    fill(store, "a")
    store.path.write_text(store.path.read_text().replace("-1.0", number))
    with pytest.raises(BadRecord):
        list(store.records())


@given(text=st.text(st.characters(), max_size=60))
def test_any_text_survives_the_file(tmp_path_factory, text):
    record = Attempt(
        judgment="j", ask="first", attempt=1, request_digest="d", status="answered", latency_seconds=0.1, reply=text
    )
    store = Store(tmp_path_factory.mktemp("store") / "attempts.jsonl", Attempt)
    with Writer(store) as writer:
        writer.append(record)
    assert list(store.records()) == [record]
    assert len(store.path.read_bytes().splitlines()) == 1


def test_a_lone_surrogate_becomes_the_replacement_character():
    record = Attempt(
        judgment="j", ask="first", attempt=1, request_digest="d", status="answered", latency_seconds=0, reply="a\ud800b"
    )
    assert record.reply == "a\ufffdb"


def test_replacing_leaves_the_old_records_when_it_fails(store):
    fill(store, "a")
    before = store.path.read_bytes()

    def records():
        yield choice("b")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.replace(records())
    assert store.path.read_bytes() == before
    assert [path.name for path in store.path.parent.iterdir()] == ["choices.jsonl"]


def test_write_atomically_replaces_the_whole_file(tmp_path):
    path = tmp_path / "deep" / "x.txt"
    write_atomically(path, "long text")
    write_atomically(path, "b")
    assert path.read_text() == "b"


def _hold(folder: Path, ready, release) -> None:
    with write_lock(folder):
        ready.set()
        release.wait(30)


def test_a_second_process_is_refused_and_a_killed_one_frees_the_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, release = context.Event(), context.Event()
    holder = context.Process(target=_hold, args=(tmp_path, ready, release))
    holder.start()
    assert ready.wait(30)
    with pytest.raises(StoreLocked, match=f"process {holder.pid}"), write_lock(tmp_path):
        pass
    holder.kill()
    holder.join()
    with write_lock(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_a_folder_that_cannot_be_locked_is_not_said_to_be_in_use(tmp_path, monkeypatch):
    def refused(stream, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refused)
    with pytest.raises(OSError, match="No locks available"), write_lock(tmp_path):
        pass


def test_two_processes_of_one_number_write_two_drafts(tmp_path):
    assert draft_of(tmp_path / "x") != draft_of(tmp_path / "x")


def test_a_run_is_begun_by_its_first_record_and_a_file_that_is_moved_meanwhile_stops_nobody(tmp_path, monkeypatch):
    run = RunFolder(tmp_path / "r")
    assert not run.is_begun
    records = run.generation("m").shard(1, 2).choices
    records.path.parent.mkdir(parents=True)
    (records.path.parent / "manifest.json").write_text("{}")
    records.path.touch()
    assert not run.is_begun
    look = Path.stat

    def stat(path: Path, **options):
        if path == records.path:
            path.unlink()  # a merge was quicker
        return look(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    assert run.is_begun
    monkeypatch.undo()
    fill(records, "a")
    assert run.is_begun
