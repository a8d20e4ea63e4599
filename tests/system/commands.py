"""Commands as a user types them, each in a process of its own."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

_PR_SET_CHILD_SUBREAPER = 36


def run(
    *words: object,
    timeout_s: float = 90.0,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """`python WORDS` to its end."""
    return subprocess.run(
        _command(words),
        env=_environment(environment or {}),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class Running:
    """`python WORDS` under way; what it says on either stream is read as it comes."""

    def __init__(self, *words: object, environment: Mapping[str, str] | None = None) -> None:
        self.process = subprocess.Popen(
            _command(words),
            env=_environment(environment or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)

    @property
    def said(self) -> str:
        return "".join(self._lines)

    def await_words(self, pattern: str, *, timeout_s: float = 60.0) -> re.Match[str]:
        """Waits until it says something; what it matches."""
        found = None

        def said() -> bool:
            nonlocal found
            ended = self.process.poll() is not None
            found = re.search(pattern, self.said)
            assert found or not ended, f"it ended with {self.process.returncode} and said:\n{self.said}"
            return found is not None

        until(said, timeout_s=timeout_s)
        assert found is not None
        return found

    def end(self, with_signal: signal.Signals, *, timeout_s: float = 60.0) -> int:
        """Sends the signal; the exit code."""
        self.process.send_signal(with_signal)
        try:
            code = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs after {timeout_s:g} s and said:\n{self.said}") from None
        self._reader.join(5.0)
        return code


@contextmanager
def running(*words: object, environment: Mapping[str, str] | None = None) -> Iterator[Running]:
    """A command that is killed in the end, if it still runs."""
    it = Running(*words, environment=environment)
    try:
        yield it
    finally:
        it.process.kill()
        it.process.wait()


def until(holds: Callable[[], bool], *, timeout_s: float = 60.0) -> None:
    """Waits for a condition."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@contextmanager
def adopting() -> Iterator[Callable[[], list[psutil.Process]]]:
    """While entered, orphans of what the test starts become children of the test, so none escapes notice.

    Yields:
        A function that gives the living processes that were not there before.
    """
    us = psutil.Process()
    before = set(us.children(recursive=True))
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield lambda: [each for each in us.children(recursive=True) if each not in before and _lives(each)]
    finally:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0)


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _command(words: tuple[object, ...]) -> list[str]:
    return [sys.executable, *map(str, words)]


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**{name: text for name, text in os.environ.items() if not name.startswith("STALL_")}, **more}
