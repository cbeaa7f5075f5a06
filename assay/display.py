"""What the user sees while work goes on: bars on a terminal, one line now and then elsewhere.

In: Progress events. Out: standard error only; results go to standard output.
"""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.text import Text

from analysis.rendering.formats.text import visible
from ledger.progress import Progress

LINE_SECONDS = 15.0


class Display:
    """Renders progress while its context lasts."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._begun = time.monotonic()
        self._said: dict[str, tuple[float, Progress]] = {}
        self._first: dict[str, tuple[float, int]] = {}
        self._tasks: dict[str, TaskID] = {}
        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self.console,
            disable=not self.console.is_terminal,
        )

    def __enter__(self) -> "Display":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def report(self, progress: Progress) -> None:
        """Show the state of one piece of work."""
        if self.console.is_terminal:
            self._draw(progress)
        else:
            self._line(progress)

    def _draw(self, progress: Progress) -> None:
        if progress.work not in self._tasks:
            self._make_room()
            self._tasks[progress.work] = self._bars.add_task(visible(progress.work), total=progress.total, note="")
        bar = self._tasks[progress.work]
        self._bars.update(bar, completed=progress.done, total=progress.total, note=visible(progress.note))

    def _make_room(self) -> None:
        """Hide the oldest finished bars where one more would not fit: Rich cuts off the last, which are at work."""
        shown = [task for task in self._bars.tasks if task.visible]
        too_many = max(0, len(shown) + 1 - self.console.height)
        for task in [task for task in shown if task.finished][:too_many]:
            self._bars.update(task.id, visible=False)

    def _line(self, progress: Progress) -> None:
        now = time.monotonic()
        at, before = self._said.get(progress.work, (0.0, None))
        news = before is None or (progress.done == progress.total and progress != before)
        if not news and now - at < LINE_SECONDS:
            return
        self._said[progress.work] = now, progress
        begun, there = self._first.setdefault(progress.work, (now, progress.done))
        left = _left(now - begun, progress.done - there, progress.total - progress.done)
        notes = "".join(f"  {note}" for note in (progress.note, left) if note)
        line = f"[{_clock(now - self._begun)}] {progress.work} {progress.done}/{progress.total}{notes}"
        self.console.print(Text(visible(line)), soft_wrap=True)


def say(text: str) -> None:
    """Print a line of its own where no bars are drawn, as it is."""
    Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


def _left(seconds: float, done: int, remaining: int) -> str:
    """The time that the rest will take at the pace so far; empty where nothing tells."""
    return f"{_clock(seconds / done * remaining)} left" if done > 0 and remaining > 0 else ""


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"
