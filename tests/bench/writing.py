"""How long what models write takes to measure, and how much memory: 10,000 turns of 1,000 tokens on either side.

Run: OMP_NUM_THREADS=1 python tests/bench/writing.py. The last line is one JSON object. The texts are words of our own
by Zipf's law, one in ten of them a loop from its middle on. The baseline's and a candidate's turns are both measured,
with intervals, p and Holm: every measure but similarity, whose seconds stand apart. Each size runs in its own process,
twice; the faster counts. `growth_10x`: the seconds of 10,000 turns over those of 1,000; `growth_10x_length`: those of
1,000 turns ten times as long over those of 1,000.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT)  # not this folder: a bench has a room's name

from analysis.statistics.cells import Cell  # noqa: E402
from analysis.statistics.resampling import Resamplings  # noqa: E402
from analysis.writing.degradation import WrittenTurn, degradation_values  # noqa: E402
from analysis.writing.likeness import LIKENESS, similarity  # noqa: E402
from analysis.writing.paired_writing import side_by_side, writing_reports  # noqa: E402
from ledger.records import Finish  # noqa: E402
from tests.review_factory import SYLLABLES  # noqa: E402

TURNS, TOKENS, REPEATS = 10_000, 1_000, 2
ASKED = ("Write about it.", "Go on.")
Written = dict[Cell, str]


def written(turns: int, tokens: int, seed: int) -> Written:
    """Texts of so many tokens, of which about three in four are words and one a mark."""
    generator, words = np.random.default_rng(seed), tokens * 3 // 4
    lexicon = np.array(["".join(generator.choice(SYLLABLES, generator.integers(1, 4))) for _ in range(4000)])
    weight = 1 / np.arange(1, 4001)
    found = {}
    for place in range(turns):
        drawn = generator.choice(lexicon, words, p=weight / weight.sum())
        drawn[7::8] = np.char.add(drawn[7::8], ",")
        drawn[15::16] = np.char.add(np.char.rstrip(drawn[15::16], ","), ".\n")
        if place % 10 == 0:
            drawn[words // 2 :] = np.resize(drawn[:23], words - words // 2)
        found[Cell("made", f"q{place // 2:05}", 0, 1 + place % 2, 0)] = " ".join(drawn)
    return found


def signs(texts: Written) -> dict[str, dict[Cell, float]]:
    def each() -> Iterator[tuple[Cell, WrittenTurn]]:
        for cell, text in texts.items():
            yield cell, WrittenTurn(text, ASKED[: cell.turn], Finish.STOP)

    return degradation_values(each())


def measured(turns: int, tokens: int) -> dict[str, float]:
    """Seconds and the process' peak memory in MiB."""
    before, after = written(turns, tokens, 1), written(turns, tokens, 2)
    after |= {cell: text for cell, text in before.items() if cell.question.endswith(("1", "2", "3"))}
    started = time.perf_counter()
    apart = [similarity(before[cell], after[cell]) for cell in before]
    similar = time.perf_counter() - started
    del LIKENESS["similarity"]
    started = time.perf_counter()
    side = side_by_side("w4", "candidate", (before, after), (signs(before), signs(after)))
    (report,) = writing_reports([side], sorted(before), Resamplings(1))
    seconds = time.perf_counter() - started
    assert 0.05 < report.row("loops").model < 0.2
    assert 0.2 < report.row("same_text").estimate.value < 0.4
    assert 0.2 < sum(apart) / len(apart) < 0.9
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "similarity": similar, "mib": peak}


def fastest(turns: int, tokens: int) -> dict[str, float]:
    from tests.bench.settings import best_of  # not where it is measured: it brings more than a child needs

    best = best_of(REPEATS, __file__, str(turns), str(tokens))
    print(f"{turns} turns of {tokens} tokens: {best['seconds']:.1f} s, similarity {best['similarity']:.1f} s")
    return best


def main() -> None:
    if len(sys.argv) == 3:
        print(json.dumps(measured(int(sys.argv[1]), int(sys.argv[2]))))
        return
    few, many, long = fastest(TURNS // 10, TOKENS), fastest(TURNS, TOKENS), fastest(TURNS // 10, 10 * TOKENS)
    result = {
        "seconds_10000_turns": round(many["seconds"], 2),
        "peak_mib": round(many["mib"]),
        "growth_10x": round(many["seconds"] / few["seconds"], 2),
        "growth_10x_length": round(long["seconds"] / few["seconds"], 2),
        "seconds_similarity_10000_turns": round(many["similarity"], 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
