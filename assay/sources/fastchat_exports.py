"""A review written as FastChat's files, which its show_result and qa_browser read.

In: a Review's folder and its judges' prompts. Out: model_answer, model_judgment, question and reference_answer files.
Source: FastChat 0.2.36 (names and order of the keys); in pairs the baseline is model_2, as pairwise-baseline has it.

FastChat knows one sample and one judgment of each question-turn: sample 0 and repeat 0 are written. What failed has its
own words there: a score of -1, a winner `error`.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from analysis.evidence.inputs import stale_inputs
from judge.brief import Brief
from judge.official_prompts import official_name
from judge.plan import Answers, answers_by_key, texts
from ledger.digests import digest_of
from ledger.errors import ConfigError, StaleInput
from ledger.facts import JudgeSettings
from ledger.judgments import Game, Mode, Order, Rating, Winner
from ledger.manifests import read_manifest
from ledger.records import Answer, Question
from ledger.runs import RunFolder, folder_name
from ledger.store import write_atomically

NO_SCORE = -1
ID_CHARACTERS = 22
Row = dict[str, Any]


def export_fastchat(run: RunFolder, models: Iterable[str], briefs: Iterable[Brief], out: Path) -> dict[str, int]:
    """Write every file; the number of rows by file. Raises StaleInput where what a judge read changed, ConfigError
    where an imported judgment is of another prompt than the official one.
    """
    answers = {model: answers_by_key(run.generation(model).answers.records()) for model in models}
    questions = {answer.question.key: answer.question for held in answers.values() for answer in held.values()}
    files: dict[str, Iterator[Row]] = {"question.jsonl": map(_question, questions.values())}
    for name in sorted({q.reference_set for q in questions.values() if q.reference_set}):
        files[f"reference_answer/{folder_name(name)}.jsonl"] = _references(questions.values(), name)
    for model, held in answers.items():
        moment = _moment(run.generation(model).path)
        files[f"model_answer/{folder_name(model)}.jsonl"] = _answers(model, held, moment)
    for brief in briefs:
        _refuse_stale(run, brief)
        judge, folder = folder_name(brief.config.name), run.judge(brief.config.name)
        writer = _Judgments(brief, answers, folder.path)
        files[f"model_judgment/{judge}_single.jsonl"] = writer.ratings(folder.ratings.records())
        files[f"model_judgment/{judge}_pair.jsonl"] = writer.pairs(folder.games.records())
    made = {name: [json.dumps(row, ensure_ascii=True) + "\n" for row in rows] for name, rows in files.items()}
    for name, lines in made.items():
        if lines:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out / name, lines)
    return {name: len(lines) for name, lines in made.items() if lines}


class _Judgments:
    """Rows of one judge; prompts are rendered again, because a record keeps only their hash."""

    def __init__(self, brief: Brief, answers: dict[str, Answers], folder: Path) -> None:
        self.brief, self.answers, self.moment = brief, answers, _moment(folder)
        manifest = read_manifest(folder)
        self.imported = bool(manifest and JudgeSettings.of(manifest).files)

    def ratings(self, records: Iterable[Rating]) -> Iterator[Row]:
        """A row for each rating of sample 0, repeat 0."""
        for each in records:
            answer = self._answer(each.model, each)
            if each.sample or each.repeat or answer is None:
                continue
            prompt = self._prompt(each.turn, answer)
            self._refuse_other(each, prompt)
            score = NO_SCORE if each.score is None else int(each.score) if each.score.is_integer() else each.score
            yield {
                "question_id": _id(each.question),
                "model": each.model,
                "judge": self._judge(Mode.SINGLE, answer.question, each.turn),
                "user_prompt": prompt,
                "judgment": each.reply or "",
                "score": score,
                "turn": each.turn,
                "tstamp": self.moment,
            }

    def pairs(self, records: Iterable[Game]) -> Iterator[Row]:
        """A row for both games of a question-turn: game 1 shows the candidate (model_1) first."""
        found: dict[tuple[str, str, str, str, int], dict[Order, Game]] = {}
        for each in records:
            if not (each.sample or each.repeat):
                about = (each.baseline, each.candidate, each.source, each.question, each.turn)
                found.setdefault(about, {})[each.order] = each
        for (baseline, candidate, _, question, turn), games in found.items():
            first, second = games.get(Order.CANDIDATE_FIRST), games.get(Order.BASELINE_FIRST)
            some = first or second
            positions = [self._answer(model, some) for model in (candidate, baseline)] if some else []
            if not all(positions):
                continue
            mine, theirs = (answer for answer in positions if answer)
            prompts = self._prompt(turn, mine, theirs), self._prompt(turn, theirs, mine)
            for game, prompt in zip((first, second), prompts, strict=True):
                self._refuse_other(game, prompt)
            yield {
                "question_id": _id(question),
                "model_1": candidate,
                "model_2": baseline,
                "g1_winner": _winner(first),
                "g2_winner": _winner(second),
                "judge": self._judge(Mode.PAIR, mine.question, turn),
                "g1_user_prompt": prompts[0],
                "g1_judgment": (first.reply if first else None) or "",
                "g2_user_prompt": prompts[1],
                "g2_judgment": (second.reply if second else None) or "",
                "turn": turn,
                "tstamp": self.moment,
            }

    def _refuse_other(self, judgment: Rating | Game | None, prompt: str) -> None:
        """An imported judgment keeps the hash of the stored prompt: another would pass for what its judge read.

        Raises ConfigError. A file that kept no prompts is taken as it is.
        """
        if not self.imported or judgment is None or judgment.prompt_digest in (digest_of(prompt), digest_of(None)):
            return
        cause = f"question {judgment.question}, turn {judgment.turn} was judged by another prompt than the official one"
        remedy = "Its rows stand in the files that were imported."
        raise ConfigError(f"{cause}; its text was not kept.", where=self.brief.config.name, remedy=remedy)

    def _answer(self, model: str, about: Rating | Game) -> Answer | None:
        return self.answers.get(model, {}).get((about.source, about.question, about.sample))

    def _judge(self, mode: Mode, question: Question, turn: int) -> list[str]:
        """The judge and the name of its prompt; Assay's own prompts have names of their own."""
        own = self.brief.prompts.name
        name = official_name(mode, question, turn) if own == "official" else f"{own}-{mode}"
        return [self.brief.config.name, name]

    def _prompt(self, turn: int, *positions: Answer) -> str:
        shown = tuple(texts(answer, turn) for answer in positions)
        return self.brief.prompts.messages(positions[0].question, turn, shown)[-1]["content"]


