"""OpenAI's Batch API: files up, batches begun and asked after, files down. It owns `openai`, as client.py does.

In: a URL, a key, files of requests. Out: states, texts. Raises JudgeError.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ledger.endpoint.connections import SentElsewhere, no_connection, refuse_elsewhere, to_one_origin, told_plainly
from ledger.endpoint.parameters import EndpointParameters, sent_query
from ledger.endpoint.places import NO_KEY, azure_headers, parted, place
from ledger.endpoint.secrets import redacted
from ledger.endpoint.words import body_text, excerpt, told
from ledger.errors import JudgeError

if TYPE_CHECKING:
    pass

ATTEMPTS = 3
Route = Literal["/v1/chat/completions"]


class BatchFiles:
    """An endpoint's files and batches; enter it (`with`) so that its connections are closed."""

    def __init__(self, base_url: str, api_key: str, parameters: EndpointParameters) -> None:
        self.where = place(base_url)
        self._headers, secrets = parameters.sent_headers(self.where)
        self._url, query = parted(base_url)
        self._query, more = sent_query(query, self.where)
        self._key, self._secrets = api_key, (api_key, *secrets, *more)

    def __enter__(self) -> "BatchFiles":
        from openai import DefaultHttpx2Client, OpenAI

        with told_plainly(self.where):
            self._client: OpenAI = OpenAI(
                base_url=self._url,
                api_key=self._key or NO_KEY,
                max_retries=ATTEMPTS,
                default_query=self._query,
                default_headers=azure_headers(self._query, self._key) | self._headers,
                http_client=DefaultHttpx2Client(**to_one_origin(self._url, refuse_elsewhere)),
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def begun(self, path: Path, route: Route) -> tuple[str, str]:
        """Upload a file and start a batch for it; its id and state."""
        with self._told(), path.open("rb") as stream:
            uploaded = self._client.files.create(file=(path.name, stream), purpose="batch")
            made = self._client.batches.create(input_file_id=uploaded.id, endpoint=route, completion_window="24h")
        return made.id, made.status

    def state(self, batch: str) -> tuple[str, list[str], dict[str, str]]:
        """A batch's state, what it complains of, and its files of results and errors by kind."""
        with self._told():
            now: Any = self._client.batches.retrieve(batch)
        faults = [self._said(fault.message) for fault in now.errors.data or [] if fault.message] if now.errors else []
        kinds = {"results": now.output_file_id, "errors": now.error_file_id}
        return now.status, faults, {kind: name for kind, name in kinds.items() if name}

    def text(self, file: str) -> str:
        """A file's text, without secrets."""
        with self._told():
            return redacted(self._client.files.content(file).text, *self._secrets)

    def _said(self, text: str) -> str:
        return excerpt(text, *self._secrets)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns the SDK's errors into ours."""
        import openai

        try:
            yield
        except SentElsewhere as away:
            raise JudgeError(str(away), where=self.where, remedy=away.remedy) from None
        except openai.APIStatusError as error:
            said = body_text(error.response.content, error.response.charset_encoding)
            words = f"HTTP {error.status_code}: {self._said(told(said).words) or 'no message'}"
        except openai.APIConnectionError as error:
            words = self._said(no_connection(error, self._url).words)
        except openai.OpenAIError as error:
            words = self._said(str(error))
        else:
            return
        raise JudgeError(f"the batch endpoint said: {words}", where=self.where)
