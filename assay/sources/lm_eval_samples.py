"""One sample of lm-evaluation-harness as a choice.

In: a line of a log. Out: a Choice record, or nothing where the model computed none; a line that is no sample is refused
with file, line and cause.

What a log does not say is decided here, once:
- The option's text is its continuation without the target delimiter (a blank, unless the results file says otherwise).
- The right option is `target`, as an index or as an option's text, whichever agrees with the log's own `acc`; in tasks
  of several inputs the target is no option, and the right one follows from `acc` where there are two.
- A log's own scores are never overruled. Where one that is 0 or 1 contradicts what the log-probabilities give, right
  and wrong are not what we take them for (several right answers, say), and the task is not read: NoFlips.
- Nor is one without one right option: several, a hidden one (an empty target, -1), a fractional score, no options.
- An engine that cannot write -inf writes a number that no text has (vLLM: -9999): a probability of zero all the same.
- NaN, or no option with a probability, is what the model computed: no fault of the file.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from assay.sources.lm_eval_digests import document_digest, options_digest
from assay.sources.lm_eval_layouts import Log, sample_lines
from ledger.errors import BadRecord, ConfigError
from ledger.first_prompts import FirstPrompt
from ledger.records import Choice

CLAMP_NATS = -9999.0  # a total at or under it stands for a probability of zero
FIELDS = frozenset({"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "bypass"})
FRACTIONS = ("brier_score", "likelihood", "mcc")  # may be 0 or 1 by chance, and say nothing of the pick
OTHER_PICKS = "acc_"  # scores whose names begin so are those of another pick (acc_norm, acc_bytes, acc_mutual_info)
NAN, NOTHING = "computes NaN", "gives no option a probability"
HIDDEN = ("", "-1", "-100", "None", "nan")


class NoFlips(ConfigError):
    """A log of a task in which right and wrong are not defined for one pick; `cause` says why, and in which line."""

    def __init__(self, log: Log, cause: str, line: int) -> None:
        self.cause = f"{cause} ({log.path.name}, line {line})"
        where, remedy = f"{log.path}, line {line}", "Leave it out: --leave-out, or another file."
        super().__init__(f"task {log.task}: {cause}", where=where, remedy=remedy)


class SampleReader:
    """Turns the lines of one log into choices; what `target` means is learned from the lines where it matters."""

    def __init__(self, log: Log, model: str) -> None:
        self._log, self._model = log, model
        self._delimiter = log.delimiter
        self._meaning = ""
        self.uncompared: dict[str, list[float | None]] = {}
        self.first_prompt: FirstPrompt | None = None

    def choice(self, line: dict[str, Any], number: int) -> Choice | str:
        """The choice that a line tells of, or what the model computed in its place: NAN, or NOTHING.

        Raises BadRecord, NoFlips.
        """
        with self._placed(number):
            pairs, logprobs = requests_in(line)
            options = self._options(pairs)
            if self.first_prompt is None:
                self.first_prompt = FirstPrompt(item=self._log.item(line), text="".join(pairs[0])[:8000])
            if not max(logprobs) > -math.inf or any(map(math.isnan, logprobs)):
                self._refuse_hidden(line.get("target"))
                return NAN if any(map(math.isnan, logprobs)) else NOTHING
            lengths = [max(1, len(option)) for option in options]
            picked = _first_maximum(logprobs)
            picked_norm = _first_maximum([value / length for value, length in zip(logprobs, lengths, strict=True)])
            gold = self._gold(line, options, picked)
            right = {"": picked == gold}
            if any(options):
                sizes = [max(1, len(option.encode())) for option in options]
                by_bytes = _first_maximum([value / size for value, size in zip(logprobs, sizes, strict=True)])
                right |= {"acc_norm": picked_norm == gold, "acc_bytes": by_bytes == gold}
            for name, value in _check(line, right).items():
                self.uncompared.setdefault(name, []).append(value)
            return Choice(
                model=self._model,
                task=self._log.group,
                item=self._log.item(line),
                subject=self._log.task,
                item_digest=document_digest([line.get("doc"), options, gold]),
                prompt_digest=options_digest(pairs),
                logprobs=tuple(None if value == -math.inf else value for value in logprobs),
                characters=tuple(lengths),
                tokens=(),
                gold=gold,
                picked=picked,
                picked_norm=picked_norm,
            )

    @contextmanager
    def _placed(self, number: int) -> Iterator[None]:
        """What a line cannot be becomes an error that names it. Raises BadRecord, NoFlips."""
        try:
            yield
        except _Undefined as fault:
            raise NoFlips(self._log, fault.cause, number) from None
        except _Fault as fault:
            raise BadRecord(self._log.path, number, fault.field, fault.cause) from None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            cause = f"an unknown layout ({type(error).__name__}: {error})"
            raise BadRecord(self._log.path, number, "", cause) from error

    def _options(self, pairs: list[tuple[str, str]]) -> list[str]:
        """The options' texts; in tasks of several inputs they stand in the contexts: empty here, lengths not known."""
        continuations = [continuation for _, continuation in pairs]
        if len(set(continuations)) == 1 and len({context for context, _ in pairs}) > 1:
            return [""] * len(pairs)
        return [text.removeprefix(self._delimiter) for text in continuations]

    def _gold(self, line: dict[str, Any], options: list[str], picked: int) -> int:
        target, right = line.get("target"), line.get("acc")
        self._refuse_hidden(target)
        if isinstance(target, list) or (str(target).startswith("[") and _place(str(target), options) is None):
            raise _Undefined("several right answers")
        if right is not None and float(right) not in (0.0, 1.0):
            raise _Undefined(f"a score of its own, acc {right}")
        if not any(options):
            if right is None or (len(options) > 2 and float(right) == 0.0):
                raise _Undefined("a task of several inputs does not log which option is right")
            return picked if float(right) == 1.0 else 1 - picked
        by_index, by_text = _index(target, len(options)), _place(str(target), options)
        if by_index is None or by_text is None:
            gold = by_text if by_index is None else by_index
            if gold is None:
                raise _Fault("target", f"{target!r} is no option")
            return gold
        if by_index != by_text:
            self._meaning = self._meaning or self._learned()
        return by_text if self._meaning == "text" else by_index

    @staticmethod
    def _refuse_hidden(target: Any) -> None:  # noqa: ANN401 - whatever a log holds
        if str(target).strip() in HIDDEN:
            raise _Undefined(f"hidden labels: the target is {target!r}")

    def _learned(self) -> str:
        """Whether targets are indices or texts: what the first line says where only one of the two agrees with acc."""
        for number, line in sample_lines(self._log.path):
            with self._placed(number):
                pairs, logprobs = requests_in(line)
            options, right = self._options(pairs), line.get("acc")
            picked = _first_maximum(logprobs)
            golds = {
                "index": _index(line.get("target"), len(options)),
                "text": _place(str(line.get("target")), options),
            }
            agreeing = [meaning for meaning, gold in golds.items() if float(gold == picked) == right]
            if None not in golds.values() and len(agreeing) == 1:
                return agreeing[0]
        return "index"


