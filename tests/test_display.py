"""Progress on standard error: bars on a terminal, now and then a line with the time left elsewhere."""

import io

import pytest
from rich.console import Console

from assay.display import Display
from assay.results import table
from ledger.progress import Progress


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("assay.display.time.monotonic", lambda: now[0])
    return now


def lines(clock, *events: tuple[float, int]) -> list[str]:
    stream = io.StringIO()
    with Display(Console(file=stream, width=200)) as display:
        for seconds, done in events:
            clock[0] = 100.0 + seconds
            display.report(Progress("m: answers", done, 40, "9 tokens/s"))
    return stream.getvalue().splitlines()


def test_a_line_tells_what_is_done_the_pace_and_the_time_left(clock):
    assert lines(clock, (0, 0), (20, 10), (80, 40)) == [
        "[00:00] m: answers 0/40  9 tokens/s",
        "[00:20] m: answers 10/40  9 tokens/s  01:00 left",
        "[01:20] m: answers 40/40  9 tokens/s",
    ]


def test_lines_come_now_and_then(clock):
    assert len(lines(clock, *((second, second) for second in range(41)))) == 4


def test_a_state_that_does_not_change_is_not_said_each_time_it_is_told(clock):
    assert len(lines(clock, *((second, 40) for second in range(31)))) == 3


def test_what_a_resumed_run_found_does_not_count_as_pace(clock):
    assert lines(clock, (0, 30), (20, 35))[1].endswith("00:20 left")


def test_a_terminal_gets_bars():
    stream = io.StringIO()
    with Display(Console(file=stream, width=120, force_terminal=True)) as display:
        display.report(Progress("m: answers", 3, 4))
    assert "3/4" in stream.getvalue()
    assert "m: answers" in stream.getvalue()


def test_the_work_under_way_is_seen_however_much_was_finished_before():
    """Rich draws the topmost bars and cuts off what does not fit."""
    stream = io.StringIO()
    with Display(Console(file=stream, width=120, height=6, force_terminal=True)) as display:
        for number in range(20):
            display.report(Progress(f"model {number}: choices", 4, 4))
        display.report(Progress("model 20: choices", 1, 4))
        display.report(Progress("model 21: loading", 0, 1))
        display._bars.refresh()
        shown = stream.getvalue()
    assert "model 20: choices" in shown
    assert "model 21: loading" in shown


def test_markup_in_a_name_is_shown_as_it_is():
    stream = io.StringIO()
    with Display(Console(file=stream, width=200)) as display:
        display.report(Progress("[red]x[/red]", 1, 1))
    assert "[red]x[/red]" in stream.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_name_from_a_file_sends_no_command_to_the_terminal(terminal):
    stream = io.StringIO()
    with Display(Console(file=stream, width=200, force_terminal=terminal)) as display:
        display.report(Progress("m\x1b]0;x", 1, 2, "n\x1b]0;x\u202e"))
    assert "m\\u001b]0;x" in stream.getvalue()
    assert "n\\u001b]0;x\\u202e" in stream.getvalue()
    assert "\x1b]" not in stream.getvalue()


def test_a_cell_from_a_server_sends_no_command_to_the_terminal():
    stream = io.StringIO()
    Console(file=stream, width=200).print(table(("judge\x1b]0;x",), [("batch\x1b]0;x",)]))
    assert "batch\\u001b]0;x" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


def test_a_bar_shows_the_name_of_a_model_whole():
    stream = io.StringIO()
    with Display(Console(file=stream, width=120, force_terminal=True)) as display:
        display.report(Progress("llama[int4]", 1, 2, "m[/x]"))
    assert "llama[int4]" in stream.getvalue()
    assert "m[/x]" in stream.getvalue()
