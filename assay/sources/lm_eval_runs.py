"""Whether a log is its run's own: the run's hash over all samples, its count of documents, a gap in their numbers.

In: the lines of a log, one by one. Out: what of the run is missing, and what its scores add up to; a log that is
another run's is refused.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from assay.sources.lm_eval_filters import named_lines
from assay.sources.lm_eval_layouts import Log
from assay.sources.lm_eval_stated import ScoreTotal, lost_scores, score_names, unlike_scores
from ledger.errors import ConfigError, DuplicateKey
from ledger.origins import LeftOut

HASHES = ("doc_hash", "prompt_hash", "target_hash")
MISSING_LINES = "{few} of {all} lines of {task} are missing"


class RunSamples:
    """The lines of one log, each looked at once; all else is known when `lines` has come to its end."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._hash = hashlib.sha256()
        self._first: dict[tuple[str, str], int] = {}
        self.documents: set[str] = set()
        self.scores = defaultdict[str, ScoreTotal](ScoreTotal)

    def lines(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Each sample with its line number and its filter. Raises NoFlips."""
        for number, line in named_lines(self._log):
            if self._log.recorded_hash:
                self._hash.update("".join(str(line.get(name)) for name in HASHES).encode())
            for name in score_names(line) if self._log.results else ():  # nothing else states a score
                self.scores[f"{name},{line['filter']}"].count(line[name])
            yield number, line

    def note(self, document: str, number: int, chosen: str = "") -> None:
        """Take a document as read, under a filter where there are several. Raises DuplicateKey for a second time."""
        first = self._first.setdefault((document, chosen), number)
        if first != number:
            raise DuplicateKey(self._log.path, document, first, number)
        self.documents.add(document)

    def missing(self) -> Iterator[LeftOut]:
        """The run's hash over all samples says most, then its count; where neither is told, a gap in the numbers does.

        Raises ConfigError for a log that is not its run's own.
        """
        log, held, present = self._log, len(self.documents), self._hash.hexdigest()
        if log.recorded_hash == present:
            return
        numbers = [int(name) for name in self.documents if name.isdecimal()]
        gap = None if log.recorded_hash else max([held, *(number + 1 for number in numbers)])
        expected = gap if log.expected is None else log.expected
        if expected is not None and held < expected:
            cause = MISSING_LINES.format(few=expected - held, all=expected, task=log.task)
            yield LeftOut(kind="lines", name=log.task, group=log.group, cause=cause)
        elif log.recorded_hash or held != expected:
            fault = f"its hash is {log.recorded_hash}, theirs {present}" if log.recorded_hash else f"it had {expected}"
            raise ConfigError(
                f"these are not the samples of this task's run: {fault}",
                where=str(log.path),
                remedy="Take the files as lm-evaluation-harness wrote them.",
            )

    def contradicted(self, means: Collection[str], *, whole: bool) -> Iterator[LeftOut]:
        """What the results file states and these samples do not: it may be another run's, or they may.

        `means` are the scores, METRIC,FILTER, that are means unless the run says otherwise; they are those of the whole
        run alone.
        """
        found = [*lost_scores(self._log, self.scores)]
        found += unlike_scores(self._log, self.scores, means) if whole else ()
        for cause in found:
            yield LeftOut(kind="lines", name=self._log.task, group=self._log.group, cause=cause)
