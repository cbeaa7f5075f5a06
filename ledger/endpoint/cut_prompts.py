"""Prompts that an endpoint cut in silence: what comes back is about half a prompt.

In: the bytes that were sent and the tokens that were counted. Out: which were cut, as far as that tells.
Servers with a small context (Ollama's num_ctx) drop what does not fit and say nothing; their count of prompt tokens
stays at its maximum however long the prompt is, or is smaller than any tokenizer could make it.
"""

from collections.abc import Sequence

LEAST_BYTES = 1_000  # of a prompt that is looked at
MOST_BYTES_PER_TOKEN = 24.0  # English has four to five; rows of dashes in a long answer have more
LEAST_PROMPTS, SPREAD = 3, 1.1  # so many prompts of one count, the longest so much longer than the shortest
Counted = tuple[int, int]
"""Bytes that were sent and tokens that were counted."""


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


def cut_sentence(prompts: Sequence[Counted]) -> str:
    """What the counts of cut prompts tell, and what to do."""
    sizes, tokens = sorted(size for size, _ in prompts), sorted({tokens for _, tokens in prompts})
    counted = f"{tokens[0]:,}" if len(tokens) == 1 else f"{tokens[0]:,} to {tokens[-1]:,}"
    return (
        f"the endpoint counted {counted} tokens in prompts of {sizes[0]:,} to {sizes[-1]:,} bytes, so that it cut them "
        "in silence; give its server a larger context (num_ctx, max_model_len) and run again"
    )
