"""Generating tasks of lm-evaluation-harness: its prompts and filters, our engine, its own scores item by item."""

import json

import pytest

from assay.sources.material import ReviewTasks, checked_task
from generation.engine import WriteRequest
from generation.harness import HarnessTask, generates
from generation.harness_texts import Draws, HarnessScorer, harness_texts, offered_scores
from generation.orders import EngineSpec, LoadGroup, ModelJob
from generation.scripted_engine import ScriptedEngine
from generation.stage import run_batch
from ledger.config import config_from_text
from ledger.errors import ConfigError
from ledger.material_config import TaskConfig
from ledger.runs import GenerationFolder
from tests.harness_lm import engine_lm

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra tasks)")

SUMS = [(2, 3), (4, 1), (5, 5), (6, 2), (7, 1), (3, 3), (8, 2), (1, 1), (9, 1), (4, 4), (2, 6), (5, 2)]
DATA = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}, train: {data}}}}}
test_split: test
training_split: train
output_type: generate_until
"""
TWO_FILTERS = """
task: sums
num_fewshot: 3
fewshot_config: {sampler: first_n}
description: "Add up."
doc_to_text: "Question: What is {{a}} + {{b}}?\\nAnswer:"
doc_to_target: "{{a}} + {{b}} is {{a + b}}. #### {{a + b}}"
generation_kwargs: {until: ["\\n", "Question:"], do_sample: false, max_gen_toks: 24}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true, ignore_case: true, regexes_to_ignore: [".*#### "]}
filter_list:
  - {name: strict, filter: [{function: regex, regex_pattern: "#### (\\\\d+)"}, {function: take_first}]}
  - name: flexible
    filter: [{function: regex, group_select: -1, regex_pattern: "(\\\\d+)"}, {function: take_first}]
"""
PLAIN = """
task: capitals_said
doc_to_text: "What is {{a}} plus {{b}}?"
doc_to_target: "{{a + b}}"
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""
VOTES = """
task: votes
doc_to_text: "{{a}} + {{b}} ="
doc_to_target: "{{a + b}}"
repeats: 4
generation_kwargs: {until: ["\\n"], do_sample: true, temperature: 0.7, max_gen_toks: 8}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
filter_list:
  - {name: first, filter: [{function: remove_whitespace}, {function: take_first}]}
  - {name: vote, filter: [{function: remove_whitespace}, {function: majority_vote}, {function: take_first}]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tasks")
    (path / "data.jsonl").write_text("".join(json.dumps({"a": a, "b": b}) + "\n" for a, b in SUMS))
    for name, text in (("sums", TWO_FILTERS), ("capitals_said", PLAIN), ("votes", VOTES)):
        (path / f"{name}.yaml").write_text(text + DATA.format(data=path / "data.jsonl"))
    (path / "both.yaml").write_text(json.dumps({"group": "both", "task": ["sums", "capitals_said"]}))
    return path


def config(folder, name="sums", **changes) -> TaskConfig:
    return TaskConfig(name=name, include_path=str(folder), **changes)


def told(folder, name="sums", **changes):
    task = checked_task(config(folder, name, **changes))
    assert task is not None
    return task


def loose(request: WriteRequest) -> str:
    """Right, wrong and unreadable answers in turn, some only readable by the second filter."""
    asked = request.prompt or request.messages[-1].content
    a, b = (int(part) for part in asked.rsplit("What is ", 1)[-1].rstrip("?\nAnswer:").split("+"))
    ways = [f" {a} + {b} is {a + b}. #### {a + b}", f" It is {a + b}", f" #### {a}", " I do not know"]
    return ways[(a + 2 * b) % 4]


def harness_scores(model, folder, name="sums"):
    """(item, filter) → the harness' own exact_match and what its filter took."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = lm_eval.simple_evaluate(model=model, tasks=[name], task_manager=manager, bootstrap_iters=0)
    return {
        (str(each["doc_id"]), each["filter"]): (each["exact_match"], each["filtered_resps"][0], each["resps"][0][0])
        for each in found["samples"][name]
    }


def our_scores(engine, task, folder):
    """The same of ours, from the records that a stage wrote."""
    order = ModelJob(folder=folder / "m", model="m", seed=1, checked=(task,))
    batch = LoadGroup(engine=EngineSpec(kind="transformers", model="none"), orders=(order,))
    run_batch(LoadGroup.model_validate_json(batch.model_dump_json()), lambda spec: engine)
    records = list(GenerationFolder(order.folder).solutions.records())
    return {(each.item, s.filter): (s.value, s.extracted, each.text) for each in records for s in each.scores}


def same(ours, theirs):
    """Item by item: the score, the text, and what the filter took from it."""
    assert ours.keys() == theirs.keys()
    for key, (value, taken, text) in theirs.items():
        assert ours[key] == (value, "" if taken == "[invalid]" else taken, text)


