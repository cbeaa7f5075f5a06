"""Traces: teacher forcing on the baseline's answers, written in parts, joined once, refused across tokenizers."""

import signal
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from generation.engine import Message, Traced, TraceRequest
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.pending import pending_orders, pending_traces
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from generation.traces import context
from ledger.errors import BadRecord, StaleInput
from ledger.manifests import read_manifest
from ledger.records import Question
from ledger.runs import GenerationFolder
from ledger.thinking import split_thinking
from ledger.traces import FILE_NAME, TRACES, Trace, TraceWriter, read_traces, trace_keys
from tests.house import HOUSE


def trace(question: str, length: int = 3) -> Trace:
    row = (1, 2)
    return Trace(
        ("m", "base", "s", question, 0, 1), (7,) * length, (-1.0,) * length, (row,) * length, ((-1.0, -2.0),) * length
    )


def order(folder, model: str, **changes) -> ModelJob:
    questions = tuple(
        Question(source="s", id=str(i), category="math", turns=("first?", "second?"), temperature=0.0) for i in range(5)
    )
    values = {"folder": folder / model, "model": model, "seed": 1, "max_tokens": 8, "questions": questions}
    return ModelJob(**(values | {"trace_top_k": 3, "baseline": folder / "base", "reads": (folder / "base",)} | changes))


def batch(*orders: ModelJob) -> LoadGroup:
    return LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=orders)


def rows(folder) -> list[dict]:
    return pq.read_table(folder / FILE_NAME).to_pylist()


def test_a_model_is_traced_along_the_baselines_own_answers(tmp_path):
    run_batch(batch(order(tmp_path, "base"), order(tmp_path, "base@control", control=True)), lambda _: ScriptedEngine())
    other = ScriptedEngine(write=lambda request: "something else")
    run_batch(batch(order(tmp_path, "cand")), lambda _: other)
    answers = {a.question.id: a for a in GenerationFolder(tmp_path / "base").answers.records()}
    for model in ("base", "base@control", "cand"):
        found = rows(tmp_path / model)
        assert {row["model"] for row in found} == {model}
        for id, answer in answers.items():
            for turn, written in enumerate(answer.turns, start=1):
                along = [row for row in found if (row["question"], row["turn"]) == (id, turn)]
                assert "".join(chr(row["token"]) for row in along) == written.text
                assert [row["position"] for row in along] == list(range(len(along)))
                assert all(len(row["top_tokens"]) == len(row["top_logprobs"]) == 3 for row in along)
    assert not (tmp_path / "cand" / TRACES.parts_name).exists()


def test_a_traced_turn_is_read_in_the_context_in_which_it_was_written(tmp_path):
    run_batch(batch(order(tmp_path, "base")), lambda _: ScriptedEngine(write=lambda r: f"reply {len(r.messages)}"))
    answer = next(GenerationFolder(tmp_path / "base").answers.records())
    assert context(answer, 1) == (Message("user", "first?"),)
    assert context(answer, 2) == (
        Message("user", "first?"),
        Message("assistant", "reply 1"),
        Message("user", "second?"),
    )


def test_a_second_run_traces_nothing_again(tmp_path):
    work = batch(order(tmp_path, "base"))
    run_batch(work, lambda _: ScriptedEngine())
    assert pending_orders(work) == []
    before = (tmp_path / "base" / FILE_NAME).read_bytes()
    run_batch(work, lambda _: pytest.fail("the engine was loaded"))
    assert (tmp_path / "base" / FILE_NAME).read_bytes() == before


def test_a_model_with_another_tokenizer_is_refused_by_name_and_the_rest_goes_on(tmp_path):
    run_batch(batch(order(tmp_path, "base")), lambda _: ScriptedEngine())
    for name, tokenizer, sentence in (
        ("cand", "words", "the tokenizer is not the baseline's"),
        ("served", None, "this engine gives none"),
    ):
        engine = ScriptedEngine()
        engine.facts["tokenizer"] = tokenizer
        run_batch(batch(order(tmp_path, name)), lambda _, engine=engine: engine)
        assert read_manifest(tmp_path / name).facts["traces_refused"] == sentence
        assert pending_orders(batch(order(tmp_path, name))) == []
        assert not (tmp_path / name / FILE_NAME).exists()
        assert len(list(GenerationFolder(tmp_path / name).answers.records())) == 5


