"""Causes: why a decision came out as it did, why a number is missing, what to know; what, which rows, which numbers.

In: what a statistic, a gate or a reader of evidence found. Out: frozen Causes, the same for programs and for people.
The words for people are written in one place, analysis/rendering/sentences/clauses.py, kind by kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What a Cause says."""

    # What the gates say
    PRIMARY_ABOVE = "primary_above"
    PRIMARY_BELOW = "primary_below"
    PRIMARY_OPEN = "primary_open"
    LIMIT_WITHIN = "limit_within"
    LIMIT_OVER = "limit_over"
    LIMIT_INFINITE = "limit_infinite"
    CHECK_BASELINE = "check_baseline"
    NEVER_CLEARED = "never_cleared"
    NOTHING_POOLED = "nothing_pooled"
    LIMIT_OPEN = "limit_open"
    LIMIT_UNFIT = "limit_unfit"
    IDENTICAL = "identical"
    TASK_LOST = "task_lost"
    # Why a task is open
    TASK_UNFIT = "task_unfit"
    TASK_GUESSED = "task_guessed"
    TASK_LOSS_POSSIBLE = "task_loss_possible"
    TASK_UNPROVEN = "task_unproven"
    BASELINE_UNEXPECTED = "baseline_unexpected"
    RECOVERY_POSSIBLE = "recovery_possible"
    # What would settle it
    OF_TASK = "of_task"
    COMPARE_UNSEEN = "compare_unseen"
    MEND_DECLARATION = "mend_declaration"
    RUN_WITHOUT_LIMIT = "run_without_limit"
    MORE_THAN_A_FEW = "more_than_a_few"
    MEND_EVIDENCE = "mend_evidence"
    NO_DIFFERENCE_YET = "no_difference_yet"
    TOO_NEAR = "too_near"
    MORE_UNITS = "more_units"
    MORE_SAMPLES = "more_samples"
    SAMPLES_DO_NOT_HELP = "samples_do_not_help"
    # What stands against the evidence of a gate
    UNMEASURED = "unmeasured"
    NO_BOUNDS = "no_bounds"
    NOT_SET = "not_set"
    NO_TASK = "no_task"
    NO_MEASURING_JUDGE = "no_measuring_judge"
    NOTHING_PAIRED = "nothing_paired"
    NOTHING_PLANNED = "nothing_planned"
    UNDER_COVERAGE = "under_coverage"
    UNFINISHED = "unfinished"
    FEW_OPTION_TOKENS = "few_option_tokens"
    FEW_TRACED_TURNS = "few_traced_turns"
    BASELINE_GUESSES = "baseline_guesses"
    CONDITION_DIFFERS = "condition_differs"
    CONDITION_DIFFERS_BETWEEN_RUNS = "condition_differs_between_runs"
    STALE_ITEM = "stale_item"
    PROMPT_SETTING_DIFFERS = "prompt_setting_differs"
    PROMPT_TEXT_DIFFERS = "prompt_text_differs"
    HASH_DIFFERS = "hash_differs"
    # What stands against a judge
    STALE_RECORDS = "stale_records"
    STALE_QUESTION = "stale_question"
    MIXED_PROMPTS = "mixed_prompts"
    MIXED_JUDGES = "mixed_judges"
    MIXED_SERVED_MODELS = "mixed_served_models"
    NO_MANIFEST = "no_manifest"
    JUDGE_UNTRUSTED = "judge_untrusted"
    NO_EXAM = "no_exam"
    EXAM_UNREACHED = "exam_unreached"
    EXAM_UNDER_FLOOR = "exam_under_floor"
    EXAM_WEAK_PART = "exam_weak_part"
    EXAM_WEAK_PARTS = "exam_weak_parts"
    SMALL_EXAM = "small_exam"
    FEW_TRUSTED_JUDGES = "few_trusted_judges"
    # What was found and not compared, and what looks like one model twice
    NOT_COMPARED = "not_compared"
    NOT_COMPARED_WHOLE = "not_compared_whole"
    RECORDED = "recorded"
    ONE_SIDE_HAS_TASK = "one_side_has_task"
    DECLARED_MISSING = "declared_missing"
    NO_SIDE_HAS_TASK = "no_side_has_task"
    PART_OF_TASK = "part_of_task"
    ONE_SIDE_HAS_ITEMS = "one_side_has_items"
    ONE_SIDE_WAS_LIMITED = "one_side_was_limited"
    TOO_LONG_FOR_BOTH = "too_long_for_both"
    UNSCORED_ITEMS = "unscored_items"
    UNANSWERED_QUESTIONS = "unanswered_questions"
    UNWRITTEN_ANSWERS = "unwritten_answers"
    NOT_IN_CONFIG = "not_in_config"
    LEFT_OUT_BY_NAME = "left_out_by_name"
    LEFT_OUT_TASK = "left_out_task"
    ONE_MODEL = "one_model"
    EQUAL_CHOICES = "equal_choices"
    EQUAL_ANSWERS = "equal_answers"
    # Why a number, or only its interval, is missing
    TOO_FEW_DATA = "too_few_data"
    TOO_FEW = "too_few"
    TOO_FEW_OR_PERFECT = "too_few_or_perfect"
    FEWER_THAN_NEEDED = "fewer_than_needed"
    ALL_EQUAL = "all_equal"
    INFINITE = "infinite"
    SAME_FOR_ALL = "same_for_all"
    SIDE_IS_CONSTANT = "side_is_constant"
    A_MEASURE_IS_CONSTANT = "a_measure_is_constant"
    CONSTANT_OR_SAME_ORDER = "constant_or_same_order"
    NO_VARIATION = "no_variation"
    EQUAL_LENGTH_CHANGES = "equal_length_changes"
    NO_LENGTH_VARIATION = "no_length_variation"
    ONE_QUESTION_VARIES = "one_question_varies"
    NO_FINITE_STRENGTH = "no_finite_strength"
    BASELINE_IS_ZERO = "baseline_is_zero"
    BASELINE_NEAR_ZERO = "baseline_near_zero"
    NO_JUDGE = "no_judge"
    NO_RECORDS = "no_records"
    NO_CHOICES = "no_choices"
    NO_TRACES = "no_traces"
    NO_VERDICTS = "no_verdicts"
    NO_OPTION_TOKENS = "no_option_tokens"
    NOT_TRACED = "not_traced"
    FEW_LABELS = "few_labels"
    NO_BETTER_THAN_CHANCE = "no_better_than_chance"
    PANEL_HAS_NO_POSITIONS = "panel_has_no_positions"
    PANEL_SITS_NO_EXAM = "panel_sits_no_exam"
    OTHER_TRACED_TOKENS = "other_traced_tokens"
    OTHER_OPTION_TOKENS = "other_option_tokens"
    INFINITE_LOGPROB = "infinite_logprob"
    # What a reader should know besides
    NO_CONTROL = "no_control"
    CONTROL_MISSING = "control_missing"
    SETTING_DIFFERS = "setting_differs"
    INPUT_DIFFERS = "input_differs"
    SEVERAL_JUDGES = "several_judges"
    ASKS_CLOCK = "asks_clock"
    ADVERSARIAL_ANSWERS = "adversarial_answers"
    # What nobody looked at
    NOBODY_WROTE = "nobody_wrote"
    JUDGE_DECIDES_NOTHING = "judge_decides_nothing"
    NOTHING_JUDGED = "nothing_judged"
    ONLY_BASELINE_TRACED = "only_baseline_traced"
    ANSWERS_NOT_COMPARED = "answers_not_compared"
    NO_ITEMS = "no_items"
    NO_CHECKED_ANSWERS = "no_checked_answers"
    BEYOND_LIMIT = "beyond_limit"
    LONGEST_PROMPT = "longest_prompt"
    PROMPT_LENGTHS_UNTOLD = "prompt_lengths_untold"
    LANGUAGES_UNTOLD = "languages_untold"
    NO_TOOL_CALLS = "no_tool_calls"
    NO_REFUSALS = "no_refusals"
    MEASURED_UNDER = "measured_under"
    SETTINGS_OF_LOGS = "settings_of_logs"
    ENGINE_ARGUMENTS = "engine_arguments"


@dataclass(frozen=True)
class Cause:
    """One reason: its kind, what it is about, which rows, which numbers.

    `subject` is a measure, task, judge, model or file, as the kind says; `rows` name records or tasks. `numbers` are
    raw, in the unit of the measure; `names` are what else a clause must name; `causes` lie below this one.
    """

    kind: Kind
    subject: str = ""
    rows: tuple[str, ...] = ()
    numbers: Mapping[str, int | float] = field(default_factory=dict, hash=False)
    names: Mapping[str, str] = field(default_factory=dict, hash=False)
    causes: "tuple[Cause, ...]" = ()
