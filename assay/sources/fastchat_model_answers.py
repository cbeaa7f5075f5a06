"""What a model of a FastChat folder answered, as it comes into a review.

In: a model's file, and the questions. Out: ModelAnswers: answers of ours, and counts of what does not come in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.sources.fastchat_answers import ModelFile
from assay.sources.fastchat_prompts import is_failed
from ledger.digests import digest_of, file_digest
from ledger.records import Answer, AnswerTurn, Finish, Question
from ledger.thinking import split_stored


@dataclass(frozen=True)
class ModelAnswers:
    """A model's answers that come in, where they are from, how many rows do not, and how many lines are none.

    `name` is their file's, `label` the model's. `failed` of these rows are FastChat's words for a failure, or have an
    empty turn; `choices` counts those beyond the first of a question, `repeated` the rows before another answer to it.
    `recovered` ones were read out of stored prompts.
    """

    name: str
    digest: str
    answers: list[Answer]
    left_out: int
    unread: int
    choices: int
    failed: int
    label: str
    repeated: int
    recovered: bool


def model_answers(name: str, held: ModelFile, questions: Mapping[str, Question]) -> ModelAnswers:
    """The last row of each known question, as FastChat judges it; turns beyond the question's own are cut."""
    known = {id: (asked, turns[: len(asked.turns)]) for id, turns in held.last.items() if (asked := questions.get(id))}
    answers = [
        Answer(model=name, sample=0, question=asked, turns=tuple(map(_turn, turns)))
        for asked, turns in known.values()
        if len(turns) == len(asked.turns) and not is_failed(turns)
    ]
    used = {answer.question.id for answer in answers}
    return ModelAnswers(
        name=held.path.name if held.path else f"{name}, out of stored prompts",
        digest=file_digest(held.path) if held.path else digest_of(held.last),
        answers=answers,
        left_out=sum(len(found) for id, found in held.rows.items() if id not in used),
        unread=held.unread,
        choices=held.choices,
        label=name,
        recovered=held.path is None,
        repeated=sum(turns != found[-1] for found in held.rows.values() for turns in found),
        failed=sum(len(held.rows[id]) for id, (_, turns) in known.items() if is_failed(turns)),
    )


def _turn(text: str) -> AnswerTurn:
    """FastChat keeps neither token counts nor how a text ended, and thoughts only within it."""
    thinking, text = split_stored(text)
    return AnswerTurn(text=text, thinking=thinking, finish=Finish.STOP, prompt_tokens=0, completion_tokens=0, seed=0)
