"""A plot as data, and where its marks stand on paper: the one kind of drawing behind every figure of points.

In: series of points with labels. Out: a Plot; its rows for a table or a CSV file; its geometry for the SVG template.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from analysis.rendering.figures.axes import CHARACTER_WIDTH, PAPER_WIDTH, Frame, Tick, axis_ends, legend_columns, ticks

Mark = Literal["dots", "line", "bars"]
HEIGHT = 330
FRAME = Frame(left=64, right=546, top=28, bottom=270)
MOST_STEPS = 8  # of a line's own amounts that stand on the axis; more make room for round numbers
MOST_DESCRIBED = 60
ROOM = 0.04  # beside the outermost dots, of the axis
LABEL_HEIGHT = 13.0
LEGEND_HEIGHT = 16
# Okabe and Ito's colors, told apart with color-blind eyes; the shapes differ as well.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#3a87c7", "#7f7f7f")
SHAPES = ("M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0", "M-3.6-3.6h7.2v7.2h-7.2z", "M0-4.6L4.4 3.4h-8.8z", "M0-5L5 0L0 5L-5 0z")


@dataclass(frozen=True)
class Point:
    """One value pair; the label is shown beside a dot where there is room, and always stands in the data."""

    x: float
    y: float
    label: str = ""


@dataclass(frozen=True)
class Series:
    """Points that belong together."""

    name: str
    points: tuple[Point, ...]
    mark: Mark = "dots"


@dataclass(frozen=True)
class Plot:
    """A figure: `id` names its files. `names` stand under 0, 1, 2 … where x counts things that have names.

    `panel` is a line over the axes: a coefficient with its interval and n, say.
    """

    id: str
    title: str
    note: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    names: tuple[str, ...] = ()
    panel: str = ""

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of its numbers."""
        return ("series", "label", self.x_label, self.y_label)

    def numbers(self) -> Iterator[tuple[str | float | None, ...]]:
        """Series, label, x and y of every point, unrounded."""
        for series in self.series:
            for point in series.points:
                yield series.name, point.label, self.names[round(point.x)] if self.names else point.x, point.y

    @property
    def description_header(self) -> tuple[str, ...]:
        """The columns of the table for those who cannot see the plot."""
        return self.header

    def descriptions(self) -> Iterator[tuple[str, ...]]:
        """The rows of that table: dots with a label one by one, and of many dots without one how they lie."""
        for series in self.series:
            if len(series.points) > MOST_DESCRIBED and series.mark == "dots":
                yield from _spread(series)
            else:
                places = ((p.label, self.names[round(p.x)] if self.names else f"{p.x:.4g}", p.y) for p in series.points)
                yield from ((series.name, label, x, f"{y:.4g}") for label, x, y in places)


@dataclass(frozen=True)
class Shape:
    """A dot: its path around (0, 0), where it stands, and its label's place, None where there is no room."""

    path: str
    x: float
    y: float
    description: str
    label: str
    label_x: float | None
    label_y: float | None


@dataclass(frozen=True)
class Rectangle:
    """A bar."""

    x: float
    y: float
    width: float
    height: float
    description: str


@dataclass(frozen=True)
class Layer:
    """One series, drawn; `cloud` is one path for all dots where they are many and have no label."""

    name: str
    color: str
    key: str
    dots: tuple[Shape, ...] = ()
    bars: tuple[Rectangle, ...] = ()
    line: str = ""
    cloud: str = ""


@dataclass(frozen=True)
class Drawing:
    """All that the template needs; `zero` is the height of y = 0 where it lies inside.

    `legend` are the layers where there are several, each with its place; `height` is that of the paper.
    """

    plot: Plot
    frame: Frame
    height: int
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    layers: tuple[Layer, ...]
    zero: float | None
    legend: tuple[tuple[Layer, int, int], ...]


def drawing(plot: Plot) -> Drawing:
    """The geometry of a plot in user units."""
    return _Canvas(plot).drawing()