class _Fault(Exception):
    """A field of a line that cannot be what it says."""

    def __init__(self, field: str, cause: str) -> None:
        super().__init__(cause)
        self.field, self.cause = field, cause


class _Undefined(_Fault):
    """A task in which right and wrong are not defined for one pick."""

    def __init__(self, cause: str) -> None:
        super().__init__("", cause)


def requests_in(line: dict[str, Any]) -> tuple[list[tuple[str, str]], list[float]]:
    """Contexts with continuations, and their log-probabilities; the second half of mutual information is left out."""
    arguments = line["arguments"]
    if isinstance(arguments, dict):  # their order in the file may be that of their names: 0, 1, 10, 2
        requests = [arguments[f"gen_args_{index}"] for index in range(len(arguments))]
        pairs = [(each["arg_0"], each.get("arg_1")) for each in requests]
    else:
        pairs = [(each[0], each[1]) for each in arguments]
    if len(pairs) < 2 or {type(text) for pair in pairs for text in pair} != {str}:
        raise _Undefined("not multiple choice")
    responses = line["filtered_resps"]
    if len(responses) != len(pairs):
        raise _Fault("filtered_resps", f"{len(responses)} replies to {len(pairs)} requests")
    half = len(pairs) // 2
    if half >= 2 and not pairs[-1][0] and pairs[0][0] and not any(context for context, _ in pairs[half:]):
        pairs, responses = pairs[:half], responses[:half]
    logprobs = [float(reply[0]) for reply in responses]
    if math.inf in logprobs:
        raise _Fault("filtered_resps", f"log-probabilities {logprobs}")
    return pairs, [-math.inf if value <= CLAMP_NATS else value for value in logprobs]


def _first_maximum(values: list[float]) -> int:
    """The pick, as numpy's argmax has it in the harness; there is no NaN here."""
    return values.index(max(values))


def _check(line: dict[str, Any], right: Mapping[str, bool]) -> dict[str, float | None]:
    """Hold each of the log's own scores that is 0 or 1 against what we computed; give the scores that we cannot.

    `right`: whether the pick is right by scores with a pick of their own, and by others under "". No number is None.
    """
    beyond: dict[str, float | None] = {}
    for name, logged in line.items():
        if name in FIELDS or name.endswith("_hash") or isinstance(logged, str | dict):
            continue
        computed = right.get(name) if name.startswith(OTHER_PICKS) else None if name in FRACTIONS else right[""]
        if not isinstance(logged, int | float):
            beyond[name] = None
        elif computed is None or float(logged) not in (0.0, 1.0):
            beyond[name] = float(logged)
        elif float(logged) != float(computed):
            raise _Undefined(f"the log says {name} {logged}, its log-probabilities give {float(computed)}")
    return beyond


def _index(target: Any, count: int) -> int | None:  # noqa: ANN401 - whatever a log holds
    text = str(target)
    return int(text) if text.isdecimal() and int(text) < count else None


def _place(target: str, options: list[str]) -> int | None:
    target = target.strip()
    return next((index for index, option in enumerate(options) if option.strip() == target), None)
