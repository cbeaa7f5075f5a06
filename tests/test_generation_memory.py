"""Ten thousand conversations: memory stays flat, because only what is in flight is held."""

import tracemalloc

from generation.answers import AnswerPlan, write_answers
from generation.scripted_engine import ScriptedEngine
from ledger.records import Answer, Question
from ledger.store import Store, Writer

CONVERSATIONS = 10_000
TEXT = "word " * 200


class Conversations:
    """All of them, each made when it is its turn."""

    def __len__(self):
        return CONVERSATIONS

    def __iter__(self):
        for number in range(CONVERSATIONS):
            turns = (f"question {number}?", "and then?")
            yield Question(source="s", id=str(number), category="math", turns=turns, temperature=0.0), 0


def test_ten_thousand_conversations_are_not_held_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # the disk's patience is not what is measured
    engine = ScriptedEngine(write=lambda request: TEXT, window=64, batch=16)
    engine.submitted = type("Counter", (list,), {"append": lambda self, name: None})()
    store = Store(tmp_path / "answers.jsonl", Answer)
    tracemalloc.start()
    with Writer(store) as writer:
        write_answers(engine, Conversations(), AnswerPlan("m", 1, 1000), writer)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert store.path.stat().st_size > CONVERSATIONS * 2 * len(TEXT)
    assert peak < 20 * 2**20
