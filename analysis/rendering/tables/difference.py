"""The difference of two runs, as words: the ground they share, ratings, flips, games side by side, both decisions.

In: a RunDifference. Out: Tables and lines of plain text; A is the first run, B the second, a change is B minus A.
"""

from collections.abc import Iterable, Iterator

from analysis.decision.decisions import Decision
from analysis.decision.gate_estimates import item_estimate, pooled
from analysis.judged.games import Played, TurnClass
from analysis.rendering.sentences.cells import cell, unmeasured, value_cell
from analysis.rendering.sentences.clauses import clause, part
from analysis.rendering.sentences.numbers import probability, unsigned
from analysis.rendering.tables.review import CLASS_LABELS, SHAPES, Table, decision_row
from analysis.run_diff.model_difference import ModelDifference, RatingDifference
from analysis.run_diff.run_changes import Changed
from analysis.run_diff.run_difference import RunDifference, Side
from analysis.statistics.causes import Cause, Kind
from analysis.summaries.model_reports import ItemReport
from ledger.measures import measure_of

NONE = "—"
LEFT_OUT = "left out"
LONGEST_VALUE = 32


def run_line(difference: RunDifference) -> str:
    """Which runs stand against each other."""
    sides = (
        f"{letter} is {_side(side)}" for letter, side in zip("AB", (difference.before, difference.after), strict=True)
    )
    judged = "" if difference.judged else " The judged part is left out (--without-judges)."
    return f"{', '.join(sides)}. A change is B minus A.{judged}"


def ground_line(difference: RunDifference) -> str:
    """Whether both runs have the same baseline, and how far it moved if not."""
    baseline = difference.models[0]
    if baseline.identical:
        return f"The runs share a ground: the baseline's {_listed(baseline.records)} are identical in both."
    if not baseline.records:
        return "Nothing of the baseline is in both runs: nothing shows whether they share a ground."
    moved = "; ".join(_moves(baseline)) or f"its {_listed(baseline.records)} are not the same"
    return f"The baseline itself moved ({moved}). This is not subtracted: read every other change beside it."


def identical_line(difference: RunDifference) -> str | None:
    """Which models have the same records in both runs, or None."""
    if difference.identical:
        kinds = dict.fromkeys(kind for model in difference.models for kind in model.records)
        return f"The two runs are identical: the {_listed(kinds)} of every model are the same in both."
    names = [label(model) for model in difference.models if model.identical]
    return f"Identical in both runs: {', '.join(names)}." if names else None


def notes(difference: RunDifference) -> Iterator[str]:
    """Models and records of one run only, choices that cannot be compared, rules that differ, judges that are unfit."""
    for letter, names in (("A", difference.only_before), ("B", difference.only_after)):
        if names:
            yield f"In {letter} only, so not compared: {', '.join(names)}. Renamed candidates: --match OLD=NEW."
    if lost := "; ".join(filter(None, map(_left_out, difference.models))):
        yield f"Left out, because one run only has them: {lost}."
    for model in difference.models:
        if model.choices and model.choices.fault:
            yield f"The choices of {label(model)} cannot be compared: {part(model.choices.fault)}."
    if difference.rules:
        parts = "; ".join(
            f"{each.name} {_short(each.before)} in A, {_short(each.after)} in B" for each in difference.rules
        )
        yield f"The decisions were made by other rules: {parts}."
    for letter, side in (("A", difference.before), ("B", difference.after)):
        reasons = ((judge, clause(cause)) for judge, causes in side.unfit for cause in causes)
        yield from (f"The judged part of {letter} is unfit: {judge}: {reason}." for judge, reason in reasons)


def rating_table(difference: RunDifference) -> Table:
    """Each judge's mean rating in both runs, and the change paired by question."""
    rows = tuple(_rating_row(model, each) for model in difference.models for each in model.ratings)
    header = ("model", "judge", "rating in A", "rating in B", "rating_change", "p")
    caption = "The same questions, turns and judge; 95 % intervals over questions; p by sign flips."
    return Table("difference-ratings", "Ratings, B minus A", caption, header, rows)


def flip_table(difference: RunDifference) -> Table:
    """What each model picks otherwise in B, by acc over all items."""
    rows = tuple(_flip_row(model, model.choices) for model in difference.models if model.choices)
    moves = ("right→wrong / wrong→right", "all flips", "KL (A ‖ B)")
    caption = "The same items under the same prompts. None of this depends on a judge."
    header = ("model", "accuracy_change", "flips", *moves)
    return Table("difference-flips", "Flips (acc), B against A", caption, header, rows)


def game_table(difference: RunDifference) -> Table:
    """Each run's games against its own baseline; they are not paired between runs."""
    rows = tuple(
        (
            label(model),
            each.judge,
            *map(_win_change, (each.before, each.after)),
            *map(_classes, (each.before, each.after)),
        )
        for model in difference.models
        for each in model.games
    )
    classes = "/".join(CLASS_LABELS.values())
    header = ("model", "judge", "win_change in A", "win_change in B", f"A: {classes}", "B")
    caption = "Each run against its own baseline: side by side, not subtracted."
    return Table("difference-games", "Games, side by side", caption, header, rows)


