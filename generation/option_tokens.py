"""The whole vocabulary at the tokens of options, as far as K reaches: what kl_vocabulary is made from.

In: items, an engine, a writer of traces. Out: one trace per option, in `options.parquet`; an opt-in pass of its own.
Where every option is one letter after one context, all options share their one position, so the first stands for all.
The requests are the same as for traces of answers: `prompt_logprobs` requests may share vLLM's engine with
`logprob_token_ids` ones, which plain `logprobs=k` requests may not.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from generation.choices import Style, score_request
from generation.engine import Engine, TraceRequest
from generation.traces import trace_texts
from ledger.progress import Report, silent
from ledger.records import Item
from ledger.store import key_text
from ledger.traces import TraceWriter


@dataclass(frozen=True)
class OptionText:
    """One option of one item as it is scored; the key is task, item and the option's index."""

    key: tuple[str, str, int]
    context: str
    continuation: str
    top_k: int


def option_texts(items: Iterable[Item], style: Style, top_k: int) -> Iterator[OptionText]:
    """The options to trace, in the items' order."""
    for item in items:
        pairs = score_request(item, style).pairs
        one_place = len({context for context, _ in pairs}) == 1 and all(len(text.strip()) == 1 for _, text in pairs)
        for index, (context, continuation) in enumerate(pairs[:1] if one_place else pairs):
            yield OptionText((item.task, item.id, index), context, continuation, top_k)


def write_option_tokens(
    engine: Engine, pending: Iterable[OptionText], model: str, writer: TraceWriter, report: Report = silent
) -> list[str]:
    """Trace each pending option in the given order of admission; give the names of those that do not fit."""
    texts = [
        ((model, *text.key), TraceRequest(key_text(text.key), text.context, text.continuation, text.top_k))
        for text in pending
    ]
    return trace_texts(engine, texts, model, "option tokens", writer, report)
