"""Answers that are checked where they are written: seeds, thoughts, stop strings, resume, shards, repeats."""

import functools
import json
import os
import subprocess
import sys
import time

import pytest

from generation.engine import Written
from generation.orders import CheckedTask, EngineSpec, LoadGroup, ModelJob
from generation.pending import lacking_records, pending_solutions
from generation.scripted_engine import ScriptedEngine
from generation.shards import Shard, merge_shards, sharded
from generation.solutions import Repeat, SolutionPlan, write_solutions
from generation.stage import run_batch
from ledger.checked_items import CheckedItem
from ledger.errors import EngineError, StaleInput
from ledger.facts import ModelFacts
from ledger.manifests import read_manifest
from ledger.records import Finish
from ledger.runs import GenerationFolder
from ledger.solutions import Score
from ledger.store import Writer
from tests.house import HOUSE, model_folder


def item(id, **changes) -> CheckedItem:
    values = {"task": "t", "id": str(id), "subject": "x", "messages": (("user", f"{id} + 1 = ?"),), "max_tokens": 20}
    values |= {"document_digest": f"d{id}", "checker": "number", "targets": (str(id + 1),), "temperature": 0.7}
    return CheckedItem(**(values | changes))


def task(count=5, repeats=2, **changes) -> CheckedTask:
    return CheckedTask(**({"name": "t", "items": tuple(map(item, range(count))), "repeats": repeats} | changes))


def order(folder, model="m", control=False, **changes) -> ModelJob:
    values = {"folder": folder / model, "model": model, "control": control, "seed": 1, "checked": (task(),)}
    return ModelJob(**(values | changes))


def batch(*orders) -> LoadGroup:
    return LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=orders)


def add_one(request) -> str:
    """Right, but for the item 2."""
    first = int((request.prompt or request.messages[-1].content).split()[0])
    return f"It is {first + 1 + (first == 2)}"


def run(work, write=add_one) -> ScriptedEngine:
    engine = ScriptedEngine(write=write)
    run_batch(LoadGroup.model_validate_json(work.model_dump_json()), lambda spec: engine)
    return engine


def solutions(folder):
    found = list(GenerationFolder(folder).solutions.records())
    assert len({each.key for each in found}) == len(found)
    return {(each.item, each.repeat): each for each in found}


def test_each_repeat_is_asked_once_and_checked(tmp_path):
    run(batch(order(tmp_path)))
    found = solutions(tmp_path / "m")
    assert sorted(found) == [(str(i), r) for i in range(5) for r in range(2)]
    assert {i for (i, _), each in found.items() if each.scores[0].value} == {"0", "1", "3", "4"}
    one = found["2", 1]
    assert (one.text, one.scores[0].extracted, one.finish, one.temperature) == ("It is 4", "4", Finish.STOP, 0.7)
    assert (one.completion_tokens, one.subject) == (3, "x")
    assert ModelFacts.of(read_manifest(tmp_path / "m")).planned.solutions == 10
    assert run(batch(order(tmp_path))).submitted == []


def test_models_share_seeds_and_the_control_has_others_and_another_order(tmp_path):
    engines = {name: run(batch(order(tmp_path, name, "control" in name))) for name in ("a", "b", "a@control")}
    seeds = {name: {key: each.seed for key, each in solutions(tmp_path / name).items()} for name in engines}
    assert seeds["a"] == seeds["b"]
    assert len({*seeds["a"].values(), *seeds["a@control"].values()}) == 20
    assert engines["a"].submitted == engines["b"].submitted != engines["a@control"].submitted
    first = [name.rsplit("/", 1)[0] for name in engines["a@control"].submitted]
    assert first[::2] == first[1::2], "repeats of an item stand side by side: they share a prefix"


def test_after_a_kill_no_repeat_is_asked_twice_and_none_is_lost(tmp_path):
    whole = solutions_of_whole(tmp_path)
    asked: list[str] = []

    def dying(request):
        if len(asked) == 3:
            raise OSError("killed")
        asked.append(request.id)
        return add_one(request)

    with pytest.raises(EngineError, match="killed"):
        run(batch(order(tmp_path)), dying)
    path = tmp_path / "m" / "solutions.jsonl"
    with path.open("a") as stream:
        stream.write('{"version":1,"model":"m","ta')  # a torn line, as a kill leaves it
    rest = run(batch(order(tmp_path)))
    assert not {*asked} & {*rest.submitted}
    assert len(rest.submitted) == 10 - 3
    assert solutions(tmp_path / "m") == whole
    assert ModelFacts.of(read_manifest(tmp_path / "m")).torn_lines_removed == 1


