"""Data only: what Assay asks of models and judges by default. No code lives here, and nothing is imported.

questions.jsonl
    Assay's own two-turn questions, one JSON object per line: ``question_id`` (1-32), ``category`` (MT-Bench's eight),
    ``turns`` (two strings). Every eight lines hold each category once, so any multiple of eight is a balanced prefix.
references/assay.jsonl
    Reference answers for the reasoning, math and coding questions, in FastChat's layout: ``question_id``,
    ``model_id`` ("assay"), ``choices`` (one object with ``index`` 0 and ``turns``). tests/test_prompts.py recomputes
    each result and runs each program.
judge/{pair,single}[-reference].toml
    Assay's judge prompts: ``mode`` ("single" or "pair"), ``reference`` (does it show references?), ``system`` (fixed
    text) and ``user`` (a Jinja2 template for trim_blocks, lstrip_blocks, no autoescape). The template sees ``turn``
    (1-based, the turn that is judged), ``turns`` (objects for turns 1..turn with ``question``, ``answer`` or
    ``answer_a`` and ``answer_b``, and ``reference``, which may be empty) and ``fence`` (a hash of all that is shown,
    which none of it contains).
judge/forms.toml
    How a verdict is given: ``[mode.form]`` with what ends the ``system`` text and the ``user`` message of each prompt.
facts/*.toml
    One table of facts for each subject of the multiple-choice items: ``subject``, and relations with ``id``,
    ``templates`` (wordings with ``{key}``), ``facts.<group>`` (key = right answer, wrong ones drawn from the group; or
    key = [right, wrong, wrong, wrong, ...]), ``spare.<group>`` (further wrong answers) and ``also_true`` (key = values
    that are right too, or could be argued to be, and are never offered).
items.jsonl
    The items that ``python -m assay.sources.items`` makes from the tables: ``task`` ("assay"), ``id``, ``subject``,
    ``question``, ``options`` (four), ``gold`` (0-3). Subjects take turns, so a prefix is balanced. Never edit by hand.
solve.jsonl
    Items whose answers are written and checked (``assay-solve``): 40 arithmetic word problems with six worked examples
    before each (``prompt``, ``answer``, and the ``expression`` that tests/test_checked_tasks.py solves again), and 24
    instructions (``question``) on length, format, keywords and JSON, each with its ``checker``, ``pattern`` or
    ``json_schema``. SmolLM2-135M-Instruct solves 30 of the 64. Subjects take turns, so a prefix is balanced.
"""