@pytest.mark.filterwarnings("default")
def test_scores_of_two_filters_are_the_harness_own_with_the_scripted_engine(folder, tmp_path):
    theirs = harness_scores(engine_lm(ScriptedEngine(write=loose)), folder)
    same(our_scores(ScriptedEngine(write=loose), told(folder), tmp_path), theirs)
    strict = {theirs[key][0] for key in theirs if key[1] == "strict"}
    assert strict == {0, 1}
    assert any(theirs[i, "strict"][0] != theirs[i, "flexible"][0] for i, _ in theirs), "the filters disagree"


@pytest.mark.model
@pytest.mark.filterwarnings("default")
def test_scores_of_two_filters_are_the_harness_own_with_the_real_model(folder, tmp_path, smollm2):
    """Against the harness' own `hf` backend, item by item, greedy; float32, so that no tie is broken by rounding."""
    pytest.importorskip("torch", reason="torch is not installed (extra cpu, gpu or transformers)")
    from lm_eval.models.huggingface import HFLM

    from generation.transformers_engine import load_transformers

    base = str(smollm2)
    theirs = harness_scores(HFLM(pretrained=base, dtype="float32", device="cpu", batch_size=1), folder)
    engine = load_transformers(EngineSpec(kind="transformers", model=base, arguments={"dtype": "float32"}))
    same(our_scores(engine, told(folder), tmp_path), theirs)
    assert {value for value, _, _ in theirs.values()} == {0, 1}


def test_the_harness_builds_the_prompt_and_says_how_it_ends(folder):
    first = told(folder, limit=2).items[0]
    assert first.prompt.startswith("Add up.")
    assert first.prompt.endswith("Question: What is 2 + 3?\nAnswer:")
    assert first.prompt.count("####") == 3
    assert (first.stop, first.max_tokens, first.temperature) == (("\n", "Question:"), 24, 0)
    assert (first.task, first.id, first.subject, first.checker) == ("sums", "0", "sums", None)
    fewer = told(folder, num_fewshot=1).items[0]
    assert fewer.prompt.count("####") == 1
    assert (fewer.digest, fewer.prompt_digest != first.prompt_digest) == (first.digest, True)
    assert told(folder).items[0].prompt.count("####") == 3, "another call's shots are not the task's own"


def test_a_conversation_is_rendered_by_each_models_own_template(folder):
    first = told(folder, chat_template=True, num_fewshot=1, system="Be brief.").items[0]
    assert [role for role, _ in first.messages] == ["system", "user", "assistant", "user"]
    assert first.messages[0][1].startswith("Be brief.")
    assert first.messages[-1][1].endswith("What is 2 + 3?\nAnswer:")
    assert not first.prompt


def test_the_config_may_say_how_answers_are_drawn(folder):
    task = told(folder, temperature=0.6, top_p=0.9, max_tokens=5, repeats=3)
    first = task.items[0]
    assert (first.temperature, first.top_p, first.max_tokens, task.repeats) == (0.6, 0.9, 5, 3)
    assert (task.singles, task.aggregates) == (True, False)
    assert task.prompts["temperature"] == 0.6


def test_a_vote_needs_all_repeats_and_is_one_score(folder):
    task = told(folder, "votes")
    assert (task.repeats, task.singles, task.aggregates, task.items[0].temperature) == (4, True, True, 0.7)
    scorer = HarnessScorer(task.harness, task.repeats)
    first, texts = task.items[0], [" 5", " 4", " 5 ", " 7"]
    assert [scorer.single(first, text)[0].value for text in texts] == [1, 0, 1, 0]
    (vote,) = scorer.together(first, texts)
    assert (vote.scoring, vote.value, vote.extracted) == ("exact_match,vote", 1, "5")
    once = told(folder, "votes", repeats=1)
    assert (once.singles, once.aggregates) == (True, False)
    assert len(HarnessScorer(once.harness, 1).single(first, " 5")) == 2


def test_a_group_has_the_items_of_its_tasks(folder):
    task = told(folder, "both", limit=2)
    assert [item.id for item in task.items] == ["sums:0", "sums:1", "capitals_said:0", "capitals_said:1"]
    assert {item.subject for item in task.items} == {"sums", "capitals_said"}
    (found,) = HarnessScorer(task.harness, 1).single(task.items[2], "5")
    assert (found.scoring, found.value, found.extracted) == ("exact_match", 1, None)


ODD = """
task: odd
doc_to_text: "{{a}}"
doc_to_target: "{{b}}"
"""


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("generation_kwargs: {until: [x], repetition_penalty: 1.2}\n", "repetition_penalty = 1.2"),
        ("generation_kwargs: {until: [x], do_sample: true, temperature: 1.0, top_k: 5}\n", "top_k = 5"),
        ("unsafe_code: true\n", "runs code that a model has written"),
        ("metric_list: [{metric: ter, aggregation: ter, higher_is_better: false}]\n", "less is better"),
        ("repeats: 3\ngeneration_kwargs: {until: [x]}\n", "3 repeats at temperature 0"),
    ],
)
def test_what_cannot_be_done_as_the_harness_does_it_is_refused_by_name(folder, tmp_path, text, cause):
    metrics = "" if "metric_list" in text else "metric_list: [{metric: exact_match}]\n"
    (tmp_path / "odd.yaml").write_text(ODD + metrics + text + DATA.format(data=folder / "data.jsonl"))
    with pytest.raises(ConfigError, match=cause):
        told(tmp_path, "odd")


