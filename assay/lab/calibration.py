"""Calibration: the texts that a scheme may look at while it compresses, and their hash for the card.

In: `calibration.txt` beside this file, thirty short texts of Assay's own. Out: one text, or its hash. Loads no torch.
None of Assay's questions or items stand in it: what is measured was not seen before.
"""

from importlib.resources import files

from ledger.digests import digest_of


def calibration_text() -> str:
    """All the texts in one, apart by blank lines: prose, letters, dialogue, code, arithmetic, instructions."""
    return (files("assay.lab") / "calibration.txt").read_text(encoding="utf-8")


def calibration_digest() -> str:
    """The hash of the text."""
    return digest_of(calibration_text())
