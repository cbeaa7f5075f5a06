"""A served model in the generation stage: whole conversations, options scored by echo, a key that is never written."""

import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from assay.cli import run as assay
from assay.placement.worker import load
from generation.engine import Message, Scored, ScoreRequest, TraceRequest
from generation.orders import LoadGroup, ModelJob, TaskItems
from generation.served_engine import ServedEngine, load_served
from generation.stage import run_batch
from ledger.errors import EngineError, PromptsRefused
from ledger.manifests import read_manifest
from ledger.records import Item, Question
from ledger.runs import GenerationFolder, RunFolder
from ledger.serving import Serving
from tests.fake_judge_server import KEY, KEY_VARIABLE, MODEL, FakeJudgeServer, Served, completion, refusal
from tests.served_models import TOO_LONG, fault, replied, spec

pytestmark = pytest.mark.usefixtures("quick_retries", "endpoint_key")


def question(number: int) -> Question:
    turns = (f"first {number}?", f"second {number}?")
    return Question(source="s", id=str(number), category="writing", turns=turns, temperature=0.7)


def order(folder: Path, count: int, tasks: tuple[TaskItems, ...] = ()) -> ModelJob:
    questions = tuple(question(number) for number in range(count))
    return ModelJob(folder=folder / "m", model="m", seed=1, max_tokens=9, questions=questions, tasks=tasks)


def run_order(server: FakeJudgeServer, work: ModelJob) -> list:
    engine = load(spec(server.base_url))
    assert isinstance(engine, ServedEngine)
    try:
        run_batch(LoadGroup(engine=spec(server.base_url), orders=(work,)), lambda _: engine)
    finally:
        engine.close()
    return list(GenerationFolder(work.folder).answers.records())


def echoing(body) -> Served:
    return completion(f"answer {len(body['messages'])} to {body['messages'][-1]['content']}")


def refusing(body) -> Served:
    """An endpoint that will not hear of the questions 2 and 7."""
    asked = body["messages"][-1]["content"]
    return refusal(400, f"no word about {asked}") if re.search("first [27]", asked) else echoing(body)


def test_refused_prompts_are_told_with_their_count_and_all_others_are_answered(tmp_path):
    work = order(tmp_path, 9)
    with FakeJudgeServer(refusing) as server:
        with pytest.raises(PromptsRefused) as caught:
            run_order(server, work)
        stored = GenerationFolder(work.folder).answers.records()
        assert sorted(each.question.id for each in stored) == ["0", "1", "3", "4", "5", "6", "8"]
        server.script = echoing
        server.requests.clear()
        assert len(run_order(server, work)) == 9
        assert len(server.requests) == 4
    told = str(caught.value)
    assert "m: 2 prompts were refused for good: 127.0.0.1:" in told
    assert re.search(r"HTTP 400: no word about first [27]\? \(2\)\. The same command asks again for these alone", told)
    assert (told.endswith("What was answered is kept."), caught.value.exit_code) == (True, 20)


def test_a_declared_parameter_that_is_refused_ends_the_run_at_once(tmp_path):
    work = order(tmp_path, 9)
    work = work.model_copy(update={"served": Serving(chat_template_kwargs={"enable_thinking": False})})
    refused = refusal(400, "chat_template_kwargs is not supported")
    with FakeJudgeServer(lambda _: refused) as server, pytest.raises(EngineError) as caught:
        run_order(server, work)
    assert not isinstance(caught.value, PromptsRefused)
    assert len(server.requests) <= 8


def test_a_model_with_refused_prompts_does_not_stop_the_others(tmp_path, capsys):
    asked = [{"question_id": n, "category": "writing", "turns": [f"first {n}?"]} for n in range(9)]
    questions = tmp_path / "q.jsonl"
    questions.write_text("".join(json.dumps(each) + "\n" for each in asked))
    with FakeJudgeServer(refusing) as one, FakeJudgeServer(echoing) as other:
        sides = [
            f'model = "{name}"\nengine = "openai"\nbase_url = "{server.base_url}"\napi_key_env = "{KEY_VARIABLE}"\n'
            for name, server in (("b", one), ("c", other))
        ]
        (tmp_path / "r.toml").write_text(
            f'name = "r"\n[baseline]\n{sides[0]}control = false\n[[candidate]]\n{sides[1]}'
            f'[questions]\nsource = "{questions}"\nreferences = "none"\n'
        )
        code = assay(["generate", str(tmp_path / "r.toml"), "--runs", str(tmp_path / "runs")])
    assert code == 20
    assert "b: 2 prompts were refused for good" in capsys.readouterr().err.splitlines()[-1]
    kept = {name: len(list(RunFolder(tmp_path / "runs" / "r").generation(name).answers.records())) for name in "bc"}
    assert kept == {"b": 7, "c": 9}


def test_a_hundred_conversations_through_thirty_percent_faults(tmp_path):
    faults = [refusal(503, "busy"), refusal(429, "slow", retry_after="0"), Served(hang_up=True), Served({"choices": 0})]
    chance, failed = random.Random(3), Counter()

    def script(body):
        asked = body["messages"][-1]["content"]
        if chance.random() < 0.3 and failed[asked] < 5:
            failed[asked] += 1
            return chance.choice(faults)
        return echoing(body)

    with FakeJudgeServer(script) as server:
        answers = run_order(server, order(tmp_path, 100))
    assert sum(failed.values()) > 50
    assert sorted(answer.key for answer in answers) == sorted(("m", "s", str(n), 0) for n in range(100))
    for answer in answers:
        texts = [f"answer {1 + 2 * turn} to {asked}" for turn, asked in enumerate(answer.question.turns)]
        assert [turn.text for turn in answer.turns] == texts


