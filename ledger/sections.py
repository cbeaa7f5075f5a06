"""What every part of a config is: frozen, strict about names.

In: nothing. Out: the base of the sections, and the type of the arguments that they hand on.
"""

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict


class ConfigSection(BaseModel):
    """A part of the config; unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _writable(arguments: dict[str, Any]) -> dict[str, Any]:
    """Manifests and work orders are JSON, which has no dates and neither NaN nor infinity; TOML has all of them."""
    try:
        json.dumps(arguments, allow_nan=False)
    except (TypeError, ValueError):
        raise ValueError("takes texts, finite numbers, true, false, arrays and tables only") from None
    return arguments


Arguments = Annotated[dict[str, Any], AfterValidator(_writable)]
"""What is handed on to an engine as it is."""
