"""What a failed call means: it may pass, it is this request's fault, or every further call would meet it.

In: the status, headers and body of a reply. Out: a Meaning, an error. Decided by what is said as much as by numbers,
because servers say the same under many codes: an empty account comes as 402, 429, 400 and 200.
"""

import re
import time
from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlsplit

from ledger.endpoint.connections import PROXY_PASSWORD, PROXY_WANTS
from ledger.endpoint.waits import asked_wait, reset_after
from ledger.endpoint.words import Told, complaint, excerpt, is_page, told
from ledger.errors import Rejected, Unavailable

TRANSIENT = frozenset({408, 409, 425, 429})
CLOSED = frozenset({401, 402, 403, 404, 405, 407, 410})
LIMITED = frozenset({429, 503})
BAD_REQUEST = frozenset({400, 413, 422})
NOT_IMPLEMENTED = 501
READ_CHARACTERS = 400  # of a complaint; behind them many quote what was asked
CHECK = "Check the model's name, base_url and the variable that api_key_env names."
TOP_UP = "Top up the account and run again."
ACCOUNT = "Look at the account and its key with the provider, then run again."
ELSEWHERE = "The provider serves no calls from this network's place: give base_url an endpoint that does."
RENEWED = "Run again when the quota is renewed, or have it raised."
ADD_PATH = "Add /v1 to base_url, or correct it."


def _pattern(*parts: str) -> "re.Pattern[str]":
    return re.compile("|".join(parts), re.IGNORECASE)


_FILTERED = _pattern(
    r"content_?filter|content_policy|responsibleaipolicy|data_?inspection_?failed|moderation|flagged",
    r"content exists risk|inappropriate content|safety (?:system|filter|polic)|content management policy",
)
_SPENT = (
    r"\b(?:low|exceeded|exhausted|used up|depleted|empty|negative|insufficient|required|r[au]n out|expired|spent)\b"
)
_MONEY = _pattern(
    r"billing|payment (?:required|method)|arrear|insufficient[ _]+(?:\w+[ _]+)?(?:quota|credit|balance|fund)|余额|欠费",
    r"\b(?:no|not enough|out of|low|exceeded|exhausted|used up|spent|add|buy|top[ -]?up)\b[^.!]{0,40}"
    r"\b(?:credits?|balance|funds)\b",
    rf"\b(?:credits?|balance|funds)\b[^.!]{{0,40}}{_SPENT}",
)
_ACCOUNT = _pattern(
    r"\b(?:account|api[ _-]?key|organi[sz]ation|project|subscription|workspace)\b[^.!]{0,40}"
    r"\b(?:disabled|suspended|terminated|revoked|expired|not active|inactive|banned)\b|deactivated",
)
_CLOSED_WORDS = _pattern(
    r"(?:invalid|incorrect|expired|missing|wrong|revoked|no)[ _]+(?:\w+[ _]+)?(?:api[ _-]?key|credential)",
    r"api[ _-]?key[^.!]{0,20}(?:invalid|incorrect|not valid|missing)|unauthori[sz]ed|authentication[ _](?:error|fail)",
    r"permission[ _]denied|access denied|model_not_found|no such model|unknown model|not a valid model",
    r"invalid model(?: name| id)?(?! *(?:arg|field|input|kwarg|option|output|param|repl|response|setting))",
    r"model[^.!]{0,80}(?:not found|not exist|decommissioned|no longer available)",
)
_COUNTRY = _pattern(
    r"unsupported_country",
    r"\b(?:country|region|territory|location)\b[^.!]{0,40}\b(?:not (?:supported|allowed|available)|blocked)",
    r"\bnot (?:supported|allowed|available) in your (?:country|region|territory|location)",
)
_QUOTA = _pattern(
    r"\bquota", r"hard limit|spend(?:ing)? limit|monthly limit|daily limit|usage limit|trial (?:key|limit)|free tier"
)
_LONG = _pattern(r"(?:per|/)[ _-]?(?:day|week|month)|regain access on|\b(?:daily|weekly|monthly)\b|\b[rt]pd\b")
_RATE = _pattern(
    r"rate.?limit|per.?(?:minute|second)|too many (?:concurrent )?requests|try again|overload|capacity|concurren|retry",
    r"slow down",
)


