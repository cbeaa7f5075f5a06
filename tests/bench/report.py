"""How long a report takes to build once its statistics are there, and how large its page is.

Run: python tests/bench/report.py. The last line is one JSON object. A made review of 80 questions, 6 models, 3 judges
and 2,000 items, texts as long as those of MT-Bench; every format is written three times, and the fastest counts. Beside
it, in the same run, the statistics, for a ratio.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: a bench has a room's name

from analysis.evidence.run_evidence import read_evidence  # noqa: E402
from analysis.rendering.formats.page import Shown  # noqa: E402
from analysis.rendering.formats.writers import write_reports  # noqa: E402
from analysis.review.exhibits import exhibits  # noqa: E402
from analysis.review.review_report import report_from  # noqa: E402
from tests.review_factory import Factory  # noqa: E402

NOW, REPEATS = "2026-11-25T12:00:00+00:00", 3


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        made = Factory(Path(scratch) / "bench")
        run = made.write()
        evidence = read_evidence(made.config, run)
        begun = time.perf_counter()
        report = report_from(evidence, NOW)
        statistics = time.perf_counter() - begun
        seconds = []
        for _ in range(REPEATS):
            begun = time.perf_counter()
            shown = Shown(exhibits(evidence), tuple(run.items.records()))
            written = write_reports(report, run.analysis, shown)
            seconds.append(time.perf_counter() - begun)
        result = {
            "seconds": round(min(seconds), 2),
            "html_bytes": written[0].stat().st_size,
            "files": sum(path.is_file() for path in run.analysis.rglob("*")),
            "of_the_statistics": round(min(seconds) / statistics, 3),
        }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