def test_the_second_turn_contains_the_first_answer(tmp_path):
    with FakeJudgeServer(echoing) as server:
        run_order(server, order(tmp_path, 1))
    said = [message["content"] for message in server.requests[1]["messages"]]
    assert said == ["first 0?", "answer 1 to first 0?", "second 0?"]


def test_a_later_session_forgets_no_name_that_answered_before(tmp_path):
    """Or a gateway's fallback would be gone from the manifest, and SHIP stand on two models."""

    def fallback(body):
        served = echoing(body)
        served.body["model"] = "tiny-fallback"
        return served

    with FakeJudgeServer(echoing) as server:
        run_order(server, order(tmp_path, 2))
        server.script = fallback
        run_order(server, order(tmp_path, 4))
    assert read_manifest(tmp_path / "m").facts["served_models"] == [MODEL, "tiny-fallback"]


def test_what_was_answered_is_said_to_be_kept_where_an_answer_stands(tmp_path):
    """A conversation whose second turn is refused leaves nothing behind, however often the endpoint answered."""

    def script(body):
        return echoing(body) if len(body["messages"]) == 1 else refusal(402, "no money")

    with FakeJudgeServer(script) as server:
        with pytest.raises(EngineError, match=r"Top up the account and run again\.$"):
            run_order(server, order(tmp_path, 2))
        server.script = echoing
        run_order(server, order(tmp_path, 2))
        server.script = lambda _: refusal(402, "no money")
        with pytest.raises(EngineError, match=r"run again\. What was answered is kept\.$"):
            run_order(server, order(tmp_path, 4))


def scoring(body) -> Served:
    """A completions endpoint as vLLM's: a start token, then words, one nat for each character of a word."""
    if "prompt" not in body:
        return echoing(body)
    tokens = ["<s>", *re.findall(r"\s*\S+", body["prompt"])]
    values = [None, *(-float(len(token)) for token in tokens[1:]), -0.5]
    logprobs = {"tokens": [*tokens, " x"], "token_logprobs": values}
    usage = {"prompt_tokens": len(tokens), "completion_tokens": 1}
    choice = {"index": 0, "text": body["prompt"] + " x", "logprobs": logprobs, "finish_reason": "length"}
    return Served({"model": MODEL, "choices": [choice], "usage": usage})


COLORS = ScoreRequest("c", "Question: Which?\nAnswer:", (" dark red", " very light green"))


def test_options_are_scored_token_by_token():
    reply, engine, server = replied(scoring, COLORS)
    assert reply == Scored("c", ((-5.0, -4.0), (-5.0, -6.0, -6.0)))
    assert engine.facts["scoring"] == "echo"
    fields = {"model": "m", "max_tokens": 1, "temperature": 0, "echo": True, "logprobs": 1}
    prompts = [COLORS.context, *(COLORS.context + text for text in COLORS.continuations)]
    assert server.requests == [{**fields, "prompt": prompt} for prompt in prompts]


def test_blanks_at_the_end_of_the_context_belong_to_the_option():
    reply, _, server = replied(scoring, ScoreRequest("c", "Which?\n ", ("dark red", "green")))
    assert reply == Scored("c", ((-6.0, -4.0), (-7.0,)))
    assert server.requests[0]["prompt"] == "Which?"


def spoiled(usage=None, **logprobs):
    """The same endpoint with something wrong; llama.cpp's, say, gives no log-probabilities of the prompt."""

    def script(body):
        served = scoring(body).body
        served["choices"][0]["logprobs"].update(logprobs)
        return Served({**served, "usage": usage or served["usage"]})

    return script


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        (spoiled(token_logprobs=[-0.1]), "it sends 1 log-probabilities for"),
        (spoiled(usage={"total_tokens": 5}), "it does not count"),
        (spoiled(token_logprobs=[None] * 7), "item c has an option without log-probabilities"),
        (lambda _: refusal(404, "Not Found"), "HTTP 404: Not Found"),
        (lambda _: refusal(400, "echo is not supported."), "HTTP 400: echo is not supported"),
        (lambda _: refusal(501, "not implemented"), "HTTP 501"),
    ],
)
def test_an_endpoint_that_cannot_score_says_what_to_do(script, cause):
    said, server = fault(script, COLORS)
    assert f"this endpoint cannot score options: {cause}" in said
    assert said.endswith("; leave [[task]] out for served models or serve the model with vLLM")
    assert len(server.requests) <= 2


def test_other_faults_of_scoring_keep_their_names():
    assert replied(lambda _: refusal(400, TOO_LONG), COLORS)[0] == Scored("c", ())
    assert "cannot score" not in fault(lambda _: refusal(401, "who are you?"), COLORS)[0]
    trace = TraceRequest("t", (Message("user", "x"),), "y", 5)
    assert "a served model gives no traces" in fault(scoring, trace)[0]


def test_the_key_is_never_written(tmp_path):
    troubles = iter([refusal(503, f"busy, {KEY}"), Served({"error": KEY})])

    def script(body):
        return next(troubles, None) or (completion(f"your key is {KEY}") if "messages" in body else scoring(body))

    items = (Item(task="t", id="0", subject="x", question="q?", options=("a", "b"), gold=0),)
    work = order(tmp_path, 3, (TaskItems(name="t", style="continuation", items=items),))
    with FakeJudgeServer(script) as server:
        answers = run_order(server, work)
        engine = load_served(spec(server.base_url))
        shown = [repr(engine), repr(engine._calls), repr(engine._model), str(engine.facts)]
    assert answers[0].turns[0].text == "your key is [api key]"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"answers.jsonl", "choices.jsonl", "manifest.json"} <= {path.name for path in files}
    assert not any(KEY.encode() in path.read_bytes() for path in files)
    assert not any(KEY in text for text in shown)
