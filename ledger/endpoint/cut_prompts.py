"""Prompts that an endpoint cut in silence: what comes back is about half a prompt.

In: the bytes that were sent and the tokens that were counted. Out: which were cut, as far as that tells.
Servers with a small context (Ollama's num_ctx) drop what does not fit and say nothing; their count of prompt tokens
stays at its maximum however long the prompt is, or is smaller than any tokenizer could make it.
Source: MT-Bench's prompts and answers by SmolLM2's, cl100k's and o200k's tokenizers: a median of 4.5 bytes a token, 6.3
at most; interface texts in ninety languages by the latter two: 7.4 at most (Georgian). Only what repeats itself has
more, up to 125 (blanks), so repeats are left out of what is counted.
"""

import re
from collections.abc import Iterable, Sequence

LEAST_BYTES = 1_000  # of a prompt that is looked at
MOST_BYTES_PER_TOKEN = 12.0  # of what does not repeat itself: half as many again as any text has
LEAST_PROMPTS, SPREAD = 3, 1.1  # so many prompts of one count, the longest so much longer than the shortest
UNCOUNTED = "the endpoint counted 0 tokens in every prompt: prompts that it cut in silence cannot be told"
Counted = tuple[int, int]
"""Bytes that were sent, repeats left out, and tokens that were counted."""
_REPEATS = re.compile(r"(.{1,8}?)\1{3,}", re.DOTALL)


def plain_bytes(texts: Iterable[str]) -> int:
    """The bytes of texts in which rows of dashes, blanks and the like stand once: a token may hold many of them."""
    return sum(len(_REPEATS.sub(r"\1", text).encode("utf-8", "surrogatepass")) for text in texts)


def cut(prompts: Sequence[Counted]) -> list[bool]:
    """Whether each prompt was cut; 0 tokens or bytes are those that nobody counted."""
    looked_at = [(size, tokens) for size, tokens in prompts if size >= LEAST_BYTES and tokens > 0]
    most = max((tokens for _, tokens in looked_at), default=0)
    sizes = {size for size, tokens in looked_at if tokens == most}
    constant = len(sizes) >= LEAST_PROMPTS and max(sizes) > SPREAD * min(sizes)
    return [
        size >= LEAST_BYTES and tokens > 0 and (size > MOST_BYTES_PER_TOKEN * tokens or (constant and tokens == most))
        for size, tokens in prompts
    ]


def cut_sentence(prompts: Sequence[Counted], more: str = "") -> str:
    """What the counts of cut prompts tell, and what to do; `more` before it is run again."""
    sizes, tokens = sorted(size for size, _ in prompts), sorted({tokens for _, tokens in prompts})
    counted = f"{tokens[0]:,}" if len(tokens) == 1 else f"{tokens[0]:,} to {tokens[-1]:,}"
    mend = "give its server a larger context (num_ctx, max_model_len)" + (f", {more}" if more else "")
    return (
        f"the endpoint counted {counted} tokens in prompts of {sizes[0]:,} to {sizes[-1]:,} bytes, so that it cut them "
        f"in silence; {mend} and run again"
    )
