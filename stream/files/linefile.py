"""Files of lines that only grow: what was done stands in them, also after the process that did it was killed."""

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.errors import UserError

_BLOCK_BYTES = 64 * 1024
_SYNC_INTERVAL_S = 1.0


class LineFile:
    """A file of lines with one writer at a time; a context manager.

    A line is whole or it doesn't count: what follows the last line end was left by a writer that was killed, and is
    cut off by the first `append`. Before that nothing that exists is changed. What was appended survives the process
    at once, a loss of power after a second at most.

    Args:
        path: created where it doesn't exist.
        otherwise: what the user can do where the file can't be used, as "give another by --journal".

    Raises:
        UserError: it can't be opened, another process writes to it; from `append`: it can't be written.
    """

    def __init__(self, path: Path, *, otherwise: str) -> None:
        self._path = path
        self._otherwise = otherwise
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._unusable(error) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = os.fstat(self._file)
            self._size = found.st_size
            self._end = self._end_of_lines()
        except BlockingIOError:
            os.close(self._file)
            raise UserError(f"another process writes to {path}: let it end, or {otherwise}") from None
        except OSError as error:
            os.close(self._file)
            raise self._unusable(error) from None
        if not stat.S_ISREG(found.st_mode):
            os.close(self._file)
            raise UserError(f"{path} is no regular file: {otherwise}")
        self._synced_at = time.monotonic()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it, not even a torn line."""
        return self._size == 0

    @property
    def torn(self) -> bytes:
        """What follows the last line end."""
        return os.pread(self._file, self._size - self._end, self._end)

    def lines(self) -> Iterator[bytes]:
        """Each line from the beginning, without its line end; read as they are asked for."""
        left = self._end
        with self._path.open("rb") as file:
            while left:
                line = file.readline()
                left -= len(line)
                yield line[:-1]

    def append(self, line: bytes) -> None:
        """Adds a line, given without its line end."""
        try:
            if self._end < self._size:
                os.ftruncate(self._file, self._end)
            self._size = self._end  # a write that fails halfway is cut off by the next one
            rest = memoryview(line + b"\n")
            while rest:
                written = os.write(self._file, rest)
                self._size += written
                rest = rest[written:]
            self._end = self._size
            if time.monotonic() > self._synced_at + _SYNC_INTERVAL_S:
                self._sync()
        except OSError as error:
            raise self._unusable(error) from None

    def _sync(self) -> None:
        os.fsync(self._file)
        self._synced_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Lets others write."""
        try:
            self._sync()
        finally:
            os.close(self._file)

    def _end_of_lines(self) -> int:
        """Where the last line ends."""
        end = self._size
        while end > 0:
            begin = max(0, end - _BLOCK_BYTES)
            at = os.pread(self._file, end - begin, begin).rfind(b"\n")
            if at >= 0:
                return begin + at + 1
            end = begin
        return 0

    def _unusable(self, error: OSError) -> UserError:
        return UserError(f"can't write to {self._path} ({error.strerror}): {self._otherwise}")
