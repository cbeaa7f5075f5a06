"""What an endpoint refuses, learned from its complaints, so that no call is refused twice for the same reason.

In: the fields of a call, complaints. Out: the fields as the endpoint takes them; `facts`, which a manifest keeps.
A complaint that names what was sent is taken at its word once: the call is made without it, and what helped is kept.
Where it did not help it is sent again, because complaints also quote what was asked and list what would be allowed, and
the endpoint's first words are told. A content filter that takes the next try teaches nothing either.
Where answered calls had it, the same call is first made again as it was: one odd refusal changes no other call.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ledger.endpoint.faults import BAD_REQUEST
from ledger.errors import Rejected

Fields = Mapping[str, Any]
Facts = dict[str, Any]
NOT_SENT = "not sent: the server refuses it"
IN_USERS_TURN = "sent as part of the user's message: the server refuses it"
LIMIT, OTHER_LIMIT = "max_tokens", "max_completion_tokens"
FEW_LOGPROBS = 5
KEPT = frozenset({"model", "messages", "prompt", LIMIT, OTHER_LIMIT})  # a call is none without them
TOGETHER, AS_IT_WAS = "all that a complaint names", "the call as it was"
SYSTEM = "system_role"
ROOM = "room"  # for one call; what the endpoint gives at most is a fact
_SYSTEM = re.compile(r"\bsystem\b|\bdeveloper\b|roles? must|must alternate", re.IGNORECASE)
_TOO_LONG = re.compile(r"context[ _](?:length|window|size)|too (?:long|large|many)|model_len", re.IGNORECASE)
_CONTEXT = re.compile(r"(?:maximum context length|context (?:length|window|size))[^0-9]{0,30}(\d+)", re.IGNORECASE)
_PROMPT = re.compile(
    r"(\d+)(?: tokens)? (?:in the messages|in your prompt|input tokens|prompt tokens|from the input)"
    r"|(?:input|prompt)(?: tokens)?[^0-9.]{0,20}(\d+)",
    re.IGNORECASE,
)
_LIMIT = re.compile(r"max_(?:completion_|output_|new_)?tokens|completion tokens", re.IGNORECASE)
_NUMBER = r"[ `'\"]*(\d{1,3}(?:,\d{3})+|\d+)"
_MOST = (
    re.compile(rf"at most{_NUMBER} (?:completion|output)? ?tokens", re.IGNORECASE),
    re.compile(
        rf"(?:less than or equal to|not exceed|<=|no more than|maximum(?: value)?(?: is| of|:)?){_NUMBER}", re.I
    ),
    re.compile(r"\[\s*\d+\s*,\s*(\d+)\s*\]"),
    re.compile(rf"(?:{_LIMIT.pattern})\W*\d+ *> *(\d+)", re.IGNORECASE),
    re.compile(rf"(?:{_LIMIT.pattern})[^.0-9]{{0,40}}(?:at most|up to|at maximum){_NUMBER}", re.IGNORECASE),
)


class Trial:
    """One call's tries: what the endpoint complained of, and what is left out or changed to see whether that helps."""

    def __init__(self, facts: Facts, needed: Sequence[str] = (), taken: Collection[str] = ()) -> None:
        self._before, self._facts, self._needed, self._taken = facts, dict(facts), needed, taken
        self._last: tuple[Facts, Fields] | None = None
        self._tried: set[str] = set()
        self._complaint = ""
        self._first: Rejected | None = None

    def shaped(self, fields: Fields) -> dict[str, Any]:
        """The fields of the next try."""
        return shaped(fields, self._facts)

    def changed(self, fields: Fields) -> list[str]:
        """Those of the fields that are left out of the next try, or changed in it."""
        return changed(fields, self._facts)

    def goes_on(self, error: Rejected, sent: Fields) -> bool:
        """Whether something else is worth a try after this refusal."""
        self._first = self._first or error
        if error.stops_all or error.status not in BAD_REQUEST:
            return False
        found = dict(lessons(error.complaint, sent, self._needed))
        if AS_IT_WAS not in self._tried and {"messages" if name == SYSTEM else name for name in found} & {*self._taken}:
            self._tried.add(AS_IT_WAS)
            return True
        if error.complaint == self._complaint and self._last:
            self._facts, sent = self._last  # it was not that
            found = dict(lessons(error.complaint, sent, self._needed))
        self._complaint = error.complaint
        together = {name: value for lesson in found.values() for name, value in lesson.items()}
        if together.get(LIMIT) == NOT_SENT:
            together.pop("output_limit", None)
        more = [(TOGETHER, together)] if len(found) > 1 and together not in found.values() else []
        for name, lesson in (*found.items(), *more):
            if name not in self._tried:
                self._tried.add(name)
                self._last = dict(self._facts), sent
                self._facts |= lesson
                return True
        return False

    @property
    def tried(self) -> bool:
        """Whether this call is not what it was at first."""
        return bool(self._tried)

    def told(self, error: Rejected, fields: Fields, sent: Fields) -> Rejected:
        """The refusal to tell where nothing helped: the first, if the last one is about what was left out."""
        left_out = [name for name in fields if name not in sent]
        return self._first if self._first and named(error.complaint, left_out) else error

    def keep(self) -> None:
        """Keep what was learned, because the endpoint took the call."""
        self._before.update({name: value for name, value in self._facts.items() if name != ROOM})