def test_a_model_that_does_not_write_still_traces_the_baselines_answers(tmp_path):
    run_batch(batch(order(tmp_path, "base")), lambda _: ScriptedEngine())
    work = batch(order(tmp_path, "cand", writes=False))
    run_batch(work, lambda _: ScriptedEngine(write=lambda _: pytest.fail("it wrote")))
    assert not list(GenerationFolder(tmp_path / "cand").answers.records())
    traced = [
        {name: row[name] for name in ("question", "turn", "position", "token")} for row in rows(tmp_path / "cand")
    ]
    assert traced == [
        {name: row[name] for name in ("question", "turn", "position", "token")} for row in rows(tmp_path / "base")
    ]
    manifest = read_manifest(tmp_path / "cand")
    assert manifest is not None
    assert manifest.facts["planned"]["answers"] == 0
    assert pending_orders(work) == []


def test_a_model_that_reads_no_answers_traces_nothing(tmp_path):
    run_batch(batch(order(tmp_path, "base", reads=())), lambda _: ScriptedEngine())
    assert not (tmp_path / "base" / FILE_NAME).exists()


def test_parts_are_joined_and_a_killed_join_repeats_nothing(tmp_path):
    writer = TraceWriter(tmp_path, part_numbers=12)
    for name in "abcde":
        writer.append(trace(name))
    assert len(list((tmp_path / TRACES.parts_name).glob("*.parquet"))) == 2
    writer.flush()
    parts = {path: path.read_bytes() for path in (tmp_path / TRACES.parts_name).iterdir()}
    writer.close()
    assert len(rows(tmp_path)) == 15
    (tmp_path / TRACES.parts_name).mkdir()
    for path, content in parts.items():  # as if the join had been killed before it removed the parts
        path.write_bytes(content)
    resumed = TraceWriter(tmp_path, part_numbers=12)
    assert len(resumed.keys) == 5
    resumed.append(trace("f"))
    resumed.close()
    assert [row["question"] for row in rows(tmp_path)[::3]] == list("abcdef")
    with pytest.raises(ValueError, match="second trace"):
        TraceWriter(tmp_path).append(trace("a"))


KILLED_JOIN = """
import os, sys
from pathlib import Path
from ledger import traces
traces.os.fsync = lambda _: os.kill(os.getpid(), 9)
traces.TraceWriter(Path(sys.argv[1])).close()
"""


def test_a_killed_join_leaves_nothing_behind_that_the_next_does_not_remove(tmp_path):
    """Its draft is as large as all traces."""
    writer = TraceWriter(tmp_path)
    writer.append(trace("a"))
    writer.flush()
    joined = subprocess.run([sys.executable, "-c", KILLED_JOIN, str(tmp_path)], cwd=HOUSE, check=False)
    assert joined.returncode == -signal.SIGKILL
    assert [path.name.split(".")[1] for path in tmp_path.rglob(".*")] == ["traces"]
    TraceWriter(tmp_path).close()
    assert [path.name for path in tmp_path.rglob("*")] == [FILE_NAME]


def test_traces_of_a_killed_run_are_pending_again(tmp_path):
    class Stopping(ScriptedEngine):
        def step(self):
            if len(self.submitted) > 14:
                raise KeyboardInterrupt
            return super().step()

    work = order(tmp_path, "base")
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch(work), lambda _: Stopping(window=2))
    assert 0 < len(pending_traces(work)) <= 10
    run_batch(batch(work), lambda _: ScriptedEngine())
    assert len(trace_keys(tmp_path / "base")) == 10


@pytest.mark.parametrize(
    ("written", "thinking", "shown"),
    [
        ("<think>a b</think>\n\nfour", "a b", "four"),
        ("<think>never ends", "never ends", ""),
        ("plain", None, "plain"),
        ("the tag </think> closes <think>", None, "the tag </think> closes <think>"),
        ("<think></think>x", "", "x"),
    ],
)
def test_thinking_is_kept_apart(written, thinking, shown):
    assert split_thinking(written) == (thinking, shown)


