"""The records of `assay tour`, packed anew: `python tests/tour_records.py runs/demo`, by hand when the demo changes.

In: a demo's run folder. Out: assay/commands/tour.zip. No path of the machine that ran it stays in them.
"""

import re
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

TOUR = Path(__file__).parents[1] / "assay" / "commands" / "tour.zip"
FIRST_LINE = "# The tour: the records of `assay demo`, which came with Assay.\n"
KEPT = ("items.jsonl", "checked_items.jsonl", "generation/*/*.json*", "judge/*/*.json*")
PLACE = re.compile(r"/[^\"\s]*/(models/[^\"\s]+|smollm2)(?=[\"\s])")


def pack(run: Path, out: Path = TOUR) -> list[str]:
    """Write the archive; the names in it."""
    config = FIRST_LINE + (run / "declared.toml").read_text(encoding="utf-8").replace('name = "demo"', 'name = "tour"')
    found = {"review.toml": config}
    for pattern in KEPT:
        for path in sorted(run.glob(pattern)):
            found[path.relative_to(run).as_posix()] = path.read_text(encoding="utf-8")
    with ZipFile(out, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, text in found.items():
            member = ZipInfo(name, (2026, 1, 1, 0, 0, 0))
            member.compress_type = ZIP_DEFLATED
            archive.writestr(member, PLACE.sub(r"\1", text))
    return list(found)


if __name__ == "__main__":
    print("\n".join(pack(Path(sys.argv[1]))), TOUR.stat().st_size)
