"""Files that a command writes: whole or not at all, and what was there before stays until then."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stream.errors import UserError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside it to be written; in the end that takes its place, and where the body fails it is removed.

    Raises:
        UserError: it can't be written, which is found before the body begins where it can be.
    """
    beside = path.with_name(f"{path.name}.partial")
    try:
        beside.touch()
        yield beside
        beside.replace(path)
    except OSError as error:
        raise UserError(f"can't write {path} ({error.strerror}): make room, or give another file by --out") from None
    finally:
        with suppress(OSError):
            beside.unlink()
