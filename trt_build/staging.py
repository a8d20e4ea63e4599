"""An artifact appears whole or not at all: it is built in a folder beside, which then takes its place."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream.engine.artifact import MANIFEST
from stream.errors import UserError


@contextmanager
def staged(out: Path, *, force: bool) -> Iterator[Path]:
    """Gives an empty folder that is renamed to `out` at the end, or removed if an error gets through.

    Raises:
        UserError: something is at `out` and may not be replaced, or its parent can't be written to.
    """
    out = out.resolve()
    if out.exists():
        _may_replace(out, force=force)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise UserError(f"--out {out}: can't write there ({error.strerror}); give a folder that can be made") from None
    try:
        staging.chmod(0o755)  # mkdtemp's is for its owner alone, and workers run as somebody else
        yield staging
        if out.exists():
            out.rename(staging.with_suffix(".old"))
        staging.rename(out)
    finally:
        shutil.rmtree(staging.with_suffix(".old"), ignore_errors=True)
        shutil.rmtree(staging, ignore_errors=True)


def _may_replace(out: Path, *, force: bool) -> None:
    if not force:
        raise UserError(f"--out {out} exists; give another folder, or --force to replace it")
    if not (out / MANIFEST).is_file() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out} holds no artifact, so it is not replaced; give another folder")
