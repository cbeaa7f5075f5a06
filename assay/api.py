"""Assay as a library: the same reviews without the command line.

In: models, a config, a run folder, logs or data frames. Out: a Result, whose numbers have intervals. Nothing is printed
and nothing exits: what the commands end with is raised (ledger/errors.py, all of them AssayError).
"""

import html
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from ledger.errors import AssayError, ConfigError
from ledger.progress import Report, silent

if TYPE_CHECKING:
    import pandas as pd

    from analysis.decision.decisions import Decision
    from analysis.fastchat_audit.audit_report import AuditReport
    from analysis.review.review_report import ReviewReport
    from analysis.statistics.item_rows import ItemRow
    from assay.pipeline import Review

Place = str | Path
SIDES = ("baseline", "candidate")
FRAMES = "A data frame has the columns item and score (0 to 1); task and repeat where there are several of one."
_OPTIONS = re.compile(r" \([^()]*--[^()]*\)|; [^;]*--[^;]*\Z")  # which a command has and a function lacks
_LINES = re.compile(r"\bline (\d+)")
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Result:
    """A review's result. `report` has every estimate; `run` is the folder with its records, its config and the page."""

    report: "ReviewReport"
    run: Path

    @property
    def word(self) -> str:
        """SHIP, HOLD, INCONCLUSIVE or UNFIT; where candidates have different words, the gravest."""
        return str(self.report.word)

    @property
    def exit_code(self) -> int:
        """What the command would leave with: 0, 10, 11 or 12."""
        return self.report.exit_code

    @property
    def decisions(self) -> "tuple[Decision, ...]":
        """One for each candidate, in the config's order."""
        return self.report.decisions

    @property
    def lines(self) -> tuple[str, ...]:
        """The result in a few plain sentences, as `assay check` prints it."""
        from analysis.rendering.formats.brief import brief

        return brief(self.report)

    def to_frame(self) -> "pd.DataFrame":
        """Every estimate, unrounded: path (its names in the report), measure, unit, n, value, low, high, left_out."""
        import pandas as pd

        from analysis.rendering.formats.csv_tables import COLUMNS, estimate_rows

        return pd.DataFrame(estimate_rows(self.report), columns=list(COLUMNS)).drop(columns="missing")

    def _repr_html_(self) -> str:
        """The decision and its tables, for a notebook."""
        from analysis.rendering.formats.terminal import summary

        parts = summary(self.report)
        decided = next((place for place, part in enumerate(parts) if _decides(part)), 0)
        return "".join(map(_html, (*parts[decided:], *parts[:decided])))


def check(
    baseline: Place,
    *candidates: Place,
    quick: bool = False,
    margin: float | None = None,
    limits: Mapping[str, float] = NOTHING,
    tasks: str | Sequence[str] = (),
    engine: str = "vllm",
    engine_args: Mapping[str, Any] = NOTHING,
    judge_model: str = "",
    judge_url: str = "",
    name: str = "",
    runs: Place = "runs",
    settings: Sequence[str] = (),
    progress: Report = silent,
) -> Result:
    """Review models in one call, as `assay check` does; every argument is that of its option. Raises AssayError."""
    from assay import pipeline
    from assay.one_line import Wishes, one_line_review

    wishes = Wishes(
        models=tuple(map(str, (baseline, *candidates))),
        name=name,
        quick=quick,
        margin=margin,
        limits=limits,
        tasks=(tasks,) if isinstance(tasks, str) else tuple(tasks),
        engine=engine,
        engine_args=engine_args,
        judge_model=judge_model,
        judge_url=judge_url,
    )
    declared = one_line_review(wishes, settings)
    return _reviewed(pipeline.begin_declared(declared, Path(runs), progress), exam_first=True)


def review(
    config: Place, *, runs: Place = "runs", settings: Sequence[str] = (), amend: bool = False, progress: Report = silent
) -> Result:
    """Run the whole review of a config file, as `assay review` does; what is there already is not made again.

    Raises AssayError.
    """
    from assay import pipeline

    return _reviewed(pipeline.begin(Path(config), Path(runs), progress, amend=amend, settings=settings))


