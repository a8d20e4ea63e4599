"""What `--allow` means: the places that clips may be read from, and the sources that read there."""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stream.errors import ClipFault, Reason, UserError
from stream.fetch.contract import CLIP_LIMIT_BYTES, Patience, Source
from stream.fetch.files import Files, path_of
from stream.fetch.http import Http, WebPlace
from stream.fetch.s3 import S3, S3Access, S3Place
from stream.fetch.uris import without_secrets

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """How sources work, whichever they are."""

    s3: S3Access = field(default_factory=S3Access)
    patience: Patience = field(default_factory=Patience)
    connections: int = 16
    """Kept to each web site."""
    limit_bytes: int = CLIP_LIMIT_BYTES
    """Of one clip."""


@dataclass(slots=True)
class _Roots:
    """What may be read, by the kind of place."""

    paths: list[Path] = field(default_factory=list)
    buckets: list[S3Place] = field(default_factory=list)
    sites: list[WebPlace] = field(default_factory=list)

    def sources(self, options: SourceOptions) -> dict[str, Source]:
        """By scheme; a scheme that no root has gets none."""
        limit, patience, made = options.limit_bytes, options.patience, dict[str, Source]()
        if self.paths:
            made["file"] = Files(self.paths, limit_bytes=limit)
        if self.buckets:
            made["s3"] = S3(self.buckets, access=options.s3, patience=patience, limit_bytes=limit)
        if self.sites:
            web = Http(self.sites, patience=patience, connections=options.connections, limit_bytes=limit)
            made |= dict.fromkeys({site.scheme for site in self.sites}, web)
        return made


def open_sources(allow: Sequence[str], options: SourceOptions, *, flag: str = "--allow") -> dict[str, Source]:
    """Makes the source of each scheme that a root needs.

    Args:
        allow: folders, each as a path (a relative one is the current folder's) or a `file://` uri;
            `s3://bucket[/prefix]`; `https://host[:port][/path]`.
        options: limits, and how S3 is reached.
        flag: by which the user names the roots, for what is said of them.

    Raises:
        UserError: there is no root, or one that can't be read from.
    """
    if not allow:
        raise UserError(f"{flag} is missing: give each folder, s3://bucket or https://host that clips may be read from")
    roots = _Roots()
    for root in allow:
        try:
            _add(root, roots)
        except ClipFault as fault:
            raise UserError(f"{flag} {fault.detail}") from None
    return roots.sources(options)


def named_sources(uris: Iterable[str], options: SourceOptions) -> dict[str, Source]:
    """Makes the sources of clips that a user named: they alone may be read.

    What can't be read comes out when it is.

    Raises:
        UserError: by these settings S3 can't be reached.
    """
    roots = _Roots()
    for uri in uris:
        with suppress(ClipFault):
            match _scheme(uri):
                case "" | "file":
                    roots.paths.append(Path(path_of(uri)))
                case "s3":
                    roots.buckets.append(S3Place.of(uri))
                case "http" | "https":
                    roots.sites.append(WebPlace.of(uri))
    return roots.sources(options)


def _add(root: str, roots: _Roots) -> None:
    match _scheme(root):
        case "" | "file" as scheme:
            roots.paths.append(_folder(root, Path(path_of(root) if scheme else root)))
        case "s3":
            roots.buckets.append(S3Place.of(root))
        case "http" | "https":
            roots.sites.append(_site(root))
        case scheme:
            rule = f"{scheme}:// is unknown; give a folder, s3://bucket[/prefix] or https://host[:port][/path]"
            raise ClipFault(Reason.BAD_REFERENCE, f"{without_secrets(root)}: {rule}")


def _scheme(uri: str) -> str:
    found = _SCHEME.match(uri)
    return found[1].lower() if found else ""


def _site(root: str) -> WebPlace:
    site = WebPlace.of(root)
    if site.query:
        raise ClipFault(
            Reason.BAD_REFERENCE, f"{site.shown}: what follows ? belongs to one clip; give the part before it"
        )
    return site


def _folder(root: str, folder: Path) -> Path:
    if not os.path.isdir(folder):  # noqa: PTH112 - raises nothing where a folder above may not be entered
        raise ClipFault(
            Reason.BAD_REFERENCE, f"{root}: there is no such folder that can be seen; make it, or give another"
        )
    if not os.access(folder, os.R_OK | os.X_OK):
        raise ClipFault(
            Reason.BAD_REFERENCE, f"{root}: this user may not read that folder; change its permissions or the user"
        )
    return folder
