"""Clauses that hold numbers of a measure: in its unit, with enough digits to tell a bound from its line.

In: Causes of one kind each. Out: texts; clauses.py says which kind is written by which.
"""

from collections.abc import Callable

from analysis.rendering.sentences.numbers import NOT_MEASURED, apart, count_of, number, span, unsigned
from analysis.statistics.causes import Cause
from ledger.conditions import allowing

ROUNDING = "rounding alone flips items; run both alike, or set"
Written = Callable[[Cause], str]


def measured_on(cause: Cause) -> str:
    """The measure, and the task that it is of where it is one's."""
    task = cause.names.get("task")
    return f"{cause.subject} of {task}" if task else cause.subject


def bound(template: str, side: str) -> Written:
    """A measure's bound beside what it is held against, with enough digits to tell the two apart."""

    def written(cause: Cause) -> str:
        shown, least = apart(cause.subject, cause.numbers[side], cause.numbers["threshold"])
        return template.format(subject=measured_on(cause), bound=shown, line=least)

    return written


def primary_open(cause: Cause) -> str:
    """A margin between the bounds of the primary measure."""
    measure, threshold = cause.subject, cause.numbers["threshold"]
    low, high = (apart(measure, cause.numbers[side], threshold)[0] for side in ("lower_bound", "upper_bound"))
    return f"{measure} from {low} to {high}, on either side of the margin of {number(measure, threshold)}"


def limit_within(cause: Cause) -> str:
    """A limit that holds."""
    limit, bound = (number(cause.subject, cause.numbers[name]) for name in ("threshold", "upper_bound"))
    return f"{measured_on(cause)} at most {bound}, within the limit of {limit}"


def infinite(cause: Cause) -> str:
    """How many values are infinite, and the mean of the others."""
    found, unit = cause.numbers, cause.names["unit"]
    rest = f", mean of the others {number(cause.subject, found['mean'])}" if "mean" in found else ""
    return f"infinite on {found['infinite']} of {found['n']} {unit}{rest}"


def limit_infinite(cause: Cause) -> str:
    """A limit that infinite values did not break, and that cannot be kept with them."""
    limit = number(cause.subject, cause.numbers["threshold"])
    return f"{measured_on(cause)} cannot keep its limit of {limit}: {'; '.join(map(infinite, cause.causes))}"


def identical(cause: Cause) -> str:
    """The measured value beside it, because a judge asked twice about one text may rate it twice."""
    value = cause.numbers.get("value")
    measured = "" if value is None else f" ({cause.subject} {number(cause.subject, value)})"
    return f"both models' own records are identical byte for byte{measured}"


def task_lost(cause: Cause) -> str:
    """A loss that is shown, as in a cell of the tables; without numbers where such a cell stands beside it."""
    measure, scoring, found = cause.names["measure"], cause.names["scoring"], cause.numbers
    by = "" if scoring == "acc" else f" by {scoring}"
    unread = "".join(f"; {failed_unread(each)}" for each in cause.causes)
    if not found:
        return f"{cause.subject} lost more than the margin{by}{unread}"
    change = f"{NOT_MEASURED} (n {found['n']}, needs {found.get('needs')})"
    if "value" in found:
        ends = span(measure, (found["low"], found["high"]))
        change = f"{number(measure, found['value'])} {ends} (n {found['n']})"
    return f"{cause.subject} lost more than the margin{by}: {change}{unread}"


def failed_unread(cause: Cause) -> str:
    """New failures that no program could check, by why: they say nothing of what a model knows."""
    return f"of {cause.numbers['failures']} new failures {_unread(cause)}"


def much_unread(cause: Cause) -> str:
    """A model's answers that no program could check, where they are many."""
    return f"Of {cause.numbers['answers']} answers of {cause.names['model']} to {cause.subject} {_unread(cause)}."


def _unread(cause: Cause) -> str:
    words = {"cut": "hit the token limit", "thoughts": "are thoughts alone", "empty": "are empty"}
    words |= {"unparsed": "hold no answer that could be read"}
    return ", ".join(f"{count} {words[name]}" for name in words if (count := cause.numbers[name]))


def ruin_within_margin(cause: Cause) -> str:
    """A baseline so near guessing that a ruined model would lose no more than the margin."""
    low, chance = (number("accuracy", cause.numbers[name]) for name in ("lower_bound", "chance"))
    return f"the baseline may score {low} and guessing scores {chance}: the margin would hide a model that only guesses"


def loss_possible(cause: Cause) -> str:
    """How much an open task may have lost."""
    low = number(cause.names["measure"], cause.numbers["lower_bound"])
    return f"losses{_by(cause)} down to {low} not excluded"


def _by(cause: Cause) -> str:
    """By which scoring, where it is not the deciding one."""
    return f" by {cause.names['by']}" if "by" in cause.names else ""


