"""How free-form answers are written: as the model will be served, the same for every model of a review.

In: keys of `[questions]`. Out: Serving, frozen. What is not set is as it was for MT-Bench: no system prompt, the whole
vocabulary, no penalty.
"""

from typing import Annotated, Any

from pydantic import Field

from ledger.sections import Arguments, ConfigSection


class Serving(ConfigSection):
    """The system prompt, arguments of the chat template, and sampling beside the temperature.

    `top_k` 0 is the whole vocabulary. `presence_penalty` (nats of log-probability) is for tokens that were written,
    `repetition_penalty` (a factor) also for those of the prompt.
    """

    system: str = Field(default="", description="the system prompt, the same for every model")
    chat_template_kwargs: Arguments = Field(default_factory=dict, description="arguments of the chat template")
    top_p: float = Field(default=1.0, gt=0, le=1)
    top_k: int = Field(default=0, ge=0, description="only so many of the most likely tokens; 0 is all")
    min_p: float = Field(default=0.0, ge=0, lt=1)
    presence_penalty: float = Field(default=0.0, ge=-2, le=2)
    repetition_penalty: float = Field(default=1.0, gt=0, description="a factor for tokens of the prompt and the answer")
    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()

    @property
    def served(self) -> "Serving":
        """These keys alone."""
        return Serving.model_construct(**{name: getattr(self, name) for name in Serving.model_fields})

    def declared(self) -> dict[str, Any]:
        """What was set, for a manifest: other ways of writing make other answers."""
        return self.served.model_dump(mode="json", exclude_defaults=True)


AS_MT_BENCH = Serving()
