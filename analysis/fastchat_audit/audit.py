"""An audit of judgments that are there already: what is missing, stale, repeated or biased, and what remains true.

In: Stored rows of FastChat's files. Out: an AuditReport; the strict numbers use rows whose prompt is today's (or could
not be checked), and FastChat's own stand beside them.
Source: the failures that FastChat's show_result passes over, measured on real files of four models.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from analysis.fastchat_audit.audit_report import AuditReport, Contrast, FileAudit, PlayedPair, RatedModel
from analysis.fastchat_audit.fastchat_numbers import fastchat_scores, fastchat_wins
from analysis.fastchat_audit.row_counts import beside, changed, counted, freshness, lacking
from analysis.fastchat_audit.stored import Freshness, JudgmentFile, Standing, Stored, StoredPair, StoredRating
from analysis.fastchat_audit.written_models import written_models
from analysis.judged.bounds import change_bounds, rating_bounds, win_bounds
from analysis.judged.games import (
    BOTH_VERDICTS,
    TurnClass,
    Verdicts,
    played_scopes,
    position_bias,
    turn_classes,
    verdicts,
    win_values,
    winning_position,
)
from analysis.judged.lengths import length_changes, length_controlled, length_panel
from analysis.judged.scores import rating_change, rating_change_p, scored_scopes
from analysis.statistics.cells import Cell, Scope, cell_of, scopes, turn_of, whole_and_turns
from analysis.statistics.coverage import Coverage, coverage
from analysis.statistics.question_means import paired_changes
from analysis.statistics.resampling import RESAMPLES, Resamplings
from ledger.judgments import Outcome, Winner

ALL_PAIRS_UP_TO = 5


def audit(stored: Stored, seed: int = 1, resamples: int = RESAMPLES) -> AuditReport:
    """Measure a folder. All chance comes from the seed; the order of rows changes nothing but which repeat is first."""
    measured = _Audit(stored, Resamplings(seed, resamples))
    return AuditReport(
        folder=stored.folder,
        seed=seed,
        resamples=resamples,
        baseline=stored.baseline,
        questions=len(stored.questions),
        models=stored.models,
        files=tuple(measured.judge(*held) for held in _by_judge(stored.files)),
        writing=written_models(stored, measured.planned, measured.draws),
        facts=stored.facts,
        notes=stored.notes,
        unread=stored.unread,
    )


class _Audit:
    """What all files of one folder share: the plan, its parts, the answers' lengths, the draws."""

    def __init__(self, stored: Stored, draws: Resamplings) -> None:
        self.draws, self.baseline = draws, stored.baseline
        self.lengths = {model.name: model.lengths for model in stored.models}
        self.categories = {unit: question.category for unit, question in stored.questions.items()}
        self.planned = [
            Cell(*unit, 0, turn, 0)
            for unit, question in sorted(stored.questions.items())
            for turn in range(1, len(question.turns) + 1)
        ]

    def judge(self, judge: str, files: Sequence[JudgmentFile], told: Sequence[JudgmentFile]) -> FileAudit:
        """One judge's rows, in whichever files they stand: so does a review pool them. `told` are the files whose
        faults no table before told.
        """
        ratings = [row for file in files for row in file.ratings if row.judge == judge]
        pairs = [row for file in files for row in file.pairs if row.judge == judge]
        rated: dict[str, list[StoredRating]] = {}
        for rating in ratings:
            rated.setdefault(rating.record.model, []).append(rating)
        played: dict[tuple[str, str], list[StoredPair]] = {}
        for pair in pairs:
            played.setdefault((pair.games[0].baseline, pair.games[0].candidate), []).append(pair)
        return FileAudit(
            name=", ".join(file.name for file in files),
            mode=files[0].mode,
            judges=(judge,) if judge else (),
            rows=len(ratings) + len(pairs),
            faults=tuple(fault for file in told for fault in file.faults),
            unread=sum(file.unread for file in told),
            models=tuple(self._rated(model, rated[model]) for model in sorted(rated)),
            contrasts=tuple(self._contrasts({model: _scores(rows) for model, rows in sorted(rated.items())})),
            pairs=tuple(self._played(*names, rows) for names, rows in sorted(played.items())),
            fastchat_wins=fastchat_wins(pairs),
            shared=tuple(file.name for file in files if len(file.judges) > 1),
            turnless=sum(file.turnless for file in told),
        )

    def _rated(self, model: str, rows: Sequence[StoredRating]) -> RatedModel:
        values, used = _scores(rows), [row for row in rows if row.used]
        outcomes = {cell_of(row.record): row.record.outcome.value for row in used if not row.repeat}
        stale = [
            row.record.score
            for row in rows
            if row.freshness is Freshness.STALE and row.standing is Standing.COUNTS and row.record.score is not None
        ]
        planned = self._plan(outcomes)
        return RatedModel(
            model=model,
            rows=len(rows),
            freshness=freshness(rows),
            changed=changed(rows),
            lacking=lacking(rows),
            outcomes=counted(row.record.outcome.value for row in rows),
            unread=sum(row.score == -1 for row in rows),
            beside=beside(rows),
            decimals=(sum(map(_decimal, rows)), sum(map(_decimal, used))),
            disagreements=sum(not _agreed(row) for row in rows),
            scopes=scored_scopes({}, values, scopes(planned, self.categories), self.draws, 1, is_baseline=True),
            bounds=rating_bounds(planned, values),
            stale_mean=sum(stale) / len(stale) if stale else None,
            fastchat=fastchat_scores(rows),
            coverage=tuple(self._coverage("ratings", model, planned, outcomes, frozenset({Outcome.SCORED.value}))),
            missing=tuple(cell for cell in planned if cell in outcomes and cell not in values),
            absent=tuple(cell for cell in planned if cell not in outcomes),
        )

    def _contrasts(self, values: dict[str, dict[Cell, float]]) -> Iterator[Contrast]:
        """All pairs of a few models, else each against the baseline."""
        known = [name for name in values if values[name]]
        first = self.baseline if self.baseline in known else next(iter(known), "")
        names = [first, *(name for name in known if name != first)]
        for one, other in combinations(names, 2):
            if one != first and len(names) > ALL_PAIRS_UP_TO:
                continue
            changes = paired_changes(values[one], values[other])
            lengths = length_changes(self.lengths.get(one, {}), self.lengths.get(other, {}))
            yield Contrast(
                baseline=one,
                candidate=other,
                change=rating_change(values[one], values[other], self.draws),
                p=rating_change_p(values[one], values[other], self.draws),
                bounds=change_bounds(
                    self._plan(map(turn_of, (*values[one], *values[other]))), values[one], values[other]
                ),
                controlled=length_controlled("rating_change", changes, lengths),
            )

    def _played(self, baseline: str, candidate: str, rows: Sequence[StoredPair]) -> PlayedPair:
        games = [game for row in rows if row.used for game in row.counted]
        found = verdicts(games)
        classes = turn_classes(found)
        planned = self._plan(cell for cell in found if not cell.repeat)
        lengths = [self.lengths.get(model, {}) for model in (baseline, candidate)]
        both = [tuple(orders.values()) for orders in found.values() if None not in orders.values() and len(orders) == 2]
        parts = scopes(planned, self.categories)
        values = {cell: worth - 0.5 for cell, worth in win_values(classes).items()}
        gaps, class_names = length_changes(*lengths), {cell: each.value for cell, each in classes.items()}
        return PlayedPair(
            baseline=baseline,
            candidate=candidate,
            rows=len(rows),
            freshness=freshness(rows),
            changed=changed(rows),
            lacking=lacking(rows),
            outcomes=counted(game.outcome.value for row in rows for game in row.games),
            errors=sum(winner == "error" for row in rows for winner in row.winners),
            beside=beside(rows),
            disagreements=sum(not _pair_agreed(row) for row in rows),
            scopes=played_scopes(classes, parts, self.draws, 1),
            bounds=win_bounds(planned, found),
            tie_picks=sum(pair.count(Winner.TIE) == 1 for pair in both),
            seats=_picks_by_position(found),
            bias=position_bias(found),
            lengths=length_panel(classes, gaps),
            controlled=length_controlled("win_change", values, gaps),
            coverage=tuple(self._coverage("question-turns", candidate, planned, class_names, BOTH_VERDICTS)),
            missing=tuple(cell for cell in planned if classes.get(cell) is TurnClass.FAILED),
            absent=tuple(cell for cell in planned if cell not in classes),
        )

    def _plan(self, found: Iterable[Cell]) -> list[Cell]:
        """The question-turns of the question file, and unknown questions that were judged besides."""
        return sorted({*self.planned, *found})

    def _coverage(
        self, kind: str, model: str, planned: Sequence[Cell], outcomes: dict[Cell, str], usable: frozenset[str]
    ) -> Iterator[Coverage]:
        """Overall, by turn, and by category and turn."""
        turns = whole_and_turns(planned)
        categories = scopes(planned, self.categories)[len(turns) :]
        for part in turns:
            yield coverage(kind, model, part.name, filter(part.holds, planned), outcomes, usable)
        for category in categories:
            for turn in turns[1:]:
                cells = [cell for cell in planned if category.holds(cell) and turn.holds(cell)]
                yield coverage(kind, model, _crossed(category, turn), cells, outcomes, usable)


