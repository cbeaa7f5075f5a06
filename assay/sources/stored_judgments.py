"""What judges once said, as it was stored: FastChat's model_judgment, or the attempts of a run of ours.

In: a folder of either kind. Out: StoredJudges, which find a reply by what a judge is asked. Replies, failed calls and
rows that cannot be found again are all told; nothing is asked of anybody.

FastChat stores the user's part of a prompt and no more, so that is what its judgments are found by. An attempt of ours
has the hash of its request: messages, output limit, form and the parameters that its [[judge]] declared.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.declarations import Value
from assay.sources.fastchat_answers import json_rows
from assay.sources.fastchat_fields import stated
from assay.sources.fastchat_folders import FastChatFolder, fastchat_folder
from assay.sources.fastchat_notes import Notes
from assay.sources.fastchat_rows import FAILED_CALL
from judge.attempts import request_digest
from judge.replies import Reply
from ledger.config import read_config
from ledger.digests import digest_of
from ledger.errors import ConfigError
from ledger.judge_config import JudgeConfig
from ledger.judgments import Attempt, Form, Mode
from ledger.runs import RunFolder

FASTCHAT_PARTS = {
    Mode.SINGLE: (("user_prompt", "judgment"),),
    Mode.PAIR: (("g1_user_prompt", "g1_judgment"), ("g2_user_prompt", "g2_judgment")),
}
"""The fields of a row that hold a prompt and what was said to it."""
OF_AN_ENDPOINT = {"base_url", "api_key_env", "serve", "serve_args", "price", "budget_usd", "timeout_seconds"}
OF_ITS_PACE = {"requests_per_minute", "tokens_per_minute", "attempts", "deadline_seconds"}
"""Settings of a judge that say nothing of what it was asked."""
MOST_REPEATS = 60  # in which each of two to six verdicts is asked for as often as the others


@dataclass(frozen=True)
class StoredFailure:
    """A call that failed for good, with the words that were kept of it."""

    words: str


Stored = Reply | StoredFailure
Call = tuple[str, Mode, str, Stored]
"""Judge, mode, prompt and what was said."""


@dataclass
class StoredJudge:
    """What one judge said, by the key of what it was asked; `settings` are what a [[judge]] asked it by.

    `config` is that of a run of ours; None of FastChat's.
    """

    model: str
    settings: dict[str, Value]
    config: JudgeConfig | None = None
    replies: dict[str, list[Stored]] = field(default_factory=dict)

    @property
    def asked_once(self) -> bool:
        """FastChat never asks again."""
        return self.config is None

    def keys(self, body: Mapping[str, Any]) -> tuple[str, ...]:
        """What a request may be stored under. Raises LookupError, TypeError, ValueError for a body that is none."""
        messages = [{"role": stated(each["role"]), "content": stated(each["content"])} for each in body["messages"]]
        limit = body.get("max_tokens", body.get("max_completion_tokens"))
        form: Form = "json" if body.get("response_format") else "logprob" if body.get("logprobs") else "text"
        if self.config and limit is not None and form == self.config.form:
            return (request_digest(messages, int(limit), self.config),)
        shown = [each["content"] for each in messages if each["role"] != "system"]
        return (prompt_key(shown[0]),) if self.asked_once and len(shown) == 1 else ()

    @property
    def failures(self) -> int:
        """How many prompts have nothing but failed calls."""
        return sum(isinstance(said[0], StoredFailure) for said in self.replies.values())

    @property
    def several(self) -> list[int]:
        """How many replies there are to each prompt that has different ones."""
        texts = ([each.text for each in said if isinstance(each, Reply)] for said in self.replies.values())
        return [len(each) for each in texts if len({*each}) > 1]

    @property
    def repeats(self) -> int:
        """How many calls to a prompt ask for all of its replies, for each as often as for the others."""
        if self.config:
            return self.config.repeats
        alike = math.lcm(*self.several)
        return alike if alike <= MOST_REPEATS else max(self.several)

    @property
    def offered(self) -> dict[str, Value]:
        """The [[judge]] that asks again for all that is stored."""
        return {**self.settings, "repeats": self.repeats} if self.repeats > 1 else self.settings

    def add(self, key: str, said: Stored) -> None:
        """One more call. A reply supersedes failures, and of failures the last one counts: no call mends another."""
        held = self.replies.setdefault(key, [])
        if isinstance(said, StoredFailure):
            if not held or isinstance(held[0], StoredFailure):
                held[:] = [said]
        elif held and isinstance(held[0], StoredFailure):
            held[:] = [said]
        else:
            held.append(said)


@dataclass(frozen=True)
class StoredFolder:
    """The judges of a folder, and what of it cannot be replayed."""

    judges: tuple[StoredJudge, ...]
    notes: tuple[str, ...]


def stored_judgments(folder: Path) -> StoredFolder:
    """Everything that judges said in a folder. Raises ConfigError where there is nothing, BadRecord."""
    run = RunFolder(folder)
    notes = Notes()
    judges = _of_run(run) if run.config.is_file() else _of_fastchat(folder, notes)
    if not any(judge.replies for judge in judges):
        what = "; ".join(["no stored judgment can be found again by its prompt", *notes.told()[:3]])
        remedy = "Give a folder with model_judgment/, or a run folder whose judges were asked."
        raise ConfigError(f"{what}.", where=str(folder), remedy=remedy)
    return StoredFolder(tuple(judges), notes.told())


def prompt_key(prompt: str) -> str:
    """What FastChat's judgments are found by."""
    return digest_of({"user_prompt": prompt})


