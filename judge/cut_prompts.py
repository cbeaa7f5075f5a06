"""Prompts that an endpoint cut in silence: what came back is a verdict about half an answer.

In: attempts, with the bytes that were sent and the tokens that were counted. Out: those that were cut, and a sentence.
Servers with a small context (Ollama's num_ctx) drop what does not fit and say nothing; their count of prompt tokens
tells: it stays at its maximum however long the prompt is, or is smaller than any tokenizer could make it.
"""

from collections.abc import Iterable

from ledger.judgments import Attempt

LEAST_BYTES = 1_000  # of a prompt that is looked at
MOST_BYTES_PER_TOKEN = 24.0  # English has four to five; rows of dashes in a long answer have more
LEAST_PROMPTS, SPREAD = 3, 1.1  # so many prompts of one count, the longest so much longer than the shortest


def cut_attempts(attempts: Iterable[Attempt]) -> list[Attempt]:
    """The answered attempts whose prompt was cut, as far as the counts tell."""
    counted = [
        each for each in attempts if each.status == "answered" and each.prompt_tokens and sent(each) >= LEAST_BYTES
    ]
    most = max((each.prompt_tokens or 0 for each in counted), default=0)
    sizes = {sent(each) for each in counted if each.prompt_tokens == most}
    constant = len(sizes) >= LEAST_PROMPTS and max(sizes) > SPREAD * min(sizes)
    return [
        each
        for each in counted
        if (constant and each.prompt_tokens == most) or sent(each) > MOST_BYTES_PER_TOKEN * (each.prompt_tokens or 0)
    ]


def sent(attempt: Attempt) -> int:
    """The bytes of an attempt's prompt; 0 where nobody noted them."""
    return attempt.prompt_bytes or 0


def sentence(cut: list[Attempt]) -> str:
    """Why they are not counted."""
    tokens, sizes = sorted({each.prompt_tokens for each in cut}, key=lambda n: n or 0), sorted(map(sent, cut))
    counted = f"{tokens[0]:,}" if len(tokens) == 1 else f"{tokens[0]:,} to {tokens[-1]:,}"
    return (
        f"the endpoint counted {counted} tokens in prompts of {sizes[0]:,} to {sizes[-1]:,} bytes, so that it cut them "
        "in silence; give its server a larger context (num_ctx, max_model_len) and run again"
    )
