"""Words instead of hashes: why two models were given different prompts, and what a --limit on one side means."""

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.evidence.prompt_differences import AFTER, BEFORE, excerpts
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.page import report_html
from assay.reporting import report_of
from ledger.config import read_config
from ledger.manifests import read_manifest
from ledger.runs import RunFolder
from tests.log_folders import LATER, STAMP, lines, model_logs, pair, pattern

RIGHTS = pattern("mmlu", 300)


def shown(preamble, noise=0.0):
    """The usual samples, each prompt with a preamble of this text."""
    found = lines("mmlu", RIGHTS, noise)
    for line in found:
        for request in line["arguments"].values():
            request["arg_0"] = preamble + request["arg_0"]
    return found


def told(compared, tmp_path, before, after):
    """What the report says of prompts that differ; `before` and `after`: a preamble and facts of the results file."""
    sides = {"bf16": (0.0, *before), "int4": (0.1, *after)}
    folders = [
        model_logs(tmp_path / name, name, {"mmlu": shown(preamble, noise)}, **facts)
        for name, (noise, preamble, facts) in sides.items()
    ]
    made = compared(*folders, name=tmp_path.name)
    assert made.code == 12
    return made


def test_another_number_of_shots_is_said_in_numbers(compared, tmp_path):
    zero, five = ("", {"n-shot": {"mmlu": 0}}), ("Example. " * 5, {"n-shot": {"mmlu": 5}})
    made = told(compared, tmp_path, five, zero)
    why = "prompt of item mmlu/0 of int4 is not the baseline's (num_fewshot 0 against the baseline's 5)"
    assert made.unnamed(why) == []
    page = made.read("report.html")
    assert page[: page.index("<nav ")].count(why) == 1
    assert made.decision["sentence"].count(why) == 1
    assert made.decision["sentence"].endswith("; so mmlu is not compared.")


def test_another_version_of_the_task_is_said(compared, tmp_path):
    made = told(compared, tmp_path, ("", {"versions": {"mmlu": 1.0}}), ("Now: ", {"versions": {"mmlu": 2.0}}))
    assert "task_version 2.0 against the baseline's 1.0" in made.read("report.html")


def test_a_date_in_a_template_is_shown(compared, tmp_path):
    before, after = (f"You are a helpful assistant. Today Date: {day} Jul 2026\n\n" for day in (26, 27))
    made = told(compared, tmp_path, (before, {}), (after, {}))
    for file in ("report.html", "terminal"):
        assert "Today Date: 27 Jul 2026" in made.read(file)
        assert "Today Date: 26 Jul 2026" in made.read(file)


def test_what_nothing_tells_is_a_hash(compared, tmp_path):
    made = told(compared, tmp_path, ("", {}), ("x" * 9000, {}))
    assert '"xxxx' in made.read("report.html")
    (tmp_path / "late").mkdir()
    late = told(compared, tmp_path / "late", ("y" * 8500 + "a", {}), ("y" * 8500 + "b", {}))
    assert '"…yyyyyyyyyyyyyyyyyyyyyyyya' in late.read("report.html")


@pytest.mark.parametrize("number", [1, 299])
def test_a_document_or_prompt_of_a_later_item_is_told_in_words(compared, tmp_path, number):
    plain, edited = shown(""), shown("", 0.1)
    edited[number]["doc"] = edited[number]["doc"] | {"question": "Another question?"}
    made = compared(*pair(tmp_path / "document", {"mmlu": plain}, {"mmlu": edited}), name="document")
    assert "Another question?" in made.read("terminal")
    assert "(hash " not in made.read("report.html")
    reworded = shown("", 0.1)
    for request in reworded[number]["arguments"].values():
        request["arg_0"] = "Reworded: " + request["arg_0"]
    made = compared(*pair(tmp_path / "prompt", {"mmlu": plain}, {"mmlu": reworded}), name="prompt")
    assert f"item mmlu/{number} of int4" in made.read("report.html")
    assert "Reworded: " in made.read("terminal")
    assert "(hash " not in made.read("report.html")


def test_models_that_were_shown_the_same_are_not_read_twice(compared, tmp_path, monkeypatch):
    from assay.sources import lm_eval_differences

    monkeypatch.setattr(lm_eval_differences, "_unlike_item", None)
    made = compared(*pair(tmp_path, {"mmlu": shown("")}, {"mmlu": shown("", 0.1)}))
    assert made.code != 70, made.error


