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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stream.engine.artifact import MANIFEST
from stream.errors import UserError

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}
"""What a disk says that takes no more."""


@contextmanager
def sole_builder(out: Path) -> Iterator[None]:
    """Has one process at a time build at `out`; the others wait, and then find what it built.

    What one that was killed has left is mended first: an old artifact returns to its place, half a new one goes.

    Args:
        out: where the artifact is to lie; folders above it are made.

    Raises:
        UserError: nothing can be written there.
    """
    out = out.resolve()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(_beside(out, "lock"))
    except OSError as error:
        raise _unwritable(out, error) from None
    try:
        _mend(out)
        yield
    finally:
        _beside(out, "lock").unlink(missing_ok=True)
        os.close(lock)


@contextmanager
def staged(out: Path, *, force: bool) -> Iterator[Path]:
    """Gives an empty folder that is renamed to `out` at the end, or removed if an error gets through.

    Only for the `sole_builder`.

    Raises:
        UserError: something is at `out` and may not be replaced, or the disk takes no more.
    """
    out = out.resolve()
    if out.exists():
        _may_replace(out, force=force)
    staging, old = _beside(out, "building"), _beside(out, "old")
    try:
        staging.mkdir()
        yield staging
        if out.exists():
            out.rename(old)
        staging.rename(out)
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise _unwritable(out, error) from None
    finally:
        _mend(out)


def _locked(path: Path) -> int:
    """A descriptor that holds the lock; one whose file the last holder has deleted is worth nothing."""
    while True:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
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


def _may_replace(out: Path, *, force: bool) -> None:
    if not force:
        raise UserError(
            f"--out {out} exists, and is not what would be built; give another folder, or --force to replace it"
        )
    if not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out} holds no artifact, so it is not replaced; give another folder")


def _unwritable(out: Path, error: OSError) -> UserError:
    return UserError(f"--out {out}: can't write there ({error.strerror}); make room, or give another place")


def _beside(out: Path, what: str) -> Path:
    return out.with_name(f".{out.name}.{what}")
