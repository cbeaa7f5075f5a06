"""What lies in FastChat's folder and does not come into a review: by name, so that the report can say it.

In: a FastChatReview. Out: one LeftOut per thing.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from analysis.rendering.tables.audit_findings import stale_rows
from assay.sources.fastchat_reviews import MIXED, OTHER_MODELS, FastChatReview, JudgeWords, ModelAnswers
from ledger.errors import ConfigError
from ledger.origins import LeftOut, other_files
from ledger.store import key_text


def left_out(review: FastChatReview) -> Iterator[LeftOut]:
    """What lies in the folder and does not come in: models, lines of answers, files named like evidence.

    Judgments that do not come in are of other answers or prompts, and are listed: they say nothing of these models. So
    are models that nobody judged: there is no evidence of them.
    """
    judged = review.stored.judged
    for name in sorted({*review.files, *judged} - review.models.keys()):
        yield _model(name, review, is_judged=name in judged)
    answered = {answer.question.key for held in review.models.values() for answer in held.answers}
    if lacking := sorted(key_text(key) for key in review.stored.questions if key not in answered):
        cause = f"no model answered {len(lacking)} of {len(review.stored.questions)} questions"
        yield LeftOut(kind="items", name="answers", cause=cause, items=tuple(lacking))
    for name in filter(_promises, review.stored.unread):
        cause = "its name promises evidence, and nothing in it is read"
        yield LeftOut(kind="file", name=name, cause=cause)
    yield from other_files([name for name in review.stored.unread if not _promises(name)])
    for judge in (*review.judges, *review.others):
        if causes := _causes(review.words(judge)):
            yield LeftOut(kind="other", name=f"judgments of {judge}", cause=causes)
    for name, held in review.models.items():
        if held.choices:
            cause = f"{held.choices} further choices: FastChat judges the first of a question"
            yield LeftOut(kind="other", name=f"choices of {name}", cause=cause)


def _model(name: str, review: FastChatReview, *, is_judged: bool) -> LeftOut:
    has_answers = bool(name in review.files and review.files[name].answers)
    if has_answers and not is_judged and not review.chosen:
        return LeftOut(kind="other", name=f"answers of {name}", cause="nobody judged them")
    cause = "was not chosen" if has_answers else "there are no answers of it that fit the questions"
    return LeftOut(kind="task", name=name, cause=cause, declared="--candidate" if review.chosen else "")


def _causes(words: JudgeWords) -> str:
    """Why judgments stay outside, each cause with its count; empty where none does."""
    apart = {OTHER_MODELS: "{count} are of other models", MIXED: "{count} share their turn with another prompt"}
    stale = {each: count for each, count in words.left_out.most_common() if each not in apart}
    told = [stale_rows(stale)] if stale else []
    told += [apart[each].format(count=count) for each, count in words.left_out.items() if each in apart]
    return ", ".join(told)


def _promises(name: str) -> bool:
    """Whether a file is named as those with answers and judgments are; question and prompt files are not."""
    path = PurePosixPath(name)
    known = path.name == "question.jsonl" or path.name.endswith("prompts.jsonl")
    return path.suffix == ".jsonl" and not (known and path.parent == PurePosixPath())


def lines_left_out(held: ModelAnswers) -> Iterator[LeftOut]:
    """The lines of one model's file that give no answer."""
    if count := held.left_out + held.unread:
        cause = f"{count} lines are no answers to these questions, too short, or cannot be read"
        yield LeftOut(kind="lines", name=held.name, cause=cause)


def refuse_unknown_names(review: FastChatReview, names: Sequence[str]) -> None:
    """Stop where the user leaves out what is not passed over anyway. Raises ConfigError."""
    lines = (each for held in review.models.values() for each in lines_left_out(held))
    passed = {name for each in (*left_out(review), *lines) for name in (each.name, *each.items)}
    for name in names:
        if name in review.models:
            raise ConfigError(f"{name} has answers and judgments.", where="--leave-out", remedy="Use --candidate.")
        if name not in passed:
            remedy = f"There are {', '.join(sorted(passed)) or 'none'}."
            raise ConfigError(f"nothing is passed over that is called {name!r}.", where="--leave-out", remedy=remedy)