def test_a_redacted_report_holds_no_text_of_a_prompt(compared, tmp_path):
    before, after = (f"SECRET preamble, day {day}. " for day in (26, 27))
    told(compared, tmp_path, (before, {}), (after, {}))
    run = RunFolder(tmp_path / "runs" / tmp_path.name)
    open_page = report_html(*report_of(read_config(run.config), run, "now", redact=False))
    report, shown = report_of(read_config(run.config), run, "now", redact=True)
    assert "SECRET" in open_page
    assert "SECRET" not in report_html(report, shown)
    assert "SECRET" not in report_json(report)
    assert "their texts of item 0 differ, and are left out here" in report_json(report)


def test_the_facts_of_a_group_are_found_by_the_group(compared, tmp_path):
    sides = []
    for name, shots, noise in (("bf16", 5, 0.0), ("int4", 0, 0.1)):
        found = shown(f"{shots} shots. ", noise)
        tasks = {"mm_a": [dict(line) for line in found], "arc": lines("arc", RIGHTS, noise)}
        facts = {"groups": {"mm": {"acc,none": 0.7}}, "group_subtasks": {"mm": ["mm_a"]}}
        sides.append(model_logs(tmp_path / name, name, tasks, **facts, **{"n-shot": {"mm_a": shots, "arc": 25}}))
    made = compared(*sides)
    assert "num_fewshot 0 against the baseline's 5" in made.read("report.html")


def test_a_limit_of_some_logs_alone_is_not_said_of_all(compared, tmp_path):
    sides = []
    for name, noise in (("bf16", 0.0), ("int4", 0.1)):
        folder = model_logs(tmp_path / name, name, {"mmlu": shown("", noise)})
        config = {"model": "vllm", "model_args": f"pretrained={name}", "limit": 100.0}
        model_logs(folder, name, {"arc": lines("arc", RIGHTS[:100], noise)}, stamp=LATER, config=config)
        sides.append(folder)
    made = compared(*sides)
    assert "beyond --limit" not in dict(made.report["not_looked_at"])


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
def test_an_excerpt_holds_the_first_difference_of_both(same, one, other):
    first, second = same + one, same + other
    if first != second:
        found = excerpts(first, second)
        assert found[0] != found[1]
        assert max(map(len, found)) <= 1 + BEFORE + AFTER
        assert all(each.removeprefix("…") in text for each, text in zip(found, (first, second), strict=True))


def test_the_kept_prompt_is_on_no_card_and_in_no_report_of_models_that_agree(compared, tmp_path):
    secret = "The preamble of a private benchmark. "
    made = compared(*pair(tmp_path, {"mmlu": shown(secret)}, {"mmlu": shown(secret, 0.1)}))
    manifest = read_manifest(RunFolder(tmp_path / "runs" / "review").generation("int4").path)
    assert manifest.facts["first_prompts"]["mmlu"]["text"].startswith(secret)
    assert all(secret not in made.read(file) for file in ("report.md", "report.json", "junit.xml", "terminal"))
    assert "first_prompts" not in made.read("report.html")


def test_a_limit_on_one_side_is_named_with_the_right_advice(compared, tmp_path):
    whole = model_logs(tmp_path / "bf16", "bf16", {"mmlu": shown("")})
    config = {"model": "vllm", "model_args": "pretrained=int4", "limit": 100.0}
    part = model_logs(tmp_path / "int4", "int4", {"mmlu": shown("")[:100]}, config=config)
    made = compared(whole, part)
    assert made.code == 12
    why = "bf16 alone has 200 of its items: int4 was run with --limit 100. Run int4 again as bf16 was run"
    assert made.unnamed(why) == []
    assert "int4 ran with --limit 100: run them again without it" in made.decision["settle"]
    assert "do not help" not in made.decision["settle"]


