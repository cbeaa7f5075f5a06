"""An audit's tables, as words: what each file holds, FastChat's numbers beside the strict ones.

In: an AuditReport. Out: Tables of plain text.
"""

from collections.abc import Iterator, Sequence

from analysis.audit_report import Contrast, FileAudit, PlayedPair, RatedModel
from analysis.bounds import Bounds
from analysis.coverage import Coverage
from analysis.estimates import Estimate
from analysis.games import TurnClass
from analysis.numbers import NOT_MEASURED, cell, number, optional, probability
from analysis.stored import Freshness, Lengths, StoredModel
from analysis.tables.review import Table

DIGITS = 6  # as pandas prints them


def answer_table(models: Sequence[StoredModel]) -> Table:
    """What each model wrote: questions, repeats, empty turns, texts of errors, length."""
    rows = [
        (m.name, str(m.questions), str(m.repeated), str(m.empty), str(m.errors), _mean_length(m.lengths))
        for m in models
    ]
    header = ("answers of", "questions", "written twice", "empty turns", "error texts", "mean characters a turn")
    return Table("answers", "Answers", "", header, tuple(rows))


def single_tables(file: FileAudit) -> Iterator[Table]:
    """Of a file of ratings: its rows, ratings, changes and coverage."""
    yield Table(
        "rows",
        "What the file holds",
        "",
        ("model", "rows", *Freshness, "repeats", "outcomes (strict)", "FastChat's −1", "decimals (used)"),
        tuple(
            (
                *(
                    model.model,
                    str(model.rows),
                    *(str(model.freshness[each]) for each in Freshness),
                    str(model.repeats),
                ),
                *(_counts(model.outcomes), str(model.unread), f"{model.decimals[0]} ({model.decimals[1]})"),
            )
            for model in file.models
        ),
    )
    yield Table(
        "ratings",
        "Ratings: strict, and FastChat's",
        "Strict: rows whose prompt is today's, with the question as the unit. FastChat: every row but those of −1.",
        (
            "model",
            "rating",
            "turn 1",
            "turn 2",
            "if all missing were 1 / 10",
            "stale rows' mean",
            "FastChat turn 1",
            "FastChat turn 2",
            "FastChat average",
        ),
        tuple(_rating_row(model) for model in file.models),
    )
    yield Table(
        "contrasts",
        "Changes, paired by question",
        "",
        ("baseline", "candidate", "rating_change", "p", "MDE", "if missing were worst / best", "at equal length"),
        tuple(_contrast_row(each) for each in file.contrasts),
    )
    yield from _coverage_tables([(model.model, model.coverage) for model in file.models])


def pair_tables(file: FileAudit) -> Iterator[Table]:
    """Of a file of games: the five classes, bias, FastChat's numbers and coverage."""
    yield Table(
        "games",
        "Games: five classes of question-turns, seen from the candidate",
        "",
        ("baseline", "candidate", "rows", *Freshness, *TurnClass, "win_score", "win_change", "at equal length"),
        tuple(_pair_row(pair) for pair in file.pairs),
    )
    yield Table(
        "bias",
        "Does the seat or the length decide?",
        "",
        (
            "pair",
            "judge's flips",
            "hard: first / second seat",
            "tie and pick",
            "first seat's share",
            "longer answer's share",
        ),
        tuple(_bias_row(pair) for pair in file.pairs),
    )
    yield Table(
        "fastchat",
        "FastChat's numbers",
        "It drops a row with an error and calls every flip a tie.",
        ("model", "win", "loss", "tie", "win_rate", "loss_rate", "win_rate_adjusted"),
        tuple(
            (
                *(wins.model, str(wins.win), str(wins.loss), str(wins.tie)),
                *(f"{rate:.{DIGITS}f}" for rate in (wins.win_rate, wins.loss_rate, wins.win_rate_adjusted)),
            )
            for wins in file.fastchat_wins
        ),
    )
    yield from _coverage_tables([(f"{pair.baseline} : {pair.candidate}", pair.coverage) for pair in file.pairs])


def _coverage_tables(found: Sequence[tuple[str, Sequence[Coverage]]]) -> Iterator[Table]:
    """Every part once; models beside each other."""
    parts = list(dict.fromkeys(row.scope for _, rows in found for row in rows))
    rows = []
    for part in parts:
        by_model = [next((row for row in held if row.scope == part), None) for _, held in found]
        rows.append((part, *(f"{row.scored}/{row.planned}" if row else "—" for row in by_model)))
    yield Table("coverage", "Coverage: usable of planned", "", ("part", *(name for name, _ in found)), tuple(rows))


def _rating_row(model: RatedModel) -> tuple[str, ...]:
    by_scope = {row.scope: row.rating for row in model.scopes}
    theirs = model.fastchat
    return (
        model.model,
        cell(by_scope.get("all")),
        *(_plain(by_scope.get(f"turn {turn}")) for turn in (1, 2)),
        _bounds("rating", model.bounds),
        optional(model.stale_mean, lambda mean: f"{mean:.2f}") if model.stale_mean is not None else "—",
        *(optional(each, lambda mean: f"{mean:.{DIGITS}f}") for each in (theirs.first_turn, theirs.second_turn)),
        optional(theirs.average, lambda mean: f"{mean:.{DIGITS}f}"),
    )


def _contrast_row(each: Contrast) -> tuple[str, ...]:
    mde = each.change.mde
    return (
        *(each.baseline, each.candidate, cell(each.change), probability(each.p)),
        optional(mde, lambda value: f"{value:.2f}"),
        _bounds("rating_change", each.bounds),
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
    bias, lengths = pair.bias, pair.lengths
    sign = f" ({probability(bias.p)})" if bias.p is not None else ""
    length_sign = f"; {lengths.longer} of {lengths.decided}, {probability(lengths.p)}" if lengths.decided else ""
    return (
        f"{pair.baseline} : {pair.candidate}",
        cell(bias.flips),
        f"{bias.toward_first} / {bias.toward_second}{sign}",
        str(pair.tie_picks),
        f"{cell(bias.first_seat)}; {pair.seats[0]} to {pair.seats[1]}",
        f"{cell(lengths.longer_wins)}{length_sign}",
    )


def _plain(estimate: Estimate | None) -> str:
    return NOT_MEASURED if estimate is None or estimate.value is None else number(estimate.measure, estimate.value)


def _bounds(measure: str, bounds: Bounds | None) -> str:
    return f"{number(measure, bounds[0])} / {number(measure, bounds[1])}" if bounds else "nothing is missing"


def _counts(found: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items())


def _mean_length(lengths: Lengths) -> str:
    return f"{sum(lengths.values()) / len(lengths):.0f}" if lengths else "—"
