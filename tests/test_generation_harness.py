"""Tasks of lm-evaluation-harness: its prompts, our engine, and numbers equal to its own item by item."""

import json

import numpy as np
import pytest

from generation.choices import choice_from, score_request
from generation.engine import drive
from generation.harness import HarnessTask, harness_items
from generation.orders import EngineSpec
from generation.scripted_engine import ScriptedEngine
from ledger.errors import ConfigError
from tests.harness_lm import engine_lm

pytest.importorskip("lm_eval", reason="lm-evaluation-harness is not installed (extra tasks)")

FACTS = [
    ("France", ["Rome", "Paris", "Oslo"], 1),
    ("Italy", ["Rome", "Lima", "Madrid"], 0),
    ("Japan", ["Cairo", "Kyiv", "Tokyo"], 2),
    ("Egypt", ["Cairo", "Nairobi", "Rabat"], 0),
    ("Spain", ["Lisbon", "Madrid", "Paris"], 1),
    ("Norway", ["Oslo", "Stockholm", "Helsinki"], 0),
]
DATA = """
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}, train: {data}}}}}
test_split: test
training_split: train
output_type: multiple_choice
metric_list: [{{metric: acc}}, {{metric: acc_norm}}]
"""
LETTERS = """
task: capital_letters
num_fewshot: 2
doc_to_text: "Capital of {{country}}?\\nA. {{options[0]}}\\nB. {{options[1]}}\\nC. {{options[2]}}\\nAnswer:"
doc_to_choice: ["A", "B", "C"]
doc_to_target: gold
"""
ENDINGS = """
task: capital_endings
doc_to_text: "The capital of {{country}} is"
doc_to_choice: "{{options}}"
doc_to_target: gold
"""
BLANKS = """
task: capital_blanks
doc_to_text: gold
doc_to_choice: "{{sentences}}"
doc_to_target: "is a capital, and everybody knows it"
"""
TEXTS = {"capital_letters": LETTERS, "capital_endings": ENDINGS, "capital_blanks": BLANKS}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three local tasks in YAML: letters, continuations, and several inputs with one continuation."""
    path = tmp_path_factory.mktemp("tasks")
    rows = [
        {"country": country, "options": options, "gold": gold, "sentences": [f"Of {country}: {o}" for o in options]}
        for country, options, gold in FACTS
    ]
    (path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for name, text in TEXTS.items():
        (path / f"{name}.yaml").write_text(text + DATA.format(data=path / "data.jsonl"))
    group = {"group": "capitals", "task": list(TEXTS)}
    (path / "capitals.yaml").write_text(json.dumps(group))
    return path


def items(folder, name, **settings):
    return harness_items(HarnessTask(name, str(folder), **settings))


def test_the_harness_builds_the_prompts(folder):
    (first, *rest) = items(folder, "capital_letters")
    assert len(rest) == 5
    assert first.contexts[0].count("Answer:") == 3
    assert first.contexts[0].endswith("Capital of France?\nA. Rome\nB. Paris\nC. Oslo\nAnswer:")
    assert (first.continuations, first.options, first.gold) == ((" A", " B", " C"), ("A", "B", "C"), 1)
    assert items(folder, "capital_letters", num_fewshot=1)[0].contexts[0].count("Answer:") == 2


def test_a_task_of_several_inputs_has_a_context_an_option(folder):
    first = items(folder, "capital_blanks", limit=2)[0]
    assert first.contexts == ("Of France: Rome", "Of France: Paris", "Of France: Oslo")
    assert len(set(first.continuations)) == 1
    assert first.gold == 1
    assert score_request(first, "rendered").pairs[2] == ("Of France: Oslo", first.continuations[0])


def test_a_group_has_the_items_of_its_tasks(folder):
    found = items(folder, "capitals", limit=2)
    assert {item.task for item in found} == {"capitals"}
    assert sorted({item.subject for item in found}) == sorted(TEXTS)
    assert len({item.key for item in found}) == len(found) == 6


def test_the_document_and_the_prompt_have_hashes_of_their_own(folder):
    few, fewer = (items(folder, "capital_letters", num_fewshot=shots)[0] for shots in (2, 1))
    assert few.digest == fewer.digest
    choices = [choice_from("m", item, "rendered", ((-1.0,), (-2.0,), (-3.0,))) for item in (few, fewer)]
    assert choices[0].prompt_digest != choices[1].prompt_digest


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("output_type: loglikelihood_rolling\ndoc_to_target: gold\n", "type loglikelihood_rolling"),
        ("doc_to_target: [0, 1]\n", "several right answers"),
        ("doc_to_target: country\n", "no right answer"),
        ('doc_to_choice: ["only"]\ndoc_to_target: 0\n', "task odd, document 0: options: .* at least 2 items"),
    ],
)
def test_what_has_no_right_and_wrong_is_refused_by_name(folder, tmp_path, text, cause):
    base = DATA.format(data=folder / "data.jsonl")
    if "rolling" in text:
        base = base.replace("output_type: multiple_choice\n", "").replace(", {metric: acc_norm}", "")
    body = 'task: odd\ndoc_to_text: "{{country}}"\ndoc_to_choice: "{{options}}"\n' + text
    (tmp_path / "odd.yaml").write_text(body + base)
    with pytest.raises(ConfigError, match=cause):
        items(tmp_path, "odd", limit=2)


def test_an_unknown_task_is_refused(folder):
    with pytest.raises(ConfigError, match="no task 'capital_of_nowhere'"):
        items(folder, "capital_of_nowhere")


def test_missing_data_is_told_in_one_line(tmp_path):
    (tmp_path / "far.yaml").write_text("task: far\n" + ENDINGS.split("\n", 2)[2] + DATA.format(data="/nowhere.jsonl"))
    with pytest.raises(ConfigError, match="HF_HOME") as caught:
        items(tmp_path, "far")
    assert "\n" not in str(caught.value)


def samples(model, folder):
    import lm_eval
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    found = lm_eval.simple_evaluate(model=model, tasks=list(TEXTS), task_manager=manager, bootstrap_iters=0)
    return {
        (name, str(sample["doc_id"])): (sample["acc"], sample["acc_norm"])
        for name, rows in found["samples"].items()
        for sample in rows
    }


def ours(engine, folder):
    """Right or wrong by acc and acc_norm, from our own choices."""
    wanted = {item.key: item for name in TEXTS for item in items(folder, name)}
    requests = [score_request(item, "rendered") for item in wanted.values()]
    scored = {}
    drive(engine, requests, lambda reply: scored.update({reply.id: reply.logprobs}))
    found = {}
    for key, item in wanted.items():
        choice = choice_from("m", item, "rendered", scored["/".join(key)])
        found[key] = (float(choice.picked == item.gold), float(choice.picked_norm == item.gold))
    return found


def uneven(request):
    """Log-probabilities that depend on the text, so that acc and acc_norm differ."""
    return tuple((-((len(context) * 7 + len(text) * 13) % 11) - len(text) / 7,) for context, text in request.pairs)


@pytest.mark.filterwarnings("default")
def test_acc_and_acc_norm_are_the_harness_own_with_the_scripted_engine(folder):
    expected = samples(engine_lm(ScriptedEngine(score=uneven)), folder)
    found = ours(ScriptedEngine(score=uneven), folder)
    assert found == expected
    assert len(set(found.values())) > 2


@pytest.mark.filterwarnings("default")
def test_the_harness_own_logs_are_imported_as_the_same_choices(folder, tmp_path):
    """Logs that the installed harness has just written, read back: picks, right answers, log-probabilities."""
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    from assay.sources.lm_eval_folders import offered
    from assay.sources.lm_eval_logs import LogReader

    manager = TaskManager(include_path=str(folder), include_defaults=False)
    names = ["capital_letters", "capital_endings"]  # several inputs do not log which of three options is right
    engine = engine_lm(ScriptedEngine(score=uneven))
    found = lm_eval.simple_evaluate(model=engine, tasks=names, task_manager=manager, bootstrap_iters=0)
    samples = found.pop("samples")
    tracker = EvaluationTracker(output_path=str(tmp_path))
    tracker.save_results_aggregated(results=found, samples=samples)
    for name in names:
        tracker.save_results_samples(task_name=name, samples=samples[name])
    imported = {(log.task, c.item): c for log in offered([tmp_path]).logs for c in LogReader(log, "m").records()}
    assert len(imported) == 2 * len(FACTS)
    for name in names:
        for item in items(folder, name):
            choice = imported[name, item.id]
            (logprobs,) = {tuple(sum(each) for each in uneven(score_request(item, "rendered")))}
            assert choice.logprobs == pytest.approx(logprobs)
            assert (choice.gold, choice.task) == (item.gold, name)


@pytest.mark.model
@pytest.mark.filterwarnings("default")
def test_acc_and_acc_norm_are_the_harness_own_with_the_real_model(folder, smollm2):
    """Against the harness' own `hf` backend, item by item; float32, so that no tie is broken by rounding."""
    pytest.importorskip("torch", reason="torch is not installed (extra cpu, gpu or transformers)")
    from lm_eval.models.huggingface import HFLM

    from generation.transformers_engine import load_transformers

    base = str(smollm2)
    engine = load_transformers(EngineSpec(kind="transformers", model=base, arguments={"dtype": "float32"}))
    expected = samples(HFLM(pretrained=base, dtype="float32", device="cpu", batch_size=1), folder)
    assert ours(engine, folder) == expected
    assert samples(engine_lm(engine), folder) == expected
    assert np.mean([acc for acc, _ in expected.values()]) > 0.4


def test_a_tokenizer_that_cannot_be_loaded_is_not_said_to_lack_a_template(folder, tmp_path):
    with pytest.raises(ConfigError, match="tokenizer cannot be loaded here"):
        harness_items(HarnessTask("capital_letters", str(folder), tokenizer=str(tmp_path / "no-model")))