class Meaning(StrEnum):
    """What a failed call tells about the next one."""

    PASSES = "trying again may help"
    REFUSED = "this request is refused"
    ENDS = "every further call would be refused"
    FILTERED = "a content filter took it"


def is_transient(status: int) -> bool:
    """Whether the same call may succeed later, by its status alone."""
    return status in TRANSIENT or (status >= 500 and status != NOT_IMPLEMENTED)


def meaning(status: int, said: Told, wait: float | None = None) -> Meaning:
    """What a failure means; `wait` is how long the endpoint asks to wait, which it would not for what never passes."""
    codes, words = " ".join(sorted(said.codes)), said.words[:READ_CHARACTERS]
    if _FILTERED.search(codes) or (status < 500 and status != 429 and _FILTERED.search(words)):
        return Meaning.FILTERED
    if status in CLOSED or any(each.search(text) for each in (_MONEY, _ACCOUNT, _COUNTRY) for text in (words, codes)):
        return Meaning.ENDS
    if wait is not None and is_transient(status):
        return Meaning.PASSES
    if status in LIMITED and _RATE.search(words):
        return Meaning.ENDS if _is_long(words) else Meaning.PASSES
    if any(pattern.search(text) for pattern in (_QUOTA, _CLOSED_WORDS) for text in (codes, words)):
        return Meaning.ENDS
    return Meaning.PASSES if is_transient(status) else Meaning.REFUSED


def fault(
    status: int, headers: Mapping[str, str], body: str, where: str, secrets: tuple[str, ...] = (), url: str = ""
) -> Rejected | Unavailable | None:
    """The error that a failed call becomes; None where a content filter took the prompt."""
    said, now = told(body), time.time()
    status = said.status if status < 400 and said.status else status
    wait = asked_wait(headers, body, now)
    if wait is not None and status not in LIMITED and wait == reset_after(headers, now):
        wait = None  # some send the headers of their allowance with every reply
    found = meaning(status, said, wait)
    if found is Meaning.FILTERED:
        return None
    what = f"HTTP {status}: {excerpt(said.words, *secrets) or 'no message'}"
    if found is Meaning.PASSES:
        return Unavailable(what, where=where, status=status, retry_after_seconds=wait)
    ends = found is Meaning.ENDS
    remedy = _remedy(status, said, body, url) if ends else ""
    return Rejected(
        f"{what.rstrip('.')}." if ends else what,
        where=where,
        remedy=remedy,
        status=status,
        stops_all=ends,
        complaint=complaint(body, secrets),
    )


def _is_long(words: str) -> bool:
    """Whether a quota is one that no waiting of minutes renews; where a short one is named too, it may be that."""
    return _LONG.search(words) is not None and not re.search("per.?(?:minute|second)", words, re.IGNORECASE)


def _remedy(status: int, said: Told, body: str, url: str) -> str:
    if status == PROXY_WANTS:
        return PROXY_PASSWORD
    about = f"{said.words} {' '.join(said.codes)}"
    if status in LIMITED and _is_long(about) and not _MONEY.search(about):
        return RENEWED
    if _COUNTRY.search(about) or _ACCOUNT.search(about):
        return ELSEWHERE if _COUNTRY.search(about) else ACCOUNT
    if status == 402 or _MONEY.search(about) or (status not in CLOSED and _QUOTA.search(about)):
        return TOP_UP
    lost = status in (404, 405) and (is_page(body) or not re.search("model", about, re.IGNORECASE))
    return f"{CHECK[:-1]}; {ADD_PATH[0].lower()}{ADD_PATH[1:]}" if lost and not has_path(url) else CHECK


def has_path(url: str) -> bool:
    """Whether a base URL has the version at its end, as nearly all have; unknown where it is empty."""
    return not url or re.search(r"/v\d+\w*(?:/openai)?/*$", urlsplit(url).path) is not None
