"""Every kind of cause in words: one clause per kind; no other file says them.

In: Causes. Out: clauses, to be joined by "; "; advice and what names a remedy are whole sentences.
"""

from collections.abc import Iterable, Mapping

from analysis.rendering.sentences import ladder
from analysis.rendering.sentences import measured_clauses as measured
from analysis.rendering.sentences import record_clauses as records
from analysis.rendering.sentences.numbers import number
from analysis.statistics.causes import Cause, Kind

UNSEEN = "Compare what was found, or leave it out on purpose (leave_out), before this is signed."
CHANGED = "changed after it was used: recorded {recorded}, now {present}."
TWO_CHECKPOINTS = 'two checkpoints do not agree like this (identical = "allowed" says that these may)'
EQUAL_CHOICES = "all log-probabilities of {items} items of {subject} equal the baseline's to the last bit"
MIXED_PROMPTS = "mixed prompts: {ratings} ratings and {games} games share their key with another prompt's"
UNWRITTEN_PLAN = "only {made} of {planned} planned {subject} were made by any model; run `assay generate` to its end"
UNTRACED = "only {traced} of {planned} turns of the baseline's answers were traced by it and {subject}"
NO_FLOOR = "nothing shows how far two runs of the baseline differ."
UNCHECKED = "no benchmark whose generated answers a program checks (GSM8K, code, instructions) is in this review"
UNCOMPARED = "answers were written, and nothing compared them: there is no judge and no trace"
LIMITED = (
    "{subject} alone has {items} of its items: {other} was run with --limit {limit}. Run {other} again as "
    "{subject} was run"
)
COPIED = "The {repeats} answers of {model} to each item of {subject} are one text and count once: give each run a seed."
CONSTANT = "a measure is the same for all {n} candidates, or {subject} orders them as the other does"


def clause(cause: Cause) -> str:
    """What a cause says, in words."""
    written = CLAUSES[cause.kind]
    if not isinstance(written, str):
        return written(cause)
    fields: dict[str, object] = {**cause.numbers, **cause.names}
    return written.format(subject=cause.subject, rows=", ".join(cause.rows), causes=clauses(cause.causes), **fields)


def clauses(causes: Iterable[Cause]) -> str:
    """Several causes as one text."""
    return "; ".join(map(clause, causes))


def part(cause: Cause) -> str:
    """A cause as a part of a sentence that goes on: without a full stop of its own."""
    return clause(cause).removesuffix(".")


def _limit_unfit(cause: Cause) -> str:
    limit, measure = number(cause.subject, cause.numbers["threshold"]), measured.measured_on(cause)
    return f"{measure} cannot be held against its limit of {limit}: {'; '.join(map(part, cause.causes))}"


def _measured_under(cause: Cause) -> str:
    settings = clauses(cause.causes) or "settings that nothing tells"
    return f"measured under {settings}: KV cache and engine as deployed may differ"


def _engine_arguments(cause: Cause) -> str:
    engine = cause.subject or "an engine that is not told"
    return f"{engine} with {', '.join(cause.rows) or 'its own defaults'}"


