"""One model's part of a review, run on the scripted engine: turns, seeds, resume, refusals."""

import errno
import json
import math
import os

import pytest

from generation.engine import Message, Written
from generation.orders import EngineSpec, LoadGroup, ModelJob, TaskItems
from generation.pending import pending_answers, pending_choices, pending_orders
from generation.sampling import temperature_of, turn_seed
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from ledger.errors import ConfigError, EngineError, StaleInput
from ledger.manifests import read_manifest, write_manifest
from ledger.records import Finish, Item, Question
from ledger.runs import GenerationFolder
from ledger.store import Writer


def question(id: int, turns: tuple[str, ...] = ("first?", "second?")) -> Question:
    return Question(source="s", id=str(id), category="math", turns=turns, temperature=0.0)


def item(id: int, gold: int = 0) -> Item:
    return Item(task="t", id=str(id), subject="x", question=f"q{id}?", options=("a", "bbb", "cc"), gold=gold)


def order(folder, model="m", control=False, count=4, seed=1, **changes) -> ModelJob:
    values = {
        "folder": folder / model,
        "model": model,
        "control": control,
        "seed": seed,
        "max_tokens": 8,
        "questions": tuple(question(i) for i in range(count)),
        "tasks": (TaskItems(name="t", style="continuation", items=tuple(item(i) for i in range(count))),),
    }
    return ModelJob(**(values | changes))


def batch(*orders: ModelJob) -> LoadGroup:
    return LoadGroup(engine=EngineSpec(kind="vllm", model="none"), orders=orders)


def run(work: LoadGroup, engine: ScriptedEngine | None = None) -> ScriptedEngine:
    engine = engine or ScriptedEngine(window=4)
    run_batch(work, lambda spec: engine)
    return engine


def answers(folder):
    return list(GenerationFolder(folder).answers.records())


def choices(folder):
    return list(GenerationFolder(folder).choices.records())


def test_the_second_turn_sees_the_first_answer(tmp_path):
    heard = {}

    def write(request):
        heard[request.id, len(request.messages)] = request.messages
        return f"reply {len(request.messages)}"

    run(batch(order(tmp_path, count=1)), ScriptedEngine(write=write))
    answer = answers(tmp_path / "m")[0]
    assert [turn.text for turn in answer.turns] == ["reply 1", "reply 3"]
    assert heard["s/0/0", 3] == (Message("user", "first?"), Message("assistant", "reply 1"), Message("user", "second?"))


def test_one_load_serves_baseline_and_control(tmp_path):
    loads = []

    def load(spec):
        loads.append(spec)
        return ScriptedEngine()

    run_batch(batch(order(tmp_path), order(tmp_path, "m@control", control=True)), load)
    assert len(loads) == 1
    assert len(answers(tmp_path / "m")) == len(answers(tmp_path / "m@control")) == 4


def test_models_share_seeds_and_admission_order_and_the_control_has_its_own(tmp_path):
    engines = {name: ScriptedEngine() for name in ("a", "b", "b@control")}
    for name, engine in engines.items():
        run(batch(order(tmp_path, name, control=name.endswith("control"), count=12)), engine)
    seeds = {name: {a.question.id: [t.seed for t in a.turns] for a in answers(tmp_path / name)} for name in engines}
    assert seeds["a"] == seeds["b"]
    assert engines["a"].submitted == engines["b"].submitted
    assert not set(map(str, seeds["a"].values())) & set(map(str, seeds["b@control"].values()))
    assert engines["b@control"].submitted != engines["b"].submitted
    assert sorted(engines["b@control"].submitted) == sorted(engines["b"].submitted)


def test_seeds_differ_by_question_sample_and_turn():
    seeds = {turn_seed(1, question(q), sample, turn) for q in range(5) for sample in range(3) for turn in (1, 2)}
    assert len(seeds) == 30
    assert turn_seed(1, question(0), 0, 1) == turn_seed(1, question(0), 0, 1)


def test_temperatures_follow_mt_bench():
    assert [temperature_of(c) for c in ("writing", "stem", "math", "poetry")] == [0.7, 0.1, 0.0, 0.7]


