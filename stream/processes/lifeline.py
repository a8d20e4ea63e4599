"""Child processes that don't outlive us, even if we are killed."""

import ctypes
import os
import signal
import sys

_GUARD = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; it survives exec
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


_PR_SET_PDEATHSIG = 1


def serve_parent() -> None:
    """For a process of a pool: it leaves Ctrl-C to its parent, and is killed when that ends (Linux)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def dying_with_us(command: list[str]) -> list[str]:
    """The same command, run so that it is killed when the thread that starts it ends (Linux).

    Args:
        command: the program's full path and its arguments.
    """
    return [sys.executable, "-S", "-c", _GUARD, str(os.getpid()), *command]