def solutions_of_whole(folder):
    run(batch(order(folder / "whole", "m")))
    return solutions(folder / "whole" / "m")


@pytest.mark.parametrize("count", [1, 3, 20])
def test_merged_shards_equal_one_process(tmp_path, count):
    work = batch(order(tmp_path))
    for index in range(count):
        run(sharded(work, Shard(index + 1, count)))
    assert lacking_records(work.orders[0]) == 10
    assert merge_shards(work.orders[0]) == 10
    assert solutions(tmp_path / "m") == solutions_of_whole(tmp_path)
    assert lacking_records(work.orders[0]) == 0
    assert run(work).submitted == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"document_digest": "other"}, "edited"),
        ({"stop": ("\n",)}, "prompt_digest"),
        ({"max_tokens": 21}, "prompt_dig"),
    ],
)
def test_an_item_that_was_edited_or_is_asked_otherwise_is_refused(tmp_path, changes, field):
    run(batch(order(tmp_path)))
    edited = task().model_copy(update={"items": (item(0, **changes), *task().items[1:])})
    with pytest.raises(StaleInput, match=field):
        run(batch(order(tmp_path, checked=(edited,))))


def test_further_repeats_are_added_to_those_that_are_there(tmp_path):
    run(batch(order(tmp_path)))
    more = run(batch(order(tmp_path, checked=(task(repeats=3),))))
    assert [name.rsplit("/", 1)[1] for name in more.submitted] == ["2"] * 5
    assert len(solutions(tmp_path / "m")) == 15


def solved(tmp_path, text, finish=Finish.STOP, **changes):
    """One answer, straight from an engine's reply."""

    class Saying(ScriptedEngine):
        def _reply(self, request):
            return Written(request.id, text, finish, 4, 5)

    asked = task(1, 1, items=(item(0, **changes),))
    with Writer(GenerationFolder(tmp_path).solutions) as writer:
        write_solutions(Saying(), [Repeat(asked, asked.items[0], 0)], SolutionPlan("m", 1), writer)
    return solutions(tmp_path)["0", 0]


def test_a_thought_is_kept_apart_and_not_checked(tmp_path):
    found = solved(tmp_path, "\n<think>1? 2? 3?\n\nno</think>\n1", stop=("\n\n",))
    assert (found.thinking, found.text, found.scores[0].value) == ("1? 2? 3?\n\nno", "1", 1)


def test_thoughts_alone_are_no_answer(tmp_path):
    found = solved(tmp_path, "<think>It is 1, the answer is 1")
    assert (found.text, found.finish, found.scores[0].value, found.scores[0].extracted) == ("", Finish.EMPTY, 0, "")


def test_a_text_ends_before_the_first_stop_string(tmp_path):
    found = solved(tmp_path, " 1\nQuestion: 2", Finish.LENGTH, stop=("Question:", "\n"))
    assert (found.text, found.finish, found.scores[0].extracted) == (" 1", Finish.STOP, "1")


def test_a_text_that_was_cut_says_so(tmp_path):
    assert solved(tmp_path, "so 1", Finish.LENGTH).finish is Finish.LENGTH


def test_what_does_not_fit_the_context_overflows_and_solves_nothing(tmp_path):
    found = solved(tmp_path, "", Finish.OVERFLOW)
    assert (found.finish, found.scores[0].value) == (Finish.OVERFLOW, 0)


def test_a_bare_prompt_reaches_the_engine_as_it_is(tmp_path):
    heard = []

    def write(request):
        heard.append((request.prompt, request.messages, request.stop, request.top_p, request.verbatim))
        return add_one(request)

    asked = task(1, 1, items=(item(0, messages=(), prompt="0 + 1 =", stop=("\n",), top_p=0.9),))
    run(batch(order(tmp_path, checked=(asked,))), write)
    assert heard == [("0 + 1 =", (), ("\n",), 0.9, True)]


