"""Ten times the conversations is ten times the work: no step looks at all that has been done before.

Work is counted in calls of functions and in bytes, not in seconds, so the test cannot depend on the machine.
"""

import cProfile
import pstats

import pytest

from generation.orders import EngineSpec, LoadGroup, ModelJob, TaskItems
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from ledger.records import Item, Question
from ledger.runs import GenerationFolder

FEW, MANY = 1_000, 10_000


def batch(folder, count):
    questions = tuple(
        Question(source="s", id=str(number), category="math", turns=("Why?", "And?"), temperature=0.0)
        for number in range(count)
    )
    items = tuple(
        Item(task="t", id=str(number), subject="x", question="Which?", options=("a", "bb"), gold=0)
        for number in range(count)
    )
    tasks = (TaskItems(name="t", style="letters", items=items),)
    order = ModelJob(folder=folder, model="m", seed=1, questions=questions, tasks=tasks)
    return LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=(order,))


def halved(work):
    """The same work with the first half of its questions and items only."""
    (order,) = work.orders
    half = len(order.questions) // 2
    (task,) = order.tasks
    tasks = (task.model_copy(update={"items": task.items[:half]}),)
    return work.model_copy(
        update={"orders": (order.model_copy(update={"questions": order.questions[:half], "tasks": tasks}),)}
    )


def calls(work):
    profile = cProfile.Profile()
    profile.enable()
    run_batch(work, lambda spec: ScriptedEngine(window=64, batch=16))
    profile.disable()
    return pstats.Stats(profile).total_calls


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """Calls of a fresh half and of the resumed rest, and bytes written, by number of conversations."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda _: None)
        found = {}
        for count in (FEW, MANY):
            folder = tmp_path_factory.mktemp(f"scale{count}") / "m"
            work = batch(folder, count)
            first, rest = calls(halved(work)), calls(work)
            size = GenerationFolder(folder).answers.path.stat().st_size
            assert len(list(GenerationFolder(folder).answers.records())) == count
            found[count] = (first, rest, size)
    return found


@pytest.mark.parametrize("what", [0, 1, 2], ids=["fresh", "resumed", "bytes"])
def test_work_grows_with_the_conversations_and_no_faster(measured, what):
    few, many = (measured[count][what] for count in (FEW, MANY))
    assert many / few < 1.1 * MANY / FEW