def decision_table(difference: RunDifference) -> Table:
    """Both words of each candidate, with the primary value and bounds that each rests on."""
    sides = difference.before, difference.after
    rows = []
    for model in difference.models:
        both = model.decision_before, model.decision_after
        if both[0] and both[1]:
            cells = [_decided(d, s, difference.judged) for d, s in zip(both, sides, strict=True) if d]
            rows.append((label(model), f"{cells[0][0]} → {cells[1][0]}", *cells[0][1:], *cells[1][1:]))
    caption = " ".join(f"{letter}: {_primary(side)}." for letter, side in zip("AB", sides, strict=True))
    header = ("candidate", "decision in A → B", "primary in A", "bounds in A", "primary in B", "bounds in B")
    return Table("difference-decisions", "Decisions", caption, header, tuple(rows))


def change_table(difference: RunDifference) -> Table:
    """What made the records and is not the same in both runs; models that share a change share a row."""
    held: dict[Changed, list[str]] = {}
    for model in difference.models:
        for each in model.changed:
            held.setdefault(each, []).append(label(model))
    rows = tuple((each.name, _short(each.before), _short(each.after), _whose(difference, held[each])) for each in held)
    caption = "These may explain a change."
    return Table("difference-settings", "Made otherwise", caption, ("setting", "A", "B", "models"), rows)


def label(model: ModelDifference) -> str:
    """A model's name, or both if it was renamed; the baseline is called one, a control's own name says it."""
    name = model.before if model.before == model.after else f"{model.before} → {model.after}"
    return f"{name} (baseline)" if model.role == "baseline" else name


def _side(side: Side) -> str:
    shape = f"{SHAPES[side.word]} {side.word}"
    return f"{side.name} ({shape}, {side.questions} questions, {side.items} items, config {side.config_digest[:8]})"


def _moves(model: ModelDifference) -> Iterator[str]:
    """Each change of a model in a few words."""
    for each in model.ratings:
        if not each.identical and (change := each.scopes[0].change):
            yield f"rating_change by {each.judge} {cell(change, with_n=False)}"
    if model.choices and (whole := pooled(model.choices)) and not model.choices.identical:
        kl = cell(item_estimate(model.choices, "kl_options"), with_n=False)
        yield f"accuracy_change {cell(whole.accuracy_change, with_n=False)}, flips {value_cell(whole.flips)}, KL {kl}"


def _listed(records: Iterable[str]) -> str:
    *most, last = records
    return f"{', '.join(most)} and {last}" if most else last


def _left_out(model: ModelDifference) -> str:
    """How many of a model's items and ratings have no partner."""
    whole = pooled(model.choices)
    counts = [(whole.accuracy_change.left_out, "items")] if whole else []
    changes = ((each.judge, each.scopes[0].change) for each in model.ratings)
    counts += [(change.left_out, f"ratings by {judge}") for judge, change in changes if change]
    parts = ", ".join(f"{count} {what}" for count, what in counts if count)
    return f"{label(model)} {parts}" if parts else ""


def _rating_row(model: ModelDifference, each: RatingDifference) -> tuple[str, ...]:
    whole = each.scopes[0]
    means = (cell(mean, with_n=False) for mean in (each.before, whole.rating))
    return (label(model), each.judge, *means, cell(whole.change), probability(each.p))


def _flip_row(model: ModelDifference, choices: ItemReport) -> tuple[str, ...]:
    whole = pooled(choices)
    if whole is None:
        return (label(model), unmeasured(choices.fault or Cause(Kind.NO_CHOICES)), *[NONE] * 4)
    moved = whole.transitions
    return (
        label(model),
        cell(item_estimate(choices, "accuracy_change")),
        cell(whole.flips, with_n=False),
        f"{moved.right_to_wrong} / {moved.wrong_to_right}" if moved else NONE,
        cell(whole.all_flips, with_n=False),
        cell(item_estimate(choices, "kl_options"), with_n=False),
    )


def _win_change(played: Played | None) -> str:
    return cell(played.win_change, with_n=False) if played else NONE


def _classes(played: Played | None) -> str:
    return "/".join(str(played.classes[each]) for each in TurnClass) if played else NONE


def _decided(decision: Decision, side: Side, judged: bool) -> tuple[str, str, str]:
    """Word, primary value and bounds; a judged value is left out with the judged part."""
    _, word, value, low, high, *_ = decision_row(decision, "")
    shown = judged or not measure_of(side.primary).mode
    return (word, value, f"{low} / {high}") if shown else (word, LEFT_OUT, LEFT_OUT)


def _primary(side: Side) -> str:
    return f"{side.primary}, margin {unsigned(side.primary, side.margin)}"


def _whose(difference: RunDifference, names: list[str]) -> str:
    return "all" if len(names) == len(difference.models) else ", ".join(names)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"
