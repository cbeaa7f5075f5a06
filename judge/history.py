"""What the attempts say about each judgment: what has still to be asked, and what was answered.

In: attempts. Out: the ask that is due, or None; the reply that stands. No call, no file.

A judgment goes: first ask; the same again with twice the room if the reply was cut; one re-ask in the same conversation
if no verdict can be read. An ask that never got an answer stays due, also in a later session.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from judge.plan import Ask
from judge.verdicts import RE_ASKED, Reading, reading
from ledger.endpoint.completions import finish_word
from ledger.endpoint.cut_prompts import UNCOUNTED, Counted, cut, cut_sentence
from ledger.endpoint.learning import LIMIT
from ledger.endpoint.words import by_cause
from ledger.facts import CallFailure, JudgeFacts
from ledger.judgments import Attempt, Mode, Outcome, Parsing
from ledger.records import Key

FILTER_TOOK_IT = "a content filter took it"
AGAIN = "asked again, because the reply had no verdict: "


@dataclass(frozen=True)
class Due:
    """The next thing to ask: `doubled` gives twice the output limit, `replied` is the reply that a re-ask follows."""

    ask: Literal["first", "again"]
    doubled: bool = False
    replied: str | None = None

    def room(self, max_tokens: int) -> int:
        """The output limit of this call."""
        return 2 * max_tokens if self.doubled else max_tokens


class History:
    """The attempts of a judge's folder by judgment, in the order they were made."""

    def __init__(self, attempts: Iterable[Attempt] = ()) -> None:
        self._attempts: dict[str, list[Attempt]] = {}
        self._found: list[Attempt] | None = None
        self._outdated: frozenset[Key] = frozenset()
        for attempt in attempts:
            self.add(attempt)
        self._outdated = frozenset(each.key for each in self._cut())  # asked again, by a server that may be mended

    def __len__(self) -> int:
        return sum(map(len, self._attempts.values()))

    def add(self, attempt: Attempt) -> None:
        """Remember one more attempt."""
        self._attempts.setdefault(attempt.judgment, []).append(attempt)
        self._found = None

    def all(self) -> Iterator[Attempt]:
        """Every attempt, by judgment."""
        return chain.from_iterable(self._attempts.values())

    def next_number(self, judgment: str, ask: str) -> int:
        """The number of the next attempt at one ask of a judgment."""
        return 1 + sum(attempt.ask == ask for attempt in self.of(judgment))

    def of(self, judgment: str) -> list[Attempt]:
        """The attempts of one judgment; none if it was never asked."""
        return self._attempts.get(judgment, [])

    def due(self, judgment: str, mode: Mode, parsing: Parsing) -> Due | None:
        """What has still to be asked, or None when the judgment stands."""
        first, again = (self._answered(judgment, ask) for ask in ("first", "again"))
        if not first:
            return Due("first")
        if again:
            cut = _cut_once(again, mode, parsing)
            return Due("again", doubled=True, replied=first[-1].reply) if cut else None
        if _cut_once(first, mode, parsing):
            return Due("first", doubled=True)
        unclear = parsing != "fastchat" and _read(first[-1], mode, parsing).outcome in RE_ASKED
        return Due("again", replied=first[-1].reply) if unclear else None

    def pending(self, asks: Iterable[Ask], parsing: Parsing) -> Iterator[tuple[Ask, Due]]:
        """The asks whose judgments do not stand yet, each with what has still to be asked."""
        for ask in asks:
            if due := self.due(ask.judgment, ask.mode, parsing):
                yield ask, due

    def verdict(self, judgment: str, mode: Mode, parsing: Parsing) -> tuple[Reading, str | None]:
        """The reading that stands and the judge's text: of the re-ask's last answer, else of the first ask's.

        FastChat asks once, so by its rules the very first answer stands. Without an answer: failed if there were
        attempts, skipped if there were none.
        """
        if stands := self._standing(judgment, parsing):
            if any(stands is each for each in self._cut()):
                return Reading(Outcome.TRUNCATED), stands.reply
            return _read(stands, mode, parsing), stands.reply
        return Reading(Outcome.FAILED if self.of(judgment) else Outcome.SKIPPED), None

    def answered(self, judgment: str) -> bool:
        """Whether the judge ever answered."""
        return bool(self._answered(judgment, "first"))

    def failures(self, judgments: Iterable[str]) -> tuple[CallFailure, ...]:
        """Why those of these judgments failed whose last call has no answer, the commonest reason first."""
        found: list[str] = []
        asked, silent = list(judgments), self._cut()
        lost = {each.judgment for each in silent} & set(asked)
        for judgment in asked:
            made = self.of(judgment)
            if judgment not in lost and made and not (self.answered(judgment) and made[-1].status == "answered"):
                words = made[-1].error or "no reply that came to its end"
                found.append(f"{AGAIN}{words}" if self.answered(judgment) else words)
        more = [CallFailure(judgments=len(lost), words=cut_sentence(list(map(_sent, silent))))] if lost else []
        return (*(CallFailure(judgments=len(each), words=each[-1]) for each in by_cause(found)), *more)

    def unheard(self, asks: Iterable[Ask], parsing: Parsing, max_tokens: int) -> tuple[CallFailure, ...]:
        """Why replies that came to their end gave no verdict, as far as more room or another filter would."""
        more = f"the reply was cut, also with twice the room: raise max_tokens above {2 * max_tokens}"
        why = {Outcome.TRUNCATED: more, Outcome.FILTERED: FILTER_TOOK_IT, Outcome.REFUSED: "the judge refuses"}
        found: list[str] = []
        for ask in asks:
            stands = self._standing(ask.judgment, parsing)
            if stands is None or any(stands is each for each in self._cut()) or self.of(ask.judgment)[-1] is not stands:
                continue
            if cause := why.get(_read(stands, ask.mode, parsing).outcome):
                said = stands.error or stands.refusal
                found.append(f"{cause}: {said}" if said else cause)
        return tuple(CallFailure(judgments=len(each), words=each[-1]) for each in by_cause(found))

    def facts(self) -> dict[str, Any]:
        """What the attempts tell about the judge: models that served, calls, tokens; None where nobody counted."""
        attempts = list(self.all())
        answered = [attempt for attempt in attempts if attempt.status == "answered"]
        known = JudgeFacts(
            served_models=dict(Counter(attempt.served_model or "unknown" for attempt in answered)),
            mixed_parameters=_mixed(answered),
            calls=len(attempts),
            prompt_tokens=token_total(attempt.prompt_tokens for attempt in answered),
            completion_tokens=token_total(attempt.completion_tokens for attempt in answered),
        )
        uncounted = known.prompt_tokens == 0 and bool(answered)
        return (
            known.noted()
            | ({"prompts_counted": UNCOUNTED} if uncounted else {})
            | {
                "calls_answered": len(answered),
                "calls_again": sum(attempt.ask == "again" for attempt in attempts),
                "calls_without_usage": sum(attempt.completion_tokens is None for attempt in answered),
                "usage": {kind: _usage(made) for kind, made in sorted(self._kinds().items())},
            }
        )

    def _kinds(self) -> dict[str, list[Attempt]]:
        """The attempts by the kind of judgment: exam, game, rating."""
        found: dict[str, list[Attempt]] = {}
        for attempt in self.all():
            found.setdefault(kind_of(attempt.judgment), []).append(attempt)
        return found

    def _standing(self, judgment: str, parsing: Parsing) -> Attempt | None:
        """The attempt whose reply counts."""
        first, again = (self._answered(judgment, ask) for ask in ("first", "again"))
        if not first:
            return None
        return first[0] if parsing == "fastchat" else (again or first)[-1]

    def _answered(self, judgment: str, ask: str) -> list[Attempt]:
        """Replies that came to their end; what ended otherwise was no answer, also where an earlier version took it."""
        made = [a for a in self.of(judgment) if a.ask == ask and a.status == "answered" and _finished(a)]
        return [a for a in made if a.key not in self._outdated]

    def _cut(self) -> list[Attempt]:
        """The attempts whose prompts an endpoint cut in silence."""
        if self._found is None:
            made = [each for each in self.all() if each.status == "answered"]
            self._found = [each for each, was_cut in zip(made, cut(list(map(_sent, made))), strict=True) if was_cut]
        return self._found


