"""The options of an item as a tree of tokens, so that each distinct prefix is scored once.

In: for each option its context and continuation tokens. Out: the prefixes to ask for, and from their answers the
log-probability of each token of each option. Four options that share their context need one request for all first
tokens, and one more for each further token that an option has.
"""

from collections.abc import Mapping, Sequence

Tokens = tuple[int, ...]


class OptionTree:
    """The prefixes of one item's options; `prefixes` maps each to the tokens that follow it in some option."""

    def __init__(self, id: str, pairs: Sequence[tuple[Tokens, Tokens]]) -> None:
        self.id, self._pairs = id, pairs
        self.prefixes: dict[Tokens, set[int]] = {}
        for context, continuation in pairs:
            if not context or not continuation:
                raise ValueError(f"item {id}: an option or its context has no tokens")
            for position, token in enumerate(continuation):
                self.prefixes.setdefault(context + continuation[:position], set()).add(token)
        self._order = list(self.prefixes)
        self._values: dict[Tokens, Mapping[int, float]] = {}

    @property
    def complete(self) -> bool:
        """Whether every prefix has been answered."""
        return len(self._values) == len(self._order)

    def fill(self, number: int, values: Mapping[int, float]) -> None:
        """Take the log-probabilities of the tokens after prefix `number` (in the order of `prefixes`)."""
        self._values[self._order[number]] = values

    def logprobs(self) -> tuple[tuple[float, ...], ...]:
        """Nats for each token of each option, in the options' order."""
        return tuple(
            tuple(self._values[context + option[:i]][token] for i, token in enumerate(option))
            for context, option in self._pairs
        )
