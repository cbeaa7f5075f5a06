"""Where the logs of two models show an item differently: its texts are looked up only where something differs.

In: a run folder with imported choices, and the logs that they came from, the baseline's first. Out: in each rival's
manifest, a few words of both texts for each task of which the two do not agree (ModelFacts.unlike_texts).
"""

import json
from collections.abc import Mapping
from typing import Any

from analysis.evidence.prompt_differences import excerpts
from assay.sources.lm_eval_filters import named_lines
from assay.sources.lm_eval_folders import Offer
from assay.sources.lm_eval_samples import requests_in
from ledger.facts import ModelFacts
from ledger.first_prompts import UnlikeText
from ledger.manifests import read_manifest, write_manifest
from ledger.runs import RunFolder
from ledger.store import write_lock

FIELDS = ("document", "prompt")


def note_unlike_texts(run: RunFolder, offers: Mapping[str, Offer], filters: Mapping[str, str]) -> None:
    """Note for each rival the first item of a task whose document, or else whose prompt, is not the baseline's."""
    (baseline, first), *rivals = offers.items()
    held = ModelFacts.of(read_manifest(run.generation(baseline).path)).shown_digests
    for name, offer in rivals:
        folder = run.generation(name).path
        manifest = read_manifest(folder)
        own = ModelFacts.of(manifest).shown_digests
        noted = {}
        for task in sorted(task for task in held.keys() & own.keys() if held[task] != own[task]):
            for field, item in _unlike_item(run, baseline, name, task):
                chosen = filters.get(task, filters.get("", ""))
                texts = [_text(each, task, item, field, chosen) for each in (first, offer)]
                if texts[0] != texts[1]:
                    other, mine = excerpts(*texts)
                    noted[task] = UnlikeText(item=item, field=field, own=mine, other=other)
        if manifest and noted:
            facts = manifest.facts | ModelFacts(unlike_texts=noted).noted()
            with write_lock(folder):
                write_manifest(folder, manifest.model_copy(update={"facts": facts}))


def _unlike_item(run: RunFolder, baseline: str, rival: str, task: str) -> list[tuple[str, str]]:
    """The field and the item that a comparison stops at, if it does: the first by name, documents before prompts."""
    sides = [
        {c.item: (c.item_digest, c.prompt_digest) for c in run.generation(name).choices.records() if c.task == task}
        for name in (baseline, rival)
    ]
    shared = sorted(sides[0].keys() & sides[1].keys())
    unlike = [
        (field, item) for at, field in enumerate(FIELDS) for item in shared if sides[0][item][at] != sides[1][item][at]
    ]
    return unlike[:1]


def _text(offer: Offer, task: str, item: str, field: str, chosen_filter: str) -> str:
    """An item's document with its target, or all that was shown of it, as its log has them."""
    for log in (each for each in offer.logs if each.group == task):
        for _, line in named_lines(log):
            if log.item(line) == item and chosen_filter in ("", line["filter"]):
                return _document(line) if field == FIELDS[0] else _prompt(line)
    return ""


def _document(line: dict[str, Any]) -> str:
    return json.dumps([line.get("doc"), line.get("target")], ensure_ascii=False, sort_keys=True)


def _prompt(line: dict[str, Any]) -> str:
    return "\n".join(context + continuation for context, continuation in requests_in(line)[0])
