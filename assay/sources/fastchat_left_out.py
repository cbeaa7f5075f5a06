"""What lies in FastChat's folder and does not come into a review: by name, so that the report can say it.

In: a FastChatReview. Out: one LeftOut per thing.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from assay.sources.fastchat_imports import FastChatReview, ModelAnswers, judge_words
from ledger.errors import ConfigError
from ledger.origins import LeftOut, other_files
from ledger.store import key_text


def left_out(review: FastChatReview) -> Iterator[LeftOut]:
    """What lies in the folder and does not come in: models, lines of answers, files named like evidence.

    Judgments that do not come in are of other answers or prompts, and are listed: they say nothing of these models.
    """
    judged = {rating.record.model for file in review.stored.files for rating in file.ratings}
    judged |= {name for file in review.stored.files for pair in file.pairs for name in (pair.first, pair.second)}
    for name in sorted({*review.files, *judged} - review.models.keys()):
        has_answers = bool(name in review.files and review.files[name].answers)
        cause = "was not chosen" if has_answers else "there are no answers of it that fit the questions"
        yield LeftOut(kind="task", name=name, cause=cause, declared="--candidate" if review.chosen else "")
    answered = {answer.question.key for held in review.models.values() for answer in held.answers}
    if lacking := sorted(key_text(key) for key in review.stored.questions if key not in answered):
        cause = f"no model answered {len(lacking)} of {len(review.stored.questions)} questions"
        yield LeftOut(kind="items", name="answers", cause=cause, items=tuple(lacking))
    for path in _unread_files(review):
        cause = "its name promises evidence, and nothing in it is read"
        yield LeftOut(kind="file", name=path.relative_to(review.folder.path).as_posix(), cause=cause)
    others = (path for part in _parts(review) for path in part.glob("*") if path.suffix != ".jsonl" and path.is_file())
    yield from other_files([path.relative_to(review.folder.path).as_posix() for path in sorted(others)])
    for judge, files in review.judges.items():
        if stale := judge_words(review, judge, files).left_out:
            cause = f"{stale} are of other answers, prompts or models, or repeat one"
            yield LeftOut(kind="other", name=f"judgments of {judge}", cause=cause)


def _parts(review: FastChatReview) -> list[Path]:
    """The folders that are looked through."""
    return [review.folder.path, review.folder.path / "model_answer", review.folder.path / "model_judgment"]


def _unread_files(review: FastChatReview) -> Iterator[Path]:
    """Files that are named like FastChat's and are none of what the review reads, in the folder and its two parts."""
    folder, words = review.folder, {file.name for file in review.stored.files if file.ratings or file.pairs}
    used = {*folder.answers, *(path for path in folder.judgments if path.name in words)}
    for path in sorted(path for part in _parts(review) for path in part.glob("*.jsonl")):
        known = path.name == "question.jsonl" or path.name.endswith("prompts.jsonl")
        if path not in used and not (known and path.parent == folder.path):
            yield path


def lines_left_out(held: ModelAnswers) -> Iterator[LeftOut]:
    """The lines of one model's file that give no answer."""
    if count := held.left_out + held.unread:
        cause = f"{count} lines are no answers to these questions, too short, or cannot be read"
        yield LeftOut(kind="lines", name=held.path.name, cause=cause)


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
