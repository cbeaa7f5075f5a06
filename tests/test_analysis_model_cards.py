"""Metadata for model cards, read back as the hub's own library reads it."""

from dataclasses import replace

import yaml
from huggingface_hub import parse_eval_result_entries
from huggingface_hub.repocard_data import ModelCardData, model_index_to_eval_results

from analysis.multiple_choice.flips import FlipResult
from analysis.rendering.formats.eval_results import DATASETS, eval_results
from analysis.rendering.formats.model_card import model_cards
from analysis.rendering.sentences.cells import cell
from analysis.statistics.estimates import Estimate
from analysis.statistics.item_scopes import ItemScope
from analysis.token_distributions.vocabulary_kl import VocabularyReport
from tests.run_folder import config, whole


def read_back(text):
    """The name and the results as huggingface_hub has them."""
    return model_index_to_eval_results(yaml.safe_load(text)["model-index"])


def test_the_hubs_library_reads_every_result(tmp_path):
    report = whole(tmp_path, config(margin=1.0)).report()
    assert list(model_cards(report)) == ["w8", "w4"]
    for place, (candidate, text) in enumerate(model_cards(report).items()):
        name, results = read_back(text)
        assert name == candidate
        found = {each.metric_type: each for each in results}
        change = report.decisions[place].primary.estimate
        assert found["rating_change"].metric_value == change.value
        assert found["rating_change"].metric_name == f"rating_change by judge-1: {cell(change)}"
        assert (found["rating_change"].task_type, found["flips"].task_type) == ("text-generation", "multiple-choice")
        assert found["flips"].dataset_name == "test"
        assert {type(each.metric_value) for each in results} == {float}
        assert all(each.source_url for each in results)
        assert all(report.config_digest in each.source_name for each in results)
        assert text.startswith(f"# {report.decisions[place].word}: {candidate} ")


def test_it_survives_the_hubs_card(tmp_path):
    text = model_cards(whole(tmp_path, config(margin=1.0)).report())["w8"]
    card = ModelCardData(**yaml.safe_load(text))
    assert len(card.eval_results) == len(read_back(text)[1]) > 5
    assert card.model_name == "w8"


def test_a_judge_whose_word_does_not_count_is_left_out_and_named(tmp_path):
    text = model_cards(whole(tmp_path, config(margin=1.0), right=0.2).report())["w8"]
    assert {each.task_type for each in read_back(text)[1]} == {"multiple-choice"}
    assert "# Left out: the judge judge-1 is not trusted" in text


def test_several_tasks_have_a_result_each_and_one_together(tmp_path):
    report = whole(tmp_path, config(("w8",), judge=False)).report()
    (picks,) = [each for each in report.choices if each.role == "candidate"]
    whole_row = next(row for row in picks.results if (str(row.scope), row.scoring) == ("all", "acc"))
    rows: list[FlipResult] = [replace(whole_row, scope=ItemScope(task)) for task in ("", "arc", "mmlu")]
    (choices,) = [row for row in report.coverage if (row.kind, row.model) == ("choices", "w8")]
    kl = Estimate("kl_vocabulary", "items", 60, 0.25, (0.2, 0.3))
    read = VocabularyReport("w8", "candidate", kl, None, (("arc", replace(kl, value=0.5)),), 20, False, 60, 0, None)
    made = report.model_copy(
        update={
            "choices": (replace(picks, results=tuple(rows)),),
            "coverage": tuple(replace(choices, scope=f"task {task}") for task in ("arc", "mmlu")),
            "vocabulary": (read,),
        }
    )
    _, results = read_back(model_cards(made)["w8"])
    assert [each.dataset_name for each in results if each.metric_type == "flips"] == ["arc, mmlu", "arc", "mmlu"]
    kls = {each.dataset_name: each.metric_value for each in results if each.metric_type == "kl_vocabulary"}
    assert kls == {"arc, mmlu": 0.25, "arc": 0.5}


def test_scores_of_known_benchmarks_are_read_by_the_hubs_library_and_others_are_left_out(tmp_path):
    report = whole(tmp_path, config(("w8",), judge=False)).report()
    assert eval_results(report) == {}
    (picks,) = [each for each in report.choices if each.role == "candidate"]
    row = next(row for row in picks.results if row.main and row.scope.shown)
    rows = tuple(replace(row, scope=ItemScope(task)) for task in ("mmlu", "own"))
    two = replace(picks, results=rows, equal=(("mmlu", (0, 60)), ("own", (0, 60))))
    text = eval_results(report.model_copy(update={"choices": (two,)}))["w8"]
    (entry,) = parse_eval_result_entries(yaml.safe_load(text))
    assert (entry.dataset_id, entry.task_id, entry.value) == ("cais/mmlu", "mmlu", row.accuracy.value)
    assert (entry.date, entry.source_name) == (report.made_at, f"Assay review {report.name}")
    assert entry.notes.startswith(f"acc: {cell(row.accuracy)}; change ")
    assert f"flips {cell(row.flips, with_n=False)}" in entry.notes
    assert all(name.count("/") == 1 for name in DATASETS.values())
