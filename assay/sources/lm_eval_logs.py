"""Logs of lm-evaluation-harness as choices: what people measured already, without running a model again.

In: a Log. Out: Choice records; a log that is not what it seems is refused with file, line and cause.

What a log does not say is decided here, once:
- The option's text is its continuation without the target delimiter (a blank, unless the results file says otherwise).
- The right option is `target`, as an index or as an option's text, whichever agrees with the log's own `acc`; in tasks
  of several inputs the target is no option, and the right one follows from `acc` where there are two.
- Every line's own `acc` and `acc_norm` must be what its log-probabilities give, or the line is refused.
"""

import hashlib
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from assay.sources.lm_eval_layouts import Log, sample_lines
from ledger.digests import digest_of
from ledger.errors import BadRecord, ConfigError, DuplicateKey
from ledger.records import Choice

NO_FILTER = "none"


def choices(log: Log, model: str, chosen_filter: str = "") -> Iterator[Choice]:
    """One choice a document, in file order. Raises BadRecord, DuplicateKey, ConfigError."""
    reader = _Reader(log, model)
    seen: dict[Any, int] = {}
    wanted = chosen_filter
    for number, line in sample_lines(log.path):
        name = str(line.get("filter", NO_FILTER))
        wanted = wanted or name
        if name != wanted and not chosen_filter:
            raise ConfigError(
                f"has the filters {wanted!r} and {name!r}",
                where=f"{log.path}, line {number}",
                remedy="Choose one: --filter.",
            )
        if name != wanted:
            continue
        document = line.get("doc_id")
        if document in seen:
            raise DuplicateKey(log.path, str(document), seen[document], number)
        seen[document] = number
        yield reader.choice(line, number)
    if log.expected is not None and len(seen) != log.expected:
        raise ConfigError(f"{len(seen)} documents, but the run had {log.expected}", where=str(log.path))
    if not seen:
        raise ConfigError(
            f"no line of the filter {chosen_filter!r}" if chosen_filter else "is empty", where=str(log.path)
        )


class _Reader:
    """Turns the lines of one log into choices; what `target` means is learned from the lines where it matters."""

    def __init__(self, log: Log, model: str) -> None:
        self._log, self._model = log, model
        self._task = log.group
        self._delimiter = log.delimiter
        self._meaning = ""

    def choice(self, line: dict[str, Any], number: int) -> Choice:
        try:
            pairs, logprobs = _requests(line)
            values = np.array(logprobs)
            if len(pairs) < 2 or np.isnan(values).any() or (values == np.inf).any():
                raise _Fault("filtered_resps", f"{len(pairs)} options with {logprobs}")
            options = self._options(pairs)
            lengths = np.array([max(1, len(option)) for option in options])
            picked, picked_norm = int(np.argmax(values)), int(np.argmax(values / lengths))
            gold = self._gold(line, options, picked)
            _check(line, "acc", picked == gold)
            if len({context for context, _ in pairs}) == 1:
                _check(line, "acc_norm", picked_norm == gold)
            document = line["doc_id"]
            return Choice(
                model=self._model,
                task=self._task,
                item=str(document) if self._task == self._log.task else f"{self._log.task}:{document}",
                subject=self._log.task,
                item_digest=digest_of([line.get("doc"), options, gold]),
                prompt_digest=_prompt_digest(pairs),
                logprobs=tuple(None if value == -math.inf else float(value) for value in logprobs),
                characters=tuple(map(int, lengths)),
                tokens=(),
                gold=gold,
                picked=picked,
                picked_norm=picked_norm,
            )
        except _Fault as fault:
            raise BadRecord(self._log.path, number, fault.field, fault.cause) from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            cause = f"not a multiple-choice sample ({type(error).__name__}: {error})"
            raise BadRecord(self._log.path, number, "", cause) from error

    def _options(self, pairs: list[tuple[str, str]]) -> list[str]:
        """The options' texts; in tasks of several inputs they stand in the contexts: empty here, lengths not known."""
        continuations = [continuation for _, continuation in pairs]
        if len(set(continuations)) == 1:
            return [""] * len(pairs)
        return [text.removeprefix(self._delimiter) for text in continuations]

    def _gold(self, line: dict[str, Any], options: list[str], picked: int) -> int:
        target, right = line.get("target"), line.get("acc")
        if isinstance(target, list) or str(target).startswith("["):
            raise _Fault("target", "several right answers; flips are not defined for this task")
        if not any(options):
            if right is not None and float(right) in (0.0, 1.0) and (len(options) == 2 or float(right) == 1.0):
                return picked if float(right) == 1.0 else 1 - picked
            raise _Fault("target", "a task of several inputs does not log which option is right")
        meanings = _meanings(target, options, right, picked)
        if not meanings:
            raise _Fault("target", f"{target!r} is no option that agrees with the log's own acc {right!r}")
        if len(set(meanings.values())) > 1:
            self._meaning = self._meaning or self._learned()
            return meanings.get(self._meaning, meanings["index"])
        return next(iter(meanings.values()))

    def _learned(self) -> str:
        """Whether targets are indices or texts: what the first line says where only one of the two agrees with acc."""
        for _, line in sample_lines(self._log.path):
            pairs, logprobs = _requests(line)
            options = self._options(pairs)
            target = line.get("target")
            if _index(target, len(options)) not in (None, _place(str(target), options)):
                meanings = _meanings(target, options, line.get("acc"), int(np.argmax(logprobs)))
                if len(meanings) == 1:
                    return next(iter(meanings))
        return "index"


