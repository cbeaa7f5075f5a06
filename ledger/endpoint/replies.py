"""What the replies of an endpoint mean, whether they come over the wire or as the lines of a batch.

In: status, headers and body of a reply. Out: a Completion, or Unavailable (trying again helps) or Rejected (it does
not). What is no completion at all ends a session where it is the first reply, or one of many in a row.
"""

import time
from collections.abc import Mapping

from ledger.endpoint.completions import FILTERED, Completion, Unfinished, completion
from ledger.endpoint.faults import fault
from ledger.endpoint.strangers import IN_A_ROW, LOOK, native, native_stream, stranger
from ledger.endpoint.streams import is_stream, put_together
from ledger.endpoint.waits import reset_after
from ledger.endpoint.words import NO_COMPLETION, excerpt, received, told
from ledger.errors import Rejected, Unavailable

NO_HEADERS: Mapping[str, str] = {}


class Replies:
    """The replies of one endpoint; `is_proved` once a call was answered there."""

    def __init__(self, where: str, url: str = "", secrets: tuple[str, ...] = ()) -> None:
        self._where, self._url, self._secrets = where, url, secrets
        self.is_proved, self._strange = False, 0

    def proved(self) -> None:
        """Note that the endpoint is one: a later stranger may be a moment's fault."""
        self.is_proved, self._strange = True, 0

    def failed(self, status: int, body: str, headers: Mapping[str, str] = NO_HEADERS) -> Completion:
        """The reply that a content filter made of a prompt. Raises what any other failure means."""
        if error := fault(status, headers, body, self._where, self._secrets, self._url):
            raise error from None
        return self._filtered(status, body)

    def read(
        self,
        status: int,
        body: str,
        headers: Mapping[str, str] = NO_HEADERS,
        most_tokens: int | None = None,
        *,
        streamed: bool = False,
    ) -> Completion:
        """The completion that a successful call brought; it allowed `most_tokens`. Raises what it means else."""
        try:
            if native_stream(body):
                raise self._misread(status, body)
            if is_stream(body):
                if not streamed:
                    raise self._no_endpoint("a stream of events", "Set stream = true.", status)
                body = put_together(body)
            data = received(body, *self._secrets)
            failed = isinstance(data, dict) and not data.get("choices") and not native(data)
            if failed and (found := self._told_as_well(headers, body)):
                return found
            return completion(data, reset_after(headers, time.time(), refused=False), most_tokens)
        except Unfinished as error:
            if error.said and (found := self._told_as_well(headers, error.said)):
                return found
            raise Unavailable(self._said(str(error)), where=self._where, status=200) from None
        except NO_COMPLETION:
            raise self._misread(status, body) from None

    def _misread(self, status: int, body: str) -> Rejected | Unavailable:
        """What a reply that is no completion means: the wrong place, where it is the first or one of many."""
        found = stranger(body)
        if found is None:
            sentence = f"HTTP {status}, but not a completion: {self._said(told(body).words)}"
            return Unavailable(sentence, where=self._where, status=status)
        self._strange += 1
        what = f"{found.what} ({self._said(found.words)})" if found.words else found.what
        if not self.is_proved:
            return self._no_endpoint(what, found.remedy_at(self._url), status)
        if self._strange >= IN_A_ROW:
            return self._no_endpoint(f"{what}, {self._strange} times in a row", LOOK, status)
        return Unavailable(f"HTTP {status}, but not a completion: {what}", where=self._where, status=status)

    def _told_as_well(self, headers: Mapping[str, str], body: str) -> Completion | None:
        """The error that a 200 carries, where it says which: what it says counts, not how it is sent."""
        error = fault(200, headers, body, self._where, self._secrets, self._url)
        if error is None:
            return self._filtered(200, body)
        if error.status != 200 or (isinstance(error, Rejected) and error.stops_all):
            raise error
        return None

    def _filtered(self, status: int, body: str) -> Completion:
        return Completion(
            "", finish=FILTERED, http_status=status, words=self._said(f"HTTP {status}: {told(body).words}")
        )

    def _no_endpoint(self, what: str, remedy: str, status: int) -> Rejected:
        sentence = f"HTTP {status}, but not a completion: {what}."
        return Rejected(sentence, where=self._where, remedy=remedy, status=status, stops_all=True)

    def _said(self, text: str) -> str:
        return excerpt(text, *self._secrets)