def load(run: Place) -> Result:
    """The result that a run folder's records give, computed now; nothing is written. Raises AssayError."""
    from datetime import UTC, datetime

    from assay.reporting import report_of
    from ledger.config import read_config
    from ledger.runs import RunFolder

    folder = RunFolder(Path(run))
    if not folder.config.exists() and not folder.declaration.exists():
        raise ConfigError(f"{run} is no run folder", remedy="`assay runs` lists those that there are.")
    config = read_config(folder.declaration if folder.declaration.exists() else folder.config)
    report, _ = report_of(config, folder, datetime.now(UTC).isoformat(timespec="seconds"), redact=False)
    return Result(report, folder.path)


def flips(baseline: "Place | pd.DataFrame", candidate: "Place | pd.DataFrame") -> "ItemRow":
    """Accuracy, its change and the flips of a candidate over all items, by the score that decides, with intervals.

    Two folders of logs (lm-evaluation-harness, Inspect AI), two tables, or two data frames with the columns `item` and
    `score` (0 to 1), and `task` and `repeat` where there are several. Raises AssayError.
    """
    from analysis.decision.gate_estimates import pooled
    from analysis.rendering.sentences.clauses import clause
    from assay.comparing import compared

    with tempfile.TemporaryDirectory() as scratch, _in_words_of_frames(scratch):
        paths = [
            _table(side, Path(scratch) / f"{name}.csv") for name, side in zip(SIDES, (baseline, candidate), strict=True)
        ]
        report = compared(paths, SIDES, Path(scratch))
    if lost := [clause(each.cause) for each in report.unseen if each.blocks]:
        raise ConfigError("; ".join(lost), remedy="Give both sides the same tasks and items, or leave these out.")
    row = next((pooled(each) for each in report.choices if each.model == SIDES[1]), None)
    if row is None or not row.n:
        raise ConfigError("the two sides have nothing in common that can be compared")
    return row


def audit(folder: Place, *, baseline: str = "", seed: int = 1) -> "AuditReport":
    """What FastChat's files hide, as `assay audit` tells it. Raises AssayError."""
    from analysis.fastchat_audit.audit import audit as audited
    from assay.sources.fastchat_files import stored
    from assay.sources.fastchat_folders import fastchat_folder

    return audited(stored(fastchat_folder(Path(folder), None, None), baseline), seed)


def _reviewed(review: "Review", *, exam_first: bool = False) -> Result:
    from assay.commands.review import run_review

    report, _ = run_review(review, exam_first=exam_first)
    return Result(report, review.run.path)


def _table(side: "Place | pd.DataFrame", path: Path) -> Path:
    """A folder or file as it is; a data frame as a table beside the others. Raises TypeError."""
    if isinstance(side, str | Path):
        return Path(side)
    if not hasattr(side, "to_csv"):
        raise TypeError(f"the {path.stem} is a {type(side).__name__}; give a folder, a table's path or a data frame")
    side.to_csv(path, index=False)
    return path


@contextmanager
def _in_words_of_frames(scratch: str) -> Iterator[None]:
    """What is said of a data frame names its side, and no file or option. Raises AssayError."""
    try:
        yield
    except AssayError as error:
        if scratch not in str(error):
            raise
        named = re.compile(re.escape(scratch) + r"[/\\\\](\w+)\.csv")
        where, what = (_LINES.sub(_rows, named.sub(r"\1's data frame", text)) for text in (error.where, error.what))
        raise ConfigError(_OPTIONS.sub("", what), where=where, remedy=FRAMES) from error


def _rows(found: "re.Match[str]") -> str:
    """A line of a table as the row of its data frame."""
    return f"row {int(found[1]) - 2}"


def _decides(part: Any) -> bool:  # noqa: ANN401 - a Table or a line of the summary
    return not isinstance(part, str) and "decision" in part.header


def _html(part: Any) -> str:  # noqa: ANN401 - a Table or a line of the summary
    if isinstance(part, str):
        return f"<p>{html.escape(part)}</p>"
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in part.header)
    rows = ("".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in part.rows)
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