def test_a_second_run_loads_nothing_and_changes_nothing(tmp_path):
    run(batch(order(tmp_path)))
    before = (tmp_path / "m" / "answers.jsonl").read_bytes()
    run_batch(batch(order(tmp_path)), lambda spec: pytest.fail("the engine was loaded"))
    assert (tmp_path / "m" / "answers.jsonl").read_bytes() == before


def test_an_interrupted_run_is_finished_by_the_next(tmp_path):
    class Stopping(ScriptedEngine):
        steps = 0

        def step(self):
            self.steps += 1
            if self.steps == 9:
                raise KeyboardInterrupt
            return super().step()

    with pytest.raises(KeyboardInterrupt):
        run(batch(order(tmp_path)), Stopping(window=2))
    done = len(answers(tmp_path / "m"))
    assert 0 < done < 4
    engine = run(batch(order(tmp_path)))
    assert {a.question.id for a in answers(tmp_path / "m")} == {"0", "1", "2", "3"}
    assert len(engine.submitted) == 2 * (4 - done)
    assert len(read_manifest(tmp_path / "m").sessions) == 2


def test_what_another_process_wrote_while_this_one_loaded_is_not_written_again(tmp_path):
    work, engine = batch(order(tmp_path)), ScriptedEngine()

    def load(spec):
        run(work)
        return engine

    run_batch(work, load)
    assert engine.submitted == []
    assert (len(answers(tmp_path / "m")), len(choices(tmp_path / "m"))) == (4, 4)


def test_a_torn_line_is_cut_and_told_in_the_manifest(tmp_path):
    run(batch(order(tmp_path)))
    path = tmp_path / "m" / "answers.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    run(batch(order(tmp_path)))
    assert len(answers(tmp_path / "m")) == 4
    assert read_manifest(tmp_path / "m").facts["torn_lines_removed"] == 1


def test_what_an_engine_learns_while_it_runs_is_written_down(tmp_path):
    class Learning(ScriptedEngine):
        def step(self):
            self.facts["served_models"] = ["m-2026"]
            return super().step()

    run(batch(order(tmp_path)), Learning())
    assert read_manifest(tmp_path / "m").facts["served_models"] == ["m-2026"]


def test_new_questions_join_a_run_and_edited_ones_stop_it(tmp_path):
    run(batch(order(tmp_path)))
    engine = run(batch(order(tmp_path, count=5)))
    assert engine.submitted == ["t/4", "s/4/0", "s/4/0"]
    edited = order(tmp_path, questions=(question(0, ("other?", "second?")),))
    with pytest.raises(StaleInput, match="s/0"):
        pending_answers(edited)
    wrong = order(tmp_path, tasks=(TaskItems(name="t", style="continuation", items=(item(0, gold=1),)),))
    with pytest.raises(StaleInput, match="t/0"):
        pending_choices(wrong)


def test_other_settings_stop_a_run_before_the_first_record(tmp_path):
    run(batch(order(tmp_path)))
    with pytest.raises(StaleInput, match=r"seed: .*recorded 1, now 2"):
        run(batch(order(tmp_path, seed=2, count=5)))
    assert len(answers(tmp_path / "m")) == 4


def test_truncated_empty_and_overflowing_replies_are_states(tmp_path):
    class Overflowing(ScriptedEngine):
        def _reply(self, request):
            if len(request.messages) > 1:
                return Written(request.id, "", Finish.OVERFLOW, 99, 0)
            return super()._reply(request)

    texts = {"long?": "w " * 50, "blank?": "  ", "fine?": "fine"}
    asked = tuple(
        Question(source="s", id=name, category="math", turns=(name, "next?", "last?"), temperature=0.0)
        for name in texts
    )
    engine = Overflowing(write=lambda request: texts[request.messages[0].content])
    run(batch(order(tmp_path, questions=asked, tasks=())), engine)
    states = {a.question.id: [turn.finish.value for turn in a.turns] for a in answers(tmp_path / "m")}
    assert states == {
        "long?": ["length", "overflow", "overflow"],
        "blank?": ["empty", "overflow", "overflow"],
        "fine?": ["stop", "overflow", "overflow"],
    }