class Voting:
    """A scorer with a score of each text and one of all texts together."""

    def __init__(self, task):
        self.task = task

    def single(self, item, text):
        return (Score(metric="length", value=min(1.0, len(text) / 100)),) if self.task.singles else ()

    def together(self, item, texts):
        return (Score(metric="vote", value=float(len(set(texts)) < len(texts))),)


def voted(tmp_path, asked, pending, engine=None):
    engine = engine or ScriptedEngine(write=lambda request: f"text {request.seed % 2}")
    with Writer(GenerationFolder(tmp_path / "m").solutions) as writer:
        write_solutions(engine, pending, SolutionPlan("m", 1), writer, scorer=Voting)
    return solutions(tmp_path / "m")


def test_an_aggregate_stands_with_the_first_repeat(tmp_path):
    asked = task(2, 4, aggregates=True)
    work = order(tmp_path, checked=(asked,))
    found = voted(tmp_path, asked, pending_solutions(work))
    assert len(found) == 8
    assert [len(found["1", repeat].scores) for repeat in range(4)] == [2, 1, 1, 1]
    assert pending_solutions(work) == []
    assert work.planned().solutions == 8


def test_where_only_an_aggregate_is_scored_the_repeats_are_one(tmp_path):
    asked = task(2, 4, aggregates=True, singles=False)
    work = order(tmp_path, checked=(asked,))
    assert len(pending_solutions(work)) == 8
    found = voted(tmp_path, asked, pending_solutions(work))
    assert sorted(found) == [("0", 0), ("1", 0)]
    assert (found["0", 0].text, len(found["0", 0].text_digest) > 8, found["0", 0].completion_tokens) == (None, True, 8)
    assert pending_solutions(work) == []
    assert work.planned().solutions == 2


def test_an_aggregate_whose_repeats_were_lost_in_part_is_asked_again_as_far_as_it_must(tmp_path):
    asked = task(1, 3, aggregates=True)
    work = order(tmp_path, checked=(asked,))
    whole = voted(tmp_path, asked, pending_solutions(work))
    path = tmp_path / "m" / "solutions.jsonl"
    first, *_ = path.read_text().splitlines()
    assert json.loads(first)["repeat"] == 0
    path.write_text(first + "\n")
    assert [repeat.number for repeat in pending_solutions(work)] == [1, 2]
    assert voted(tmp_path, asked, pending_solutions(work)) == whole


KILLED = """
name = "r"
[baseline]
model = {model}
label = "base"
control = false
[[candidate]]
model = {model}
label = "cand"
[[task]]
name = "assay-solve"
repeats = 2
temperature = 0.5
[placement]
replicas = {replicas}
"""


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path, replicas):
    settings = dict(os.environ, ASSAY_SCRIPTED_ENGINE="1", CUDA_VISIBLE_DEVICES="")
    model = json.dumps(str(model_folder(tmp_path / "model")))
    (tmp_path / "r.toml").write_text(KILLED.format(model=model, replicas=replicas))
    command = [sys.executable, "-P", "-m", "assay.cli", "generate", str(tmp_path / "r.toml"), "--runs"]
    settings["PYTHONPATH"] = str(HOUSE)
    subprocess.run([*command, str(tmp_path / "whole")], env=settings, check=True, capture_output=True)
    slow = settings | {"ASSAY_SCRIPTED_SECONDS": "0.05"}
    killed = tmp_path / "killed" / "r" / "generation"
    for least in (5, 12):
        child = subprocess.Popen([*command, str(tmp_path / "killed")], env=slow, stderr=subprocess.DEVNULL)
        held = functools.partial(killed.rglob, "solutions.jsonl")
        until = time.monotonic() + 60
        while sum(path.read_bytes().count(b"\n") for path in held()) < least and time.monotonic() < until:
            assert child.poll() is None
            time.sleep(0.01)
        child.kill()
        child.wait()
    subprocess.run([*command, str(tmp_path / "killed")], env=settings, check=True, capture_output=True)
    for name in ("base", "cand"):
        whole = solutions(tmp_path / "whole" / "r" / "generation" / name)
        assert len(whole) == 128
        assert solutions(killed / name) == whole
    manifests = [read_manifest(killed / name) for name in ("base", "cand")]
    assert max(len(each.sessions) for each in manifests) > 1
    assert max(session.records_found for each in manifests for session in each.sessions) >= (5 if replicas == 1 else 0)