def test_the_next_turn_does_not_see_the_thinking_and_only_thinking_is_empty(tmp_path):
    heard = []

    def write(request):
        heard.append(request.messages)
        return "<think>hm</think>four" if len(request.messages) == 1 else "<think>only this</think>"

    run_batch(batch(order(tmp_path, "base", reads=())), lambda _: ScriptedEngine(write=write))
    answer = next(GenerationFolder(tmp_path / "base").answers.records())
    assert [(turn.text, turn.thinking, turn.finish.value) for turn in answer.turns] == [
        ("four", "hm", "stop"),
        ("", "only this", "empty"),
    ]
    assert all("hm" not in message.content for messages in heard for message in messages)


def test_a_model_that_only_traces_is_not_continued_under_other_settings(tmp_path, monkeypatch):
    run_batch(batch(order(tmp_path, "base")), lambda _: ScriptedEngine())

    class Stopping(ScriptedEngine):
        def step(self):
            if len(self.submitted) > 4:
                raise KeyboardInterrupt
            return super().step()

    monkeypatch.setattr(TraceWriter.__init__, "__defaults__", (TRACES, 1))  # each trace is a part at once
    with pytest.raises(KeyboardInterrupt):
        run_batch(batch(order(tmp_path, "cand", writes=False)), lambda _: Stopping(window=1))
    assert trace_keys(tmp_path / "cand")
    with pytest.raises(StaleInput, match=r"cand/manifest\.json, trace_top_k: .*recorded 3, now 4"):
        run_batch(batch(order(tmp_path, "cand", writes=False, trace_top_k=4)), lambda _: ScriptedEngine())
    run_batch(batch(order(tmp_path, "cand", writes=False)), lambda _: ScriptedEngine())
    first, second = read_manifest(tmp_path / "cand").sessions
    assert first.records_found == 0 < second.records_found


def test_a_turn_without_room_in_the_context_is_named_and_not_tried_again(tmp_path):
    class Narrow(ScriptedEngine):
        def _reply(self, request):
            if isinstance(request, TraceRequest) and request.id in ("base/s/1/0/2", "base/s/3/0/2"):
                return Traced(request.id, (), (), (), ())
            return super()._reply(request)

    work = batch(order(tmp_path, "base"))
    run_batch(work, lambda _: Narrow())
    assert read_manifest(tmp_path / "base").facts["turns_too_long"] == ["base/s/1/0/2", "base/s/3/0/2"]
    assert len(trace_keys(tmp_path / "base")) == 8
    assert pending_orders(work) == []


def test_a_damaged_file_of_traces_is_named(tmp_path):
    (tmp_path / FILE_NAME).write_bytes(b"no Parquet at all")
    with pytest.raises(BadRecord, match=r"traces\.parquet: cannot be read as traces.* Mend or remove that file\.$"):
        trace_keys(tmp_path)


def test_another_k_in_the_next_trace_scrambles_nothing_and_within_one_it_is_refused(tmp_path):
    writer = TraceWriter(tmp_path)
    writer.append(trace("a"))
    wide = ((5, 6, 7),) * 3
    writer.append(Trace(("m", "base", "s", "b", 0, 1), (7,) * 3, (-1.0,) * 3, wide, ((-1.0, -2.0, -3.0),) * 3))
    writer.close()
    found = read_traces(tmp_path, "m")
    assert found["base", "s", "a", 0, 1].top_tokens.tolist() == [[1, 2]] * 3
    assert found["base", "s", "b", 0, 1].top_tokens.tolist() == [[5, 6, 7]] * 3
    uneven = TraceWriter(tmp_path / "uneven")
    tokens, logprobs = ((1, 2), (1,), (1, 2)), ((-1.0, -2.0), (-1.0,), (-1.0, -2.0))
    uneven.append(Trace(("m", "base", "s", "c", 0, 1), (7,) * 3, (-1.0,) * 3, tokens, logprobs))
    uneven.close()
    with pytest.raises(BadRecord, match="base/s/c/0/1 are of several lengths"):
        read_traces(tmp_path / "uneven", "m")


def test_a_part_is_bounded_by_its_numbers_because_k_may_be_the_whole_vocabulary(tmp_path):
    writer = TraceWriter(tmp_path, part_numbers=1000)
    row = tuple(range(1000))
    for name in "ab":
        writer.append(Trace(("m", "base", "s", name, 0, 1), (7,), (-1.0,), (row,), (tuple(map(float, row)),)))
    assert len(list((tmp_path / TRACES.parts_name).glob("*.parquet"))) == 2