def test_settings_that_greedy_answers_do_not_depend_on_are_let_pass(folder, tmp_path):
    text = "generation_kwargs: {until: x, do_sample: false, temperature: 0.5, top_k: 5, num_beams: 1}\n"
    text += "metric_list: [{metric: exact_match}]\n"
    (tmp_path / "odd.yaml").write_text(ODD + text + DATA.format(data=folder / "data.jsonl"))
    (item, *_) = told(tmp_path, "odd").items
    assert (item.temperature, item.stop, item.max_tokens) == (0, ("x",), 256)


def test_a_document_that_is_another_one_here_is_refused(folder):
    task = told(folder)
    changed = task.items[0].model_copy(update={"document_digest": "other"})
    with pytest.raises(ConfigError, match="not the one that was planned"):
        HarnessScorer(task.harness, 1).single(changed, "5")


def test_a_group_of_both_kinds_is_refused(folder, tmp_path):
    pick = 'task: pick\ndoc_to_text: "Of {{a}}"\ndoc_to_target: x\ndoc_to_choice: ["x", "y"]\n'
    data = DATA.format(data=folder / "data.jsonl")
    (tmp_path / "pick.yaml").write_text(pick + data.replace("generate_until", "multiple_choice"))
    (tmp_path / "write.yaml").write_text(PLAIN.replace("capitals_said", "write") + data)
    (tmp_path / "mixed.yaml").write_text(json.dumps({"group": "mixed", "task": ["pick", "write"]}))
    with pytest.raises(ConfigError, match="written and tasks whose answers are picked"):
        generates(HarnessTask("mixed", str(tmp_path)))
    assert not generates(HarnessTask("pick", str(tmp_path)))
    with pytest.raises(ConfigError, match="`repeats` is for answers that are written"):
        checked_task(config(tmp_path, "pick", repeats=2))
    with pytest.raises(ConfigError, match="`vocabulary` is for multiple choice"):
        checked_task(config(tmp_path, "write", vocabulary=True))


def test_a_review_takes_tasks_of_both_kinds(folder, tmp_path):
    pick = 'task: pick\ndoc_to_text: "Of {{a}}"\ndoc_to_target: x\ndoc_to_choice: ["x", "y"]\n'
    data = DATA.format(data=folder / "data.jsonl").replace("generate_until", "multiple_choice")
    (tmp_path / "pick.yaml").write_text(pick + data)
    tasks = ReviewTasks([config(tmp_path, "pick"), config(folder), TaskConfig(limit=3)])
    assert [task.name for task in tasks.checked] == ["sums"]
    assert [task.name for task in tasks.picked("m")] == ["pick", "assay"]


def test_tasks_of_the_harness_have_different_repeats_only_by_the_config(folder, tmp_path):
    for name in ("sums", "votes"):
        (tmp_path / f"{name}.yaml").write_text((folder / f"{name}.yaml").read_text())
    (tmp_path / "g.yaml").write_text(json.dumps({"group": "g", "task": ["sums", "votes"]}))
    with pytest.raises(ConfigError, match="different `repeats`"):
        harness_texts(HarnessTask("g", str(tmp_path)), Draws())
    with pytest.raises(ConfigError, match="2 repeats at temperature 0"):
        told(tmp_path, "g", repeats=2)
    assert told(tmp_path, "g", repeats=2, temperature=0.5).repeats == 2


def test_a_group_where_one_task_scores_only_all_repeats_together_is_refused(folder, tmp_path):
    (tmp_path / "sums.yaml").write_text((folder / "sums.yaml").read_text())
    (tmp_path / "votes.yaml").write_text(
        (folder / "votes.yaml")
        .read_text()
        .replace("  - {name: first, filter: [{function: remove_whitespace}, {function: take_first}]}\n", "")
    )
    (tmp_path / "g.yaml").write_text(json.dumps({"group": "g", "task": ["sums", "votes"]}))
    with pytest.raises(ConfigError, match="only all repeats of an item together"):
        told(tmp_path, "g", repeats=2, temperature=0.5)
    alone = told(tmp_path, "votes")
    assert (alone.singles, alone.aggregates) == (False, True)


def test_the_harness_needs_no_checker_and_takes_none():
    head = 'name = "r"\n[baseline]\nmodel = "a"\n[[candidate]]\nmodel = "b"\n[[task]]\nname = "gsm8k"\n'
    with pytest.raises(ConfigError, match="no `checker`, no `stop`"):
        config_from_text(head + 'checker = "number"\n', "r.toml")


def test_the_scores_that_a_task_will_have_are_known_beforehand(folder):
    task = told(folder).harness
    assert offered_scores(task) == ({"exact_match"}, {"strict", "flexible"})
