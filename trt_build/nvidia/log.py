"""What TensorRT says while it works: most of its failures raise nothing, and only its log tells of them."""

from typing import TYPE_CHECKING

from trt_build.nvidia.handle import Library

if TYPE_CHECKING:
    import tensorrt as nv


class Lines:
    """The lines of a log, in the order they came; TensorRT may write from several threads."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def take_errors(self) -> list[str]:
        """The errors since the last call."""
        taken, self.errors = self.errors, []
        return taken


def words(errors: list[str]) -> str:
    """NVIDIA's own words as one line; each error once, for some are repeated by every caller on the way up."""
    return " | ".join(dict.fromkeys(" ".join(each.split()) for each in errors)) or "it doesn't say why"


def logger_into(lines: Lines, library: Library) -> "nv.ILogger":
    """A logger that keeps errors and warnings and prints nothing."""

    class Logger(library.ILogger):  # type: ignore[misc, name-defined]  # a class of whichever library it is
        def log(self, severity: "nv.ILogger.Severity", msg: str) -> None:
            if severity in (library.ILogger.INTERNAL_ERROR, library.ILogger.ERROR):
                lines.errors.append(msg)
            elif severity == library.ILogger.WARNING:
                lines.warnings.append(msg)

    return Logger()
