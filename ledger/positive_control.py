"""The positive controls' part of the config: damage that a review should see, declared before it is looked for.

In: `positive_control`, a scheme of the model lab, a list of them, or a `[[positive_control]]` table of a damaged model
of the user's. Out: frozen PositiveControlConfigs. No candidate is among them: they decide nothing.
"""

from typing import Annotated, Self

from pydantic import BeforeValidator, Field, model_validator

from ledger.engines import ENGINES
from ledger.model_config import ModelConfig

OF_SCHEMES = frozenset({"scheme", "label"})


class PositiveControlConfig(ModelConfig):
    """A model that is known to be damaged: the baseline changed by a `scheme` of the model lab, or a `model` as it is.

    One that is made runs as the baseline does, so that `scheme` takes nothing beside it but a `label`.
    """

    model: str = ""
    scheme: str = Field(default="", max_length=80)

    @property
    def name(self) -> str:
        """The label, the scheme, or the last part of the model's name."""
        return self.label or self.scheme or super().name

    @model_validator(mode="after")
    def _made_or_here(self) -> Self:
        if bool(self.model) == bool(self.scheme):
            raise ValueError('give either a `scheme`, such as "noise=0.1", or a damaged `model`')
        if self.scheme and (more := sorted(self.model_fields_set - OF_SCHEMES)):
            raise ValueError(f"`{more[0]}` is for a `model`; what a scheme makes runs as the baseline does")
        if not ENGINES[self.engine].runs:
            raise ValueError(f'engine = "{self.engine}" runs nothing, and a positive control is run')
        return self


def _listed(given: object) -> object:
    """One or several; a text is a scheme."""
    several = given if isinstance(given, list | tuple) else [given]
    return tuple({"scheme": each} if isinstance(each, str) else each for each in several)


PositiveControls = Annotated[tuple[PositiveControlConfig, ...], BeforeValidator(_listed)]
