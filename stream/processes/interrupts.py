"""How a command ends when it is told to: without a traceback while it is still imported, tidied up afterwards.

Light, for it is imported first.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

TERMINATED = 128 + signal.SIGTERM
GRACE_S = 5.0
"""For what follows a drain: leaving the group, closing what is open."""


def end_silently() -> None:
    """From here on SIGINT ends the process at once, as SIGTERM does by itself."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.getpid() == 1:  # of a container: Linux keeps signals from it that it has no handler for
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, lambda number, _frame: os._exit(128 + number))


def end_in_order() -> None:
    """From here on SIGINT raises KeyboardInterrupt and SIGTERM SystemExit, so that what is open is closed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _exit)


def end_waits() -> None:
    """From here on SIGINT ends a wait within a system call: for a lock, a child's end, another thread's result.

    As Python has it by itself. Polars, once imported, has such calls begun again: pola-rs/polars#21739.
    """
    signal.siginterrupt(signal.SIGINT, True)


def drain_on_signals(request_stop: Callable[[], None], *, drain_s: float, end: Callable[[str], None]) -> None:
    """From here on SIGINT and SIGTERM ask for a stop, and a stop that hangs is cut short.

    Args:
        request_stop: called for each signal.
        drain_s: what the first stop may take; the second one may take nothing. Each gets GRACE_S on top.
        end: ends the process at once, saying why.
    """
    limits_s = [drain_s + GRACE_S, GRACE_S]

    def stop(_signal: int, _frame: FrameType | None) -> None:
        request_stop()
        if limits_s:
            limit_s = limits_s.pop(0)
            timer = threading.Timer(limit_s, end, [f"the stop hung for {limit_s:g} s; nothing is lost by that"])
            timer.daemon = True
            timer.start()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """What is done in it is done as a whole: SIGINT and SIGTERM wait for its end. Only for the main thread."""
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    before = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
        for number in came:
            signal.raise_signal(number)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(TERMINATED)
