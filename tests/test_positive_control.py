"""A positive control is run and judged beside the candidates, tells what the review can see, and decides nothing."""

import json

import pytest

from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.csv_tables import estimates
from analysis.rendering.formats.data import report_json
from analysis.rendering.formats.markdown import MOST_LINES, report_markdown
from analysis.rendering.formats.page import report_html
from analysis.rendering.formats.terminal import summary
from analysis.rendering.formats.writers import write_reports
from analysis.rendering.tables.first_screen import panels
from analysis.rendering.tables.positive_control import positive_lines
from analysis.rendering.tables.sections import sections
from analysis.review.positive_controls import PositiveControl, Sight, Sighting, sight_of, smallest_seen
from analysis.statistics.causes import Cause, Kind
from analysis.statistics.estimates import Estimate
from analysis.summaries.model_reports import ModelCard
from ledger.config import config_from
from ledger.errors import ConfigError
from ledger.judgments import Winner
from ledger.manifests import read_manifest, write_manifest
from ledger.records import Answer
from tests.run_folder import Folder, config, no_zero_width, whole

NOISE = "noise=0.1"
LOSES = (Winner.BASELINE, Winner.BASELINE)
APART = {"config_digest", "positive_controls", "smallest_seen", "costs", "inputs"}
"""What of a report may know of a positive control."""


def declared(settings, given=NOISE):
    return config_from({**settings.model_dump(exclude_unset=True), "positive_control": given}, "test")


def damaged(path, settings, given=NOISE, *, score=4.0, wrong=25, games=LOSES) -> Folder:
    """A whole run with the records of its positive controls, each more damaged than the one before."""
    folder = whole(path, settings)
    folder.config = declared(settings, given)
    for step, name in enumerate(folder.config.positive_names):
        folder.answer(name)
        folder.choose(name, wrong=wrong + 8 * step, seed=7 + step, noise=0.3 + step)
        folder.rate({name: score - step})
        folder.play(name, games)
    judge = folder.run.judge(folder.config.judge[0].name)
    manifest = read_manifest(judge.path)
    answers = [folder.run.generation(name).answers.path for name in folder.config.positive_names]
    inputs = {path.relative_to(folder.run.path).as_posix(): "sha256:stale" for path in answers}
    facts = {**manifest.facts, "answers": {name: {"injected": 1} for name in folder.config.positive_names}}
    write_manifest(judge.path, manifest.model_copy(update={"inputs": manifest.inputs | inputs, "facts": facts}))
    return folder


def dumped(report):
    """All else, but for the judges' cards, which say what their manifests do."""
    data = {name: value for name, value in json.loads(report_json(report)).items() if name not in APART}
    for judge in data["judges"]:
        del judge["card"]
    return data


def lines(report) -> str:
    return "\n".join(line for panel in panels(report) for line in panel.lines)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (NOISE, (NOISE,)),
        ([NOISE, "noise=0.2"], (NOISE, "noise=0.2")),
        ({"model": "org/broken", "engine": "transformers"}, ("broken",)),
        ([{"scheme": "prune=0.5", "label": "half"}, NOISE], ("half", NOISE)),
    ],
)
def test_it_is_declared_as_a_scheme_a_list_or_a_table(given, names):
    found = declared(config(), given)
    assert found.positive_names == names
    assert [each.name for each in found.models] == ["bf16", "w8", "w4"]
    assert found.of_positive_controls.positive_control == ()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"label": "x"}, "either a `scheme`"),
        ({"scheme": NOISE, "model": "org/x"}, "either a `scheme`"),
        ({"scheme": NOISE, "engine": "openai"}, "runs as the baseline does"),
        ({"model": "x", "engine": "imported"}, "a positive control is run"),
        ([NOISE, NOISE], "share the label"),
        ({"model": "org/w8"}, "share the label"),
        (3, "positive_control"),
    ],
)
def test_what_cannot_be_one_is_refused_by_name(given, words):
    with pytest.raises(ConfigError, match=words):
        declared(config(), given)


def test_it_is_hashed_into_the_config_and_its_absence_changes_no_earlier_digest():
    plain = config()
    assert "positive_control" not in plain.settings
    assert declared(plain).digest != plain.digest
    assert declared(plain).digest != declared(plain, "noise=0.2").digest


@pytest.mark.parametrize("wise", ["each", "holm"])
def test_a_review_decides_and_correlates_as_if_it_were_not_there(tmp_path, wise):
    """Its answers are stale, its tricks many and it loses all: no gate, no Holm's p, no correlation has heard of it."""
    names = tuple(f"w{i}" for i in range(4))
    settings = config(names, margin=1.0, limits={"flips": 0.2}, family_wise=wise)
    alone, report = whole(tmp_path / "a", settings).report(), damaged(tmp_path / "b", settings).report()
    assert report.positive_controls
    assert (report.exit_code, report.decisions) == (alone.exit_code, alone.decisions)
    assert (report.correlations, report.stronger) == (alone.correlations, alone.stronger)
    assert dumped(report) == dumped(alone)


