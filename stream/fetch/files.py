"""Clips in files: `file://` uris and absolute paths, inside the roots and nowhere else."""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

from stream.errors import ClipFault, Outage, Reason
from stream.fetch.contract import CLIP_LIMIT_BYTES
from stream.fetch.uris import without_secrets

_FAULTS = {
    errno.ENOENT: Reason.NOT_FOUND,
    errno.ENOTDIR: Reason.NOT_FOUND,
    errno.ENAMETOOLONG: Reason.NOT_FOUND,
    errno.EACCES: Reason.FORBIDDEN,
    errno.EPERM: Reason.FORBIDDEN,
    errno.ELOOP: Reason.FORBIDDEN,
    errno.ENXIO: Reason.UNDECODABLE,  # a socket's name
}
"""Errors that are the reference's fault. All others (EIO, ESTALE, EMFILE, ...) may be gone the next time."""

_KINDS = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe"}
_FILE_URI = re.compile(r"file://(?:localhost)?(/[^?#]*)", re.IGNORECASE | re.DOTALL)


def path_of(uri: str) -> str:
    """The path that a `file://` uri (RFC 8089, percent-encoded) or an absolute path (as it is) names.

    Raises:
        ClipFault: bad_reference.
    """
    if uri.startswith("/"):
        path = uri
    elif found := _FILE_URI.fullmatch(uri):
        path = os.fsdecode(unquote_to_bytes(found[1]))
    else:
        rule = "a file is file:///absolute/path without a host, with %3F for ? and %23 for #"
        raise ClipFault(Reason.BAD_REFERENCE, f"{without_secrets(uri)}: {rule}")
    if "\0" in path:
        raise ClipFault(Reason.BAD_REFERENCE, f"{uri}: no path has a zero byte")
    return path


def _with_folders(path: str) -> Iterator[str]:
    """A normal path and each folder above it, the nearest first.

    No `Path`, which interns each part of its name: one that names a clip is never met again, and Python's table of
    interned names, 2 MB in a worker, is made anew each time it has filled with such.
    """
    while True:
        yield path
        above = os.path.dirname(path)  # noqa: PTH120 - see above
        if above == path:
            return
        path = above


class Files:
    """The source of files below `roots`: folders, or single files that stand for themselves."""

    def __init__(self, roots: Iterable[Path], *, limit_bytes: int = CLIP_LIMIT_BYTES) -> None:
        """Resolves the roots' own symbolic links, once."""
        real = {os.path.normpath(root.absolute()): os.path.realpath(root) for root in roots}
        self._roots = frozenset(real.values())
        folders = {given: root for given, root in real.items() if os.path.isdir(root)}  # noqa: PTH112 - raises nothing
        self._stores = {path: root for given, root in folders.items() for path in (given, root)}
        self._limit_bytes = limit_bytes

    def store_of(self, uri: str) -> str:
        """See Source. Each root that is a folder is one, for it may be a mount; single files are one together."""
        path = os.path.normpath(path_of(uri))  # by its name alone: links are followed when it is read
        return next((self._stores[each] for each in _with_folders(path) if each in self._stores), "files")

    def read(self, uri: str) -> bytes:
        """See Source. A file whose length changes meanwhile is still being written, which is an outage."""
        path = path_of(uri)
        # What lies outside is forbidden before it is touched: nobody learns what exists there.
        real = os.path.realpath(path)
        root = self._root_of(real, path)
        try:
            # Without O_NONBLOCK a pipe would wait for its writer.
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                # Once more for what was really opened: since then a folder may have become a link.
                self._root_of(os.path.realpath(f"/proc/self/fd/{descriptor}"), path)
                return self._read(descriptor, path)
            finally:
                os.close(descriptor)
        except OSError as error:
            reason = _FAULTS.get(error.errno or 0)
            if reason is None or (reason is Reason.NOT_FOUND and not Path(root).exists() and root != real):
                raise Outage(f"{path}: {error.strerror} (below {root})") from None
            raise ClipFault(reason, f"{path}: {error.strerror}") from None

    def _root_of(self, real: str, path: str) -> str:
        for folder in _with_folders(real):
            if folder in self._roots:
                return folder
        raise ClipFault(Reason.FORBIDDEN, f"{path}: outside of the folders that clips may be read from")

    def _read(self, descriptor: int, path: str) -> bytes:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "a device")
            raise ClipFault(Reason.UNDECODABLE, f"{path}: {kind}, no file")
        if status.st_size > self._limit_bytes:
            raise ClipFault(Reason.TOO_LARGE, f"{path}: {status.st_size} bytes, {self._limit_bytes} are allowed")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(status.st_size + 1)
        if len(data) != status.st_size:
            raise Outage(f"{path}: its length changed while it was read")
        return data
