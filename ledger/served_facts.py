"""What an endpoint tells of the calls to it, gathered over all sessions and shards: who answered, and what was sent.

In: the facts of manifests. Out: ServedFacts; facts in which nothing that an earlier session saw is lost.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict


class ServedFacts(BaseModel):
    """The names that an endpoint answered as; the fields that calls had as asked for, and those that it refused;
    what tells that it cut prompts.

    All are empty for a model that Assay itself ran.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    served_models: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    prompts_cut: str = ""


LISTS = ("served_models", "sent", "changed")


def gathered(facts: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Facts and newer ones, which take their place; of ServedFacts both stay."""
    lists = {name: [*facts.get(name, ()), *more.get(name, ())] for name in LISTS}
    return {**facts, **more, **{name: list(dict.fromkeys(both)) for name, both in lists.items() if both}}
