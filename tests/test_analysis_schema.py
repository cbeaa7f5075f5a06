"""report.json's schema and its page of documentation say what the code writes."""

import json
import re

import jsonschema
import pytest

from analysis.rendering.formats.data import report_json, report_schema
from analysis.rendering.formats.writers import FORMATS
from analysis.rendering.formats.writers import PAGE as HTML
from analysis.review.review_report import ReviewReport
from tests.house import HOUSE
from tests.run_folder import Folder, config, whole

DOCS = HOUSE / "docs"
PAGE = (DOCS / "report.md").read_text(encoding="utf-8")


def resolved(part, schema):
    """What a reference or an optional field stands for."""
    (part,) = [each for each in part.get("anyOf", [part]) if each.get("type") != "null"]
    return schema["$defs"][part["$ref"].rsplit("/", 1)[-1]] if "$ref" in part else part


def test_the_schema_in_docs_is_the_one_that_the_code_generates():
    again = "Write it anew with the command at the end of docs/report.md."
    assert (DOCS / "report-schema.json").read_text(encoding="utf-8") == report_schema(), again


@pytest.mark.parametrize("filled", [True, False])
def test_a_report_keeps_the_schema_and_another_version_does_not(tmp_path, filled):
    settings = config(margin=1.0, limits={"flips": 0.2})
    report = (whole(tmp_path, settings) if filled else Folder(tmp_path, settings)).report()
    data, schema = json.loads(report_json(report)), json.loads(report_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(data, schema)
    for broken in ({**data, "version": data["version"] + 1}, {**data, "word": "PERHAPS"}, {**data, "more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_the_page_names_every_field_at_the_top_and_every_file():
    missing = [name for name in ReviewReport.model_fields if not re.search(rf"`\.{name}\b", PAGE)]
    assert not missing
    assert all(f"`{name}`" in PAGE for name in (HTML, *FORMATS))


def test_every_path_on_the_page_leads_to_a_field_of_the_schema():
    schema = json.loads(report_schema())
    table = PAGE.split("### Where what stands")[1].split("### Estimates")[0]
    paths = re.findall(r"`((?:\.\w+(?:\[\])?)+)`", table)
    assert len(paths) > 50
    for path in paths:
        part = schema
        for name, several in re.findall(r"\.(\w+)(\[\])?", path):
            assert name in part["properties"], path
            part = resolved(part["properties"][name], schema)
            assert (part.get("type") == "array") >= bool(several), path
            part = resolved(part["items"], schema) if several and "items" in part else part


def test_the_documented_command_writes_the_schema(tmp_path, monkeypatch):
    (code,) = re.findall(r'^python -c "(.+)"$', PAGE, re.MULTILINE)
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/report.md", "exec"), {})
    assert (tmp_path / "docs" / "report-schema.json").read_text(encoding="utf-8") == report_schema()
