"""A run folder under construction, for the tests of evidence, report and files."""

import json
from pathlib import Path

import numpy as np

from analysis.decision.gate_words import Word
from analysis.evidence.run_evidence import read_evidence
from analysis.rendering.formats.data import report_json
from analysis.review.review_report import ReviewReport, report_from
from ledger.config import ReviewConfig, config_from
from ledger.digests import digest_of, file_digest
from ledger.judgments import ExamMark, Game, Mode, Order, Outcome, Rating, Winner
from ledger.manifests import Environment, Manifest, Session, write_manifest
from ledger.records import Answer, AnswerTurn, Choice, Finish, Item, Question, Record
from ledger.runs import RunFolder, control_of
from ledger.store import Store, Writer

NOW = "2026-11-24T12:00:00+00:00"
CATEGORIES = ("writing", "math")
HOSTILE = "</script><script>alert(1)</script>{{7*7}}"
MACHINE = Environment(python="3.11", platform="test", cpu_count=2, memory_gib=1, packages={}, git=None)


class Folder:
    """A run folder under construction; every method writes records as the stages would."""

    def __init__(self, path: Path, config: ReviewConfig, questions: int = 12, items: int = 60) -> None:
        self.config, self.run = config, RunFolder(path)
        self.questions = [
            Question(source="test", id=f"q{i:02}", category=CATEGORIES[i % 2], turns=("one?", "two?"), temperature=0.0)
            for i in range(questions if config.questions else 0)
        ]
        self.items = [
            Item(
                task="test", id=f"i{i}", subject=f"s{i % 2}", question=f"{i}?", options=("a", "b", "c", "d"), gold=i % 4
            )
            for i in range(items if config.task else 0)
        ]

    @property
    def baseline(self) -> str:
        return self.config.baseline.name

    @property
    def names(self) -> list[str]:
        controls = [control_of(self.baseline)] if self.config.baseline.control else []
        return [self.baseline, *controls, *(model.name for model in self.config.candidate)]

    @property
    def rivals(self) -> list[str]:
        return self.names[1:]

    def write(self, store: Store, records: list[Record]) -> None:
        with Writer(store) as writer:
            writer.append(*records)

    def answer(self, model: str, text: str = "text of {model}", finish: Finish = Finish.STOP) -> None:
        turn = AnswerTurn(text=text.format(model=model), finish=finish, prompt_tokens=1, completion_tokens=1, seed=1)
        answers = [Answer(model=model, sample=0, question=question, turns=(turn, turn)) for question in self.questions]
        self.write(self.run.generation(model).answers, answers)
        self.manifest(self.run.generation(model).path, "generation", model)

    def choose(self, model: str, wrong: int = 10, seed: int = 0, noise: float = 0.0) -> None:
        generator = np.random.default_rng(seed)
        records = []
        for index, item in enumerate(self.items):
            logprobs = np.full(4, -3.0)
            logprobs[(item.gold + (index < wrong)) % 4] = -1.0
            logprobs += noise * generator.normal(size=4)
            records.append(choice(model, item, [float(x) for x in logprobs]))
        self.write(self.run.generation(model).choices, records)

    def rate(
        self, scores: dict[str, float], spread: float = 1.0, outcome: Outcome = Outcome.SCORED, failed: int = 0
    ) -> None:
        records = []
        for name, mean in scores.items():
            generator = np.random.default_rng(len(name))
            for index, (question, turn) in enumerate((q, t) for q in self.questions for t in (1, 2)):
                score = float(np.clip(mean + spread * generator.choice([-1, 0, 1]), 1, 10))
                bad = outcome is not Outcome.SCORED or index < failed
                state = (outcome if outcome is not Outcome.SCORED else Outcome.FAILED) if bad else Outcome.SCORED
                about = {
                    "model": name,
                    "source": "test",
                    "question": question.id,
                    "sample": 0,
                    "turn": turn,
                    "repeat": 0,
                }
                judged = {"judge": self.config.judge[0].name, "prompt_digest": digest_of([name, question.id, turn])}
                records.append(Rating(**about, **judged, outcome=state, score=None if bad else score))
        self.write(self.run.judge(self.config.judge[0].name).ratings, records)

    def play(self, rival: str, winners: tuple[Winner | None, Winner | None] = (Winner.TIE, Winner.TIE)) -> None:
        records = []
        for question, turn in ((q, t) for q in self.questions for t in (1, 2)):
            for order, winner in zip(Order, winners, strict=True):
                outcome = Outcome.SCORED if winner else Outcome.UNREADABLE
                about = {
                    "source": "test",
                    "question": question.id,
                    "sample": 0,
                    "turn": turn,
                    "repeat": 0,
                    "order": order,
                }
                judged = {
                    "judge": self.config.judge[0].name,
                    "prompt_digest": digest_of([rival, question.id, turn, order]),
                }
                contest = {"baseline": self.baseline, "candidate": rival}
                records.append(Game(**about, **judged, **contest, outcome=outcome, winner=winner))
        self.write(self.run.judge(self.config.judge[0].name).games, records)

    def examine(self, right: float = 1.0) -> None:
        records, tasks = [], 20
        judge = self.config.judge[0].name
        for mode, orders in ((Mode.SINGLE, [None]), (Mode.PAIR, list(Order))):
            for part in ("shuffled_sentences", "constant_answer"):
                for task in range(tasks):
                    for order in orders:
                        mark = "right" if task < right * tasks else "wrong"
                        about = {"mode": mode, "part": part, "source": "test", "question": str(task), "order": order}
                        records.append(
                            ExamMark(judge=judge, prompt_digest=str(order), outcome=Outcome.SCORED, mark=mark, **about)
                        )
        self.write(self.run.judge(judge).exam, records)

    def manifest(
        self,
        folder: Path,
        stage: str,
        name: str,
        inputs: dict | None = None,
        facts: dict | None = None,
        settings: dict | None = None,
    ) -> None:
        session = Session(started_at=NOW, records_found=0)
        write_manifest(
            folder,
            Manifest(
                stage=stage,
                name=name,
                settings={"seed": 1} | (settings or {}),
                facts=facts or {},
                inputs=inputs or {},
                environment=MACHINE,
                sessions=(session,),
            ),
        )

    def sign_judge(self, served: tuple[str, ...] = ("judge-1",), mixed: tuple[str, ...] = ()) -> None:
        paths = [self.run.generation(name).answers.path for name in self.names]
        inputs = {path.relative_to(self.run.path).as_posix(): file_digest(path) for path in paths if path.exists()}
        judge = self.config.judge[0].name
        facts = {
            "served_models": dict.fromkeys(served, 3),
            "calls": 3,
            "prompt_tokens": None,
            "mixed_parameters": mixed,
        }
        self.manifest(self.run.judge(judge).path, "judge", judge, inputs, facts)

    def report(self) -> ReviewReport:
        return build_report(self.config, self.run, NOW)


