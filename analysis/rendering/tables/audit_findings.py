"""What an audit's reader must know about one file, and about the folder, in sentences.

In: a FileAudit, or the whole AuditReport. Out: sentences: stale rows, errors, repeats, picks by position, what is
missing; what was not read; why no review was made.
"""

from collections.abc import Iterator, Mapping, Sequence

from analysis.fastchat_audit.audit_report import AuditReport, Beside, FileAudit, PlayedPair, RatedModel
from analysis.fastchat_audit.stored import Change, Freshness, Lack
from analysis.judged.games import TurnClass
from analysis.rendering.sentences.cells import value_cell
from analysis.rendering.sentences.numbers import count_of, number, optional, probability

STALE = {
    Change.ANSWER: "other answers",
    Change.QUESTION: "other questions",
    Change.REFERENCE: "by other references",
    Change.TEMPLATE: "by another template of the judge prompt",
    Change.JUDGE_FILE: "by a judge file that is not here, or not the one of most rows",
    Change.FAILED: "answers that have an empty turn or are FastChat's $ERROR$",
    Change.UNKNOWN: "questions or turns that question.jsonl does not have",
}
UNCHECKED = {
    Lack.PROMPT: "no prompt was stored with them",
    Lack.ANSWER: "there is no answer to hold them against",
    Lack.QUESTION: "there is no question.jsonl; their prompts show today's answers",
    Lack.JUDGE_PROMPT: "there is no judge prompt to hold theirs against; they show today's answers",
    Lack.REFERENCE: "there are no references; the rest of their prompts is today's",
    Lack.REPLY: "no reply was stored with them, only what was read out of it",
}
MOST_IDS = 12
MOST_DIGITS = 18  # an id with more is a name


def folder_notes(report: AuditReport) -> Iterator[str]:
    """What lies in the folder and was not read, and answers that are not from a file of their own."""
    if report.unread:
        yield f"Not read: {', '.join(report.unread)}."
    for model in report.models:
        if model.recovered:
            prompts = "read out of the prompts that the judge was shown"
            yield f"{model.name}: there is no file of answers; {model.questions} answers are {prompts}."
        if model.failed:
            none = "are FastChat's $ERROR$ or have an empty turn"
            yield f"{model.name}: {model.failed} answers {none}: they count as missing."
        if model.choices:
            yield f"{model.name}: {model.choices} further choices; FastChat judges the first of a question."


def one_sided(report: AuditReport) -> str:
    """Why this is an audit and no review: fewer than two models with answers were judged."""
    judged = sorted({model.model for file in report.files for model in file.models})
    judged = sorted({*judged, *(name for file in report.files for pair in file.pairs for name in _models(pair))})
    others = [model.name for model in report.models if model.name not in judged and model.questions]
    beside = f"; {', '.join(others)} {'has' if len(others) == 1 else 'have'} answers and no judgments" if others else ""
    names = f"only {judged[0]} is" if len(judged) == 1 else f"{', '.join(judged) or 'no models'} are"
    return (
        f"This is an audit, and no review was made: a review compares a candidate with a baseline that the same judge "
        f"judged, and {names} judged here{beside}."
    )


def _models(pair: PlayedPair) -> tuple[str, str]:
    return pair.baseline, pair.candidate


def findings(file: FileAudit) -> Iterator[str]:
    """What a reader must know about one judge's rows, in sentences; empty where all is well."""
    if file.shared:
        yield (
            f"{', '.join(file.shared)}: rows of other judges stand there too; FastChat's show_result mixes them, and "
            f"its numbers here are of {', '.join(file.judges)} alone."
        )
    if file.turnless:
        yield f"{file.turnless} rows have no `turn`; the name of their prompt tells it."
    for model in file.models:
        yield from _rating_findings(model)
    decimals = sum(model.decimals[0] for model in file.models)
    if decimals:
        yield f"{decimals} of {file.rows} ratings are no whole numbers."
    for pair in file.pairs:
        yield from _game_findings(pair)


def _rating_findings(model: RatedModel) -> Iterator[str]:
    current = model.freshness[Freshness.CURRENT]
    if current:
        yield f"{model.model}: {current} of {model.rows} stored prompts are rendered byte for byte from today's files."
    if model.changed:
        mean, theirs = (
            optional(each, lambda value: number("rating", value)) for each in (model.stale_mean, model.fastchat.average)
        )
        yield (
            f"{model.model}: {stale_rows(model.changed)} (mean {mean}); without them the "
            f"rating is {value_cell(model.scopes[0].rating)}, FastChat blends both into {theirs}."
        )
    yield from _unsure(model, model.model)
    if model.unread:
        unread = count_of(model.unread, model.rows)
        yield f"{model.model}: {unread} have no score in the file (−1): FastChat's mean leaves them out unsaid."
    if model.disagreements:
        yield f"{model.model}: FastChat read {model.disagreements} rows otherwise than the strict rules."
    yield from _beside(model.model, model.beside)
    yield from _gaps(model, model.model)