def shaped(fields: Fields, facts: Facts) -> dict[str, Any]:
    """The fields of a call in the shape that the endpoint takes, as far as is known."""
    sent = {name: value for name, value in fields.items() if facts.get(name) != NOT_SENT}
    if SYSTEM in facts and "messages" in sent:
        sent["messages"] = one_message(sent["messages"])
    if "top_logprobs" in sent:
        sent["top_logprobs"] = min(sent["top_logprobs"], facts.get("top_logprobs", sent["top_logprobs"]))
    if LIMIT in sent:
        most = min(sent.pop(LIMIT), facts.get("most_tokens", fields[LIMIT]), facts.get(ROOM, fields[LIMIT]))
        sent[str(facts.get("output_limit", LIMIT))] = most
    return sent


def changed(fields: Fields, facts: Facts) -> list[str]:
    """Those of a call's fields that are not sent as asked; the limit is, by another name and with this call's room."""
    sent = shaped(fields, {name: value for name, value in facts.items() if name not in ("output_limit", ROOM)})
    return sorted(name for name in fields if name not in sent or sent[name] != fields[name])


def lessons(complaint: str, sent: Fields, needed: Sequence[str]) -> Iterator[tuple[str, Facts]]:
    """What may help against a complaint, the likeliest first; nothing where a prompt is too long for the context."""
    limit = next((name for name in (LIMIT, OTHER_LIMIT) if name in sent), "")
    if limit and (found := room(complaint, sent[limit] or 0)):
        yield found[0], {found[0]: found[1]}
        return
    if too_long(complaint):
        return
    if limit == LIMIT and OTHER_LIMIT in complaint:
        yield "output_limit", {"output_limit": OTHER_LIMIT}
    if (sent.get("top_logprobs") or 0) > FEW_LOGPROBS and "top_logprobs" in complaint:
        yield "top_logprobs", {"top_logprobs": FEW_LOGPROBS}
    for name in named(complaint, [name for name in sent if name not in KEPT and name not in needed]):
        yield name, {name: NOT_SENT}
    if is_system(sent.get("messages")) and _SYSTEM.search(complaint):
        yield SYSTEM, {SYSTEM: IN_USERS_TURN}
    if limit and re.search(rf"\b{limit}\b", complaint):
        yield "output_limit", {"output_limit": OTHER_LIMIT if limit == LIMIT else LIMIT}
        if not (LIMIT in complaint and OTHER_LIMIT in complaint):
            yield "no_limit", {LIMIT: NOT_SENT}


def named(complaint: str, names: Sequence[str]) -> list[str]:
    """Those of the names that stand in a complaint, the one of its field `param` first, then in their order there."""
    param = re.search(r'"param"\s*:\s*"([^"]*)"', complaint)
    places = {name: re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", complaint) for name in names}
    found = [(not (param and param[1] == name), place.start(), name) for name, place in places.items() if place]
    return [name for _, _, name in sorted(found)]


def room(complaint: str, limit: int) -> tuple[str, int] | None:
    """A smaller output limit that a complaint leaves: this call's room in the context, or the most of any call."""
    _, left = measured(complaint)
    if 0 < left < limit:
        return ROOM, left
    if left or not _LIMIT.search(complaint):
        return None
    for pattern in _MOST:
        if (found := pattern.search(complaint)) and 0 < (most := int(found[1].replace(",", ""))) < limit:
            return "most_tokens", most
    return None


def measured(complaint: str) -> tuple[int, int]:
    """Tokens of the prompt and the room beside it in the context, as far as a complaint tells, else 0."""
    context, prompt = _CONTEXT.search(complaint), _PROMPT.search(complaint)
    tokens = int(prompt[1] or prompt[2]) if prompt else 0
    return tokens, max(0, int(context[1]) - tokens) if context and tokens else 0


def too_long(complaint: str) -> bool:
    """Whether a prompt does not fit the context; where only an output limit is too large, it may."""
    if "context_length_exceeded" in complaint:
        return True
    of_limit = _LIMIT.search(complaint) and not (_CONTEXT.search(complaint) or _PROMPT.search(complaint))
    return not of_limit and _TOO_LONG.search(complaint) is not None


def is_system(messages: Any) -> bool:  # noqa: ANN401 - what a call is made of
    """Whether a conversation opens with a system text, and goes on."""
    return bool(messages) and len(messages) > 1 and messages[0]["role"] == "system"


def one_message(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """The conversation with its system text at the head of the first message, for models that know no system role."""
    if not is_system(messages):
        return list(messages)
    first, second, *rest = messages
    return [{**second, "content": f"{first['content']}\n\n{second['content']}".lstrip()}, *rest]
