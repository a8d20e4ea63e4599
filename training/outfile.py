"""Text files that a command writes: a place that can't be written is said before the work, not behind it."""

from pathlib import Path

from stream.errors import UserError


def check_writable(path: Path) -> None:
    """Refuses a file that can't be written where it is to lie.

    Raises:
        UserError: naming the file and the reason.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; give a file to write")
    if not path.parent.is_dir():
        raise UserError(f"{path} can't be written: there is no folder {path.parent}; make it, or give another place")


def write_text(path: Path, text: str) -> None:
    """Writes a file as UTF-8, or leaves what was there as it was.

    Raises:
        UserError: it can't be written.
    """
    unfinished = path.with_name(f"{path.name}.partial")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise UserError(f"{path} can't be written ({error.strerror}); give another place") from None
