"""Rows of a folder of FastChat's `llm_judge`, made so that each judgment is current: two models, two turns.

In: numbers of questions, models, turns. Out: the rows of its files, and a writer of them.
"""

import json

_NAMES = ("single-v1", "single-math-v1", "pair-v2", "pair-math-v1")
PROMPT_NAMES = (*_NAMES, *(f"{name}-multi-turn" for name in _NAMES))
"""FastChat's eight judge prompts."""


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def template(name):
    multi, pair, math = "multi" in name, name.startswith("pair"), "math" in name
    positions = ("a", "b") if pair else ("",)
    fields = [f"{{question_{t}}}" for t in (1, 2)] if multi else ["{question}"]
    if math:
        fields += ["{ref_answer_1}"] + (["{ref_answer_2}"] if multi else [])
    for position in positions:
        stem = f"answer_{position}" if position else "answer"
        fields += [f"{{{stem}_1}}", f"{{{stem}_2}}"] if multi else [f"{{{stem}}}"]
    return {"name": name, "system_prompt": "s", "prompt_template": "|".join(fields)}


def question(id):
    return {"question_id": id, "category": "writing" if id % 2 else "stem", "turns": [f"q{id}?", "more?"]}


def text(model, id, turn):
    return f"{model}{id}{turn}" * (1 + id if model == "b" else 2)


def answer(model, id):
    turns = [text(model, id, turn) for turn in (1, 2)]
    return {
        "question_id": id,
        "answer_id": "x",
        "model_id": model,
        "choices": [{"index": 0, "turns": turns}],
        "tstamp": 0,
    }


def prompt(id, turn, *models):
    answers = [text(model, id, t) for model in models for t in range(1, turn + 1)]
    return "|".join([*([f"q{id}?", "more?"] if turn == 2 else [f"q{id}?"]), *answers])


def rating(model, id, turn, score=None, said=None):
    score = (id + turn + (model == "b")) if score is None else score
    return {
        "question_id": id,
        "model": model,
        "judge": ["gpt-4", "single-v1" if turn == 1 else "single-v1-multi-turn"],
        "user_prompt": prompt(id, turn, model),
        "judgment": f"Fine. Rating: [[{score}]]" if said is None else said,
        "score": score,
        "turn": turn,
        "tstamp": 1.0,
    }


def game(id, turn, first="model_1", second="model_1", said=("[[A]]", "[[B]]")):
    return {
        "question_id": id,
        "model_1": "a",
        "model_2": "b",
        "g1_winner": first,
        "g2_winner": second,
        "judge": ["gpt-4", "pair-v2" if turn == 1 else "pair-v2-multi-turn"],
        "g1_user_prompt": prompt(id, turn, "a", "b"),
        "g1_judgment": said[0],
        "g2_user_prompt": prompt(id, turn, "b", "a"),
        "g2_judgment": said[1],
        "turn": turn,
        "tstamp": 1.0,
    }


def sound_folder(data):
    """Four questions, two models, a file of ratings and one of games, all sound."""
    write(data / "judge_prompts.jsonl", map(template, PROMPT_NAMES))
    write(data / "question.jsonl", [question(id) for id in range(1, 5)])
    for model in ("a", "b"):
        write(data / f"model_answer/{model}.jsonl", [answer(model, id) for id in range(1, 5)])
    write(
        data / "model_judgment/gpt-4_single.jsonl",
        [rating(m, id, t) for m in "ab" for id in range(1, 5) for t in (1, 2)],
    )
    write(data / "model_judgment/gpt-4_pair.jsonl", [game(id, turn) for id in range(1, 5) for turn in (1, 2)])
    return data
