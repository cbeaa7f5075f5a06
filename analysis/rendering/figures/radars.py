"""A radar: one axis a category, one ring a model; small, because its area depends on the order of the axes.

In: values by axis. Out: a Radar; its numbers; its geometry for the SVG template.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from analysis.rendering.figures.axes import Tick
from analysis.rendering.figures.plots import COLORS

CENTER, REACH = (280.0, 150.0), 112.0
FEWEST_AXES = 3
RINGS = 4


@dataclass(frozen=True)
class Ring:
    """One model's values, in the order of the axes; None where nothing was measured."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True)
class Radar:
    """A figure of rings between the ends of one scale."""

    id: str
    title: str
    note: str
    axes: tuple[str, ...]
    rings: tuple[Ring, ...]
    ends: tuple[float, float]

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of its numbers."""
        return ("model", *self.axes)

    def numbers(self) -> Iterator[tuple[str | float | None, ...]]:
        """Unrounded, a model a line."""
        yield from ((ring.name, *ring.values) for ring in self.rings)

    @property
    def told_header(self) -> tuple[str, ...]:
        """The columns of its table."""
        return self.header

    def told(self) -> Iterator[tuple[str, ...]]:
        """The rows of its table."""
        for ring in self.rings:
            yield (ring.name, *("not measured" if x is None else f"{x:.2f}" for x in ring.values))


@dataclass(frozen=True)
class DrawnRing:
    """A ring on paper; `path` is open where a value is missing, and only there."""

    name: str
    color: str
    path: str
    dash: str
    x: float
    y: float


@dataclass(frozen=True)
class RadarDrawing:
    """All that the template needs."""

    plot: Radar
    height: float
    spokes: tuple[tuple[float, float], ...]
    circles: tuple[Tick, ...]
    labels: tuple[tuple[str, float, float, str], ...]
    rings: tuple[DrawnRing, ...]


def radar_drawing(radar: Radar) -> RadarDrawing:
    """The geometry of a radar in user units."""
    low, high = radar.ends
    steps = [low + (high - low) * step / RINGS for step in range(1, RINGS + 1)]
    return RadarDrawing(
        plot=radar,
        height=310.0 + 16 * -(-len(radar.rings) // 4),
        spokes=tuple(_place(radar, i, REACH) for i in range(len(radar.axes))),
        circles=tuple(Tick(REACH * (step - low) / (high - low), f"{step:g}") for step in steps),
        labels=tuple(_label(radar, i) for i in range(len(radar.axes))),
        rings=tuple(_ring(radar, number, ring) for number, ring in enumerate(radar.rings)),
    )


def _place(radar: Radar, axis: int, distance: float) -> tuple[float, float]:
    angle = 2 * math.pi * axis / len(radar.axes) - math.pi / 2
    return round(CENTER[0] + distance * math.cos(angle), 1), round(CENTER[1] + distance * math.sin(angle), 1)


def _label(radar: Radar, axis: int) -> tuple[str, float, float, str]:
    x, y = _place(radar, axis, REACH + 12)
    anchor = "middle" if abs(x - CENTER[0]) < 5 else "start" if x > CENTER[0] else "end"
    return radar.axes[axis], x, y + 4, anchor


def _ring(radar: Radar, number: int, ring: Ring) -> DrawnRing:
    low, high = radar.ends
    path, pen = "", "M"
    for axis, value in (*enumerate(ring.values), (0, ring.values[0])):
        if value is None:
            pen = "M"
            continue
        x, y = _place(radar, axis, REACH * (min(max(value, low), high) - low) / (high - low))
        path, pen = f"{path}{pen}{x:g} {y:g}", "L"
    dash = "" if number == 0 else f"{max(2, 9 - number)} {2 + number % 3}"
    return DrawnRing(
        ring.name, COLORS[number % len(COLORS)], path, dash, number % 4 * 135.0 + 14, 300.0 + 16 * (number // 4)
    )
