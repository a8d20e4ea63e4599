"""Ends the process when a call of the Kafka client hangs that takes no time-out of its own."""

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT_STUCK = 70
"""Exit code after a hang: EX_SOFTWARE of sysexits.h; a supervisor starts the process again."""


def end_process(reason: str) -> None:
    """Says why, and what each thread was in, and ends the process at once: no handler runs, any might hang too."""
    sys.stderr.write(f"stall-stream: {reason}; the process ends\n")
    sys.stderr.flush()
    faulthandler.dump_traceback(file=sys.stderr)
    os._exit(EXIT_STUCK)


def leave_process(line: str, code: int) -> None:
    """Ends the process at once with a line for the user, where waiting any longer is of no use."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
    os._exit(code)


class Watchdog:
    """A thread that acts when a named deadline passes.

    Args:
        act: called once, on the watchdog's thread, with the reason.
    """

    def __init__(self, act: Callable[[str], None] = end_process) -> None:
        self._act = act
        self._deadlines: dict[str, float] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._watch, name="kafka-watchdog", daemon=True)
        self._thread.start()

    def arm(self, reason: str, timeout_s: float) -> None:
        """Sets a deadline; one that is set already stays as it is."""
        with self._changed:
            self._deadlines.setdefault(reason, time.monotonic() + timeout_s)
            self._changed.notify()

    def disarm(self, reason: str) -> None:
        """Takes a deadline back."""
        with self._changed:
            self._deadlines.pop(reason, None)

    @contextmanager
    def limit(self, reason: str, timeout_s: float) -> Iterator[None]:
        """The body must end within `timeout_s`."""
        self.arm(reason, timeout_s)
        try:
            yield
        finally:
            self.disarm(reason)

    def close(self) -> None:
        """Ends the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                late = [reason for reason, deadline in self._deadlines.items() if deadline <= now]
                if late:
                    self._act(late[0])
                    return
                self._changed.wait(min(self._deadlines.values(), default=now + 3600.0) - now)
