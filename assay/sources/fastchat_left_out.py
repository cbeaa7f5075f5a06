"""What lies in FastChat's folder and does not come into a review: by name, so that the report can say it.

In: a FastChatReview. Out: one LeftOut per thing.
"""

from collections.abc import Iterator, Mapping, Sequence

from assay.sources.evidence_names import begins_with_judgment, is_system_file, promises
from assay.sources.fastchat_apart import judgments_apart, judgments_of_others
from assay.sources.fastchat_files import DOUBLED
from assay.sources.fastchat_model_answers import ModelAnswers
from assay.sources.fastchat_reviews import FastChatReview
from assay.sources.lines import NOT_UTF8
from ledger.errors import ConfigError
from ledger.origins import LeftOut, other_files
from ledger.store import key_text


def left_out(review: FastChatReview) -> Iterator[LeftOut]:
    """What lies in the folder, is about none of the models, and does not come in: other models, files like evidence.

    Models that nobody judged are listed: there is no evidence of them. So are judgments of models that stay outside.
    """
    judged = review.stored.judged
    for name in sorted({*review.files, *judged} - review.models.keys()):
        yield _model(name, review, is_judged=name in judged)
    answered = {answer.question.key for held in review.models.values() for answer in held.answers}
    if lacking := sorted(key_text(key) for key in review.stored.questions if key not in answered):
        cause = f"no model answered {len(lacking)} of {len(review.stored.questions)} questions"
        yield LeftOut(kind="items", name="answers", cause=cause, items=tuple(lacking))
    for name in (evidence := [name for name in review.stored.unread if promises(name) or _judges(name, review)]):
        yield LeftOut(kind="file", name=name, cause=_unread(name, review))
    yield from other_files([name for name in review.stored.unread if name not in evidence])
    for file in review.stored.files:
        if file.unread:
            cause = f"{file.unread} lines are no judgments that can be read: {file.faults[0]}"
            yield LeftOut(kind="lines", name=file.name, cause=cause)
    for note in (note for note in review.stored.notes if DOUBLED in note):
        yield LeftOut(kind="lines", name="question.jsonl", cause=note)
    yield from judgments_of_others(review)


def _judges(name: str, review: FastChatReview) -> bool:
    return not is_system_file(name) and begins_with_judgment(review.folder.path / name)


def _unread(name: str, review: FastChatReview) -> str:
    """Why nothing in a file that promises evidence is read."""
    if name.endswith("/"):
        return "it holds judgments, or is named as if, and nothing in it is read"
    if (review.folder.path / name).is_symlink() and not (review.folder.path / name).exists():
        return "it is a link to a file that is not there"
    faults = (*review.stored.notes, *(fault for file in review.stored.files for fault in file.faults))
    if any(NOT_UTF8 in fault and name.endswith(fault.partition(":")[0]) for fault in faults):
        return NOT_UTF8
    if not promises(name):
        return "it holds judgments, and nothing in it is read"
    return "its name promises evidence, and nothing in it is read"


def _model(name: str, review: FastChatReview, *, is_judged: bool) -> LeftOut:
    has_answers = bool(name in review.files and review.files[name].answers)
    if has_answers and not is_judged and not review.chosen:
        return LeftOut(kind="other", name=f"answers of {name}", cause="nobody judged them")
    cause = "was not chosen" if has_answers else "there are no answers of it that fit the questions"
    return LeftOut(kind="task", name=name, cause=cause, declared="--candidate" if review.chosen else "")


def left_out_by_model(review: FastChatReview) -> Mapping[str, tuple[LeftOut, ...]]:
    """What does not come in by the model that it is about; what is about none of them stands with each."""
    of_all = tuple(left_out(review))
    return {
        name: (*lines_left_out(held), *judgments_apart(review, name), *_further(held), *of_all)
        for name, held in review.models.items()
    }


def _further(held: ModelAnswers) -> Iterator[LeftOut]:
    """What of a model's file FastChat judges no more, and that there is no such file."""
    if held.recovered:
        cause = f"there is no file of them: {len(held.answers)} were read out of the prompts that the judge was shown"
        yield LeftOut(kind="beside", name=f"answers of {held.label}", cause=cause)
    if held.choices:
        cause = f"{held.choices} further choices: FastChat judges the first of a question"
        yield LeftOut(kind="beside", name=f"choices of {held.label}", cause=cause)
    if held.repeated:
        cause = f"{held.repeated} answers were written again: the last of a question is judged"
        yield LeftOut(kind="beside", name=f"earlier answers of {held.label}", cause=cause)


def lines_left_out(held: ModelAnswers) -> Iterator[LeftOut]:
    """The lines of one model's file that give no answer."""
    told = []
    if held.failed:
        told.append(f"{held.failed} answers are FastChat's $ERROR$ or have an empty turn, and count as missing")
    if count := held.left_out - held.failed + held.unread:
        told.append(f"{count} lines are no answers to these questions, too short, or cannot be read")
    if told:
        yield LeftOut(kind="lines", name=held.name, cause="; ".join(told))


def refuse_unknown_names(review: FastChatReview, names: Sequence[str]) -> None:
    """Stop where the user leaves out what is not passed over anyway. Raises ConfigError."""
    passed = {name for held in left_out_by_model(review).values() for each in held for name in (each.name, *each.items)}
    for name in names:
        if name in review.models:
            raise ConfigError(f"{name} has answers and judgments.", where="--leave-out", remedy="Use --candidate.")
        if name not in passed:
            remedy = f"There are {', '.join(sorted(passed)) or 'none'}."
            raise ConfigError(f"nothing is passed over that is called {name!r}.", where="--leave-out", remedy=remedy)
