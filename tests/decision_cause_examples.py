"""One cause of many kinds, with the clause that it reads as: decisions, and the evidence that they stand on.

In: nothing. Out: OF_DECISIONS, pairs of a Cause and a text.
"""

from analysis.statistics.causes import Cause, Kind

BOUNDS = {"lower_bound": -0.41, "upper_bound": -0.12, "threshold": -0.3}
FLIPS = {"lower_bound": 0.031, "upper_bound": 0.094, "threshold": 0.08}
HASHES = {"recorded": "sha256:a", "present": "sha256:b"}
ALIKE = "rounding alone flips items; run both alike, or set"
LOSS = {"value": -0.1, "low": -0.1333, "high": -0.0743, "n": 400}
TASK = {"measure": "accuracy_change", "scoring": "acc"}
OPEN = {"threshold": -0.3, "value": -0.1, "n": 80}
UNREAD = {"answers": 40, "cut": 30, "thoughts": 0, "empty": 4, "unparsed": 0}


def told(text):
    return Cause(Kind.RECORDED, names={"recorded": text})


OF_DECISIONS = [
    (
        Cause(Kind.PRIMARY_ABOVE, "rating_change", numbers=BOUNDS | {"lower_bound": -0.2996}),
        "rating_change at least −0.2996, within the margin of −0.3000",
    ),
    (
        Cause(Kind.PRIMARY_BELOW, "rating_change", numbers=BOUNDS),
        "rating_change at most −0.12, beyond the margin of −0.30",
    ),
    (
        Cause(Kind.PRIMARY_OPEN, "rating_change", numbers=BOUNDS),
        "rating_change from −0.41 to −0.12, on either side of the margin of −0.30",
    ),
    (Cause(Kind.LIMIT_WITHIN, "flips", numbers=FLIPS), "flips at most 9.4 %, within the limit of 8.0 %"),
    (Cause(Kind.LIMIT_OVER, "flips", numbers=FLIPS), "flips at least 3.1 %, over the limit of 8.0 %"),
    (Cause(Kind.LIMIT_OPEN, "flips", numbers=FLIPS), "flips up to 9.4 %, perhaps over the limit of 8.0 %"),
    (
        Cause(Kind.LIMIT_UNFIT, "flips", numbers={"threshold": 0.08}, causes=(told("a."), told("b"))),
        "flips cannot be held against its limit of 8.0 %: a; b",
    ),
    (Cause(Kind.IDENTICAL, "flips"), "both models' own records are identical byte for byte"),
    (
        Cause(Kind.IDENTICAL, "rating_change", numbers={"value": 0.2}),
        "both models' own records are identical byte for byte (rating_change +0.20)",
    ),
    (
        Cause(Kind.TASK_LOST, "g", numbers=LOSS, names=TASK),
        "g lost more than the margin: −10.0 pp [−13.3, −7.4] (n 400)",
    ),
    (
        Cause(Kind.TASK_LOST, "g", numbers=LOSS, names=TASK | {"scoring": "acc_norm"}),
        "g lost more than the margin by acc_norm: −10.0 pp [−13.3, −7.4] (n 400)",
    ),
    (
        Cause(Kind.TASK_LOST, "g", numbers={"n": 1, "needs": 2}, names=TASK),
        "g lost more than the margin: not measured (n 1, needs 2)",
    ),
    (Cause(Kind.TASK_UNFIT, "g"), "its evidence is unfit"),
    (
        Cause(Kind.TASK_GUESSED, "g", numbers={"accuracy": 0.26, "chance": 0.25}),
        "the baseline itself, 26.0 %, is not shown to beat guessing, 25.0 %",
    ),
    (
        Cause(Kind.TASK_LOSS_POSSIBLE, "g", numbers={"lower_bound": -0.035}, names=TASK),
        "losses down to −3.5 pp not excluded",
    ),
    (
        Cause(Kind.RECOVERY_POSSIBLE, "g", numbers={"lower_bound": 0.941, "threshold": 0.95}),
        "recoveries down to 94.1 % not excluded, 95.0 % are asked for",
    ),
    (
        Cause(Kind.BASELINE_UNEXPECTED, "g", numbers={"accuracy": 0.4, "expected": 0.66, "tolerance": 0.02}),
        "the baseline scores 40.0 % on g, expected 66.0 % ± 2.0 pp",
    ),
    (
        Cause(Kind.TASK_UNPROVEN, "g", causes=(Cause(Kind.TASK_UNFIT, "g"),)),
        "g must be cleared and is not (its evidence is unfit)",
    ),
    (
        Cause(
            Kind.OF_TASK,
            "g",
            causes=(Cause(Kind.NO_DIFFERENCE_YET, "accuracy_change", numbers={"n": 9}, names={"unit": "items"}),),
        ),
        "For g: No items differ yet; more items than 9 narrow the bound.",
    ),
    (
        Cause(Kind.LIMIT_OVER, "flips", numbers=FLIPS, names={"task": "g"}),
        "flips of g at least 3.1 %, over the limit of 8.0 %",
    ),
    (Cause(Kind.BASELINE_NEAR_ZERO), "the baseline is not shown to lie above zero"),
    (Cause(Kind.NOT_ONE_OUTCOME, "g"), "several answers or grades per item: look at excess flips"),
    (Cause(Kind.SAMPLED_ONCE, "g"), "sampled once: without repeats or a control, flips are mostly noise"),
    (
        Cause(
            Kind.FILTERS_DISAGREE,
            "gsm8k",
            numbers={"low": 0.232, "high": 0.566},
            names={"low": "strict-match", "high": "flexible-extract", "metric": "exact_match", "model": "bf16"},
        ),
        "The filter decides exact_match of gsm8k: bf16 scores 23.2 % by strict-match and 56.6 % by flexible-extract. "
        "Declare one, or mend the other.",
    ),
    (
        Cause(Kind.FEWER_REPEATS, "w4", ("g/1", "g/2"), {"items": 2, "repeats": 4}),
        "w4 has fewer than its 4 answers to 2 items: g/1, g/2",
    ),
    (
        Cause(Kind.UNREAD_SCORES, "w4", ("g/1", "g/2"), {"answers": 2}),
        "w4 scores 2 answers that are empty or have nothing extracted: g/1, g/2",
    ),
    (
        Cause(Kind.UNNAMED_RECORDS, "w4"),
        "nothing shows which model made the records of w4: its manifest.json is missing",
    ),
    (
        Cause(Kind.SCRIPTED, "w4"),
        "no model was run for w4: a script stood in (ASSAY_SCRIPTED_ENGINE)",
    ),
    (Cause(Kind.OTHER_KIND, "g", names={"picked": "bf16", "solved": "w4"}), "bf16 picked its answers, w4 wrote them"),
    (
        Cause(Kind.COPIED_REPEATS, "g", numbers={"repeats": 2}, names={"model": "w4"}),
        "The 2 answers of w4 to each item of g are one text and count once: give each run a seed.",
    ),
    (
        Cause(Kind.MUCH_UNREAD, "g", (), UNREAD, {"model": "w4"}),
        "Of 40 answers of w4 to g 30 hit the token limit, 4 are empty.",
    ),
    (
        Cause(Kind.ONE_SIDE_HAS_SCORE, "w4", names={"scoring": "exact_match,strict"}),
        "w4 alone has exact_match,strict: declare the score that counts (metrics, filters)",
    ),
    (
        Cause(Kind.ITEMS_WITHOUT_SCORE, "w4", ("g/1", "g/2"), {"items": 2}, {"scoring": "exact_match,strict"}),
        "w4 has no exact_match,strict on 2 items: g/1, g/2",
    ),
    (
        Cause(Kind.NO_SHARED_SCORE, "w4", names={"own": "f1", "other": "exact_match,strict"}),
        "w4 has scores by f1, the baseline by exact_match,strict",
    ),
    (
        Cause(Kind.NO_SUCH_SCORE, "g", ("exact_match,strict", "f1"), names={"declared": "exact_match,loose"}),
        "no score of both models is the declared exact_match,loose; there are exact_match,strict, f1",
    ),
    (Cause(Kind.NO_REPEATS, "g"), "both models must answer each item several times"),
    (Cause(Kind.TIGHTER_MARGIN), "Declare a smaller margin for it, or take a task that the baseline can do."),
    (
        Cause(Kind.RUIN_WITHIN_MARGIN, "g", numbers={"lower_bound": 0.262, "chance": 0.25}),
        "the baseline may score 26.2 % and guessing scores 25.0 %: the margin would hide a model that only guesses",
    ),
    (
        Cause(
            Kind.FAILED_UNREAD,
            "g",
            numbers={"failures": 40, "cut": 31, "thoughts": 0, "empty": 2, "unparsed": 33},
        ),
        "of 40 new failures 31 hit the token limit, 2 are empty, 33 hold no answer that could be read",
    ),
    (
        Cause(Kind.EQUAL_TEXTS_SCORED_APART, "g", numbers={"answers": 12}),
        "12 answers to g are the baseline's texts with other scores",
    ),
    (
        Cause(Kind.OTHER_TEMPERATURE, "w4", names={"own": "0.7", "other": "0"}),
        "w4 was drawn at temperature 0.7, the baseline at 0",
    ),
    (
        Cause(Kind.OTHER_TOKEN_LIMIT, "w4", names={"setting": "max_gen_toks", "own": "32", "other": "none"}),
        "w4 was run with max_gen_toks 32, the baseline with none",
    ),
    (
        Cause(Kind.TEMPERATURE_UNTOLD, "", ("g", "h")),
        "The temperature of g, h is not told: if answers were drawn, some flips are noise.",
    ),
    (
        Cause(Kind.EQUAL_SOLUTIONS, "g", numbers={"answers": 200}),
        "all 200 answers to g equal the baseline's: two checkpoints do not agree like this "
        '(identical = "allowed" says that these may)',
    ),
    (
        Cause(Kind.COMPARE_UNSEEN),
        "Compare what was found, or leave it out on purpose (leave_out), before this is signed.",
    ),
    (
        Cause(Kind.MEND_EVIDENCE, "flips", names={"unit": "items"}),
        "Mend the evidence of flips first; more of the same items do not help.",
    ),
    (
        Cause(Kind.NO_DIFFERENCE_YET, "flips", numbers={"n": 9}, names={"unit": "items"}),
        "No items differ yet; more items than 9 narrow the bound.",
    ),
    (
        Cause(Kind.NO_SPREAD_YET, "flips", numbers={"n": 9}, names={"unit": "items"}),
        "All items tell the same so far; more items than 9 narrow the bound.",
    ),
    (
        Cause(Kind.TOO_NEAR, "rating_change", numbers=OPEN, names={"unit": "questions"}),
        "rating_change lies so near −0.30 that no practical number of questions settles it.",
    ),
    (
        Cause(Kind.MORE_UNITS, "rating_change", numbers=OPEN | {"units": 640}, names={"unit": "questions"}),
        "About 640 questions (now 80) would settle rating_change against −0.30 with 80 % power, if it stays at −0.10.",
    ),
    (
        Cause(Kind.MORE_SAMPLES, "rating_change", numbers={"samples": 7, "now": 2}, names={"unit": "questions"}),
        "So would about 7 samples of each question (now 2).",
    ),
    (
        Cause(Kind.SAMPLES_DO_NOT_HELP, "rating_change", names={"unit": "questions"}),
        "More samples of the same questions would not: the questions differ too much from each other.",
    ),
    (Cause(Kind.UNMEASURED, "kl_trace", causes=(Cause(Kind.NOT_SET, "traces"),)), "kl_trace: traces = true is not set"),
    (Cause(Kind.NO_BOUNDS), "no bounds"),
    (Cause(Kind.NOT_SET, "vocabulary"), "vocabulary = true is not set"),
    (Cause(Kind.NO_TASK), "no [[task]] was configured"),
    (Cause(Kind.NO_MEASURING_JUDGE, "win_change"), "no judge measures win_change"),
    (Cause(Kind.NOTHING_PAIRED, "w4", names={"what": "paired ratings"}), "no paired ratings of w4"),
    (
        Cause(Kind.NOTHING_PLANNED, "w4", names={"what": "ratings", "scope": "all"}),
        "no ratings of w4 were planned or found (all)",
    ),
    (
        Cause(
            Kind.UNDER_COVERAGE,
            "w4",
            numbers={"usable": 1, "planned": 4, "floor": 0.9},
            names={"what": "ratings", "scope": "turn 2"},
        ),
        "ratings of w4, turn 2: 1 of 4 (25.0 %) are usable, under the floor of 90.0 %",
    ),
    (
        Cause(Kind.UNFINISHED, "answers", numbers={"made": 40, "planned": 80}),
        "only 40 of 80 planned answers were made by any model; run `assay generate` to its end",
    ),
    (
        Cause(Kind.FEW_OPTION_TOKENS, "w4", numbers={"items": 30, "planned": 60}),
        "only 30 of 60 items have option tokens of w4 and the baseline",
    ),
    (
        Cause(Kind.FEW_TRACED_TURNS, "w4", numbers={"traced": 12, "planned": 24}),
        "only 12 of 24 turns of the baseline's answers were traced by it and w4",
    ),
    (
        Cause(Kind.BASELINE_GUESSES, "accuracy", ("a", "b"), {"a": 0.25, "b": 0.3}),
        "the baseline itself is not shown to beat guessing by more than the margin on any task (a 25.0 %, b 30.0 %)",
    ),
    (
        Cause(Kind.CONDITION_DIFFERS, "dtype", names={"own": "float32", "other": "bfloat16"}),
        f'dtype float32 against the baseline\'s bfloat16: {ALIKE} allow_different = ["dtype"] under [decision]',
    ),
    (
        Cause(Kind.CONDITION_DIFFERS_BETWEEN_RUNS, "threads", names={"before": "1", "after": "2"}),
        f'threads 1 in A, 2 in B: {ALIKE} allow_different = ["threads"] under [decision] of both reviews',
    ),
    (
        Cause(
            Kind.STALE_ITEM,
            "prompt of item t/1 of w4",
            names=HASHES,
            causes=(Cause(Kind.PROMPT_SETTING_DIFFERS, "num_fewshot", names={"own": "0", "other": "5"}),),
        ),
        "prompt of item t/1 of w4 is not the baseline's (num_fewshot 0 against the baseline's 5); make both models' "
        "records again, alike",
    ),
    (
        Cause(Kind.PROMPT_SETTING_DIFFERS, "task_version", names={"own": "1.0", "other": "2.0"}),
        "task_version 1.0 against the baseline's 2.0",
    ),
]
