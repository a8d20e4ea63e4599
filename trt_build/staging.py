"""An artifact appears whole or not at all: it is built in a folder beside, which then takes its place.

artifact              what workers load
.artifact.building    while it is built
.artifact.old         while it is replaced
.artifact.lock        held by the one process that builds; the kernel lets it go when that dies
"""

import errno
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stream.engine.artifact import SEAL
from stream.errors import UserError

_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO})
"""What a disk says that takes no more."""


@contextmanager
def sole_builder(out: Path, waits: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Has one process at a time build at `out`; the others wait, and then find what it built.

    What one that was killed has left is mended first: an old artifact returns to its place, half a new one goes.

    Args:
        out: where the artifact is to lie; folders above it are made.
        waits: called if another process builds there.

    Raises:
        UserError: nothing can be written there.
    """
    out = _resolved(out)
    with _writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(_beside(out, "lock"), waits)
    try:
        _mend(out)
        yield
    finally:
        _beside(out, "lock").unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Gives an empty folder that takes the place of `out` at the end, or is removed if an error gets through.

    Only for the `sole_builder`.

    Raises:
        UserError: something is at `out` that is no artifact, or the disk takes no more.
    """
    out = _resolved(out)
    staging, old = _beside(out, "building"), _beside(out, "old")
    with _writing(out):
        _check_replaceable(out)
        staging.mkdir()
    try:
        with _writing(out, only=_DISK):
            yield staging
        with _writing(out):
            if out.exists():
                out.rename(old)
            staging.rename(out)
    finally:
        _mend(out)


@contextmanager
def _writing(out: Path, *, only: frozenset[int] | None = None) -> Iterator[None]:
    """Says in one line that `out` can't be written; of some errors only, where what is done may fail otherwise."""
    try:
        yield
    except OSError as error:
        if only and error.errno not in only:
            raise
        raise UserError(
            f"--out {out}: can't write there ({error.strerror}); make room, or give another place"
        ) from None


def _resolved(out: Path) -> Path:
    """Where `out` leads: a folder that can be replaced by another of its name."""
    try:
        place = out.resolve()
    except (OSError, RuntimeError) as error:  # the second of links in a circle, before Python 3.13
        raise UserError(f"--out {out}: can't find the place ({error}); give another one") from None
    if place.is_mount():
        raise UserError(f"--out {out} is a mount point, which no folder can replace; give a folder within it")
    return place


def _locked(path: Path, waits: Callable[[], None]) -> int:
    """A descriptor that holds the lock; one whose file the last holder has deleted is worth nothing."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(lock, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if path.stat().st_ino == os.fstat(lock).st_ino:
                return lock
        os.close(lock)


def _mend(out: Path) -> None:
    if not out.exists() and _beside(out, "old").exists():
        _beside(out, "old").rename(out)
    for left in ("old", "building"):
        shutil.rmtree(_beside(out, left), ignore_errors=True)


def _check_replaceable(out: Path) -> None:
    """Lets nothing go but an artifact or an empty folder; by its seal, for other folders have a manifest, too."""
    if out.exists() and not (out / SEAL).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out} holds no artifact, so it is not replaced; give another folder")


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f".{out.name}.{what}")