def _of_run(run: RunFolder) -> list[StoredJudge]:
    found = []
    for config in read_config(run.config).judge:
        judge = StoredJudge(config.model or config.name, _settings(config), config)
        for attempt in run.judge(config.name).attempts.records():
            judge.add(attempt.request_digest, _said(attempt))
        found.append(judge)
    return found


def _settings(config: JudgeConfig) -> dict[str, Value]:
    """The [[judge]] as it was, but for its place, its cost and its pace."""
    said = config.model_dump(mode="json", exclude_unset=True, exclude=OF_AN_ENDPOINT | OF_ITS_PACE)
    return {**said, "model": config.model or config.name}


def _said(attempt: Attempt) -> Stored:
    if attempt.status != "answered":
        return StoredFailure(attempt.error or "the call failed")
    return Reply(
        text=attempt.reply or "",
        finish=attempt.finish,
        refusal=attempt.refusal,
        served_model=attempt.served_model,
        prompt_tokens=attempt.prompt_tokens,
        completion_tokens=attempt.completion_tokens,
        rating_tokens=attempt.rating_tokens,
        http_status=attempt.http_status or 200,
    )


def _of_fastchat(folder: Path, notes: Notes) -> list[StoredJudge]:
    calls: dict[str, list[Call]] = {}
    for call in _fastchat_calls(fastchat_folder(folder), notes):
        calls.setdefault(call[0], []).append(call)
    found = []
    for name, made in calls.items():
        modes = sorted({mode for _, mode, _, _ in made}, reverse=True)
        settings: dict[str, Value] = {"model": name, "prompts": "official", "exam": False, "modes": modes}
        judge = StoredJudge(name, settings)
        for _, _, prompt, said in made:
            judge.add(prompt_key(prompt), said)
        found.append(judge)
    return found


def _fastchat_calls(folder: FastChatFolder, notes: Notes) -> Iterator[Call]:
    """The calls of each row, once; a row that tells less becomes a note."""
    seen: set[str] = set()
    for path in folder.judgments:
        name = folder.name(path)
        for number, row in json_rows(path, name, notes):
            if (whole := json.dumps(row, sort_keys=True)) in seen:
                continue
            seen.add(whole)
            try:
                yield from _row_calls(row)
            except (KeyError, TypeError, IndexError) as error:
                notes.add(name, f"holds no prompt, judge or judgment ({error})", number)


def _row_calls(row: Mapping[str, Any]) -> list[Call]:
    """The one or two calls of a row. Raises KeyError, TypeError, IndexError where it lacks a part of them."""
    named = row["judge"]
    judge = stated(named[0] if isinstance(named, list) else named)
    mode = Mode.PAIR if "g1_user_prompt" in row else Mode.SINGLE
    found: list[Call] = []
    for prompt, judgment in FASTCHAT_PARTS[mode]:
        text = stated(row[judgment])
        failed = text.strip() == FAILED_CALL
        said = StoredFailure(f"FastChat stored {FAILED_CALL}") if failed else Reply(text, finish="stop")
        found.append((judge, mode, stated(row[prompt]), said))
    return found
