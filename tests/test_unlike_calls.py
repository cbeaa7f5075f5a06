"""Calls to two served models that were not alike never ship in silence: other parameters, another model in between."""

import json
import re

import pytest

from assay.cli import run as assay
from tests.fake_judge_server import FakeJudgeServer, completion, refusal

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")

SHIP, UNFIT = 0, 12
QUESTIONS = 10
REVIEW = """
name = "r"
[baseline]
model = "base"
engine = "openai"
base_url = "{baseline}"
control = false
{given}
[[candidate]]
model = "cand"
engine = "openai"
base_url = "{candidate}"
{other}
[questions]
source = "{questions}"
references = "none"
max_tokens = 64
[[judge]]
model = "j"
prompts = "assay"
modes = ["single"]
exam = false
base_url = "{judge}"
[decision]
primary = "rating_change"
margin = 5.0
{more}
"""


def wrote(body, name=""):
    said = completion(f"{body['model']} says {len(json.dumps(body['messages'])) % 7}. " + "A fine sentence. " * 20)
    said.body["model"] = name or body["model"]
    return said


def rated(body):
    """A rating by the question, the same for both models."""
    asked = re.search(r"First (\d+)", body["messages"][-1]["content"])
    return completion(f"Rating: [[{6 + int(asked[1]) % 3}]]")


def second(body):
    """Whether a call is about a second turn: whatever is tried again, some calls came before it."""
    return len(body["messages"]) > 1


def refusing(name, most=None, late=False):
    """A model that refuses a parameter, or any above a most, always or only in second turns."""

    def script(body):
        refused = (second(body) or not late) and name in body and (most is None or body[name] > most)
        words = f"{name} is too large: 64. This model supports at most {most} completion tokens" if most else name
        return refusal(400, f"not supported: {words}") if refused else wrote(body)

    return script


def falling_back(body):
    """A gateway that gives second turns to another model."""
    return wrote(body, "tiny-fallback" if second(body) else "")


def reviewed(tmp_path, script=wrote, given="", other="", more="", asks=""):
    questions = tmp_path / "question.jsonl"
    rows = [
        {"question_id": number, "category": "writing", "turns": [f"{asks}First {number}?", f"Second {number}?"]}
        for number in range(QUESTIONS)
    ]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (
        FakeJudgeServer(wrote) as baseline,
        FakeJudgeServer(script) as candidate,
        FakeJudgeServer(rated) as judge,
    ):
        urls = {"baseline": baseline.base_url, "candidate": candidate.base_url, "judge": judge.base_url}
        config = tmp_path / "review.toml"
        config.write_text(REVIEW.format(**urls, questions=questions, given=given, other=other, more=more))
        code = assay(["review", str(config), "--runs", str(tmp_path / "runs")])
    analysis = tmp_path / "runs" / "r" / "analysis"
    return code, {path.name: path.read_text() for path in analysis.iterdir() if path.is_file()}


EFFORT = 'reasoning_effort = "low"'
UNLIKE = {
    "a temperature that one refuses": ({"script": refusing("temperature")}, "the endpoint of cand refused temperature"),
    "an effort that one refuses": (
        {"script": refusing("reasoning_effort"), "given": EFFORT, "other": EFFORT},
        "the endpoint of cand refused reasoning_effort",
    ),
    "a smaller output limit": ({"script": refusing("max_tokens", 32)}, "the endpoint of cand refused max_tokens"),
    "other declared parameters": (
        {"given": "temperature = 0.0", "other": "temperature = 1.5"},
        "cand was run with temperature 1.5, the baseline with 0.0",
    ),
    "other fields in engine_args": (
        {"other": "engine_args = { top_k = 1 }"},
        "cand was run with top_k 1, the baseline with none",
    ),
    "a fallback": ({"script": falling_back}, "the endpoint of cand answered as cand, tiny-fallback"),
    "a refusal that begins late": (
        {"script": refusing("temperature", late=True)},
        "some calls to cand had temperature and others had not",
    ),
}


def test_a_blocking_difference_is_told_once_beside_its_cause(tmp_path, capsys):
    """In the decision's own sentence, and in no note elsewhere."""
    _, faces = reviewed(tmp_path, **UNLIKE["other declared parameters"][0])
    shown = " ".join(capsys.readouterr().out.split())
    said = "cand was run with temperature 1.5, the baseline with 0.0"
    assert [text.count(said) for text in (shown, faces["report.md"])] == [1, 1]
    assert f"not alike and whole: {said}" in shown
    assert "was run with parameters" not in shown + "".join(faces.values())


def test_calls_that_are_alike_ship(tmp_path):
    code, faces = reviewed(tmp_path, given='headers = { X-Title = "a" }', other='headers = { X-Title = "b" }')
    assert code == SHIP
    assert "not alike" not in "".join(faces.values())


@pytest.mark.parametrize(("changes", "words"), UNLIKE.values(), ids=UNLIKE)
def test_calls_that_are_not_alike_keep_from_ship_and_are_named(tmp_path, changes, words):
    code, faces = reviewed(tmp_path, **changes)
    assert code == UNFIT
    sentence = json.loads(faces["report.json"])["decisions"][0]["sentence"]
    assert "calls to the two models were not alike and whole: " in sentence
    assert words in sentence
    assert words in faces["report.md"].replace("\\", "")


def test_they_may_be_declared(tmp_path):
    code, faces = reviewed(tmp_path, other="temperature = 1.5", more='leave_out = ["calls"]')
    assert code == SHIP
    assert "cand was run with temperature 1.5" in faces["report.md"]