def recovery_possible(cause: Cause) -> str:
    """How little of the baseline's accuracy an open task may have kept."""
    kept, least = (number("recovery", cause.numbers[name]) for name in ("lower_bound", "threshold"))
    return f"recoveries{_by(cause)} down to {kept} not excluded, {least} are asked for"


def baseline_unexpected(cause: Cause) -> str:
    """A baseline that does not score what was declared: a template that is wrong on both sides hides every damage."""
    share, expected = (number("accuracy", cause.numbers[name]) for name in ("accuracy", "expected"))
    return f"the baseline scores {share} on {cause.subject}, expected {expected} ± {_points(cause)}"


def _points(cause: Cause) -> str:
    return unsigned("accuracy_change", cause.numbers["tolerance"])


def task_guessed(cause: Cause) -> str:
    """A baseline that does not beat guessing."""
    share, chance = (number("accuracy", cause.numbers[name]) for name in ("accuracy", "chance"))
    return f"the baseline itself, {share}, is not shown to beat guessing, {chance}"


def too_near(cause: Cause) -> str:
    """A value at its line."""
    threshold = number(cause.subject, cause.numbers["threshold"])
    return f"{cause.subject} lies so near {threshold} that no practical number of {cause.names['unit']} settles it."


def more_units(cause: Cause) -> str:
    """How many questions or items."""
    measure, found = cause.subject, cause.numbers
    return (
        f"About {found['units']} {cause.names['unit']} (now {found['n']}) would settle {measure} against "
        f"{number(measure, found['threshold'])} with 80 % power, if it stays at {number(measure, found['value'])}."
    )


def more_samples(cause: Cause) -> str:
    """How many samples of each question, or answers to each item."""
    each = "answers to each item" if cause.names.get("unit") == "items" else "samples of each question"
    return f"So would about {cause.numbers['samples']} {each} (now {cause.numbers['now']})."


def samples_do_not_help(cause: Cause) -> str:
    """Why only other questions or items help."""
    items = cause.names.get("unit") == "items"
    what, units = ("answers to", "items") if items else ("samples of", "questions")
    return f"More {what} the same {units} would not: the {units} differ too much from each other."


def under_coverage(cause: Cause) -> str:
    """What is usable of what was planned."""
    what, scope, found = cause.names["what"], cause.names["scope"], cause.numbers
    part = "" if scope == "all" else f", {scope}"
    usable = f"{what} of {cause.subject}{part}: {count_of(int(found['usable']), int(found['planned']))} are usable"
    return f"{usable}, under the floor of {number('coverage', found['floor'])}"


def baseline_guesses(cause: Cause) -> str:
    """Every task with the baseline's accuracy."""
    shown = ", ".join(f"{task} {number('accuracy', cause.numbers[task])}" for task in cause.rows)
    return f"the baseline itself is not shown to beat guessing by more than the margin on any task ({shown})"


def condition(between: str, scope: str) -> Written:
    """Two sides under other conditions, and what allows them."""

    def written(cause: Cause) -> str:
        difference = between.format(subject=cause.subject, **cause.names)
        return f"{difference}: {ROUNDING} {allowing(cause.subject)}{scope}"

    return written


def exam_under_floor(cause: Cause) -> str:
    """The whole exam against its floor."""
    found = cause.numbers
    low, least = apart("exam", found["lower_bound"], found["floor"])
    right = number("exam", found["right"])
    return f"{found['n']} exam questions, {right} right, lower bound {low} under the floor of {least}"


def exam_weak_part(cause: Cause) -> str:
    """The one part under its floor."""
    share, least = apart("exam", cause.numbers["right"], cause.numbers["floor"])
    part = f"{cause.names['mode']}, {cause.names['part']}"
    return f"1 of {cause.numbers['parts']} parts under {least} ({part}: {share})"


def exam_weak_parts(cause: Cause) -> str:
    """How many parts are under their floor."""
    found = cause.numbers
    return f"{found['weak']} of {found['parts']} parts under {number('exam', found['floor'])}"


def filters_disagree(cause: Cause) -> str:
    """Two filters that read the same texts so differently that the choice of one decides."""
    shares = [f"{number('accuracy', cause.numbers[name])} by {cause.names[name]}" for name in ("low", "high")]
    what, model = f"{cause.names['metric']} of {cause.subject}", cause.names["model"]
    return f"The filter decides {what}: {model} scores {' and '.join(shares)}. Declare one, or mend the other."


def over_units(text: str) -> Written:
    """With the unit's name, where the statistic knows it."""
    return lambda cause: f"{text} {cause.names['unit']}" if cause.names else text


def too_few_data(cause: Cause) -> str:
    """With what it takes, where the statistic said it."""
    needs = ": {subject} needs at least {need}, there are {have}".format if cause.numbers else "".format
    return f"too few data{needs(subject=cause.subject, **cause.numbers)}"