def test_samples_are_answered_one_by_one(tmp_path):
    run(batch(order(tmp_path, samples=3, tasks=())))
    assert sorted((a.question.id, a.sample) for a in answers(tmp_path / "m")) == [
        (str(q), sample) for q in range(4) for sample in range(3)
    ]


def test_choices_pick_the_first_maximum_with_and_without_length(tmp_path):
    tied = item(0).model_copy(update={"options": ("aaaa", "bb", "cc")})
    values = {"t/0": ((-4.0,), (-3.0,), (-1.0, -2.0))}
    engine = ScriptedEngine(score=lambda request: values[request.id])
    run(batch(order(tmp_path, questions=(), tasks=(TaskItems(name="t", style="continuation", items=(tied,)),))), engine)
    found = choices(tmp_path / "m")[0]
    assert found.logprobs == (-4.0, -3.0, -3.0)
    assert found.picked == 1
    assert found.picked_norm == 0
    assert (found.characters, found.tokens) == ((4, 2, 2), (1, 1, 2))


def test_letters_are_scored_after_the_shown_options(tmp_path):
    seen = []

    def score(request):
        seen.append(request)
        return ((-1.0,), (-2.0,), (-3.0,))

    work = order(tmp_path, questions=(), tasks=(TaskItems(name="t", style="letters", items=(item(0),)),))
    run(batch(work), ScriptedEngine(score=score))
    assert seen[0].context == "q0?\nA. a\nB. bbb\nC. cc\nAnswer:"
    assert seen[0].continuations == (" A", " B", " C")
    assert choices(tmp_path / "m")[0].characters == (1, 1, 1)


def test_more_options_than_letters_are_refused_before_anything_is_run(tmp_path):
    options = tuple(map(str, range(27)))
    long = item(0).model_copy(update={"options": options})
    with pytest.raises(ConfigError, match=r'task t: item 0 has 27 options, .* Use style = "continuation"'):
        TaskItems(name="t", style="letters", items=(long,))
    assert TaskItems(name="t", style="continuation", items=(long,)).items == (long,)


def test_a_failing_engine_keeps_what_was_done(tmp_path):
    class Failing(ScriptedEngine):
        def step(self):
            if len(self.submitted) > 6:
                raise EngineError("out of memory")
            return super().step()

    with pytest.raises(EngineError):
        run(batch(order(tmp_path, tasks=())), Failing(window=2))
    assert len(answers(tmp_path / "m")) >= 1
    assert pending_orders(batch(order(tmp_path, tasks=())))


def test_work_orders_survive_json(tmp_path):
    work = batch(order(tmp_path), order(tmp_path, "c", control=True))
    assert LoadGroup.model_validate_json(work.model_dump_json()) == work
    assert json.loads(work.model_dump_json())["orders"][1]["control"] is True


def test_a_run_is_not_continued_at_another_endpoint(tmp_path):
    def served(url: str, count: int) -> LoadGroup:
        spec = EngineSpec(kind="openai", model="m", base_url=url)
        return LoadGroup(engine=spec, orders=(order(tmp_path, count=count),))

    run(served("http://user:secret@one.invalid:8000/v1", 2))
    with pytest.raises(StaleInput, match=r"endpoint: .*one\.invalid:8000.*two\.invalid"):
        run(served("https://two.invalid/v1", 3))
    assert "secret" not in (tmp_path / "m" / "manifest.json").read_text()


def test_weights_that_changed_after_the_last_record_stop_the_next_run(tmp_path):
    model = tmp_path / "model"
    model.mkdir()

    def work() -> LoadGroup:
        return LoadGroup(engine=EngineSpec(kind="vllm", model=str(model)), orders=(order(tmp_path),))

    (model / "model.safetensors").write_bytes(b"four bits")
    run(work())
    assert not pending_orders(work())
    (model / "model.safetensors").write_bytes(b"four bits, quantized anew")
    sentence = r"m/manifest\.json, weights: .*recorded .sha256:.*, now .sha256:"
    with pytest.raises(StaleInput, match=sentence):
        pending_orders(work())


def test_settings_amended_after_the_last_record_stop_the_next_run(tmp_path):
    run(batch(order(tmp_path)))
    with pytest.raises(StaleInput, match=r"max_tokens: .*recorded 8, now 9"):
        pending_orders(batch(order(tmp_path, max_tokens=9)))


