"""Processes that a script starts, watches, and ends in order, whenever it is interrupted."""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from stream.processes.lifeline import dying_with_us

_LOOK_S = 0.05
_STOP_S = 30.0
_SHOWN_LINES = 15


class ChildFailedError(Exception):
    """A child ended as it should not have; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process in a session of its own: Ctrl-C in the terminal reaches only the script, which ends it in order."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path | None

    @property
    def ended(self) -> bool:
        """Whether it has; it is not reaped by that, so its process group stays its own."""
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def failure(self, code: int) -> ChildFailedError:
        """What to tell of it, with the last lines of its log."""
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        lines = self.log.read_text(errors="replace").splitlines()[-_SHOWN_LINES:] if self.log else []
        return ChildFailedError("\n".join([f"{self.name} ended with {how}", *(f"    {line}" for line in lines)]))


class Interrupts:
    """While it is entered, SIGINT, SIGTERM and SIGHUP are only counted: what must not be cut short looks when it can.

    So no process is lost between its start and its entry in a list, and no clean-up is left half done.
    """

    def __init__(self) -> None:
        self.count = 0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(each) is not signal.SIG_IGN:  # as nohup wants it
                self._before[each] = signal.signal(each, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        self.count += 1


class Children:
    """All processes of a script; a context manager that leaves none behind.

    Args:
        interrupts: after one, all that waits here raises KeyboardInterrupt.
        logs: folder for the logs of those in the background.
        say: gets each command before it is run, as a terminal shows it to the user who types it.
    """

    def __init__(self, interrupts: Interrupts, logs: Path, *, say: Callable[[str], None]) -> None:
        self._interrupts = interrupts
        self._logs = logs
        self._say = say
        self._running: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._interrupts.count and self._running:
            self._say("\nstopping what runs, one after the other; interrupt again to end it at once")
        while self._running:  # the last started first: workers before their broker
            self._stop(self._running[-1])

    # Waiting.

    def pause(self, seconds: float) -> None:
        """Sleeps; raises KeyboardInterrupt soon after an interrupt, ChildFailedError where a background child ended."""
        deadline = time.monotonic() + seconds
        while True:
            if self._interrupts.count:
                raise KeyboardInterrupt
            for child in self._running:
                if child.log is not None and child.ended:
                    raise child.failure(self._reap(child))
            if (left := deadline - time.monotonic()) <= 0:
                return
            time.sleep(min(_LOOK_S, left))

    def wait_until(self, what: str, holds: Callable[[], bool], *, timeout_s: float) -> None:
        """Pauses until the condition holds; raises ChildFailedError if it doesn't in time."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                raise ChildFailedError(f"waited {timeout_s:.0f} s in vain for {what}")
            self.pause(0.2)

    # Starting and ending.

    def start(self, name: str, *arguments: str) -> Child:
        """Starts `python ARGUMENTS` in the background, its output in a log."""
        self._tell(f"{_typed(arguments)} &")
        return self._start(name, arguments, self._logs / f"{name}.log")

    def begin(self, name: str, *arguments: str) -> Child:
        """Starts `python ARGUMENTS` with our own output; `finish` must follow."""
        self._tell(_typed(arguments))
        return self._start(name, arguments, None)

    def finish(self, child: Child) -> None:
        """Waits for a child to end; raises ChildFailedError if it fails."""
        while not child.ended:
            self.pause(_LOOK_S)
        if code := self._reap(child):
            raise child.failure(code)

    def run(self, name: str, *arguments: str) -> None:
        """Runs `python ARGUMENTS` to its end, with our own output."""
        self.finish(self.begin(name, *arguments))

    def kill(self, child: Child) -> None:
        """Ends it as a crash would: SIGKILL to the one process, none to those that it started."""
        self._tell(f"kill -KILL {child.process.pid}   # {child.name}")
        child.process.kill()
        os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
        self._running.remove(child)
        child.process.wait()

    def _tell(self, command: str) -> None:
        drawing = any(child.log is None for child in self._running)  # its progress, on a line that isn't ended
        self._say(f"\n$ {command}" if drawing else f"$ {command}")

    def _start(self, name: str, arguments: Sequence[str], log: Path | None) -> Child:
        command = dying_with_us([sys.executable, *arguments])
        environment = {key: value for key, value in os.environ.items() if not key.startswith("STALL_")}
        output = log.open("ab") if log else None
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                start_new_session=True,
            )
        finally:
            if output:
                output.close()
        child = Child(name, process, log)
        self._running.append(child)
        return child

    def _stop(self, child: Child) -> None:
        """In order, within a time; killed at the second interrupt."""
        if not child.ended:
            child.process.terminate()
        deadline = time.monotonic() + _STOP_S
        while not child.ended and self._interrupts.count < 2 and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        self._reap(child)

    def _reap(self, child: Child) -> int:
        with suppress(ProcessLookupError):
            os.killpg(child.process.pid, signal.SIGKILL)  # whatever it has left behind; itself, if it is late
        self._running.remove(child)
        return child.process.wait()


def _typed(arguments: Sequence[str]) -> str:
    return shlex.join(["python", *arguments])
