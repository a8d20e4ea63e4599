"""Files that a command writes: whole or not at all; a place that can't be written is said before the work."""

import os
from pathlib import Path
from tempfile import TemporaryFile

from stream.errors import UserError
from stream.files.outfile import whole

_BLOCK = 4096
"""Bytes, the least that a disk gives to a file."""
_ELSEWHERE = "make room, or give another place"


def check_writable(path: Path) -> None:
    """Refuses a file that can't be written where it is to lie.

    Raises:
        UserError: naming the file and the reason.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; give a file to write")
    if not path.parent.is_dir():
        raise UserError(f"{path} can't be written: there is no folder {path.parent}; make it, or give another place")
    _try(path, beside=path.parent)


def check_folder_writable(folder: Path) -> None:
    """Refuses a folder that can't be made or takes no file; it isn't made.

    Raises:
        UserError: naming the folder and the reason.
    """
    _try(folder, beside=next(each for each in (folder, *folder.absolute().parents) if _is_there(each)))


def _is_there(path: Path) -> bool:
    """Also a link that leads nowhere."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def _try(path: Path, *, beside: Path) -> None:
    try:
        with TemporaryFile(dir=beside) as tried:
            tried.write(bytes(_BLOCK))
    except OSError as error:
        raise _unwritable(path, error) from None


def write_text(path: Path, text: str) -> None:
    """Writes a file as UTF-8, as `write_whole` does."""
    write_whole(path, text.encode())


def write_whole(path: Path, content: bytes, *, otherwise: str = _ELSEWHERE) -> None:
    """Writes a file as `replace_whole` does; its folder is made. `otherwise` is the way out where that fails.

    Raises:
        UserError: it can't be written, as on a full disk; what was there stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_whole(path, content)
    except OSError as error:
        raise _unwritable(path, error, otherwise) from None


def _unwritable(path: Path, error: OSError, otherwise: str = _ELSEWHERE) -> UserError:
    return UserError(f"{path} can't be written ({error.strerror}); {otherwise}")


def replace_whole(path: Path, content: bytes) -> None:
    """Writes a file that is there whole or not at all, whatever dies; until then what was there stays.

    Raises:
        OSError: it can't be written.
    """
    with whole(path) as beside, beside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