class _Fault(Exception):
    """A field of a line that cannot be what it says."""

    def __init__(self, field: str, cause: str) -> None:
        super().__init__(cause)
        self.field, self.cause = field, cause


def _requests(line: dict[str, Any]) -> tuple[list[tuple[str, str]], list[float]]:
    """Contexts with continuations, and their log-probabilities; the second half of mutual information is left out."""
    arguments = line["arguments"]
    if isinstance(arguments, dict):
        ordered = sorted(arguments, key=lambda name: int(name.rsplit("_", 1)[-1]))
        pairs = [(arguments[name]["arg_0"], arguments[name]["arg_1"]) for name in ordered]
    else:
        pairs = [(each[0], each[1]) for each in arguments]
    if not all(isinstance(text, str) for pair in pairs for text in pair):
        raise _Fault("arguments", "not a context and a continuation; only multiple choice can be compared")
    responses = line["filtered_resps"]
    if len(responses) != len(pairs):
        raise _Fault("filtered_resps", f"{len(responses)} replies to {len(pairs)} requests")
    half = len(pairs) // 2
    unconditional = half >= 2 and all(not context for context, _ in pairs[half:]) and any(c for c, _ in pairs[:half])
    kept = half if unconditional else len(pairs)
    return pairs[:kept], [float(reply[0]) for reply in responses[:kept]]


def _check(line: dict[str, Any], metric: str, computed: bool) -> None:
    logged = line.get(metric)
    if logged is not None and float(logged) in (0.0, 1.0) and float(logged) != float(computed):
        raise _Fault(metric, f"the log says {logged}, its log-probabilities give {float(computed)}")


def _meanings(target: Any, options: list[str], right: Any, picked: int) -> dict[str, int]:  # noqa: ANN401
    """The right option by each meaning of `target` that agrees with the log's own acc."""
    found = {"index": _index(target, len(options)), "text": _place(str(target), options)}
    return {
        name: gold
        for name, gold in found.items()
        if gold is not None and (right is None or float(right) == float(gold == picked))
    }


def _index(target: Any, count: int) -> int | None:  # noqa: ANN401 - whatever a log holds
    text = str(target)
    return int(text) if text.isdecimal() and int(text) < count else None


def _place(target: str, options: list[str]) -> int | None:
    found = [index for index, option in enumerate(options) if option.strip() == target.strip()]
    return found[0] if found else None


def _prompt_digest(pairs: list[tuple[str, str]]) -> str:
    """Hash of all contexts and continuations; the log's own covers the first request only."""
    digest = hashlib.sha256()
    before = None
    for context, continuation in pairs:
        shown = continuation if context == before else f"{context}\0{continuation}"
        digest.update(shown.encode("utf-8", "surrogatepass") + b"\1")
        before = context
    return digest.hexdigest()[:32]