@pytest.mark.parametrize("more", [[], ["--proves", "mmlu"]])
@pytest.mark.parametrize(
    ("limit", "said"),
    [(1.0, "bf16, int4 ran with --limit 1: run them again without it."), (None, "Take more items for accuracy_change")],
)
def test_few_items_are_no_reason_to_give_up_on_a_task(compared, tmp_path, limit, said, more):
    sides = [
        model_logs(
            tmp_path / name,
            name,
            {"mmlu": lines("mmlu", RIGHTS[:1], noise)},
            config={"model": "vllm", "model_args": f"pretrained={name}"} | ({"limit": limit} if limit else {}),
        )
        for name, noise in (("bf16", 0.0), ("int4", 0.1))
    ]
    made = compared(*sides, *more)
    assert made.code == 12
    assert made.decision["settle"].startswith(said)
    assert "help" not in made.decision["settle"]


def test_a_limit_does_not_excuse_other_evidence_that_is_unfit(compared, tmp_path):
    sides = [
        model_logs(
            tmp_path / name,
            name,
            {"mmlu": shown(f"{noise} ", noise)[:100]},
            config={"model": "vllm", "model_args": f"pretrained={name}", "limit": 100.0},
        )
        for name, noise in (("bf16", 0.0), ("int4", 0.1))
    ]
    settle = compared(*sides).decision["settle"]
    assert "ran with --limit 100" in settle
    assert "Mend the evidence of accuracy_change first" in settle


def test_a_limit_on_both_sides_is_among_what_was_not_looked_at(compared, tmp_path):
    sides = [
        model_logs(
            tmp_path / name,
            name,
            {"mmlu": shown("", noise)[:100]},
            config={"model": "vllm", "model_args": f"pretrained={name}", "limit": 100.0},
        )
        for name, noise in (("bf16", 0.0), ("int4", 0.1))
    ]
    made = compared(*sides)
    areas = {area: cause["text"] for area, cause in made.report["not_looked_at"]}
    assert "every model was run with --limit 100" in areas["beyond --limit"]
    assert "beyond --limit" in made.read("terminal")


def test_a_chat_template_that_asks_the_clock_is_a_note(compared, tmp_path):
    template = "{% set date_string = strftime_now('%d %b %Y') %}"
    one = model_logs(tmp_path / "bf16", "bf16", {"mmlu": shown("")})
    other = model_logs(tmp_path / "int4", "int4", {"mmlu": shown("", 0.1)}, chat_template=template)
    made = compared(one, other)
    assert "The chat template of int4 asks the clock" in made.read("report.html")
    assert "The chat template of bf16" not in made.read("report.html")


def test_packed_logs_and_marked_results_say_what_plain_ones_say(compared, tmp_path):
    plain = compared(*pair(tmp_path / "plain", {"mmlu": shown("")}, {"mmlu": shown("", 0.1)}), name="plain").report
    folders = pair(tmp_path / "packed", {"mmlu": shown("")}, {"mmlu": shown("", 0.1)})
    for folder in folders:
        log = folder / f"samples_mmlu_{STAMP}.jsonl"
        (folder / f"{log.name}.gz").write_bytes(gzip.compress(log.read_bytes()))
        log.unlink()
        results = folder / f"results_{STAMP}.json"
        results.write_bytes(b"\xef\xbb\xbf" + results.read_bytes())
    packed = compared(*folders, name="packed").report
    assert packed["decisions"][0]["word"] == plain["decisions"][0]["word"]
    assert packed["choices"] == json.loads(json.dumps(plain["choices"]))


def test_a_packed_log_that_ends_too_early_is_named(compared, tmp_path):
    folders = pair(tmp_path, {"mmlu": shown("")}, {"mmlu": shown("", 0.1)})
    log = folders[1] / f"samples_mmlu_{STAMP}.jsonl"
    (folders[1] / f"{log.name}.gz").write_bytes(gzip.compress(log.read_bytes())[:-40])
    log.unlink()
    made = compared(*folders)
    assert made.code == 64
    assert "cannot be unpacked" in made.error


@pytest.mark.parametrize("both", [True, False])
def test_a_packed_and_a_plain_log_of_one_task_are_not_both_taken_in_silence(compared, tmp_path, both):
    folders = pair(tmp_path, {"mmlu": shown("")}, {"mmlu": shown("", 0.1)})
    if both:
        log = folders[1] / f"samples_mmlu_{STAMP}.jsonl"
        (folders[1] / f"{log.name}.gz").write_bytes(gzip.compress(log.read_bytes()))
    made = compared(*folders)
    assert (made.code == 64) is both, made.error
