"""JUnit XML of a review: what a CI server sees of each word, and the schema that its readers share."""

from xml.etree import ElementTree

import pytest

from analysis.decision.gate_words import Word
from analysis.rendering.formats.junit import report_junit
from analysis.rendering.sentences.cells import cell
from analysis.rendering.sentences.numbers import number
from ledger.config import config_from
from tests.run_folder import NOW, build_report, config, whole, words

# Jenkins' xUnit plug-in, junit-10.xsd: what an element may have.
SCHEMA = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "time", "tests", "failures", "errors", "skipped", "timestamp"},
    "testcase": {"name", "time", "classname"},
    "properties": set(),
    "property": {"name", "value"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message", "type"},
    "system-out": set(),
}
REVIEWS = {
    "ship": ((7.0, 7.0, 7.0, 7.0), 1.0, 1.0, {}, Word.SHIP),
    "hold": ((7.0, 7.0, 7.0, 4.0), 1.0, 1.0, {}, Word.HOLD),
    "inconclusive": ((7.0, 7.0, 7.0, 6.3), 0.7, 1.0, {}, Word.INCONCLUSIVE),
    "unfit": ((7.0, 7.0, 7.0, 7.0), 1.0, 0.0, {}, Word.UNFIT),
    "held by a limit although the judge failed": ((7.0, 7.0, 7.0, 7.0), 1.0, 0.0, {"flips": 0.001}, Word.HOLD),
    "a limit without evidence": ((7.0, 7.0, 7.0, 7.0), 1.0, 1.0, {"kl_trace": 0.1}, Word.INCONCLUSIVE),
    "an open limit": ((7.0, 7.0, 7.0, 7.0), 1.0, 1.0, {"flips": 0.035}, Word.INCONCLUSIVE),
}


def suites(report):
    return {suite.get("name"): suite for suite in ElementTree.fromstring(report_junit(report))}


def cases(suite):
    """Each test's first child and its name."""
    found = {}
    for case in suite.findall("testcase"):
        (found[case.get("name")],) = case
    return found


@pytest.mark.parametrize("made", REVIEWS)
def test_a_suite_is_green_exactly_where_the_candidate_may_ship(tmp_path, made):
    scores, margin, right, limits, word = REVIEWS[made]
    report = whole(tmp_path, config(margin=margin, limits=limits), scores, right=right).report()
    found = suites(report)
    assert words(report)[-1] is word
    for decision in report.decisions:
        suite = found[decision.candidate]
        kinds = [(part.tag, part.get("type")) for part in cases(suite).values()]
        counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        assert {name: int(suite.get(name)) for name in counts} == {
            name: sum(tag == kind for kind, _ in kinds) for name, tag in counts.items()
        }
        assert int(suite.get("tests")) == len(kinds) == 4 + len(limits) + len(decision.tasks)
        kinds = [kind for kind in kinds if kind != ("skipped", "open")]  # a task that is open and named: neither
        assert (decision.word is Word.SHIP) == ({tag for tag, _ in kinds} == {"system-out"})
        assert (decision.word is Word.HOLD) == (("failure", "hold") in kinds)
        if decision.word is Word.INCONCLUSIVE:
            assert {kind for kind in kinds if kind[0] != "system-out"} == {("failure", "inconclusive")}
        if decision.word is Word.UNFIT:
            assert ("error", "unfit") in kinds
        properties = {each.get("name"): each.get("value") for each in suite.find("properties")}
        assert properties["word"] == decision.word
        assert properties["config_digest"] == report.config_digest


def test_totals_are_those_of_the_suites_and_the_schema_is_kept(tmp_path):
    report = whole(tmp_path, config(margin=1.0, limits={"flips": 0.02}), right=0.3).report()
    text = report_junit(report)
    assert text.startswith("<?xml version='1.0' encoding='utf-8'?>")
    root = ElementTree.fromstring(text)
    for name in ("tests", "failures", "errors"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    for element in root.iter():
        assert set(element.attrib) <= SCHEMA[element.tag]
    for suite in root:
        assert [part.tag for part in suite] == ["properties", *["testcase"] * (len(suite) - 2), "system-out"]
        assert {case.get("classname") for case in suite.iter("testcase")} == {suite.get("name")}


def test_the_message_has_the_cell_the_bounds_and_what_they_are_held_against(tmp_path):
    settings = config(tuple("abc"), margin=0.5, limits={"flips": 0.01}, family_wise="holm")
    report = whole(tmp_path, settings, (7.0, 7.0, 7.0, 6.6, 4.0), wrong=25).report()
    assert [decision.step for decision in report.decisions] == [2, 2, 3]
    for decision in report.decisions:
        found = {
            name: part.get("message") or part.text for name, part in cases(suites(report)[decision.candidate]).items()
        }
        told = found["primary: rating_change"]
        assert cell(decision.primary.estimate) in told
        assert f"lower bound {number('rating_change', decision.lower_bound)}" in told
        assert f"upper bound {number('rating_change', decision.upper_bound)}" in told
        assert "margin 0.50" in told
        assert cell(decision.limits[0].estimate) in found["limit: flips"]
        assert "limit 1.0 %" in found["limit: flips"]
        assert "60 of 60 (100.0 %)" in found["coverage"]


def test_short_coverage_is_an_error_and_says_how_short(tmp_path):
    folder = whole(tmp_path, config(("w8",), margin=1.0), (7.0, 7.0, 7.0))
    folder.run.judge("judge-1").ratings.path.unlink()
    folder.rate(dict.fromkeys(folder.names, 7.0), failed=20)
    folder.sign_judge()
    report = folder.report()
    assert words(report) == [Word.UNFIT]
    coverage = cases(suites(report)["w8"])["coverage"]
    assert coverage.tag == "error"
    assert "paired ratings of w8: 60 of 80 (75.0 %) are usable, under the floor of 90.0 %" in coverage.text


def test_the_exam_of_a_judge_that_decides_nothing_is_skipped(tmp_path):
    one = whole(tmp_path, config(margin=1.0), (7.0,) * 4)
    data = one.config.model_dump(mode="json")
    data["judge"] = [*data["judge"], {"model": "second", "modes": ["pair"]}]
    report = build_report(config_from(data, "test"), one.run, NOW)
    assert words(report)[0] is Word.SHIP
    found = cases(suites(report)["w8"])
    assert {name: part.tag for name, part in found.items() if name.startswith("exam")} == {
        "exam of judge-1": "system-out",
        "exam of second": "skipped",
    }
    assert suites(report)["w8"].get("failures") == suites(report)["w8"].get("errors") == "0"


def test_a_judge_that_need_not_sit_an_exam_is_not_green(tmp_path):
    report = whole(tmp_path, config(exam=False, margin=1.0), (7.0,) * 4).report()
    exam = cases(suites(report)["w8"])["exam of judge-1"]
    assert (exam.tag, exam.get("type")) == ("skipped", "not examined")
