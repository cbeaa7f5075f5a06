"""Thinking blocks: kept on record, but neither shown to the model in the next turn nor to a judge.

In: what a model wrote. Out: the block, if there is one, and the text that is meant for the user.
"""

OPEN, CLOSE = "<think>", "</think>"


def split_thinking(text: str) -> tuple[str | None, str]:
    """The thinking block and the rest; a block that was never closed leaves no rest.

    Only a block at the very start counts: an answer that talks about such tags is left as it is.
    """
    if not text.startswith(OPEN):
        return None, text
    thought, closed, rest = text.removeprefix(OPEN).partition(CLOSE)
    return thought.strip(), rest.strip() if closed else ""