def _by_judge(files: Sequence[JudgmentFile]) -> Iterator[tuple[str, list[JudgmentFile], list[JudgmentFile]]]:
    """Each judge's files of each mode, in the files' order; a file without a row that can be read stands alone."""
    found: dict[tuple[str, ...], list[JudgmentFile]] = {}
    for file in files:
        for judge in file.judges or ("",):
            found.setdefault((judge, file.mode, "" if judge else file.name), []).append(file)
    told = set[str]()
    for (judge, *_), held in found.items():
        yield judge, held, [file for file in held if file.name not in told]
        told |= {file.name for file in held}


def _crossed(category: Scope, turn: Scope) -> str:
    return f"{category.name}, {turn.name}"


def _scores(rows: Iterable[StoredRating]) -> dict[Cell, float]:
    used = [row.record for row in rows if row.used]
    return {cell_of(record): record.score for record in used if record.score is not None}


def _picks_by_position(found: Verdicts) -> tuple[int, int]:
    """Picks of the first and of the second position, over all single games with a winner."""
    picks = Counter(
        winning_position(order, winner) for orders in found.values() for order, winner in orders.items() if winner
    )
    return picks["first"], picks["second"]


def _decimal(row: StoredRating) -> bool:
    return row.record.score is not None and not row.record.score.is_integer()


def _agreed(row: StoredRating) -> bool:
    """Whether FastChat's stored score is the strict one; -1 agrees with every outcome but a score."""
    return row.score == (-1 if row.record.score is None else row.record.score)


def _pair_agreed(row: StoredPair) -> bool:
    roles = {"tie": Winner.TIE, "error": None}
    for name, model in (("model_1", row.first), ("model_2", row.second)):
        roles[name] = Winner.BASELINE if model == row.games[0].baseline else Winner.CANDIDATE
    return all(roles.get(word) == game.winner for word, game in zip(row.winners, row.games, strict=True))
