"""What TensorRT says while it works: most of its failures raise nothing, and only its log tells of them.

Never by its own `Logger`, which writes to stdout, among what our commands print there.
"""

import logging
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import tensorrt as nv

_KEPT = 1000
"""Lines of either kind; a worker runs for weeks."""


class HasLogger(Protocol):
    """TensorRT or TensorRT-RTX."""

    ILogger: "type[nv.ILogger]"


class Lines:
    """The last lines of a log, in the order they came; TensorRT may write from several threads."""

    def __init__(self) -> None:
        self.errors: deque[str] = deque(maxlen=_KEPT)
        self.warnings: deque[str] = deque(maxlen=_KEPT)

    def add(self, level: int, line: str) -> None:
        """Keeps a line of `logging.ERROR` or `logging.WARNING`."""
        (self.errors if level == logging.ERROR else self.warnings).append(line)

    def take_errors(self) -> str:
        """The errors since the last call, as `words`."""
        told = words(self.errors)
        self.errors.clear()
        return told


def words(errors: Iterable[str]) -> str:
    """NVIDIA's own words as one line; each error once, for some are repeated by every caller on the way up."""
    return " | ".join(dict.fromkeys(" ".join(each.split()) for each in errors)) or "it doesn't say why"


def logger_into(lines: Lines, library: HasLogger) -> "nv.ILogger":
    """A logger that keeps errors and warnings and prints nothing."""
    levels = {
        library.ILogger.INTERNAL_ERROR: logging.ERROR,
        library.ILogger.ERROR: logging.ERROR,
        library.ILogger.WARNING: logging.WARNING,
    }

    class Logger(library.ILogger):  # type: ignore[misc, name-defined]  # a class of whichever library it is
        def log(self, severity: "nv.ILogger.Severity", msg: str) -> None:
            if severity in levels:
                lines.add(levels[severity], msg)

    return Logger()
