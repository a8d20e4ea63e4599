"""Files that a command writes: whole or not at all, and what was there before stays until then."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stream.errors import UserError


def unfinished(name: str) -> str:
    """What a file is called until it is whole."""
    return f"{name}.partial"


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Gives a path beside it to be written; in the end that takes its place, and where the body fails it is removed.

    Raises:
        OSError: it can't be written.
    """
    beside = path.with_name(unfinished(path.name))
    try:
        yield beside
        beside.replace(path)
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """As `whole`, for a file that the user named.

    Raises:
        UserError: it can't be written, which is found before the body begins where it can be.
    """
    try:
        with whole(path) as beside:
            beside.touch()
            yield beside
    except OSError as error:
        raise UserError(f"can't write {path} ({error.strerror}): make room, or give another file by --out") from None