def _game_findings(pair: PlayedPair) -> Iterator[str]:
    whole, name = pair.scopes[0].classes, f"{pair.baseline} : {pair.candidate}"
    complete = sum(whole.values()) - whole[TurnClass.FAILED]
    swapped = pair.bias.toward_first + pair.bias.toward_second
    yield (
        f"{name}: {pair.candidate} wins {whole[TurnClass.WIN]} and {pair.baseline} {whole[TurnClass.LOSS]} "
        f"consistently; {whole[TurnClass.TIE]} real ties; {swapped} swapped picks and {pair.tie_picks} of tie and "
        f"pick, in {complete} complete pairs."
    )
    if swapped:
        toward = f"{pair.bias.toward_first} of the {swapped} swapped picks go to the first position"
        yield f"{name}: {toward} ({probability(pair.bias.p)})."
    if pair.errors:
        yield f"{name}: {pair.errors} verdicts are errors; FastChat drops their rows and does not say so."
    if pair.changed:
        yield f"{name}: {stale_rows(pair.changed)}; they are left out."
    yield from _unsure(pair, name)
    yield from _beside(name, pair.beside)
    if pair.disagreements:
        yield f"{name}: FastChat read {pair.disagreements} rows otherwise than the strict rules."
    yield from _gaps(pair, name)


def _unsure(found: RatedModel | PlayedPair, name: str) -> Iterator[str]:
    """The rows of which nobody knows whether they are today's."""
    if found.lacking:
        yield f"{name}: {unchecked_rows(found.lacking)}."
    if mixed := found.freshness[Freshness.MIXED]:
        yield f"{name}: {mixed} rows share their question and turn with another prompt's; they are left out."


def unchecked_rows(lacking: Mapping[str, int], what: str = "rows") -> str:
    """How many rows could not be checked, and why: `12 rows could not be checked (no prompt was stored with them)`."""
    told = [f"{count} {what} could not be checked ({UNCHECKED[Lack(word)]})" for word, count in lacking.items()]
    return ", ".join(told)


def stale_rows(changed: Mapping[str, int], what: str = "rows") -> str:
    """How many rows are stale, and by what: `12 rows judge other answers, 3 by other references`."""
    first, *rest = changed.items()
    told = [f"{first[1]} {what} judge {_judged(first[0])}", *(f"{count} {_judged(words)}" for words, count in rest)]
    return ", ".join(told)


def _judged(words: str) -> str:
    return " and ".join(STALE[Change(word)] for word in words.split(" and "))


def _beside(name: str, found: Beside) -> Iterator[str]:
    if found.copies:
        yield f"{name}: {found.copies} rows equal another in every field; each counts once."
    if found.superseded:
        yield f"{name}: {found.superseded} failed rows give way to another row on their prompt."
    if found.repeats:
        yield f"{name}: {found.repeats} rows are further verdicts on a prompt; they are averaged within their turn."


def _gaps(found: RatedModel | PlayedPair, name: str) -> Iterator[str]:
    """The question-turns without a row, and those whose row has no verdict, by turn, as ranges of ids."""
    for cells, lack in ((found.absent, "are missing"), (found.missing, "have no verdict that can be used")):
        for turn in sorted({each.turn for each in cells}):
            ids = sorted({each.question for each in cells if each.turn == turn}, key=_by_number)
            yield f"{name}: {len(ids)} questions {lack} in turn {turn}: {_ranges(ids)}."


def _ranges(ids: Sequence[str]) -> str:
    """Ids as `126-130, 142`; long lists are cut."""
    runs: list[list[str]] = []
    for id in ids:
        before = _number(runs[-1][-1]) if runs else None
        if before is not None and _number(id) == before + 1:
            runs[-1].append(id)
        else:
            runs.append([id])
    shown = [run[0] if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return ", ".join(shown[:MOST_IDS]) + (f" and {len(shown) - MOST_IDS} more" if len(shown) > MOST_IDS else "")


def _by_number(id: str) -> tuple[int, str]:
    return (_number(id) or 0, id)


def _number(id: str) -> int | None:
    """None for a name, also one of digits that are no decimal ones, such as ²."""
    return int(id) if id.isdecimal() and len(id) <= MOST_DIGITS else None
