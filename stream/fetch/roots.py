"""What `--allow` means: the places that clips may be read from, and the sources that read there."""

import os
from collections.abc import Iterable
from pathlib import Path

from stream.errors import ClipFault, UserError
from stream.fetch.contract import CLIP_LIMIT_BYTES, Source
from stream.fetch.files import Files, path_of


def open_sources(allow: Iterable[str], *, limit_bytes: int = CLIP_LIMIT_BYTES) -> dict[str, Source]:
    """Makes the source of each scheme that a root needs.

    Args:
        allow: folders, each as a path (a relative one is the current folder's) or a `file://` uri.
        limit_bytes: of one clip.

    Raises:
        UserError: there is no root, or one that can't be read from.
    """
    folders = [_folder(root) for root in allow]
    if not folders:
        raise UserError("--allow is missing: give each folder that clips may be read from")
    return {"file": Files(folders, limit_bytes=limit_bytes)}


def _folder(root: str) -> Path:
    scheme, colon, _ = root.partition("://")
    if colon and scheme.lower() != "file":
        raise UserError(f"--allow {root}: clips are read from folders only, {scheme}:// is unknown; give a folder")
    try:
        folder = Path(path_of(root) if colon else root)
    except ClipFault as fault:
        raise UserError(f"--allow {fault.detail}") from None
    if not folder.is_dir():
        raise UserError(f"--allow {root}: there is no such folder; make it, or give another")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise UserError(f"--allow {root}: this user may not read that folder; change its permissions or the user")
    return folder
