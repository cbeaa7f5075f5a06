"""Answers whose file is gone, read out of the prompts that a judge was shown.

In: stored prompts, the models without a file, a Checker. Out: a ModelFile per model, without a path.

Nothing is guessed: an answer is what stands between the known texts of a template where only one reading is possible,
and an answer that two prompts tell differently is left out.
"""

import string
from collections.abc import Collection, Iterable, Mapping, Sequence

from assay.sources.fastchat_answers import ModelFile, Turns
from assay.sources.fastchat_prompts import Asked, Checker, certain, pieces

Place = tuple[int, int]
"""A position (0, 1) and a turn, counted from 0."""


def recovered(
    prompts: Iterable[tuple[Asked, str | None]], gone: Collection[str], checker: Checker
) -> dict[str, ModelFile]:
    """The answers of judged models that have no file."""
    held: dict[tuple[str, str], Turns] = {}
    unlike = set[tuple[str, str]]()
    for asked, prompt in sorted(prompts, key=lambda pair: pair[0].turn):
        if prompt is None or not set(asked.models) & set(gone):
            continue
        for name, turns in zip(asked.models, _answers(checker, asked, prompt, held), strict=False):
            place = (name, asked.question)
            before = held.get(place, ())
            shared = min(len(turns), len(before))
            if before[:shared] != turns[:shared]:
                unlike.add(place)
            held[place] = max(before, turns, key=len)
    rows: dict[str, dict[str, list[Turns]]] = {name: {} for name in gone}
    for (name, id), turns in held.items():
        if name in gone and (name, id) not in unlike:
            rows[name][id] = [turns]
    return {name: ModelFile(None, found) for name, found in sorted(rows.items()) if found}


def _answers(checker: Checker, asked: Asked, prompt: str, held: Mapping[tuple[str, str], Turns]) -> Sequence[Turns]:
    """Each position's answers up to the turn; first without what earlier turns told, so that a contradiction shows."""
    files = [checker.answers.get(name, {}).get(asked.question, ()) for name in asked.models]
    earlier = [held.get((name, asked.question), ()) for name in asked.models]
    together = [own or other for own, other in zip(files, earlier, strict=True)]
    return _read_out(checker, asked, prompt, files) or _read_out(checker, asked, prompt, together) or ()


def _read_out(checker: Checker, asked: Asked, prompt: str, known: Sequence[Turns]) -> list[Turns] | None:
    """None where the prompt does not say the answers that are not known for certain."""
    places = _places(asked)
    shown = tuple((*each[: asked.turn], *[""] * (asked.turn - len(each))) for each in known)
    lacking = {name for name, (position, turn) in places.items() if turn >= len(known[position])}
    for _, template, fields in checker.templates(asked, checker.sets(asked), shown):
        told = {name: text for name, text in fields.items() if name not in lacking}
        holes = [name for _, name, _, _ in string.Formatter().parse(template) if name in lacking]
        found = certain(pieces(template, told), prompt)
        if found is None or len(found) != len(holes):
            continue  # another wording, or a field that nobody knows
        texts = {places[name]: text for name, text in zip(holes, found, strict=True) if name}
        if len(texts) == len(holes) and texts.keys() == {places[name] for name in lacking}:
            return [
                tuple(texts.get((position, turn), row[turn]) for turn in range(asked.turn))
                for position, row in enumerate(shown)
            ]
    return None


def _places(asked: Asked) -> dict[str, Place]:
    """Which answer each field of a template is."""
    stems = ("answer",) if len(asked.models) == 1 else ("answer_a", "answer_b")
    turns = {f"{stem}_{turn + 1}": (place, turn) for place, stem in enumerate(stems) for turn in range(asked.turn)}
    return {**turns, **{stem: (place, 0) for place, stem in enumerate(stems)}}