def _mixed(answered: list[Attempt]) -> tuple[str, ...]:
    """What some calls had as it was asked for and others had not; a lowered output limit is seen where it cuts."""
    sent, changed = ({name for each in answered for name in getattr(each, part)} for part in ("sent", "changed"))
    return tuple(sorted((sent & changed) - {LIMIT}))


def _sent(attempt: Attempt) -> Counted:
    return attempt.prompt_bytes or 0, attempt.prompt_tokens or 0


def _finished(attempt: Attempt) -> bool:
    return attempt.finish is None or finish_word(attempt.finish) is not None


def kind_of(judgment: str) -> str:
    """The kind that a judgment's id begins with: exam, game or rating."""
    return judgment.partition("/")[0]


def token_total(counts: Iterable[int | None]) -> int | None:
    """The sum of the known counts; None if none is known."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _usage(made: list[Attempt]) -> dict[str, Any]:
    return {
        "calls": len(made),
        "failed": sum(attempt.status != "answered" for attempt in made),
        "prompt_tokens": token_total(attempt.prompt_tokens for attempt in made),
        "completion_tokens": token_total(attempt.completion_tokens for attempt in made),
    }


def _read(attempt: Attempt, mode: Mode, parsing: Parsing) -> Reading:
    said = attempt.reply or ""
    return reading(mode, said, attempt.finish, attempt.refusal, parsing, attempt.rating_tokens)


def _cut_once(answered: list[Attempt], mode: Mode, parsing: Parsing) -> bool:
    """Whether the only answer so far was cut; a second one was given twice the room and stands."""
    return len(answered) == 1 and _read(answered[0], mode, parsing).outcome is Outcome.TRUNCATED
