"""Why two models were given different prompts or documents, in words: the first setting or text in which they differ.

In: the manifests of both sides, and a task. Out: Causes; hashes stand in for what no manifest tells.
"""

from collections.abc import Iterator
from itertools import zip_longest

from analysis.statistics.causes import Cause, Kind
from ledger.errors import UnlikeItem
from ledger.facts import ModelFacts, ModelSettings
from ledger.manifests import Manifest

BEFORE, AFTER = 24, 40  # characters of a text around the place where two differ


def unlike_item(
    error: UnlikeItem, baseline: Manifest | None, rival: Manifest | None, *, redacted: bool = False
) -> Cause:
    """Two sides that were given different documents or prompts under one name; `redacted` keeps texts to themselves."""
    names = {"recorded": error.recorded, "present": error.present}
    hashes = Cause(Kind.HASH_DIFFERS, error.field, names={"own": error.present, "other": error.recorded})
    known = iter(_differences(baseline, rival, error, redacted=redacted)) if baseline and rival else iter(())
    return Cause(Kind.STALE_ITEM, error.name, names=names, causes=(next(known, hashes),))


def _differences(baseline: Manifest, rival: Manifest, error: UnlikeItem, *, redacted: bool) -> Iterator[Cause]:
    task = error.task
    for name, (other, own) in _settings(baseline, rival, task):
        if other != own and (error.field == "prompt" or name in ModelFacts.of_documents):
            yield Cause(Kind.PROMPT_SETTING_DIFFERS, name, names={"own": own, "other": other})
    if (noted := ModelFacts.of(rival).unlike_texts.get(task)) and noted.field == error.field:
        texts = {} if redacted else {"own": noted.own, "other": noted.other}
        yield Cause(Kind.PROMPT_TEXT_DIFFERS, noted.item, names=texts)
    first, second = (ModelFacts.of(side).first_prompts.get(task) for side in (baseline, rival))
    if first and second and first.item == second.item and first.text != second.text:
        other, own = excerpts(first.text, second.text)
        texts = {} if redacted else {"own": own, "other": other}
        yield Cause(Kind.PROMPT_TEXT_DIFFERS, first.item, names=texts)


def _settings(baseline: Manifest, rival: Manifest, task: str) -> Iterator[tuple[str, tuple[str, str]]]:
    """What both sides tell of how a task's prompts were made: a log's facts, or Assay's own settings."""
    facts = [ModelFacts.of(side) for side in (baseline, rival)]
    for name in ModelFacts.of_prompts:
        told = [each.of_task(name, task) for each in facts]
        if None not in told:
            yield name, (str(told[0]), str(told[1]))
    made = [{**ModelSettings.of(side).prompts, **ModelFacts.of(side).prompts} for side in (baseline, rival)]
    settings = [each.get(task, {}) for each in made]
    for name in sorted(settings[0].keys() & settings[1].keys()):
        yield name, (str(settings[0][name]), str(settings[1][name]))


def excerpts(first: str, second: str) -> tuple[str, str]:
    """A few words of each text, beginning shortly before their first difference."""
    place = next(at for at, (one, other) in enumerate(zip_longest(first, second)) if one != other)
    start = max(0, place - BEFORE)
    return tuple("…" * (start > 0) + text[start : place + AFTER] for text in (first, second))  # type: ignore[return-value]
