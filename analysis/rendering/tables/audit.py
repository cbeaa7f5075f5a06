"""An audit's tables, as words: what each file holds, FastChat's numbers beside the strict ones.

In: an AuditReport. Out: Tables of plain text.
"""

from collections.abc import Iterator, Sequence

from analysis.fastchat_audit.audit_report import Contrast, FileAudit, PlayedPair, RatedModel
from analysis.fastchat_audit.fastchat_numbers import FastChatWins
from analysis.fastchat_audit.stored import Freshness, Lengths, StoredModel
from analysis.judged.games import TurnClass
from analysis.rendering.sentences.cells import cell, value_cell
from analysis.rendering.sentences.numbers import bounds_cell, number, optional, probability, unsigned
from analysis.rendering.tables.judged import longer_cell
from analysis.rendering.tables.review import CLASS_LABELS, Table, swapped_picks_cell
from analysis.statistics.coverage import Coverage

DIGITS = 6  # as pandas prints them


def answer_table(models: Sequence[StoredModel]) -> Table:
    """What each model wrote: questions, repeats, empty turns, texts of errors, length."""
    rows = [
        (m.name, str(m.questions), str(m.repeated), str(m.empty), str(m.errors), _mean_length(m.lengths))
        for m in models
    ]
    header = ("answers of", "questions", "written twice", "empty turns", "error texts", "mean characters per turn")
    return Table("answers", "Answers", "", header, tuple(rows))


def single_tables(file: FileAudit) -> Iterator[Table]:
    """Of a file of ratings: its rows, ratings, changes and coverage."""
    yield _row_table(file)
    yield _rating_table(file)
    yield _contrast_table(file)
    yield _coverage_table([(model.model, model.coverage) for model in file.models])


def pair_tables(file: FileAudit) -> Iterator[Table]:
    """Of a file of games: the five classes, bias, FastChat's numbers and coverage."""
    yield _game_table(file)
    yield _bias_table(file)
    yield _fastchat_table(file)
    yield _coverage_table([(f"{pair.baseline} : {pair.candidate}", pair.coverage) for pair in file.pairs])


def _row_table(file: FileAudit) -> Table:
    beside = ("copies", "superseded", "repeats")
    header = ("model", "rows", *Freshness, *beside, "outcomes (strict)", "FastChat's −1", "decimals (used)")
    return Table("rows", "What the file holds", "", header, tuple(map(_file_row, file.models)))


def _rating_table(file: FileAudit) -> Table:
    caption = (
        "Strict: rows whose prompt is today's, with the question as the unit. FastChat: every row but those of −1."
    )
    header = ("model", "rating", "turn 1", "turn 2", "missing-data bounds", "stale rows' mean")
    theirs = ("FastChat turn 1", "FastChat turn 2", "FastChat average")
    rows = tuple(map(_rating_row, file.models))
    return Table("ratings", "Ratings: strict, and FastChat's", caption, (*header, *theirs), rows)


def _contrast_table(file: FileAudit) -> Table:
    header = ("baseline", "candidate", "rating_change", "p", "MDE", "missing-data bounds", "at equal length")
    return Table("contrasts", "Changes, paired by question", "", header, tuple(map(_contrast_row, file.contrasts)))


def _game_table(file: FileAudit) -> Table:
    header = (
        "baseline",
        "candidate",
        "rows",
        *Freshness,
        *CLASS_LABELS.values(),
        "win_score",
        "win_change",
        "at equal length",
    )
    title = "Games: five classes of question-turns, seen from the candidate"
    return Table("games", title, "", header, tuple(map(_pair_row, file.pairs)))


def _bias_table(file: FileAudit) -> Table:
    header = ("pair", "judge inconsistency", "swapped: first / second position", "tie and pick")
    shares = ("first position's share", "longer answer's share")
    rows = tuple(map(_bias_row, file.pairs))
    return Table("bias", "Does the position or the length decide?", "", (*header, *shares), rows)


def _fastchat_table(file: FileAudit) -> Table:
    caption = "It drops a row with an error and calls every inconsistent verdict a tie."
    header = ("model", "win", "loss", "tie", "win_rate", "loss_rate", "win_rate_adjusted")
    return Table("fastchat", "FastChat's numbers", caption, header, tuple(map(_win_row, file.fastchat_wins)))


def _coverage_table(found: Sequence[tuple[str, Sequence[Coverage]]]) -> Table:
    """Every part once; models beside each other."""
    rows = []
    for part in dict.fromkeys(row.scope for _, held in found for row in held):
        by_model = [next((row for row in held if row.scope == part), None) for _, held in found]
        rows.append((part, *(f"{row.scored}/{row.planned}" if row else "—" for row in by_model)))
    header = ("part", *(name for name, _ in found))
    return Table("coverage", "Coverage: usable of planned", "", header, tuple(rows))


def _file_row(model: RatedModel) -> tuple[str, ...]:
    return (
        *(model.model, str(model.rows), *(str(model.freshness[each]) for each in Freshness)),
        *map(str, (model.beside.copies, model.beside.superseded, model.beside.repeats)),
        *(_counts(model.outcomes), str(model.unread), f"{model.decimals[0]} ({model.decimals[1]})"),
    )


def _win_row(wins: FastChatWins) -> tuple[str, ...]:
    rates = (wins.win_rate, wins.loss_rate, wins.win_rate_adjusted)
    return (wins.model, str(wins.win), str(wins.loss), str(wins.tie), *map(_as_pandas, rates))


def _rating_row(model: RatedModel) -> tuple[str, ...]:
    by_scope = {row.scope: row.rating for row in model.scopes}
    theirs = model.fastchat
    return (
        model.model,
        cell(by_scope.get("all")),
        *(value_cell(by_scope.get(f"turn {turn}")) for turn in (1, 2)),
        bounds_cell("rating", model.bounds),
        "—" if model.stale_mean is None else number("rating", model.stale_mean),
        *(optional(each, _as_pandas) for each in (theirs.first_turn, theirs.second_turn, theirs.average)),
    )


def _contrast_row(each: Contrast) -> tuple[str, ...]:
    return (
        *(each.baseline, each.candidate, cell(each.change), probability(each.p)),
        optional(each.change.mde, lambda value: unsigned("rating_change", value)),
        bounds_cell("rating_change", each.bounds),
        cell(each.controlled, with_n=False),
    )


def _pair_row(pair: PlayedPair) -> tuple[str, ...]:
    whole = pair.scopes[0]
    return (
        *(pair.baseline, pair.candidate, str(pair.rows), *(str(pair.freshness[each]) for each in Freshness)),
        *(str(whole.classes[each]) for each in TurnClass),
        *(cell(whole.win_score), cell(whole.win_change), cell(pair.controlled, with_n=False)),
    )


def _bias_row(pair: PlayedPair) -> tuple[str, ...]:
    return (
        f"{pair.baseline} : {pair.candidate}",
        cell(pair.bias.flips),
        swapped_picks_cell(pair.bias),
        str(pair.tie_picks),
        f"{cell(pair.bias.first_seat)}; {pair.seats[0]} to {pair.seats[1]}",
        longer_cell(pair.lengths),
    )


def _as_pandas(value: float) -> str:
    return f"{value:.{DIGITS}f}"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items())


def _mean_length(lengths: Lengths) -> str:
    return f"{sum(lengths.values()) / len(lengths):.0f}" if lengths else "—"
