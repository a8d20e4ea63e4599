"""The parent's end of a contender's process: it is told what to run, and ends with us, however we end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import TypeAdapter

from stream.processes.lifeline import dying_with_us
from trt_build.bench.contenders import Order, Ready, Refused, Turn, Way

_CHILD = "trt_build.bench.child"


class Unavailable(Exception):  # noqa: N818 - a way that can't be run is no error of the bench
    """A way that can't be run here, or ended in the midst of it; the message says why."""


class Process:
    """A way that is loaded and waits."""

    def __init__(self, way: Way, process: "subprocess.Popen[str]", log: Path) -> None:
        self.way = way
        self._process, self._log = process, log
        answer = TypeAdapter(Ready | Refused).validate_json(self._answer())
        if isinstance(answer, Refused):
            raise Unavailable(answer.reason)
        self.ready = answer

    def run(self, order: Order) -> Turn:
        """Has it run a turn, and waits for its end.

        Raises:
            Unavailable: it ended instead.
        """
        assert self._process.stdin
        with suppress(BrokenPipeError):  # the missing answer tells
            self._process.stdin.write(order.model_dump_json() + "\n")
            self._process.stdin.flush()
        return Turn.model_validate_json(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout
        if (answer := self._process.stdout.readline()).endswith("\n"):  # it may die in the midst of a line
            return answer
        code = self._process.wait()
        said = self._log.read_text(errors="replace").strip().splitlines() or ["nothing"]
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise Unavailable(f"its process ended with {how}; the last that it said is: {said[-1]}")


@contextmanager
def opened(way: Way, folder: Path) -> Iterator[Process]:
    """Starts a process and waits until it is ready; it is killed at the end.

    Args:
        way: what it runs.
        folder: for its log and its temporary files; what an earlier process has compiled there makes it load faster.

    Raises:
        Unavailable: it can't be run here.
    """
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            dying_with_us([sys.executable, "-m", _CHILD, way.model_dump_json()]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "TMPDIR": str(folder)},
            start_new_session=True,  # Ctrl-C is for us, and what it has started dies with it
            text=True,
        )
    try:
        yield Process(way, process, folder / "log")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
