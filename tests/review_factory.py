"""A made review with everything in it, as large as one likes: for tests and benchmarks of the report.

In: a folder and sizes. Out: a run folder with answers, choices, traces, ratings, games, exams, labels and manifests.
Texts are words of our own drawn by Zipf's law, so that they pack about as well as prose does.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ledger.config import ReviewConfig, config_from
from ledger.judgments import ExamMark, Game, Label, Mode, Order, Outcome, Rating, Winner
from ledger.manifests import open_manifest, read_manifest, write_manifest
from ledger.records import Answer, AnswerTurn, Choice, Finish, Item, Question
from ledger.runs import RunFolder, control_of

CATEGORIES = ("writing", "roleplay", "reasoning", "math", "coding", "extraction", "stem", "humanities")
SYLLABLES = ("ka", "lor", "min", "te", "vas", "ru", "ne", "sil", "do", "pan", "gre", "ist", "ol", "ber", "qui", "fa")
PARTS = ("full-first-fifth", "other-question", "shuffled", "identical", "constant", "injected")
MACHINE_FACTS = {"engine": "scripted", "dtype": "float32", "threads": 2}


@dataclass
class Factory:
    """Writes one review; every model is a little worse than the one before it."""

    path: Path
    candidates: tuple[str, ...] = ("w8a8", "w4a16", "drop1", "drop2", "prune30")
    judges: tuple[str, ...] = ("judge-a", "judge-b", "judge-c")
    questions: int = 80
    items: int = 2000
    words: int = 190
    seed: int = 1
    decision: dict = field(default_factory=lambda: {"primary": "rating_change", "limits": {"flips": 0.12}})

    def __post_init__(self) -> None:
        self.generator = np.random.default_rng(self.seed)
        self.run = RunFolder(self.path)
        size = 4000
        syllables = self.generator.choice(SYLLABLES, (size, 3))
        lengths = self.generator.integers(1, 4, size)
        self._lexicon = np.array(["".join(row[:n]) for row, n in zip(syllables, lengths, strict=True)])
        weight = 1 / np.arange(1, size + 1)
        self._weights = weight / weight.sum()
        self.asked = [
            Question(
                source="made",
                id=f"{101 + i}",
                category=CATEGORIES[i * len(CATEGORIES) // self.questions],
                turns=(self.text(30) + "?", self.text(20) + "?"),
                references=(self.text(40), self.text(40)) if i % 4 == 0 else (),
                reference_set="made" if i % 4 == 0 else None,
                temperature=0.0,
            )
            for i in range(self.questions)
        ]

    @property
    def config(self) -> ReviewConfig:
        """The review's declaration."""
        return config_from(self.declaration, "test")

    @property
    def declaration(self) -> dict:
        families = ("bits", "bits", "layers", "layers", "sparsity")
        return {
            "name": self.path.name,
            "baseline": {"model": "bf16", "label": "bf16", "engine": "imported", "control": True},
            "candidate": [
                {"model": n, "label": n, "engine": "imported", "family": families[i % 5], "amount": float(i % 2 + 1)}
                for i, n in enumerate(self.candidates)
            ],
            "questions": {"source": "made"},
            "task": [{"name": "made.jsonl"}, {"name": "other.jsonl"}],
            "judge": [{"model": name, "exam_tasks": 20} for name in self.judges],
            "decision": self.decision,
        }

    def toml(self) -> str:
        """The declaration as a config file; JSON's strings, numbers and lists are TOML's."""
        lines = []
        for name, value in sorted(self.declaration.items(), key=lambda each: isinstance(each[1], dict | list)):
            tables = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
            if not tables:
                lines.append(f"{name} = {json.dumps(value)}")
            for table in tables:
                lines.append(f"[[{name}]]" if isinstance(value, list) else f"[{name}]")
                lines += [f"{key} = {_toml_value(each)}" for key, each in table.items()]
        return "\n".join(lines) + "\n"

    def text(self, words: int) -> str:
        drawn = self.generator.choice(self._lexicon, max(1, words), p=self._weights)
        return " ".join(drawn).capitalize() + "."

    def write(self) -> RunFolder:
        """Everything, in the order in which the stages would."""
        names = ["bf16", control_of("bf16"), *self.candidates]
        step = min(0.12, 0.9 / max(1, len(self.candidates)))
        damage = {name: 0.0 if i < 2 else step * (i - 1) for i, name in enumerate(names)}
        self._items()
        for name in names:
            self._answers(name, damage[name])
            self._choices(name, damage[name])
            manifest = open_manifest(self.run.generation(name).path, "generation", name, {"engine": "imported"}, {}, 0)
            write_manifest(self.run.generation(name).path, manifest.model_copy(update={"facts": MACHINE_FACTS}).ended())
        for number, judge in enumerate(self.judges):
            self._judge(judge, number, names, damage)
        self._labels()
        return self.run

    def _answers(self, name: str, damage: float) -> None:
        finishes = [Finish.STOP] * 30 + [Finish.LENGTH]
        baseline = {a.question.id: a for a in self.run.generation("bf16").answers.records()}
        answers = []
        for question in self.asked:
            turns = []
            for turn in range(2):
                own = self.text(int(self.generator.normal(self.words, self.words / 6)))
                known = baseline.get(question.id)
                same = known and self.generator.random() > damage * 1.2 + 0.2
                shared = known.turns[turn].text if known else ""
                begun = shared if same and damage == 0 else shared[: len(shared) // 3] + " " + own if known else own
                finish = finishes[self.generator.integers(len(finishes))]
                turns.append(AnswerTurn(text=begun, finish=finish, prompt_tokens=9, completion_tokens=9, seed=1))
            answers.append(Answer(model=name, sample=0, question=question, turns=tuple(turns)))
        self.run.generation(name).answers.replace(answers)

    def _items(self) -> None:
        self._asked_items = [
            Item(
                task="made" if i % 2 else "other",
                id=f"i{i:05}",
                subject=CATEGORIES[i % 8],
                question=self.text(18) + "?",
                options=tuple(f"{letter} {self.text(3)}" for letter in "abcd"),
                gold=int(self.generator.integers(4)),
            )
            for i in range(self.items)
        ]
        self._logits = self.generator.normal(0, 1.5, (self.items, 4))
        for i, item in enumerate(self._asked_items):
            self._logits[i, item.gold] += 1.5
        if self._asked_items:
            self.run.items.replace(self._asked_items)

    def _choices(self, name: str, damage: float) -> None:
        logits = self._logits + 1.6 * damage * self.generator.normal(size=self._logits.shape)
        logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        self.run.generation(name).choices.replace(
            Choice(
                model=name,
                task=item.task,
                item=item.id,
                subject=item.subject,
                item_digest=item.digest,
                logprobs=tuple(logprobs[i].tolist()),
                characters=(9, 9, 9, 9),
                tokens=(2, 2, 2, 2),
                gold=item.gold,
                picked=int(logprobs[i].argmax()),
                picked_norm=int(logprobs[i].argmax()),
            )
            for i, item in enumerate(self._asked_items)
        )

    def _judge(self, judge: str, number: int, names: list[str], damage: dict[str, float]) -> None:
        folder, generator = self.run.judge(judge), self.generator
        ratings, games, marks = [], [], []
        broken = [Outcome.UNREADABLE, Outcome.TRUNCATED, Outcome.REFUSED]
        for q, question in enumerate(self.asked):
            for turn in (1, 2):
                about = {"source": "made", "question": question.id, "sample": 0, "turn": turn, "repeat": 0}
                for name in names:
                    bad = generator.random() < 0.004
                    outcome = broken[generator.integers(3)] if bad else Outcome.SCORED
                    mean = 7.5 - 2.2 * damage[name] + (q % 5) * 0.3 - 0.2 * number
                    score = float(np.clip(round(generator.normal(mean, 0.8)), 1, 10))
                    judged = {"judge": judge, "prompt_digest": f"{name}{q}{turn}", "outcome": outcome}
                    reply = self.text(110) + (f" Rating: {score:g}" if not bad else "")
                    ratings.append(Rating(**about, **judged, model=name, score=None if bad else score, reply=reply))
                for name in names[1:]:
                    lean = generator.random() < 0.85
                    chances = [0.3 + 0.4 * damage[name], 0.4 - 0.4 * damage[name], 0.3]
                    first = list(Winner)[generator.choice(3, p=chances)]
                    for order in Order:
                        winner = first if lean else list(Winner)[generator.choice(3)]
                        judged = {"judge": judge, "prompt_digest": f"{name}{q}{turn}{order}", "outcome": "scored"}
                        judged["outcome"] = Outcome.SCORED
                        contest = {"baseline": "bf16", "candidate": name, "order": order, "winner": winner}
                        games.append(Game(**about, **judged, **contest, reply=self.text(110)))
        for mode in Mode:
            for part in PARTS:
                for question in self.asked[:20]:
                    for order in Order if mode is Mode.PAIR else (None,):
                        about = {"mode": mode, "part": part, "source": "made", "question": question.id, "order": order}
                        judged = {"judge": judge, "prompt_digest": f"{mode}{part}{question.id}{order}", "mark": "right"}
                        marks.append(ExamMark(**about, **judged, outcome=Outcome.SCORED, reply="Fine."))
        folder.ratings.replace(ratings)
        folder.games.replace(games)
        folder.exam.replace(marks)
        self._sign(judge, len(ratings) + len(games) + len(marks))

    def _sign(self, judge: str, calls: int) -> None:
        folder = self.run.judge(judge)
        settings = {"judge": judge, "model": judge, "host": "judge.example", "prompts": "assay", "prompts_digest": "d1"}
        facts = {
            "served_models": {judge: calls},
            "calls": calls,
            "prompt_tokens": 900 * calls,
            "completion_tokens": 120 * calls,
            "spent_usd": round(calls * 0.0031, 6),
            "prompt_texts": {"single": "You judge.\n\nThe answer: {{ answer }}", "pair": "You compare.\n\n{{ a }}"},
        }
        manifest = open_manifest(folder.path, "judge", judge, settings, {}, 0)
        write_manifest(folder.path, manifest.model_copy(update={"facts": facts}).ended())
        assert read_manifest(folder.path)

    def _labels(self) -> None:
        labels = [
            Label(
                rater="anna",
                baseline="bf16",
                candidate=name,
                source="made",
                question=question.id,
                turn=1,
                winner=list(Winner)[self.generator.choice(3, p=[0.45, 0.25, 0.3])],
            )
            for name in self.candidates[:2]
            for question in self.asked[:30]
        ]
        self.run.labels.replace(labels)


def _toml_value(value) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {json.dumps(each)}" for key, each in value.items()) + " }"
    return json.dumps(value)
