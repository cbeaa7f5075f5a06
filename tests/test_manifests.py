"""Manifests: sessions are counted, other settings are refused by field."""

import json

import pytest

from ledger.digests import digest_of, file_digest, weights_digest
from ledger.errors import BadRecord, StaleInput
from ledger.facts import JudgeFacts, ModelFacts, PlannedRecords
from ledger.manifests import MANIFEST_NAME, open_manifest, read_manifest, write_manifest
from ledger.runs import folder_name
from ledger.store import write_atomically


def test_a_resumed_run_has_two_sessions_and_keeps_its_facts(tmp_path):
    first = open_manifest(tmp_path, "generation", "m", {"seed": 1, "args": {"a": (1, 2)}}, {"q": "x"}, 0)
    write_manifest(tmp_path, first.model_copy(update={"facts": {"dtype": "bf16"}}))
    second = open_manifest(tmp_path, "generation", "m", {"seed": 1, "args": {"a": (1, 2)}}, {"q": "y"}, 5)
    assert [session.records_found for session in second.sessions] == [0, 5]
    assert second.facts == {"dtype": "bf16"}
    assert read_manifest(tmp_path) == second


def test_records_made_under_other_settings_are_not_continued(tmp_path):
    open_manifest(tmp_path, "generation", "m", {"seed": 1}, {}, 0)
    with pytest.raises(StaleInput, match=r"manifest\.json, seed: .*recorded 1, now 2"):
        open_manifest(tmp_path, "generation", "m", {"seed": 2}, {}, 3)
    assert open_manifest(tmp_path, "generation", "m", {"seed": 2}, {}, 0).settings == {"seed": 2}


def test_a_broken_manifest_is_named(tmp_path):
    (tmp_path / MANIFEST_NAME).write_text("{}")
    with pytest.raises(BadRecord, match=r"manifest\.json: field 'stage': .* Mend or remove that file\.$"):
        read_manifest(tmp_path)


def test_the_environment_is_written_down(tmp_path):
    environment = open_manifest(tmp_path, "s", "n", {}, {}, 0).environment
    assert environment.packages["openai"].startswith("3.")
    assert environment.cpu_count >= 1


def test_weights_are_known_by_content(tmp_path):
    assert weights_digest(tmp_path / "hub-name") is None
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = weights_digest(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"weightS")
    assert before
    assert before.startswith("sha256:")
    assert weights_digest(tmp_path) != before


def test_digests_do_not_depend_on_the_order_of_keys(tmp_path):
    assert digest_of({"a": 1, "b": [1, 2]}) == digest_of({"b": (1, 2), "a": 1})
    (tmp_path / "x").write_bytes(b"abc")
    assert file_digest(tmp_path / "x").endswith("f20015ad")


@pytest.mark.parametrize("letter", ["x", "模"])
def test_a_long_name_is_cut_so_that_every_file_system_takes_it(tmp_path, letter):
    names = [letter * 5000 + end for end in ("a", "b")]
    folders = {folder_name(name) for name in names}
    assert len(folders) == 2
    for folder in folders:
        write_atomically(tmp_path / folder / f"forest_rating_change_{folder}.svg", "")


def test_folder_names_are_safe_and_do_not_collide():
    assert folder_name("base@control") == "base@control"
    names = {folder_name(name) for name in ("a/b", "a_b", "a:b", "../a_b", ".a_b")}
    assert len(names) == 5
    assert not any("/" in name or name.startswith(".") for name in names)


def test_a_resumed_run_keeps_the_machine_of_each_session(tmp_path):
    first = open_manifest(tmp_path, "generation", "m", {}, {}, 0)
    old = first.environment.model_copy(update={"cpu_count": 99})
    before = first.sessions[0].model_copy(update={"environment": old})
    write_manifest(tmp_path, first.model_copy(update={"environment": old, "sessions": (before,)}))
    resumed = open_manifest(tmp_path, "generation", "m", {}, {}, 3)
    assert [each.environment.cpu_count for each in resumed.sessions] == [99, first.environment.cpu_count]


def test_a_manifest_of_a_later_version_is_refused_by_name(tmp_path):
    manifest = open_manifest(tmp_path, "generation", "m", {}, {}, 0)
    path = tmp_path / MANIFEST_NAME
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(BadRecord, match="schema version 2; this Assay reads 1"):
        read_manifest(tmp_path)
    earlier = manifest.model_dump(mode="json")
    del earlier["sessions"][0]["environment"]
    path.write_text(json.dumps(earlier))
    assert read_manifest(tmp_path).sessions[0].environment is None


def test_facts_of_an_older_or_a_newer_folder_are_read_and_others_keep_their_defaults(tmp_path):
    first = open_manifest(tmp_path, "generation", "m", {"engine": "vllm"}, {}, 0)
    told = {"planned": {"choices": 7}, "items_too_long": ["t/1"], "never_heard_of": 1}
    write_manifest(tmp_path, first.model_copy(update={"facts": told}))
    facts = ModelFacts.of(read_manifest(tmp_path))
    assert (facts.planned, facts.items_too_long, facts.shards) == (PlannedRecords(answers=0, choices=7), ("t/1",), {})
    assert ModelFacts.of(None) == ModelFacts()


def test_what_was_given_is_noted_and_nothing_else():
    assert ModelFacts(dtype="bf16", tasks=("a",), revision=None).noted() == {
        "dtype": "bf16",
        "tasks": ["a"],
        "revision": None,
    }
    assert JudgeFacts().noted() == {}


@pytest.mark.parametrize(
    ("stage", "facts", "field"),
    [
        ("generation", {"planned": "many"}, "planned"),
        ("generation", {"items_too_long": 3}, "items_too_long"),
        ("judge", {"calls": "few"}, "calls"),
        ("judge", {"served_models": ["a"]}, "served_models"),
    ],
)
def test_a_fact_of_another_type_is_a_bad_record_with_its_name(tmp_path, stage, facts, field):
    first = open_manifest(tmp_path, stage, "m", {}, {}, 0)
    write_manifest(tmp_path, first.model_copy(update={"facts": facts}))
    with pytest.raises(BadRecord, match=rf"manifest\.json: field '{field}"):
        read_manifest(tmp_path)


def test_an_earlier_manifest_names_the_traces_k_as_later_ones_do(tmp_path):
    """Else a folder of answers alone could not be continued, and a later `top_k` would be taken for the sampling's."""
    open_manifest(tmp_path, "generation", "m", {"seed": 1, "top_k": 20}, {}, 0)
    assert read_manifest(tmp_path).settings == {"seed": 1, "trace_top_k": 20}
    open_manifest(tmp_path, "generation", "m", {"seed": 1, "trace_top_k": 20}, {}, 3)
    open_manifest(tmp_path / "both", "generation", "m", {"top_k": 5, "trace_top_k": 20}, {}, 0)
    assert read_manifest(tmp_path / "both").settings == {"top_k": 5, "trace_top_k": 20}
    open_manifest(tmp_path / "judge", "judge", "j", {"top_k": 5}, {}, 0)
    assert read_manifest(tmp_path / "judge").settings == {"top_k": 5}
