"""What an audit's reader must know about one file, in sentences.

In: a FileAudit. Out: sentences: stale rows, errors, repeats, picks by position, what is missing.
"""

from collections.abc import Iterator, Sequence

from analysis.fastchat_audit.audit_report import FileAudit, PlayedPair, RatedModel
from analysis.fastchat_audit.stored import Freshness
from analysis.judged.games import TurnClass
from analysis.rendering.sentences.cells import value_cell
from analysis.rendering.sentences.numbers import count_of, number, optional, probability

MOST_IDS = 12
MOST_DIGITS = 18  # an id with more is a name


def findings(file: FileAudit) -> Iterator[str]:
    """What a reader must know about one file, in sentences; empty for a clean file."""
    for model in file.models:
        yield from _rating_findings(model)
    decimals = sum(model.decimals[0] for model in file.models)
    if decimals:
        yield f"{decimals} of {file.rows} ratings are no whole numbers."
    for pair in file.pairs:
        yield from _game_findings(pair)


def _rating_findings(model: RatedModel) -> Iterator[str]:
    stale, current = model.freshness[Freshness.STALE], model.freshness[Freshness.CURRENT]
    if current:
        yield f"{model.model}: {current} of {model.rows} stored prompts are rendered byte for byte from today's files."
    if stale:
        mean, theirs = (
            optional(each, lambda value: number("rating", value)) for each in (model.stale_mean, model.fastchat.average)
        )
        yield (
            f"{model.model}: {stale} rows judge other answers (mean {mean}); without them the "
            f"rating is {value_cell(model.scopes[0].rating)}, FastChat blends both into {theirs}."
        )
    if model.freshness[Freshness.MIXED]:
        mixed = model.freshness[Freshness.MIXED]
        yield f"{model.model}: {mixed} rows share their question and turn with another prompt's; they are left out."
    if model.unread:
        unread = count_of(model.unread, model.rows)
        yield f"{model.model}: {unread} have no score in the file (−1): FastChat's mean leaves them out unsaid."
    if model.disagreements:
        yield f"{model.model}: FastChat read {model.disagreements} rows otherwise than the strict rules."
    if model.repeats:
        yield f"{model.model}: {model.repeats} rows repeat a prompt; they count within their question."
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
    if pair.freshness[Freshness.STALE] + pair.freshness[Freshness.MIXED]:
        stale, mixed = pair.freshness[Freshness.STALE], pair.freshness[Freshness.MIXED]
        yield f"{name}: {stale} stale and {mixed} mixed rows are left out."
    if pair.disagreements:
        yield f"{name}: FastChat read {pair.disagreements} rows otherwise than the strict rules."
    yield from _gaps(pair, name)


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
