"""Good texts for a judge's ladder: Assay's own checked references, and the baseline's answers where these are good.

In: a run folder, the baseline's name. Out: LadderTexts.
A weak baseline's answers have nothing to damage, so an answer serves only if it ended by itself, has LEAST_WORDS or
more, does not loop, is not broken and keeps to its question's script: by the rules of analysis/writing.
"""

from collections.abc import Iterator

from analysis.writing.degradation import WrittenTurn
from analysis.writing.scripts import in_wrong_script
from assay.sources.material import questions
from judge.ladder import LadderText
from ledger.material_config import OWN_ITEMS, QuestionsConfig
from ledger.records import Answer, Finish, Key
from ledger.runs import RunFolder

LEAST_WORDS = 80


def good_texts(run: RunFolder, baseline: str) -> tuple[LadderText, ...]:
    """Every reference, turn by turn, and the first turn of the baseline's first good answer to each question."""
    answers: dict[Key, LadderText] = {}
    for answer in run.generation(baseline).answers.records():
        if is_good(answer):
            text = LadderText(answer.question, (answer.turns[0].text,), of_reference=False)
            answers.setdefault(answer.question.key, text)
    return (*reference_texts(), *answers.values())


def reference_texts() -> Iterator[LadderText]:
    """Each turn of each reference that comes with Assay."""
    for question in questions(QuestionsConfig(source=OWN_ITEMS, references=OWN_ITEMS)):
        for turn in range(1, len(question.references) + 1):
            yield LadderText(question, question.references[:turn], of_reference=True)


def is_good(answer: Answer) -> bool:
    """Whether the first turn of an answer is whole and long enough to be damaged."""
    first = answer.turns[0]
    if first.finish is not Finish.STOP or len(first.text.split()) < LEAST_WORDS:
        return False
    turn = WrittenTurn(first.text, answer.question.turns[:1], first.finish, first.thinking)
    return not (turn.loop or turn.faults or in_wrong_script(turn.text, turn.asked))
