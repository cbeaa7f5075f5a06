"""One cause of every kind, with the clause that it reads as: what tests hold the sentences to.

In: nothing. Out: SAID, pairs of a Cause and a text.
"""

from analysis.statistics.causes import Cause, Kind
from tests.decision_cause_examples import OF_DECISIONS

HASHES = {"recorded": "sha256:a", "present": "sha256:b"}
CHANGED = "changed after it was used: recorded sha256:a, now sha256:b."
CHECKPOINTS = 'two checkpoints do not agree like this (identical = "allowed" says that these may)'
NO_FLOOR = "nothing shows how far two runs of the baseline differ."
AS_DEPLOYED = "KV cache and engine as deployed may differ"


def told(text):
    return Cause(Kind.RECORDED, names={"recorded": text})


SAID = [
    *OF_DECISIONS,
    (
        Cause(Kind.PROMPT_TEXT_DIFFERS, "1", names={"own": "…on 27 Jul\n", "other": '…on "26" Jul'}),
        '"…on 27 Jul\\n" against the baseline\'s "…on \\"26\\" Jul"',
    ),
    (
        Cause(Kind.CHECK_BASELINE, "mmlu"),
        "Check how mmlu was run, on both sides: its template, its data, its settings.",
    ),
    (
        Cause(Kind.NEVER_CLEARED),
        "No number of items clears it: the baseline itself guesses. Take a task that it can do.",
    ),
    (Cause(Kind.NOTHING_POOLED), "every task is shown alone, so no item decides"),
    (Cause(Kind.PROMPT_TEXT_DIFFERS, "1"), "their texts of item 1 differ, and are left out here"),
    (Cause(Kind.HASH_DIFFERS, "prompt", names={"own": "a1", "other": "b2"}), "hash a1 against the baseline's b2"),
    (
        Cause(Kind.ONE_SIDE_WAS_LIMITED, "bf16", numbers={"items": 200}, names={"other": "w4", "limit": "100"}),
        "bf16 alone has 200 of its items: w4 was run with --limit 100. Run w4 again as bf16 was run",
    ),
    (
        Cause(Kind.BEYOND_LIMIT, names={"limit": "100"}),
        "every model was run with --limit 100: what lies beyond was given to none",
    ),
    (
        Cause(Kind.ASKS_CLOCK, "w4"),
        "The chat template of w4 asks the clock, so prompts of another day differ: run all models on one day, or give "
        "the template a fixed date.",
    ),
    (Cause(Kind.STALE_RECORDS, "answers.jsonl", names=HASHES), f"answers.jsonl: {CHANGED} Judge this review again."),
    (
        Cause(Kind.STALE_QUESTION, "question s/1 of w4", names=HASHES),
        f"question s/1 of w4: {CHANGED} Generate the answers of all models from one question set.",
    ),
    (
        Cause(Kind.MIXED_PROMPTS, "gpt", numbers={"ratings": 2, "games": 3}),
        "mixed prompts: 2 ratings and 3 games share their key with another prompt's; they are left out",
    ),
    (
        Cause(Kind.MIXED_JUDGES, "gpt", ("a", "b"), {"records": 9}),
        "mixed judges: 9 records are those of a, b; left out",
    ),
    (Cause(Kind.MIXED_SERVED_MODELS, "gpt", ("a", "b")), "mixed judges: the endpoint answered as a, b"),
    (
        Cause(Kind.UNLIKE_CALLS, "calls", causes=(Cause(Kind.SEVERAL_SERVED, "w4", ("a", "b")),)),
        "calls to the two models were not alike and whole: the endpoint of w4 answered as a, b",
    ),
    (
        Cause(Kind.PARAMETER_REFUSED, "w4", ("temperature",)),
        "the endpoint of w4 refused temperature, which the other was sent",
    ),
    (
        Cause(Kind.PROMPTS_CUT, "w4", names={"told": "the endpoint counted 400 tokens"}),
        "prompts of w4 were cut: the endpoint counted 400 tokens",
    ),
    (Cause(Kind.SEVERAL_SERVED, "w4", ("a", "b")), "the endpoint of w4 answered as a, b"),
    (
        Cause(Kind.MIXED_PARAMETERS, "gpt", ("temperature",)),
        "some calls to gpt had temperature and others had not: the endpoint refused it there",
    ),
    (Cause(Kind.NO_MANIFEST, "gpt"), "no manifest says how these judgments were made"),
    (
        Cause(Kind.JUDGED_OTHERWISE, "gpt", ("model a", "form text")),
        "the records of gpt were made with model a, form text, and the config says otherwise",
    ),
    (
        Cause(Kind.ONE_RATING, "gpt", numbers={"ratings": 480, "score": 10.0}),
        "each of the 480 ratings of gpt is 10: it tells no answer from another",
    ),
    (Cause(Kind.JUDGE_UNTRUSTED, "gpt", causes=(told("a"), told("b"))), "the judge gpt is not trusted (a; b)"),
    (Cause(Kind.NO_EXAM, names={"mode": "pair"}), "it sat no exam in pair mode"),
    (Cause(Kind.EXAM_UNREACHED, numbers={"reached": 3, "planned": 20}), "only 3 of 20 exam questions reached it"),
    (
        Cause(Kind.EXAM_UNDER_FLOOR, numbers={"n": 20, "right": 0.8, "lower_bound": 0.622, "floor": 0.75}),
        "20 exam questions, 80.0 % right, lower bound 62.2 % under the floor of 75.0 %",
    ),
    (
        Cause(
            Kind.EXAM_WEAK_PART,
            numbers={"parts": 2, "weak": 1, "floor": 0.5, "right": 0.4},
            names={"mode": "pair", "part": "weak"},
        ),
        "1 of 2 parts under 50.0 % (pair, weak: 40.0 %)",
    ),
    (Cause(Kind.EXAM_WEAK_PARTS, numbers={"parts": 10, "weak": 9, "floor": 0.5}), "9 of 10 parts under 50.0 %"),
    (
        Cause(Kind.EXAM_RESOLUTION, numbers={"demanded": 0.4, "passed": 0.6}, names={"damage": "truncated"}),
        "end kept away: last 40 % must be passed on its ladder, and the finest rung passed is last 60 %",
    ),
    (
        Cause(Kind.EXAM_RESOLUTION, numbers={"demanded": 1}, names={"damage": "replaced"}),
        "sentences replaced: 1 sentence must be passed on its ladder, and the finest rung passed is none",
    ),
    (
        Cause(Kind.SMALL_EXAM, numbers={"questions": 4, "usual": 20}),
        "a small exam: the smallest part has 4 of the usual 20 questions",
    ),
    (Cause(Kind.FEW_TRUSTED_JUDGES, numbers={"trusted": 1, "judges": 3}), "only 1 of 3 judges may be believed"),
    (Cause(Kind.NOT_COMPARED, "sums", causes=(told("a"), told("b"))), "sums was found and is not compared: a; b"),
    (Cause(Kind.NOT_COMPARED_WHOLE, "easy", causes=(told("a"),)), "easy is not compared whole: a"),
    (Cause(Kind.JUDGMENTS_UNSEEN, "stale judgments of g", causes=(told("a"),)), "stale judgments of g: a"),
    (told("not multiple choice"), "not multiple choice"),
    (Cause(Kind.RECORDED, "w4", names={"recorded": "not read"}), "w4: not read"),
    (Cause(Kind.ONE_SIDE_HAS_TASK, "w4"), "w4 alone has items of it"),
    (Cause(Kind.NO_SIDE_HAS_TASK), "there are no items of it"),
    (Cause(Kind.PART_OF_TASK, "mm"), "it is a part of mm; a rule is of a whole task"),
    (
        Cause(Kind.DECLARED_MISSING, "gpqa", causes=(Cause(Kind.NO_SIDE_HAS_TASK),)),
        "gpqa was declared and is not there: there are no items of it",
    ),
    (
        Cause(Kind.MEND_DECLARATION, rows=("gpqa", "mm_b")),
        "Mend the config, or bring in choices of gpqa, mm_b, before this is signed.",
    ),
    (
        Cause(Kind.RUN_WITHOUT_LIMIT, rows=("bf16", "int4"), names={"limit": "100"}),
        "bf16, int4 ran with --limit 100: run them again without it.",
    ),
    (
        Cause(Kind.MORE_THAN_A_FEW, "flips", numbers={"n": 1}, names={"unit": "items"}),
        "Take more items for flips; 1 says too little.",
    ),
    (
        Cause(Kind.ONE_SIDE_HAS_ITEMS, "w4", ("t/1", "t/2"), {"items": 2}),
        "w4 alone has 2 of its items: t/1, t/2",
    ),
    (
        Cause(Kind.ONE_SIDE_HAS_ITEMS, "w4", ("t/1", "t/2", "t/3"), {"items": 9}),
        "w4 alone has 9 of its items: t/1, t/2, t/3, …",
    ),
    (Cause(Kind.TOO_LONG_FOR_BOTH, "t", numbers={"items": 2}), "2 of its items fit the context of neither model"),
    (
        Cause(Kind.UNSCORED_ITEMS, numbers={"unscored": 5, "planned": 60}),
        "5 of 60 planned items were scored by neither model",
    ),
    (
        Cause(Kind.UNANSWERED_QUESTIONS, "w4", numbers={"unanswered": 5, "questions": 60}),
        "w4 has no answer to 5 of 60 questions",
    ),
    (
        Cause(Kind.UNWRITTEN_ANSWERS, numbers={"unwritten": 5, "planned": 60}),
        "5 of 60 planned answers were written by no model",
    ),
    (Cause(Kind.NOT_IN_CONFIG), "not in the config"),
    (Cause(Kind.LEFT_OUT_BY_NAME), "left out by its name"),
    (Cause(Kind.LEFT_OUT_TASK, "t", numbers={"items": 7}), "7 items of it are there"),
    (
        Cause(Kind.ONE_MODEL, "w4", names={"baseline": "bf16", "why": "both name the model m"}),
        "w4 and bf16 are one model: both name the model m",
    ),
    (
        Cause(Kind.EQUAL_CHOICES, "t", numbers={"items": 7}),
        f"all log-probabilities of 7 items of t equal the baseline's to the last bit: {CHECKPOINTS}",
    ),
    (
        Cause(Kind.EQUAL_ANSWERS, "w4", numbers={"answers": 7}),
        f"all 7 answers equal the baseline's byte for byte: {CHECKPOINTS}",
    ),
    (Cause(Kind.TOO_FEW_DATA), "too few data"),
    (
        Cause(Kind.TOO_FEW_DATA, "flips (items)", numbers={"have": 0, "need": 1}),
        "too few data: flips (items) needs at least 1, there are 0",
    ),
    (Cause(Kind.TOO_FEW), "too few"),
    (Cause(Kind.TOO_FEW, names={"unit": "points"}), "too few points"),
    (Cause(Kind.TOO_FEW_OR_PERFECT, names={"unit": "points"}), "too few points, or a perfect line"),
    (
        Cause(Kind.FEWER_THAN_NEEDED, numbers={"have": 3, "need": 4}, names={"unit": "candidates"}),
        "3 candidates, needs 4",
    ),
    (Cause(Kind.ALL_EQUAL), "all values are equal"),
    (
        Cause(Kind.INFINITE, "kl_options", numbers={"infinite": 5, "n": 2000, "mean": 0.123}, names={"unit": "items"}),
        "infinite on 5 of 2000 items, mean of the others 0.123 nats",
    ),
    (
        Cause(Kind.INFINITE, "kl_trace", numbers={"infinite": 5, "n": 5}, names={"unit": "tokens"}),
        "infinite on 5 of 5 tokens",
    ),
    (
        Cause(
            Kind.LIMIT_INFINITE,
            "kl_options",
            numbers={"threshold": 0.1},
            causes=(Cause(Kind.INFINITE, "kl_options", numbers={"infinite": 1, "n": 9}, names={"unit": "items"}),),
        ),
        "kl_options cannot keep its limit of 0.100 nats: infinite on 1 of 9 items",
    ),
    (Cause(Kind.SAME_FOR_ALL, "flips", numbers={"n": 3}), "flips is the same for all 3 candidates"),
    (Cause(Kind.SIDE_IS_CONSTANT), "one side is the same for all"),
    (Cause(Kind.SIDE_IS_CONSTANT, names={"unit": "subjects"}), "one side is the same for all subjects"),
    (Cause(Kind.A_MEASURE_IS_CONSTANT), "a measure does not vary"),
    (
        Cause(Kind.CONSTANT_OR_SAME_ORDER, "accuracy_change", numbers={"n": 3}),
        "a measure is the same for all 3 candidates, or accuracy_change orders them as the other does",
    ),
    (Cause(Kind.NO_VARIATION), "no variation between questions"),
    (Cause(Kind.EQUAL_LENGTH_CHANGES), "the lengths do not differ from cell to cell"),
    (Cause(Kind.NO_LENGTH_VARIATION), "no interval: no variation"),
    (Cause(Kind.ONE_QUESTION_VARIES), "no interval: one question alone shows a difference of length"),
    (Cause(Kind.NO_FINITE_STRENGTH), "a model won, or lost, every game against some others"),
    (Cause(Kind.BASELINE_IS_ZERO), "the baseline is the zero"),
    (Cause(Kind.NO_JUDGE, "win_change"), "no judge"),
    (Cause(Kind.NO_RECORDS, "w4"), "no records of this model"),
    (Cause(Kind.NO_CHOICES), "no choices"),
    (Cause(Kind.NO_TRACES, "w4"), "no traces"),
    (Cause(Kind.NO_ROLLOUTS, "w4"), "no rollouts"),
    (Cause(Kind.NO_VERDICTS, "gpt"), "no verdicts"),
    (Cause(Kind.NO_OPTION_TOKENS, "w4"), "not run (vocabulary = true)"),
    (Cause(Kind.NOT_TRACED, "w4"), "not traced"),
    (Cause(Kind.FEW_LABELS, "gpt", numbers={"labels": 4, "need": 10}), "4 labeled questions, 10 are needed"),
    (Cause(Kind.NO_BETTER_THAN_CHANCE, "gpt"), "the judge is not shown to agree with people better than chance"),
    (Cause(Kind.PANEL_HAS_NO_POSITIONS), "a panel sees no positions"),
    (Cause(Kind.PANEL_SITS_NO_EXAM), "each judge sits its own"),
    (Cause(Kind.OTHER_TRACED_TOKENS, "s/1"), "the traces of s/1 hold other tokens than the baseline's"),
    (Cause(Kind.OTHER_OPTION_TOKENS, "t/1"), "the options of t/1 are cut into other tokens than the baseline's"),
    (
        Cause(Kind.INFINITE_LOGPROB, "s/1", names={"what": "traces"}),
        "the traces of s/1 hold a log-probability that is not finite",
    ),
    (Cause(Kind.NO_CONTROL), f"There is no control run (control = false): {NO_FLOOR}"),
    (Cause(Kind.CONTROL_MISSING, "bf16@control"), f"The control run is missing: {NO_FLOOR}"),
    (
        Cause(Kind.SETTING_DIFFERS, "w4", names={"setting": "seed", "own": "1", "other": "2"}),
        "w4 was run with seed 1, the baseline with 2.",
    ),
    (Cause(Kind.INPUT_DIFFERS, "w4", names={"input": "items"}), "w4 and the baseline were given different items."),
    (
        Cause(
            Kind.JUDGE_CONTRADICTS,
            "gpt",
            names={"primary": "claude"},
            causes=(Cause(Kind.PRIMARY_BELOW, "rating_change", numbers={"upper_bound": -0.9, "threshold": -0.3}),),
        ),
        "gpt contradicts claude: by its word alone, rating_change at most −0.90, beyond the margin of −0.30.",
    ),
    (
        Cause(
            Kind.MEASURE_CONTRADICTS,
            "gpt",
            names={"primary": "rating_change"},
            causes=(Cause(Kind.PRIMARY_BELOW, "win_change", numbers={"upper_bound": -0.4, "threshold": -0.05}),),
        ),
        "rating_change decides, and by other judgments of gpt win_change at most −0.400, beyond the margin of −0.050.",
    ),
    (
        Cause(Kind.SEVERAL_JUDGES, "gpt"),
        "Several judges: each is reported on its own; gpt is the primary judge.",
    ),
    (
        Cause(
            Kind.ADVERSARIAL_ANSWERS,
            "w4",
            ("tags", "verdicts"),
            {"tags": 2, "verdicts": 1},
            {"judge": "gpt", "prompts": "official"},
        ),
        "Adversarial answers of w4 to gpt: 2 tags, 1 verdicts (the official prompts show them as they are).",
    ),
    (
        Cause(Kind.ADVERSARIAL_ANSWERS, "w4", ("tags",), {"tags": 2}, {"judge": "gpt", "prompts": "assay"}),
        "Adversarial answers of w4 to gpt: 2 tags (what could pass for a verdict was sanitized).",
    ),
    (
        Cause(Kind.JUDGMENTS_FAILED, "gpt", numbers={"judgments": 48}, names={"words": "h:443: HTTP 500: boom"}),
        "48 judgments of gpt failed for good: h:443: HTTP 500: boom",
    ),
    (
        Cause(Kind.JUDGMENTS_FAILED, "gpt", numbers={"judgments": 48}),
        "48 judgments of gpt failed for good: what the endpoint said is left out here",
    ),
    (Cause(Kind.NOBODY_WROTE), "no model was asked to write"),
    (Cause(Kind.JUDGE_DECIDES_NOTHING), "what the judge said is shown, and decides nothing"),
    (Cause(Kind.NOTHING_JUDGED), "no judgment of a pair of answers is there"),
    (
        Cause(Kind.ONLY_BASELINE_TRACED),
        "what candidates write was not judged; only the baseline's own answers were traced",
    ),
    (
        Cause(Kind.ANSWERS_NOT_COMPARED),
        "answers were written, and nothing compared them: there is no judge and no trace",
    ),
    (Cause(Kind.FINISH_UNTOLD), "how an answer ended is not told"),
    (Cause(Kind.NO_THOUGHTS, "w4"), "neither w4 nor the baseline wrote any thoughts"),
    (Cause(Kind.NO_ANSWERS, "w4"), "no answers of w4 beside the baseline's"),
    (Cause(Kind.ANSWERS_NOT_JUDGED), "no judge read the answers; their texts were measured, not their worth"),
    (Cause(Kind.NO_ITEMS), "no item was given to these models"),
    (
        Cause(Kind.NO_CHECKED_ANSWERS),
        "no benchmark whose generated answers a program checks (GSM8K, code, instructions) is in this review",
    ),
    (Cause(Kind.LONGEST_PROMPT, numbers={"tokens": 812}), "no prompt of a question was longer than 812 tokens"),
    (Cause(Kind.PROMPT_LENGTHS_UNTOLD), "how long prompts were is not told"),
    (Cause(Kind.LANGUAGES_UNTOLD), "nothing tells one language from another"),
    (Cause(Kind.NO_TOOL_CALLS), "no item calls a tool"),
    (Cause(Kind.NO_REFUSALS), "no item asks for what should be refused"),
    (Cause(Kind.MEASURED_UNDER), f"measured under settings that nothing tells: {AS_DEPLOYED}"),
    (
        Cause(Kind.MEASURED_UNDER, causes=(Cause(Kind.SETTINGS_OF_LOGS), Cause(Kind.ENGINE_ARGUMENTS, "vllm"))),
        f"measured under the settings of its logs; vllm with its own defaults: {AS_DEPLOYED}",
    ),
    (Cause(Kind.SETTINGS_OF_LOGS), "the settings of its logs"),
    (
        Cause(Kind.ENGINE_ARGUMENTS, rows=("kv_cache_dtype fp8", "quantization awq")),
        "an engine that is not told with kv_cache_dtype fp8, quantization awq",
    ),
]
