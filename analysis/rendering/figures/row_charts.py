"""A chart of rows: each with bars, or a value and its interval, on one axis; forests and stacked bars are such charts.

In: rows with labels. Out: a RowChart; its numbers for a table or a CSV file; its geometry for the SVG template.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from analysis.rendering.figures.axes import CHARACTER_WIDTH, Frame, Tick, ticks

LABELS, RIGHT = 170, 548
ROW, BAR, TOP, FOOT = 19.0, 16, 22, 36.0
PADDING = 8.0  # of the words in a bar: one that is too narrow for them shows its count, or nothing
NAMES_APART = 44.0  # of two lines; nearer ones have their names on either side
BAR_COLORS = {
    **{"win": "#1fa187", "tie": "#b0b7bf", "loss": "#e0703a", "inconsistent": "#dfb72e", "failed": "#8c959f"},
    **{"right→wrong": "#e0703a", "wrong→right": "#1fa187", "wrong→other": "#b0b7bf", "flips": "#dfb72e"},
}
LEGEND_WIDTH, LEGENDS_PER_LINE = 132.0, 4


@dataclass(frozen=True)
class Bar:
    """A part of a row from `start` to `end`; `kind` is its color and its name in the legend."""

    kind: str
    start: float
    end: float
    text: str = ""


@dataclass(frozen=True)
class ChartRow:
    """One line of the chart; `description` are its numbers in words, as the table beside it prints them.

    `part` is a row of lesser weight: a turn, a category, the control.
    """

    label: str
    description: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    bars: tuple[Bar, ...] = ()
    part: bool = False


@dataclass(frozen=True)
class Line:
    """A vertical line across all rows: zero, the margin, a noise floor."""

    at: float
    name: str


@dataclass(frozen=True)
class RowChart:
    """A figure of rows. `ends` bound the axis, for a measure that ends somewhere."""

    id: str
    title: str
    note: str
    x_label: str
    rows: tuple[ChartRow, ...]
    lines: tuple[Line, ...] = ()
    ends: tuple[float, float] | None = None

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of its numbers."""
        kinds = tuple(bar.kind for bar in self.rows[0].bars) if self.rows else ()
        return ("row", *(kinds or ("value", "low", "high")))

    def numbers(self) -> Iterator[tuple[str | float | None, ...]]:
        """Unrounded, one row per line."""
        for row in self.rows:
            if row.bars:
                yield (row.label, *(abs(bar.end - bar.start) for bar in row.bars))
            else:
                yield (row.label, row.value, *(row.interval or (None, None)))

    @property
    def description_header(self) -> tuple[str, ...]:
        """The columns of the table for those who cannot see the chart."""
        return ("row", self.x_label)

    def descriptions(self) -> Iterator[tuple[str, ...]]:
        """The rows of that table."""
        yield from ((row.label, row.description) for row in self.rows)


@dataclass(frozen=True)
class DrawnBar:
    """A rectangle with its words, where there is room for them."""

    kind: str
    x: float
    width: float
    text: str


@dataclass(frozen=True)
class DrawnRow:
    """A row on paper; the places of value and interval are None where it has none."""

    row: ChartRow
    middle: float
    bars: tuple[DrawnBar, ...]
    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class RowDrawing:
    """All that the template needs."""

    plot: RowChart
    frame: Frame
    height: float
    bar_height: int
    ticks: tuple[Tick, ...]
    lines: tuple[tuple[Tick, str], ...]
    rows: tuple[DrawnRow, ...]
    legend: tuple[tuple[str, float, float], ...]
    colors: Mapping[str, str]


def row_drawing(chart: RowChart) -> RowDrawing:
    """The geometry of a chart in user units."""
    low, high = _ends(chart)

    def across(value: float) -> float:
        return round(LABELS + (RIGHT - LABELS) * (min(max(value, low), high) - low) / (high - low), 2)

    foot = TOP + ROW * len(chart.rows)
    kinds = dict.fromkeys(bar.kind for row in chart.rows for bar in row.bars)
    legend = tuple(
        (kind, i % LEGENDS_PER_LINE * LEGEND_WIDTH + 10, foot + 50 + 16 * (i // LEGENDS_PER_LINE))
        for i, kind in enumerate(kinds)
    )
    return RowDrawing(
        plot=chart,
        frame=Frame(LABELS, RIGHT, TOP, foot),
        height=foot + FOOT + (10 + 16 * -(-len(legend) // LEGENDS_PER_LINE) if legend else 0),
        bar_height=BAR,
        ticks=tuple(Tick(across(x), f"{abs(x) if kinds else x:g}") for x in ticks(low, high) if low <= x <= high),
        lines=tuple(_lines([Tick(across(line.at), line.name) for line in chart.lines])),
        rows=tuple(
            DrawnRow(
                row=row,
                middle=TOP + ROW * (index + 0.5),
                bars=tuple(_bar(bar, across(bar.start), across(bar.end)) for bar in row.bars if bar.start != bar.end),
                value=None if row.value is None else across(row.value),
                low=across(row.interval[0]) if row.interval else None,
                high=across(row.interval[1]) if row.interval else None,
            )
            for index, row in enumerate(chart.rows)
        ),
        legend=legend,
        colors=BAR_COLORS,
    )


def _bar(bar: Bar, start: float, end: float) -> DrawnBar:
    width = round(abs(end - start), 2)
    words = (f"{bar.kind} {bar.text}", bar.text) if bar.text else ()
    text = next((each for each in words if CHARACTER_WIDTH * len(each) + PADDING <= width), "")
    return DrawnBar(bar.kind, min(start, end), width, text)


def _lines(places: Sequence[Tick]) -> Iterator[tuple[Tick, str]]:
    """Each line with the side of its name: apart from a near neighbor, and inside the paper."""
    for line in places:
        near = [other.place for other in places if other is not line and abs(other.place - line.place) < NAMES_APART]
        left = line.place > RIGHT - NAMES_APART / 2 or any(line.place < place for place in near)
        yield line, "end" if left else "start" if near else "middle"


def _ends(chart: RowChart) -> tuple[float, float]:
    """Where the axis begins and ends: round numbers around all there is, inside what the measure allows."""
    values = [line.at for line in chart.lines]
    for row in chart.rows:
        values += [*(row.interval or ()), *([] if row.value is None else [row.value])]
        values += [end for bar in row.bars for end in (bar.start, bar.end)]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    steps = ticks(low, high)
    low, high = steps[0], steps[-1]
    return (max(low, chart.ends[0]), min(high, chart.ends[1])) if chart.ends else (low, high)