def _refuse_stale(run: RunFolder, brief: Brief) -> None:
    """Prompts rendered from other answers, or by other templates, would pass for those that the judge read."""
    folder = run.judge(brief.config.name).path
    if manifest := read_manifest(folder):
        for fault in stale_inputs(manifest, run):
            raise fault
        recorded, present = JudgeSettings.of(manifest).prompts_digest, brief.prompts.digest
        if recorded not in (None, present):  # an import tells none
            raise StaleInput(f"{folder}, prompts_digest", str(recorded), present, "Judge this review again.")


def _question(question: Question) -> Row:
    return {"question_id": _id(question.id), "category": question.category, "turns": list(question.turns)}


def _references(questions: Iterable[Question], name: str) -> Iterator[Row]:
    for question in questions:
        if question.reference_set == name:
            choices = [{"index": 0, "turns": list(question.references)}]
            row = {"question_id": _id(question.id), "answer_id": _answer_id(name, question.id), "model_id": name}
            yield {**row, "choices": choices, "tstamp": 0.0}


def _answers(model: str, held: Answers, moment: float) -> Iterator[Row]:
    """One row per question, its samples as choices."""
    samples: dict[str, list[Answer]] = {}
    for answer in held.values():
        samples.setdefault(answer.question.id, []).append(answer)
    for question, found in samples.items():
        ordered = sorted(found, key=lambda answer: answer.sample)
        yield {
            "question_id": _id(question),
            "answer_id": _answer_id(model, question),
            "model_id": model,
            "choices": [{"index": a.sample, "turns": [turn.text for turn in a.turns]} for a in ordered],
            "tstamp": moment,
        }


def _winner(game: Game | None) -> str:
    words = {Winner.CANDIDATE: "model_1", Winner.BASELINE: "model_2", Winner.TIE: "tie", None: "error"}
    return words[game.winner if game else None]


def _moment(folder: Path) -> float:
    """When a folder was begun, by its manifest, so that a second export is the same."""
    manifest = read_manifest(folder)
    started = manifest.sessions[0].started_at if manifest and manifest.sessions else ""
    return datetime.fromisoformat(started).timestamp() if started else 0.0


def _id(question: str) -> int | str:
    """FastChat's ids are numbers."""
    return int(question) if question.isascii() and question.isdigit() else question


def _answer_id(*parts: str) -> str:
    return digest_of(parts)[:ID_CHARACTERS]
