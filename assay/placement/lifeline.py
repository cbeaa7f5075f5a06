"""Ends a child process when its parent dies, however it dies.

In: nothing. Out: on Linux, a signal from the kernel; elsewhere the child notices at its next write to a closed pipe.
A model left in memory by a killed review would starve the next one.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with_parent(parent: int, by: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel to send `by` when the process that started this one ends; leave at once if it already has."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(by), 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(1)
