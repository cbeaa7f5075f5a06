"""Generated answers of lm-evaluation-harness as solutions: what people measured already, read without a model.

In: a Log of a task that generates. Out: Solution records, one per document, with every score of every filter; what of
the log is not among them.

What a log does not say is decided here, once:
- A score is what the harness wrote, a number from 0 to 1 of which more is better; others are listed by name.
- Several replies with one score (a vote, the best of some) are one answer: the aggregate is what was scored.
- Greedy unless the request says otherwise: a temperature above 0, or `do_sample` without one (the engine's 1).
- The harness writes "[invalid]" where a filter finds nothing. How a text ended it does not log.
- Requests with other settings (stop strings, a limit of tokens) are other prompts: they move scores by themselves.
"""

import json
import math
from collections.abc import Iterator
from typing import Any

from assay.sources.lm_eval_digests import document_digest, text_digest
from assay.sources.lm_eval_layouts import Log, requests
from assay.sources.lm_eval_runs import RunSamples
from assay.sources.lm_eval_samples import NoFlips
from assay.sources.lm_eval_stated import more_told, score_names
from generation.harness_texts import asked_temperature, taken_text
from ledger.errors import BadRecord
from ledger.first_prompts import FirstPrompt
from ledger.origins import LeftOut
from ledger.records import Finish
from ledger.solutions import Score, Solution, more_is_better, scoring_name
from ledger.store import key_text
from ledger.thinking import split_thinking

KNOWN, OF_SCORES = set(Solution.model_fields), set(Score.model_fields)
"""One for all records: a set of its own is the larger part of a record."""
SHOWN = 8000  # characters of a prompt that are kept to be held against another's


class SolutionReader:
    """One log, read once; `left_out` is complete when `records` has come to its end."""

    def __init__(self, log: Log, model: str) -> None:
        self._log, self._model, self.samples = log, model, RunSamples(log)
        self._better = more_told(log)
        self._other: dict[str, list[float]] = {}
        self._less: set[str] = set()
        self.first_prompt: FirstPrompt | None = None
        self.left_out: list[LeftOut] = []

    def records(self) -> Iterator[Solution]:
        """One solution per document, in file order; filters stand one after the other, so the whole log is read first.

        Raises BadRecord, DuplicateKey, NoFlips, ConfigError.
        """
        drafts: dict[str, dict[str, Any]] = {}
        scores: dict[str, list[Score]] = {}
        for number, line in self.samples.lines():
            chosen = str(line["filter"])
            self.samples.note(str(line["doc_id"]), number, chosen)
            try:
                item = self._log.item(line)
                if item not in drafts:  # once for all filters of a document
                    drafts[item] = self._draft(line)
                scores.setdefault(item, []).extend(self._scores(line, chosen))
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                cause = f"an unknown layout ({type(error).__name__}: {error})"
                raise BadRecord(self._log.path, number, "", cause) from error
        if not any(scores.values()):
            raise NoFlips(self._log, self._without_scores() if drafts else "is empty", 1)
        self.left_out += self.samples.missing()
        self._name_unscored([item for item, held in scores.items() if not held])
        means = {f"{score.metric},{score.filter}" for held in scores.values() for score in held}
        self.left_out += self.samples.contradicted(means, whole=not self.left_out)
        self._name_others()
        for item, draft in drafts.items():
            if held := tuple(scores.pop(item)):
                yield Solution.model_construct(KNOWN, **draft, scores=held)

    def _draft(self, line: dict[str, Any]) -> dict[str, Any]:
        """The answer's fields without its scores."""
        asked = [*requests(line)]
        prompt = "\0".join(
            f"{context}\1{json.dumps(_seedless(settings), sort_keys=True)}" for context, settings in asked
        )
        context, settings = asked[0]
        if self.first_prompt is None:
            shown = f"{context[:SHOWN]} {json.dumps(settings, sort_keys=True)}"
            self.first_prompt = FirstPrompt(item=self._log.item(line), text=shown)
        replies = _replies(line)
        text = replies[0] if len(replies) == 1 and isinstance(replies[0], str) else None
        thinking, visible = split_thinking(text) if text is not None else (None, None)
        return {
            "model": self._model,
            "task": self._log.group,
            "item": self._log.item(line),
            "subject": self._log.task,
            "repeat": self._log.repeat,
            "item_digest": document_digest([line.get("doc"), line.get("target")]),
            "prompt_digest": text_digest(prompt),
            "text": visible,
            "text_digest": "" if text is not None else document_digest(replies),
            "thinking": thinking,
            "finish": Finish.EMPTY if visible is not None and not visible.strip() else None,
            "completion_tokens": None,
            "seed": None,
            "temperature": asked_temperature(settings),
            "version": 1,
        }

    def _scores(self, line: dict[str, Any], chosen: str) -> Iterator[Score]:
        """The scores of one line; what is no number from 0 to 1, or better where lower, is noted by name."""
        taken = extracted(line)
        for name in score_names(line):
            value, more = line[name], self._better.get(name)
            more = more_is_better(name) if more is None else more
            if 0 <= _number(value) <= 1 and more:
                yield shared(Score(metric=name, filter=chosen, value=_number(value), extracted=taken))
            elif isinstance(value, int | float | list) or value is None:
                self._other.setdefault(scoring_name(name, chosen), []).append(_number(value))
                self._less |= set() if more else {scoring_name(name, chosen)}

    def _without_scores(self) -> str:
        """Why a task has none: of all that it scores less is better, or nothing runs from 0 to 1."""
        if self._other and self._less == self._other.keys():
            return f"of all its scores less is better: {', '.join(sorted(self._less))}"
        return "it has no score from 0 to 1"

    def _name_unscored(self, items: list[str]) -> None:
        if items:
            log, held = self._log, len(self.samples.documents)
            cause = f"no score from 0 to 1 on {len(items)} of {held} items of {log.task}"
            names = tuple(key_text((log.group, item)) for item in items)
            self.left_out.append(LeftOut(kind="items", name=log.task, group=log.group, cause=cause, items=names))

    def _name_others(self) -> None:
        """Scores that are listed and not compared."""
        log = self._log
        for name, values in sorted(self._other.items()):
            known = [value for value in values if not math.isnan(value)]
            mean = f"mean {sum(known) / len(known):.4g}" if known else "no mean"
            cause = f"{mean} of {len(values)} items"
            self.left_out.append(LeftOut(kind="score", name=f"{name} of {log.task}", group=log.group, cause=cause))


def extracted(line: dict[str, Any]) -> str | None:
    """What a filter took from the reply: empty where it found nothing, None where it takes nothing."""
    taken = line.get("filtered_resps") or [None]
    return taken_text(taken[0], _replies(line)[0])


def _replies(line: dict[str, Any]) -> list[Any]:
    """All replies to all requests; what a filter left of them where a log holds nothing else."""
    replies = [reply for each in line.get("resps") or () for reply in (each if isinstance(each, list) else [each])]
    return replies or list(line["filtered_resps"])


def shared(score: Score) -> Score:
    """The same score, which shares what is the same of all."""
    return Score.model_construct(OF_SCORES, **vars(score))


def _number(value: Any) -> float:  # noqa: ANN401 - whatever a log holds
    """A score as a number; NaN where it is none."""
    return float(value) if isinstance(value, int | float) else math.nan


def _seedless(settings: Any) -> Any:  # noqa: ANN401 - whatever a log holds
    """A request's settings without its seed: another draw is no other prompt."""
    return {name: each for name, each in settings.items() if name != "seed"} if isinstance(settings, dict) else settings