def build_report(config: ReviewConfig, run: RunFolder, made_at: str) -> ReviewReport:
    """Read a run folder, and measure and decide everything that it allows."""
    return report_from(read_evidence(config, run), made_at)


def choice(model: str, item: Item, logprobs: list[float]) -> Choice:
    return Choice(
        model=model,
        task=item.task,
        item=item.id,
        subject=item.subject,
        item_digest=item.digest,
        logprobs=tuple(logprobs),
        characters=(1, 1, 1, 1),
        tokens=(1, 1, 1, 1),
        gold=item.gold,
        picked=int(np.argmax(logprobs)),
        picked_norm=int(np.argmax(logprobs)),
    )


def config(candidates=("w8", "w4"), *, control=True, judge=True, task=True, questions=True, exam=True, **decision):
    data = {
        "name": "review",
        "baseline": {"model": "org/base", "label": "bf16", "control": control},
        "candidate": [{"model": f"org/{index}", "label": label} for index, label in enumerate(candidates)],
        "decision": decision,
    }
    if questions:
        data["questions"] = {"source": "test"}
    if task:
        data["task"] = [{"name": "test"}]
    if judge:
        data["judge"] = [{"model": "judge-1", "exam": exam}]
    return config_from(data, "test")


def whole(path: Path, settings: ReviewConfig, scores=(7.0, 7.0, 7.0, 4.0), right=1.0, questions=40, wrong=12) -> Folder:
    """A complete run: baseline, control, one good candidate, one bad one."""
    folder = Folder(path, settings, questions)
    for index, name in enumerate(folder.names):
        folder.answer(name)
        if folder.items:
            folder.choose(name, wrong=wrong if index == len(folder.names) - 1 else 10, seed=index, noise=0.1)
    if settings.judge:
        folder.rate(dict(zip(folder.names, scores, strict=False)))
        for rival in folder.rivals[:-1]:
            folder.play(rival)
        folder.play(folder.rivals[-1], (Winner.BASELINE, Winner.BASELINE))
        folder.examine(right)
        folder.sign_judge()
    return folder


def words(report: ReviewReport) -> list[Word]:
    return [decision.word for decision in report.decisions]


def no_zero_width(report: ReviewReport) -> None:
    def walk(value: object) -> None:
        if isinstance(value, dict):
            for ends in filter(None, (value.get("interval"), value.get("bootstrap"))):
                assert ends[0] < ends[1], value
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)

    walk(json.loads(report_json(report)))