def test_what_is_wrong_with_its_records_reaches_no_candidate(tmp_path):
    """Judged by two prompts, and asked other questions: that is a fault of its own part alone."""
    settings = config(margin=1.0)
    folder = damaged(tmp_path / "a", settings)
    judge = folder.run.judge(folder.config.judge[0].name)
    again = [
        each.model_copy(update={"prompt_digest": "other"}) for each in judge.ratings.records() if each.model == NOISE
    ]
    folder.write(judge.ratings, again)
    answers = folder.run.generation(NOISE).answers
    edited = [
        Answer(**{**dict(each), "question": each.question.model_copy(update={"turns": ("other?", "two?")})})
        for each in answers.records()
    ]
    answers.replace(edited)
    report = folder.report()
    assert dumped(report) == dumped(whole(tmp_path / "b", settings).report())
    evidence = read_evidence(folder.config, folder.run)
    assert evidence.judges[0].faults == ()
    kinds = {fault.kind for fault in evidence.positive.judges[0].faults}
    assert kinds == {Kind.STALE_QUESTION, Kind.STALE_RECORDS, Kind.MIXED_PROMPTS}
    sights = {row.measure: row.sight for row in report.positive_controls[0].sightings}
    assert (sights["rating_change"], sights["win_change"]) == (Sight.NOT_MEASURED, Sight.UNFIT)


def sound(path, **about) -> Folder:
    """The same with a judge that read the answers that are there."""
    folder = damaged(path, config(margin=1.0), **about)
    folder.sign_judge()
    return folder


def test_the_report_says_which_measures_saw_it_and_how_large_it_is(tmp_path):
    report = sound(tmp_path).report()
    (found,) = report.positive_controls
    sights = {row.measure: row.sight for row in found.sightings}
    assert sights["rating_change"] is sights["win_change"] is sights["accuracy_change"] is Sight.SEEN
    assert sights["flips"] is sights["kl_options"] is Sight.SEEN
    assert sights["loops"] is Sight.UNSEEN
    assert dict(found.sizes)["kl_options"].value > 0.01
    assert dict(found.sizes)["flips"].interval
    said = lines(report)
    assert "Positive control noise=0.1 (KL (options) " in said
    assert "seen by rating_change of judge-1, win_change of judge-1." in said
    assert "not seen by loops" in said
    assert said.count("this review could not have seen damage of that size there") == 1
    no_zero_width(report)


def test_a_judge_that_did_not_see_it_is_named_on_the_first_screen(tmp_path):
    report = sound(tmp_path, score=7.0, games=(Winner.TIE, Winner.TIE)).report()
    judge = next(panel for panel in panels(report) if panel.id == "judge")
    assert any(
        "not seen by rating_change of judge-1, win_change of judge-1: this review could not have seen" in line
        for line in judge.lines
    )


def test_every_face_has_it_and_says_what_it_is_not(tmp_path):
    report = sound(tmp_path / "run").report()
    html, text = report_html(report), report_markdown(report)
    table = next(section for section in sections(report) if section.id == "sensitivity").tables[1]
    assert ("noise=0.1", "rating_change", "judge-1") in {row[:3] for row in table.rows}
    for face in (html, text, "\n".join(part for part in summary(report) if isinstance(part, str))):
        assert "One draw is not power, and noise is not 4 bits" in face
    assert len(text.splitlines()) <= MOST_LINES
    write_reports(report, tmp_path / "out")
    written = {
        path.name: path.read_text() for path in (tmp_path / "out").rglob("*.*") if path.suffix in (".csv", ".xml")
    }
    assert "noise=0.1" in written["positive-control.csv"]
    assert "positive_controls/noise=0.1/sightings" in written["estimates.csv"]
    assert NOISE not in written["junit.xml"]
    paths = [path for path, _ in estimates(report)]
    assert len(set(paths)) == len(paths)


def test_one_that_made_no_records_is_missing_and_nothing_is_invented(tmp_path):
    folder = whole(tmp_path / "a", config(margin=1.0))
    folder.config = declared(folder.config)
    report = folder.report()
    (found,) = report.positive_controls
    assert (found.fault.kind, found.sightings, report.smallest_seen) == (Kind.NO_RECORDS, (), ())
    assert "Positive control noise=0.1 shows nothing" in lines(report)
    assert "shows nothing" in report_markdown(report)
    assert dumped(report) == dumped(whole(tmp_path / "b", config(margin=1.0)).report())


def test_the_baseline_itself_shows_nothing(tmp_path):
    folder = whole(tmp_path, config(margin=1.0))
    folder.config = declared(folder.config)
    folder.choose(NOISE, seed=0, noise=0.1)  # to the last bit what the baseline chose
    folder.manifest(folder.run.generation(NOISE).path, "generation", NOISE)
    (found,) = folder.report().positive_controls
    assert {cause.kind for cause in found.alarms} == {Kind.EQUAL_CHOICES}
    assert not found.counts


