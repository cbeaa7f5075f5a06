"""The official judge prompts: FastChat's eight, byte for byte, and which of them is used when.

In: FastChat's `judge_prompts.jsonl`, which is fetched and never part of Assay. Out: a PromptSet.
Source: FastChat `llm_judge/gen_judgment.py` (which of its eight prompts is used when).
"""

import json
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from judge.prompt_sets import Messages, Positions, mode_of, turn_rows
from ledger.digests import digest_of
from ledger.errors import ConfigError
from ledger.judgments import Form, Mode
from ledger.records import Question

REFERENCE_CATEGORIES = frozenset({"reasoning", "math", "coding", "arena-hard-200"})
OFFICIAL_NAMES: dict[tuple[Mode, bool, int], str] = {
    (Mode.SINGLE, False, 1): "single-v1",
    (Mode.SINGLE, True, 1): "single-math-v1",
    (Mode.SINGLE, False, 2): "single-v1-multi-turn",
    (Mode.SINGLE, True, 2): "single-math-v1-multi-turn",
    (Mode.PAIR, False, 1): "pair-v2",
    (Mode.PAIR, True, 1): "pair-math-v1",
    (Mode.PAIR, False, 2): "pair-v2-multi-turn",
    (Mode.PAIR, True, 2): "pair-math-v1-multi-turn",
}


@dataclass(frozen=True)
class OfficialPrompts:
    """FastChat's eight prompts, byte for byte; they know two turns."""

    digest: str
    prompts: dict[str, tuple[str, str]]
    name: str = "official"
    form: Form = "text"

    @property
    def texts(self) -> dict[str, str]:
        """Every prompt by FastChat's name."""
        return {name: f"{system}\n\n{template}" for name, (system, template) in self.prompts.items()}

    def messages(self, question: Question, turn: int, positions: Positions) -> Messages:
        """The system text and the filled template. Raises ConfigError for a third turn."""
        system, template = self.prompts[official_name(mode_of(positions), question, turn)]
        user = filled(template, prompt_fields(question, turn, positions))
        return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def read_prompts(judge_prompts_jsonl: Path) -> dict[str, tuple[str, str]]:
    """Every prompt of a file of FastChat's layout: system text and template by name. Raises ConfigError."""
    prompts: dict[str, tuple[str, str]] = {}
    try:
        for line in judge_prompts_jsonl.read_bytes().splitlines():
            if line.strip():
                row = json.loads(line)
                prompts[row["name"]] = (row["system_prompt"], row["prompt_template"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        what = "not FastChat's judge prompts: each line needs a name, a system_prompt and a prompt_template."
        raise ConfigError(what, where=str(judge_prompts_jsonl)) from error
    return prompts


def read_official(judge_prompts_jsonl: Path) -> OfficialPrompts:
    """The eight prompts in FastChat's own file. Raises ConfigError."""
    prompts = read_prompts(judge_prompts_jsonl)
    missing = sorted(set(OFFICIAL_NAMES.values()) - prompts.keys())
    if missing:
        raise ConfigError(f"lacks the prompts {', '.join(missing)}", where=str(judge_prompts_jsonl))
    used = {name: prompts[name] for name in sorted(OFFICIAL_NAMES.values())}
    return OfficialPrompts(digest_of(used), used)


def official_name(mode: Mode, question: Question, turn: int) -> str:
    """FastChat's name for the prompt of a judgment. Raises ConfigError for a third turn.

    References are shown where FastChat shows them. Where we depart: it stops when a reasoning, math or coding question
    has none; we judge it with the general prompt.
    """
    with_reference = question.category in REFERENCE_CATEGORIES and len(question.references) >= turn
    name = OFFICIAL_NAMES.get((mode, with_reference, turn))
    if name is None:
        raise ConfigError(
            f"question {question.id} has a turn {turn}; the official prompts know two turns.",
            where=question.source,
            remedy='Set prompts = "assay" for this judge.',
        )
    return name


def prompt_fields(question: Question, turn: int, positions: Positions) -> dict[str, str]:
    """What each field of FastChat's templates stands for in a judgment of turn `turn` (1-based)."""
    fields: dict[str, str] = {}
    rows = list(turn_rows(question, turn, positions))
    for number, row in enumerate(rows, start=1):
        fields[f"question_{number}"], fields[f"ref_answer_{number}"] = row["question"], row["reference"]
        fields |= {f"{name}_{number}": row[name] for name in row if name.startswith("answer")}
    return {**fields, **{name: rows[0][name] for name in rows[0] if name != "reference"}}


def filled(template: str, fields: dict[str, Any]) -> str:
    """Fill a template as `str.format` does, but with plain names only, so that nothing else is looked up."""
    parts: list[str] = []
    for literal, name, _, _ in string.Formatter().parse(template):
        parts.append(literal)
        if name is None:
            continue
        if name not in fields:
            raise ConfigError(f"an official prompt asks for {{{name}}}, which it is never given")
        parts.append(fields[name])
    return "".join(parts)
