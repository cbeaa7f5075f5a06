"""Two runs to compare with each other: made, changed, compared, and what of it a reader sees.

In: scores, wrong items, another word of a manifest. Out: run folders, their evidence, a RunDifference.
"""

import json
import tomllib
from dataclasses import replace

from analysis.evidence.run_evidence import RunEvidence, read_evidence
from analysis.rendering.formats.difference import difference_summary
from analysis.rendering.tables.review import Table
from analysis.run_diff.run_difference import RunDifference, run_difference
from ledger.config import config_from
from ledger.judgments import Winner
from ledger.manifests import read_manifest, write_manifest
from ledger.store import write_atomically
from tests.run_folder import NOW, Folder

CONFIG = """
name = {name}
[baseline]
model = "org/base"
label = "bf16"
control = false
{candidates}
[questions]
source = "test"
[[task]]
name = "test"
{judge}
[decision]
{decision}
"""
CANDIDATE = "[[candidate]]\nmodel = 'org/x'\nlabel = {label}\n"
JUDGE = '[[judge]]\nmodel = "judge-1"\nlabel = "{label}"\n'
JUDGED = {
    "model": "judge-1",
    "host": "judge.example",
    "prompts": "assay",
    "prompts_digest": "p1",
    "form": "text",
    "parsing": "strict",
    "temperature": 0.0,
    "repeats": 1,
}


def folder(path, candidates=("w8", "w4"), judge="j", decision="margin = 1.0", items=60, questions=12) -> Folder:
    """An empty run folder with its config, which is called as the folder is."""
    quoted = (CANDIDATE.format(label=json.dumps(each, ensure_ascii=False)) for each in candidates)
    asked = JUDGE.format(label=judge) if judge else ""
    text = CONFIG.format(name=json.dumps(path.name), candidates="".join(quoted), judge=asked, decision=decision)
    write_atomically(path / "review.toml", text)
    return Folder(path, config_from(tomllib.loads(text), "test"), questions, items)


def fill(made: Folder, scores=None, wrong=None, winner=Winner.TIE) -> Folder:
    """All that the stages would write; a model has 10 wrong items and 7 points unless told otherwise."""
    for place, name in enumerate(made.names):
        made.answer(name)
        made.choose(name, wrong=(wrong or {}).get(name, 10), seed=place, noise=0.1)
    if made.config.judge:
        made.rate({name: (scores or {}).get(name, 7.0) for name in made.names})
        for rival in made.rivals:
            made.play(rival, (winner, winner))
        made.examine()
        made.sign_judge()
        place = made.run.judge(made.config.judge[0].name).path
        write_manifest(place, read_manifest(place).model_copy(update={"settings": JUDGED}))
    return made


def evidence(made: Folder) -> RunEvidence:
    return read_evidence(made.config, made.run)


def compared(first: Folder | RunEvidence, second: Folder | RunEvidence, **options) -> RunDifference:
    sides = (evidence(each) if isinstance(each, Folder) else each for each in (first, second))
    return run_difference(*sides, NOW, resamples=500, **options)


def of(difference: RunDifference, name: str):
    return next(model for model in difference.models if model.before == name)


def change(difference: RunDifference, name: str) -> float:
    """A model's rating_change by its only judge."""
    return of(difference, name).ratings[0].scopes[0].change.value


def texts(difference: RunDifference) -> str:
    """All that the terminal shows."""
    parts = difference_summary(difference)
    cells = [cell for part in parts if isinstance(part, Table) for row in (part.header, *part.rows) for cell in row]
    return "\n".join([*cells, *(part for part in parts if isinstance(part, str))])


def remade(made: RunEvidence, settings=None, facts=None) -> RunEvidence:
    """The evidence with another word of its judge's manifest."""
    judge = made.judges[0]
    held = judge.manifest
    update = {"settings": {**held.settings, **(settings or {})}, "facts": {**held.facts, **(facts or {})}}
    return replace(made, judges=(replace(judge, manifest=held.model_copy(update=update)),))