@dataclass
class _Canvas:
    """Places the points of one plot; labels keep out of each other's way."""

    plot: Plot
    _taken: list[tuple[float, float, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        points = [point for series in self.plot.series for point in series.points]
        bars = any(series.mark == "bars" for series in self.plot.series)
        self._ys = ticks(*axis_ends([point.y for point in points], zero=True))
        if self.plot.names:
            self._xs, self._ends = [float(i) for i in range(len(self.plot.names))], (-0.6, len(self.plot.names) - 0.4)
            return
        steps = sorted({point.x for point in points})
        lines = all(series.mark == "line" for series in self.plot.series)
        few = lines and 1 < len(steps) <= MOST_STEPS
        self._xs = steps if few else ticks(*axis_ends([point.x for point in points], zero=bars))
        room = 0.0 if bars else ROOM * (self._xs[-1] - self._xs[0])
        self._ends = (self._xs[0] - room, self._xs[-1] + room)

    def drawing(self) -> Drawing:
        """Axes and layers."""
        names = self.plot.names or tuple(f"{value:g}" for value in self._xs)
        layers = tuple(self._layer(number, series) for number, series in enumerate(self.plot.series))
        lines = -(-len(layers) // legend_columns([each.name for each in layers])[0])
        return Drawing(
            plot=self.plot,
            frame=FRAME,
            height=HEIGHT + LEGEND_HEIGHT * max(0, lines - 1),
            x_ticks=tuple(Tick(self._across(x), name) for x, name in zip(self._xs, names, strict=True)),
            y_ticks=tuple(Tick(self._up(y), f"{y:g}") for y in self._ys),
            layers=layers,
            zero=self._up(0) if self._ys[0] <= 0 <= self._ys[-1] else None,
            legend=tuple(_legend(layers)) if len(layers) > 1 else (),
        )

    def _layer(self, number: int, series: Series) -> Layer:
        color, key = COLORS[number % len(COLORS)], SHAPES[number % len(SHAPES)]
        if series.mark == "bars":
            return Layer(series.name, color, SHAPES[1], bars=tuple(self._bars(number, series.points)))
        if series.mark == "dots" and len(series.points) > MOST_DESCRIBED:
            cloud = "".join(f"M{self._across(p.x):.0f} {self._up(p.y):.0f}h0" for p in series.points)
            return Layer(series.name, color, key, cloud=cloud)
        line = ""
        if series.mark == "line" and series.points:
            places = (f"{self._across(p.x):g} {self._up(p.y):g}" for p in series.points)
            line = "M" + "L".join(places)
        dots = tuple(self._dot(key, point, labeled=not line) for point in series.points)
        return Layer(series.name, color, key, dots=dots, line=line)

    def _bars(self, number: int, points: Sequence[Point]) -> Iterator[Rectangle]:
        """Bars of several series stand side by side in the room of one step; a name has its room even without a bar."""
        count = sum(series.mark == "bars" for series in self.plot.series)
        step = 1.0 if self.plot.names else min((b.x - a.x for a, b in pairwise(points)), default=1.0)
        room = step * (FRAME.right - FRAME.left) / (self._ends[1] - self._ends[0]) * 0.86
        base = self._up(max(0.0, self._ys[0]))
        for point in points:
            top = self._up(point.y)
            left = self._across(point.x) - room / 2 + number * room / count
            description = f"{point.label} {point.y:g}".strip()
            width, height = round(room / count, 2), round(abs(base - top), 2)
            yield Rectangle(round(left, 2), min(top, base), width, height, description)

    def _dot(self, path: str, point: Point, *, labeled: bool) -> Shape:
        x, y = self._across(point.x), self._up(point.y)
        description = f"{point.label}: {point.x:g}, {point.y:g}".removeprefix(": ")
        place = self._label_place(x, y, point.label) if point.label and labeled else None
        return Shape(path, x, y, description, point.label, *(place or (None, None)))

    def _label_place(self, x: float, y: float, label: str) -> tuple[float, float] | None:
        """Right of the dot, left of it, over it or under it: the first that is free; None if none is."""
        width = CHARACTER_WIDTH * len(label)
        for left, top in ((x + 7, y - 7), (x - 7 - width, y - 7), (x - width / 2, y - 20), (x - width / 2, y + 7)):
            box = (left, top, left + width, top + LABEL_HEIGHT)
            inside = left >= FRAME.left and box[2] <= PAPER_WIDTH and top >= 0 and box[3] <= FRAME.bottom
            if inside and not any(_overlap(box, other) for other in self._taken):
                self._taken.append(box)
                return round(left, 2), round(top + 11, 2)
        return None

    def _across(self, value: float) -> float:
        low, high = self._ends
        return round(FRAME.left + (FRAME.right - FRAME.left) * (value - low) / (high - low), 2)

    def _up(self, value: float) -> float:
        low, high = self._ys[0], self._ys[-1]
        return round(FRAME.bottom - (FRAME.bottom - FRAME.top) * (value - low) / (high - low), 2)


def _legend(layers: Sequence[Layer]) -> Iterator[tuple[Layer, int, int]]:
    columns, width = legend_columns([each.name for each in layers])
    for number, layer in enumerate(layers):
        line, place = divmod(number, columns)
        yield layer, 74 + width * place, HEIGHT - 10 + LEGEND_HEIGHT * line


def _spread(series: Series) -> Iterator[tuple[str, str, str, str]]:
    """Smallest, median and largest x and y of a cloud of dots."""
    xs, ys = (sorted(values) for values in zip(*((p.x, p.y) for p in series.points), strict=True))
    for name, place in (("smallest", 0), ("median", len(xs) // 2), ("largest", -1)):
        yield series.name, f"{name} of {len(xs)}, each axis apart", f"{xs[place]:.4g}", f"{ys[place]:.4g}"


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