def test_of_a_list_the_smallest_that_each_measure_saw_is_told(tmp_path):
    report = sound(tmp_path, given=["noise=0.1", "noise=0.2", "noise=0.3"], wrong=10).report()
    by_measure = {row.measure: row for row in report.smallest_seen}
    assert {row.by for row in report.smallest_seen} == {"kl_options"}
    assert by_measure["kl_options"].model == "noise=0.1"
    assert by_measure["accuracy_change"].model in ("noise=0.2", "noise=0.3")
    assert "noise=0.1" in by_measure["accuracy_change"].not_seen
    assert by_measure["loops"].model is None
    said = lines(report)
    assert "Smallest positive control that was seen: noise=0.1 (KL (options)" in said
    assert ") by rating_change of judge-1, win_change of judge-1." in said
    assert "none by loops" in said
    told, caveat = positive_lines(report)
    assert "Where a smaller one was not seen, this review could not have seen damage of that size." in told
    assert caveat.startswith("One draw is not power")
    assert "similarity" not in told  # different is not worse


def test_of_a_list_what_no_judge_could_say_is_said_once(tmp_path):
    folder = damaged(tmp_path, config(margin=1.0), given=["noise=0.1", "noise=0.2"])  # judged from stale answers
    judge = next(panel for panel in panels(folder.report()) if panel.id == "judge")
    told = [line for line in judge.lines if "positive control" in line]
    words = "unfit or not measured: rating_change of judge-1, win_change of judge-1"
    assert told == [f"Smallest positive control that was seen: {words}."]


def test_a_line_names_the_smaller_first_whatever_the_order_of_the_config(tmp_path):
    folder = damaged(tmp_path, config(margin=1.0), given=["noise=0.1", "noise=0.2"], wrong=10)
    folder.sign_judge()
    given = [{"scheme": name} for name in ("noise=0.2", "noise=0.1")]
    folder.config = declared(folder.config.model_copy(update={"positive_control": ()}), given)
    told, _ = positive_lines(folder.report())
    assert told.index("noise=0.1 (") < told.index("noise=0.2 (")


def test_rungs_stand_by_measured_kl_and_not_by_the_order_of_the_config():
    def control(name, kl, sight):
        size = Estimate("kl_options", "items", 9, kl, (kl / 2, kl * 2))
        row = {"measure": "flips", "judge": "", "estimate": size, "floor": None, "sight": sight, "reasons": ()}
        sizes = (("kl_options", size), ("flips", size))
        return PositiveControl(name, "", None, (), sizes, (Sighting(**row),), ModelCard(name, "candidate", ()))

    found = [control("large", 0.9, Sight.SEEN), control("middle", 0.5, Sight.UNSEEN), control("small", 0.1, Sight.SEEN)]
    (row,) = smallest_seen(found)
    assert (row.model, row.not_seen, row.larger) == ("small", ("middle",), ("middle",))


@pytest.mark.parametrize(
    ("measure", "ends", "floor", "sight"),
    [
        ("rating_change", (-2.0, -0.1), None, Sight.SEEN),
        ("rating_change", (0.1, 2.0), None, Sight.UNSEEN),  # better is no damage
        ("rating_change", (-2.0, 0.1), None, Sight.UNSEEN),
        ("loops", (0.1, 0.2), None, Sight.SEEN),
        ("loops", (-0.2, -0.1), None, Sight.UNSEEN),
        ("log_length_ratio", (0.1, 0.2), None, Sight.SEEN),
        ("flips", (0.2, 0.3), (0.0, 0.1), Sight.SEEN),
        ("flips", (0.05, 0.3), (0.0, 0.1), Sight.UNSEEN),
        ("flips", (0.2, 0.3), None, Sight.NO_CONTROL),
        ("similarity", (0.2, 0.3), (0.5, 0.6), Sight.SEEN),
        ("similarity", (0.7, 0.8), (0.5, 0.6), Sight.UNSEEN),
    ],
)
def test_seen_is_apart_on_the_worse_side(measure, ends, floor, sight):
    def estimate(interval):
        return Estimate(measure, "items", 9, sum(interval) / 2, interval)

    assert sight_of(measure, estimate(ends), estimate(floor) if floor else None) is sight


def test_a_control_that_is_the_baseline_to_the_last_bit_is_a_floor_by_its_value():
    zero = Estimate("kl_options", "items", 9, 0.0, None, Cause(Kind.ALL_EQUAL))
    assert sight_of("kl_options", Estimate("kl_options", "items", 9, 0.2, (0.1, 0.3)), zero) is Sight.SEEN
    assert sight_of("kl_options", Estimate("kl_options", "items", 9, 0.2, (0.0, 0.3)), zero) is Sight.UNSEEN