CLAUSES: Mapping[Kind, str | measured.Written] = {
    Kind.PRIMARY_ABOVE: measured.bound("{subject} at least {bound}, within the margin of {line}", "lower_bound"),
    Kind.PRIMARY_BELOW: measured.bound("{subject} at most {bound}, beyond the margin of {line}", "upper_bound"),
    Kind.PRIMARY_OPEN: measured.primary_open,
    Kind.LIMIT_WITHIN: measured.limit_within,
    Kind.LIMIT_OVER: measured.bound("{subject} at least {bound}, over the limit of {line}", "lower_bound"),
    Kind.LIMIT_OPEN: measured.bound("{subject} up to {bound}, perhaps over the limit of {line}", "upper_bound"),
    Kind.LIMIT_INFINITE: measured.limit_infinite,
    Kind.CHECK_BASELINE: "Check how {subject} was run, on both sides: its template, its data, its settings.",
    Kind.TIGHTER_MARGIN: "Declare a smaller margin for it, or take a task that the baseline can do.",
    Kind.NEVER_CLEARED: "No number of items clears it: the baseline itself guesses. Take a task that it can do.",
    Kind.NOTHING_POOLED: "every task is shown alone, so no item decides",
    Kind.LIMIT_UNFIT: _limit_unfit,
    Kind.IDENTICAL: measured.identical,
    Kind.TASK_LOST: measured.task_lost,
    Kind.TASK_UNFIT: "its evidence is unfit",
    Kind.TASK_GUESSED: measured.task_guessed,
    Kind.RUIN_WITHIN_MARGIN: measured.ruin_within_margin,
    Kind.FAILED_UNREAD: measured.failed_unread,
    Kind.TASK_LOSS_POSSIBLE: measured.loss_possible,
    Kind.TASK_UNPROVEN: "{subject} must be cleared and is not ({causes})",
    Kind.BASELINE_UNEXPECTED: measured.baseline_unexpected,
    Kind.RECOVERY_POSSIBLE: measured.recovery_possible,
    Kind.OF_TASK: "For {subject}: {causes}",
    Kind.COMPARE_UNSEEN: UNSEEN,
    Kind.MEND_DECLARATION: "Mend the config, or bring in choices of {rows}, before this is signed.",
    Kind.RUN_WITHOUT_LIMIT: "{rows} ran with --limit {limit}: run them again without it.",
    Kind.MORE_THAN_A_FEW: "Take more {unit} for {subject}; {n} says too little.",
    Kind.MEND_EVIDENCE: "Mend the evidence of {subject} first; more of the same {unit} do not help.",
    Kind.NO_DIFFERENCE_YET: "No {unit} differ yet; more {unit} than {n} narrow the bound.",
    Kind.NO_SPREAD_YET: "All {unit} tell the same so far; more {unit} than {n} narrow the bound.",
    Kind.TOO_NEAR: measured.too_near,
    Kind.MORE_UNITS: measured.more_units,
    Kind.MORE_SAMPLES: measured.more_samples,
    Kind.SAMPLES_DO_NOT_HELP: measured.samples_do_not_help,
    Kind.UNMEASURED: "{subject}: {causes}",
    Kind.NO_BOUNDS: "no bounds",
    Kind.NOT_SET: "{subject} = true is not set",
    Kind.NO_TASK: "no [[task]] was configured",
    Kind.NO_MEASURING_JUDGE: "no judge measures {subject}",
    Kind.NOTHING_PAIRED: "no {what} of {subject}",
    Kind.NOTHING_PLANNED: "no {what} of {subject} were planned or found ({scope})",
    Kind.UNDER_COVERAGE: measured.under_coverage,
    Kind.UNFINISHED: UNWRITTEN_PLAN,
    Kind.FEW_OPTION_TOKENS: "only {items} of {planned} items have option tokens of {subject} and the baseline",
    Kind.FEW_TRACED_TURNS: UNTRACED,
    Kind.BASELINE_GUESSES: measured.baseline_guesses,
    Kind.CONDITION_DIFFERS: measured.condition("{subject} {own} against the baseline's {other}", ""),
    Kind.CONDITION_DIFFERS_BETWEEN_RUNS: measured.condition(
        "{subject} {before} in A, {after} in B", " of both reviews"
    ),
    Kind.STALE_ITEM: "{subject} is not the baseline's ({causes}); make both models' records again, alike",
    Kind.PROMPT_SETTING_DIFFERS: "{subject} {own} against the baseline's {other}",
    Kind.PROMPT_TEXT_DIFFERS: records.prompt_text,
    Kind.HASH_DIFFERS: "hash {own} against the baseline's {other}",
    Kind.STALE_RECORDS: f"{{subject}}: {CHANGED} Judge this review again.",
    Kind.STALE_QUESTION: f"{{subject}}: {CHANGED} Generate the answers of all models from one question set.",
    Kind.MIXED_PROMPTS: f"{MIXED_PROMPTS}; they are left out",
    Kind.MIXED_JUDGES: "mixed judges: {records} records are those of {rows}; left out",
    Kind.MIXED_SERVED_MODELS: "mixed judges: the endpoint answered as {rows}",
    Kind.UNLIKE_CALLS: "{subject} to the two models were not alike and whole: {causes}",
    Kind.PARAMETER_REFUSED: "the endpoint of {subject} refused {rows}, which the other was sent",
    Kind.SEVERAL_SERVED: "the endpoint of {subject} answered as {rows}",
    Kind.PROMPTS_CUT: "prompts of {subject} were cut: {told}",
    Kind.MIXED_PARAMETERS: "some calls to {subject} had {rows} and others had not: the endpoint refused it there",
    Kind.NO_MANIFEST: "no manifest says how these judgments were made",
    Kind.JUDGED_OTHERWISE: "the records of {subject} were made with {rows}, and the config says otherwise",
    Kind.ONE_RATING: "each of the {ratings} ratings of {subject} is {score:g}: it tells no answer from another",
    Kind.JUDGE_UNTRUSTED: "the judge {subject} is not trusted ({causes})",
    Kind.NO_EXAM: "it sat no exam in {mode} mode",
    Kind.EXAM_UNREACHED: "only {reached} of {planned} exam questions reached it",
    Kind.EXAM_UNDER_FLOOR: measured.exam_under_floor,
    Kind.EXAM_WEAK_PART: measured.exam_weak_part,
    Kind.EXAM_WEAK_PARTS: measured.exam_weak_parts,
    Kind.EXAM_RESOLUTION: ladder.exam_resolution,
    Kind.SMALL_EXAM: "a small exam: the smallest part has {questions} of the usual {usual} questions",
    Kind.FEW_TRUSTED_JUDGES: "only {trusted} of {judges} judges may be believed",
    Kind.NOT_COMPARED: "{subject} was found and is not compared: {causes}",
    Kind.NOT_COMPARED_WHOLE: "{subject} is not compared whole: {causes}",
    Kind.JUDGMENTS_UNSEEN: "{subject}: {causes}",
    Kind.RECORDED: records.recorded,
    Kind.ONE_SIDE_HAS_TASK: "{subject} alone has items of it",
    Kind.DECLARED_MISSING: "{subject} was declared and is not there: {causes}",
    Kind.NO_SIDE_HAS_TASK: "there are no items of it",
    Kind.PART_OF_TASK: "it is a part of {subject}; a rule is of a whole task",
    Kind.ONE_SIDE_HAS_ITEMS: records.one_side_has_items,
    Kind.ONE_SIDE_WAS_LIMITED: LIMITED,
    Kind.TOO_LONG_FOR_BOTH: "{items} of its items fit the context of neither model",
    Kind.ONE_SIDE_HAS_SCORE: "{subject} alone has {scoring}: declare the score that counts (metrics, filters)",
    Kind.ITEMS_WITHOUT_SCORE: "{subject} has no {scoring} on {items} items: {rows}",
    Kind.NO_SHARED_SCORE: "{subject} has scores by {own}, the baseline by {other}",
    Kind.NO_SUCH_SCORE: "no score of both models is the declared {declared}; there are {rows}",
    Kind.FEWER_REPEATS: "{subject} has fewer than its {repeats} answers to {items} items: {rows}",
    Kind.UNREAD_SCORES: "{subject} scores {answers} answers that are empty or have nothing extracted: {rows}",
    Kind.UNNAMED_RECORDS: "nothing shows which model made the records of {subject}: its manifest.json is missing",
    Kind.SCRIPTED: "no model was run for {subject}: a script stood in (ASSAY_SCRIPTED_ENGINE)",
    Kind.OTHER_KIND: "{picked} picked its answers, {solved} wrote them",
    Kind.UNSCORED_ITEMS: "{unscored} of {planned} planned items were scored by neither model",
    Kind.UNANSWERED_QUESTIONS: "{subject} has no answer to {unanswered} of {questions} questions",
    Kind.UNWRITTEN_ANSWERS: "{unwritten} of {planned} planned answers were written by no model",
    Kind.NOT_IN_CONFIG: "not in the config",
    Kind.LEFT_OUT_BY_NAME: "left out by its name",
    Kind.LEFT_OUT_TASK: "{items} items of it are there",
    Kind.ONE_MODEL: "{subject} and {baseline} are one model: {why}",
    Kind.EQUAL_CHOICES: f"{EQUAL_CHOICES}: {TWO_CHECKPOINTS}",
    Kind.EQUAL_TEXTS_SCORED_APART: "{answers} answers to {subject} are the baseline's texts with other scores",
    Kind.OTHER_TEMPERATURE: "{subject} was drawn at temperature {own}, the baseline at {other}",
    Kind.OTHER_TOKEN_LIMIT: "{subject} was run with {setting} {own}, the baseline with {other}",
    Kind.TEMPERATURE_UNTOLD: "The temperature of {rows} is not told: if answers were drawn, some flips are noise.",
    Kind.EQUAL_SOLUTIONS: f"all {{answers}} answers to {{subject}} equal the baseline's: {TWO_CHECKPOINTS}",
    Kind.EQUAL_ANSWERS: f"all {{answers}} answers equal the baseline's byte for byte: {TWO_CHECKPOINTS}",
    Kind.TOO_FEW_DATA: measured.too_few_data,
    Kind.TOO_FEW: measured.over_units("too few"),
    Kind.TOO_FEW_OR_PERFECT: "too few {unit}, or a perfect line",
    Kind.FEWER_THAN_NEEDED: "{have} {unit}, needs {need}",
    Kind.ALL_EQUAL: "all values are equal",
    Kind.INFINITE: measured.infinite,
    Kind.SAME_FOR_ALL: "{subject} is the same for all {n} candidates",
    Kind.SIDE_IS_CONSTANT: measured.over_units("one side is the same for all"),
    Kind.A_MEASURE_IS_CONSTANT: "a measure does not vary",
    Kind.CONSTANT_OR_SAME_ORDER: CONSTANT,
    Kind.NO_VARIATION: "no variation between questions",
    Kind.EQUAL_LENGTH_CHANGES: "the lengths do not differ from cell to cell",
    Kind.NO_LENGTH_VARIATION: "no interval: no variation",
    Kind.ONE_QUESTION_VARIES: "no interval: one question alone shows a difference of length",
    Kind.NO_FINITE_STRENGTH: "a model won, or lost, every game against some others",
    Kind.BASELINE_IS_ZERO: "the baseline is the zero",
    Kind.BASELINE_NEAR_ZERO: "the baseline is not shown to lie above zero",
    Kind.NOT_ONE_OUTCOME: "several answers or grades per item: look at excess flips",
    Kind.SAMPLED_ONCE: "sampled once: without repeats or a control, flips are mostly noise",
    Kind.NO_REPEATS: "both models must answer each item several times",
    Kind.NO_JUDGE: "no judge",
    Kind.NO_RECORDS: "no records of this model",
    Kind.NO_CHOICES: "no choices",
    Kind.NO_TRACES: "no traces",
    Kind.NO_ROLLOUTS: "no rollouts",
    Kind.NO_VERDICTS: "no verdicts",
    Kind.NO_OPTION_TOKENS: "not run (vocabulary = true)",
    Kind.NOT_TRACED: "not traced",
    Kind.FEW_LABELS: "{labels} labeled questions, {need} are needed",
    Kind.NO_BETTER_THAN_CHANCE: "the judge is not shown to agree with people better than chance",
    Kind.PANEL_HAS_NO_POSITIONS: "a panel sees no positions",
    Kind.PANEL_SITS_NO_EXAM: "each judge sits its own",
    Kind.FINISH_UNTOLD: "how an answer ended is not told",
    Kind.NO_THOUGHTS: "neither {subject} nor the baseline wrote any thoughts",
    Kind.NO_ANSWERS: "no answers of {subject} beside the baseline's",
    Kind.OTHER_TRACED_TOKENS: "the traces of {subject} hold other tokens than the baseline's",
    Kind.OTHER_OPTION_TOKENS: "the options of {subject} are cut into other tokens than the baseline's",
    Kind.INFINITE_LOGPROB: "the {what} of {subject} hold a log-probability that is not finite",
    Kind.NO_CONTROL: f"There is no control run (control = false): {NO_FLOOR}",
    Kind.CONTROL_MISSING: f"The control run is missing: {NO_FLOOR}",
    Kind.SETTING_DIFFERS: "{subject} was run with {setting} {own}, the baseline with {other}.",
    Kind.INPUT_DIFFERS: "{subject} and the baseline were given different {input}.",
    Kind.JUDGE_CONTRADICTS: "{subject} contradicts {primary}: by its word alone, {causes}.",
    Kind.MEASURE_CONTRADICTS: "{primary} decides, and by other judgments of {subject} {causes}.",
    Kind.SEVERAL_JUDGES: "Several judges: each is reported on its own; {subject} is the primary judge.",
    Kind.FILTERS_DISAGREE: measured.filters_disagree,
    Kind.COPIED_REPEATS: COPIED,
    Kind.MUCH_UNREAD: measured.much_unread,
    Kind.ASKS_CLOCK: records.CLOCK_IN_TEMPLATE,
    Kind.ADVERSARIAL_ANSWERS: records.adversarial,
    Kind.JUDGMENTS_FAILED: records.judgments_failed,
    Kind.NOBODY_WROTE: "no model was asked to write",
    Kind.JUDGE_DECIDES_NOTHING: "what the judge said is shown, and decides nothing",
    Kind.NOTHING_JUDGED: "no judgment of a pair of answers is there",
    Kind.ONLY_BASELINE_TRACED: "what candidates write was not judged; only the baseline's own answers were traced",
    Kind.ANSWERS_NOT_JUDGED: "no judge read the answers; their texts were measured, not their worth",
    Kind.ANSWERS_NOT_COMPARED: UNCOMPARED,
    Kind.NO_ITEMS: "no item was given to these models",
    Kind.NO_CHECKED_ANSWERS: UNCHECKED,
    Kind.BEYOND_LIMIT: "every model was run with --limit {limit}: what lies beyond was given to none",
    Kind.LONGEST_PROMPT: "no prompt of a question was longer than {tokens} tokens",
    Kind.PROMPT_LENGTHS_UNTOLD: "how long prompts were is not told",
    Kind.LANGUAGES_UNTOLD: "nothing tells one language from another",
    Kind.NO_TOOL_CALLS: "no item calls a tool",
    Kind.NO_REFUSALS: "no item asks for what should be refused",
    Kind.MEASURED_UNDER: _measured_under,
    Kind.SETTINGS_OF_LOGS: "the settings of its logs",
    Kind.ENGINE_ARGUMENTS: _engine_arguments,
}
"""Each kind, and its clause: a text with the cause's own names and numbers, or what writes it."""