def test_a_run_is_not_continued_on_another_processor_unless_allowed(tmp_path):
    def computed_by(name):
        engine = ScriptedEngine()
        engine.facts["processor"] = name
        return engine

    run(batch(order(tmp_path, count=2)), computed_by("A"))
    with pytest.raises(StaleInput) as stopped:
        run(batch(order(tmp_path)), computed_by("B"))
    assert (stopped.value.recorded, stopped.value.present) == ("A", "B")
    assert "processor" in str(stopped.value)
    assert 'allow_different = ["processor"]' in str(stopped.value)
    assert len(answers(tmp_path / "m")) == 2
    assert read_manifest(tmp_path / "m").facts["processor"] == "A"
    run(batch(order(tmp_path, count=3)), computed_by("A"))
    run(batch(order(tmp_path, may_differ=("processor",))), computed_by("B"))
    assert len(answers(tmp_path / "m")) == len(choices(tmp_path / "m")) == 4


def test_what_shards_of_other_processors_made_does_not_stop_the_one_that_goes_on(tmp_path):
    engine = ScriptedEngine()
    engine.facts["processor"] = "A"
    run(batch(order(tmp_path, count=2)), engine)
    manifest = read_manifest(tmp_path / "m")
    merged = {**manifest.facts, "shards": {"2-of-2": {"sessions": 1, "processor": "B"}}}
    write_manifest(tmp_path / "m", manifest.model_copy(update={"facts": merged}))
    run(batch(order(tmp_path)), engine)
    assert len(answers(tmp_path / "m")) == 4


def test_weights_are_hashed_once_for_all_that_is_asked_of_a_batch(tmp_path, monkeypatch):
    hashed = []
    monkeypatch.setattr("generation.orders.weights_digest", lambda folder: hashed.append(folder))
    work = batch(order(tmp_path), order(tmp_path, "m@control", control=True))
    run(work)
    assert not pending_orders(work)
    assert len(hashed) == 1


def test_choices_that_were_paid_for_are_kept_when_the_engine_fails(tmp_path):
    class Failing(ScriptedEngine):
        def step(self):
            if len(self.submitted) > 7:
                raise EngineError("out of memory")
            return super().step()

    with pytest.raises(EngineError, match="out of memory"):
        run(batch(order(tmp_path, count=12, questions=())), Failing(window=2))
    assert [choice.item for choice in choices(tmp_path / "m")] == ["0", "1", "2", "3", "4", "5"]


def test_a_hub_models_revision_stands_in_its_manifest(tmp_path, monkeypatch):
    monkeypatch.setattr("generation.stage.hub_revision", lambda model, revision: f"{model} at {revision}")
    spec = EngineSpec(kind="vllm", model="org/m", arguments={"revision": "next"})
    run(LoadGroup(engine=spec, orders=(order(tmp_path),)))
    assert read_manifest(tmp_path / "m").facts["revision"] == "org/m at next"


def test_choices_whose_writing_failed_are_not_written_twice(tmp_path, monkeypatch):
    """A network file system tells of a full quota once, when the records may be on the disk already."""
    real, append, failed = os.fsync, Writer.append, []

    def fsync(file):
        real(file)
        if not failed:
            failed.append(file)
            raise OSError(errno.EDQUOT, "quota exceeded")

    def failing_once(writer, *records):
        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", fsync)
            append(writer, *records)

    monkeypatch.setattr(Writer, "append", failing_once)
    with pytest.raises(OSError, match="quota exceeded"):
        run(batch(order(tmp_path, questions=())))
    run(batch(order(tmp_path, questions=())))
    assert [choice.item for choice in choices(tmp_path / "m")] == ["0", "1", "2", "3"]


def test_an_option_that_is_impossible_has_no_log_probability(tmp_path):
    engine = ScriptedEngine(score=lambda request: ((-math.inf,), (-3.0,), (-1.0, -math.inf)))
    run(batch(order(tmp_path, count=1, questions=())), engine)
    found = choices(tmp_path / "m")[0]
    assert (found.logprobs, found.picked, found.picked_norm) == ((None, -3.0, None), 1, 1)
