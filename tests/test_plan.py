"""Sizes before a run: against the reference's table, against simulation, and from the command line."""

import numpy as np
import pytest

from analysis.decision.sample_size import sizes
from analysis.statistics.intervals import minimum_detectable_effect, tango_bound
from assay.cli import run


@pytest.mark.parametrize(
    ("items", "flips", "points"),
    [(80, 0.02, 4.4), (500, 0.05, 2.8), (1319, 0.10, 2.4), (14042, 0.20, 1.06)],
)
def test_the_paired_mde_is_that_of_the_literature(items, flips, points):
    assert 100 * minimum_detectable_effect(np.sqrt(flips), items) == pytest.approx(points, abs=0.06)


def test_so_many_items_show_it_as_often_as_promised():
    """A candidate that loses nothing and flips one item in ten, margin 2 points: shown in 80 % of 400 reviews."""
    (size,) = [each for each in sizes("accuracy_change", 0.02, 0.8) if each.flips == 0.10]
    generator = np.random.default_rng(4)
    shown = 0
    for _ in range(400):
        gains, losses, _calm = generator.multinomial(size.units, (0.05, 0.05, 0.9))
        shown += tango_bound(int(gains), int(losses), size.units, 0.05, 0) > -0.02
    assert 0.74 < shown / 400 < 0.86


def test_more_power_more_candidates_and_smaller_margins_need_more():
    def most(**changes):
        return max(each.units for each in sizes(**{"measure": "rating_change", "margin": 0.3, "power": 0.8} | changes))

    assert most() < most(power=0.9) < most(power=0.9, comparisons=6)
    assert most(margin=0.6) == pytest.approx(most() / 4, abs=1)
    assert [each.units for each in sizes("accuracy_change", 1e-6, 0.8)] == [None] * 4


def test_the_command(capsys):
    assert run(["plan", "--margin", "0.01"]) == 0
    told = capsys.readouterr().out
    assert "accuracy_change, margin 1.0 pp, power 80 %" in told
    assert "6,183" in told  # (1.645 + 0.842)² · 0.10 / 0.01²
    assert run(["plan", "--measure", "win_change", "--candidates", "3"]) == 0
    assert "questions needed" in capsys.readouterr().out
    assert run(["plan", "--measure", "taste"]) == 64
    assert run(["plan", "--margin", "0"]) == 64


@pytest.mark.parametrize(("measure", "margin"), [("accuracy_change", "2"), ("rating_change", "inf")])
def test_a_margin_that_nothing_can_lose_is_refused_as_in_a_config(capsys, measure, margin):
    assert run(["plan", "--measure", measure, "--margin", margin]) == 64
    assert f"--margin: {measure} cannot lose more than" in capsys.readouterr().err
