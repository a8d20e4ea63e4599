"""Clips on web servers: `http://` and `https://` uris, inside the roots and nowhere else, redirects included.

A redirect is followed where its target is inside a root, too: repositories of research data answer with one to where
their files lie. It is off for all else, so no server can send the worker to an address that nobody allowed.
"""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self
from urllib.parse import unquote, urljoin

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from stream.errors import ClipFault, Outage, Reason
from stream.fetch.contract import CLIP_LIMIT_BYTES, Patience
from stream.fetch.uris import decoded, without_secrets

REDIRECTS = 5
_CHUNK_BYTES = 1 << 18
_DEEPEST = 4
"""Nobody escapes escapes so often; a name that did would only cost time."""
_REDIRECTING = {301, 302, 303, 307, 308}
_LATER = {407, 408, 421, 423, 425, 429}
"""Answers in the 400s that speak of now, or of the way there, and not of the clip."""
_FAULTS = {404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND}
_FAULTS |= dict.fromkeys((401, 402, 403, 451), Reason.FORBIDDEN)
_FAULTS |= {status: Reason.BAD_REFERENCE for status in range(400, 500) if status not in {*_FAULTS, *_LATER}}

_URI = re.compile(
    r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(/[^?#]*)?(\?[^#]*)?", re.IGNORECASE | re.DOTALL
)
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class WebPlace:
    """A page, or all below it."""

    scheme: str
    host: str
    port: int
    path: str
    """Percent-encoded, as it was given; / at least."""
    query: str
    """With its question mark, as it was given, or empty."""
    parts: tuple[str, ...]
    """What stands between the slashes of the path, without escapes."""

    @classmethod
    def of(cls, uri: str) -> Self:
        """What a uri names.

        Raises:
            ClipFault: bad_reference.
        """
        shown = without_secrets(uri)
        found = _URI.fullmatch(uri)
        if not found or not 0 < int(found[3] or 1) < 65536:
            rule = "a web address is https://host[:port]/path, without user and password, and with %23 for #"
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: {rule}")
        scheme, path, query = found[1].lower(), found[4] or "/", found[5] or ""
        try:
            parts = tuple(decoded(part, errors="surrogateescape") for part in path.split("/")[1:])
            decoded(query, errors="surrogateescape")
        except ValueError as rule:
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: {rule}") from None
        if any(map(_climbs, parts)):
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: . and .. between slashes are not followed")
        return cls(scheme, found[2].lower(), int(found[3] or _PORTS[scheme]), path, query, parts)

    @property
    def site(self) -> str:
        """`https://host`, with the port if it isn't the scheme's own."""
        return f"{self.scheme}://{self.host}" + (f":{self.port}" if self.port != _PORTS[self.scheme] else "")

    @property
    def shown(self) -> str:
        """Without the query, which may be a signature."""
        return self.site + self.path

    def __contains__(self, other: "WebPlace") -> bool:
        """By whole parts, and by how the path is cut before its escapes are undone: `/clips%2Fa` is not in `/clips`."""
        folder = self.parts[:-1] if self.parts[-1] == "" else self.parts
        return self.site == other.site and other.parts[: len(folder)] == folder


def _climbs(part: str) -> bool:
    """Whether some server takes a part of a path for `.` or `..`: escaped again, with backslashes, or parameters."""
    for _ in range(_DEEPEST):
        part, before = unquote(part), part
        if part == before:
            break
    else:
        return True
    return any(each.partition(";")[0] in {".", ".."} for each in re.split(r"[/\\]", part))


class Http:
    """The source of what lies on web servers below `roots`."""

    def __init__(
        self,
        roots: Iterable[WebPlace],
        *,
        patience: Patience,
        connections: int = 16,
        limit_bytes: int = CLIP_LIMIT_BYTES,
    ) -> None:
        """Connects to nothing yet; so many connections to each site are kept for the next clip."""
        self._roots = tuple(roots)
        self._patience = patience
        self._limit_bytes = limit_bytes
        self._pools = PoolManager(
            num_pools=max(1, len({root.site for root in self._roots})),
            maxsize=connections,
            timeout=Timeout(connect=patience.connect_s, read=patience.silence_s),
        )

    def store_of(self, uri: str) -> str:
        """See Source: a site is one."""
        return self._allowed(WebPlace.of(uri)).site

    def read(self, uri: str) -> bytes:
        """See Source. Of a body without a told length nobody can say whether it was cut; it ends where it ends."""
        deadline = time.monotonic() + self._patience.total_s
        place = self._allowed(WebPlace.of(uri))
        shown, url = place.shown, uri
        for _ in range(1 + REDIRECTS):
            with self._answer(place, shown) as answer:
                if answer.status == HTTPStatus.OK:
                    return self._body(answer, shown, deadline)
                location = answer.headers.get("Location") if answer.status in _REDIRECTING else None
                if not location:
                    raise _failure(answer, shown)
            url = _joined(url, location, shown)
            place = self._target(url, shown)
        raise Outage(f"{shown}: more than {REDIRECTS} redirects")

    def _allowed(self, place: WebPlace) -> WebPlace:
        if not any(place in root for root in self._roots):
            raise ClipFault(Reason.FORBIDDEN, f"{place.shown}: outside of the sites and paths that may be read from")
        return place

    def _target(self, url: str, shown: str) -> WebPlace:
        """Where a redirect leads; its path is not told, for it may be as good as a password."""
        try:
            return self._allowed(WebPlace.of(url))
        except ClipFault as fault:
            to = "/".join(without_secrets(url).split("/")[:3])
            detail = f"{shown}: redirects to {to}, which is outside of what may be read from"
            raise ClipFault(Reason.FORBIDDEN, detail) from fault

    @contextmanager
    def _answer(self, place: WebPlace, shown: str) -> Iterator[BaseHTTPResponse]:
        """Status and headers are there; the body may be read. What the network does to either is an outage."""
        pool = self._pools.connection_from_host(place.host, place.port, place.scheme)
        try:
            answer = pool.urlopen(
                "GET",
                place.path + place.query,
                headers={"Accept-Encoding": "identity", "User-Agent": "stall-stream"},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
            )
            try:
                yield answer
            finally:
                answer.close()  # a connection whose body was read to its end is kept
        except HTTPError as error:
            raise Outage(f"{shown}: {error}") from None

    def _body(self, answer: BaseHTTPResponse, shown: str, deadline: float) -> bytes:
        packed = answer.headers.get("Content-Encoding", "")
        if packed.lower() not in {"", "identity"}:
            raise ClipFault(Reason.UNDECODABLE, f"{shown}: packed (Content-Encoding {packed}), which is not undone")
        told = answer.length_remaining
        if told is not None and told > self._limit_bytes:
            raise ClipFault(Reason.TOO_LARGE, f"{shown}: {told} bytes, {self._limit_bytes} are allowed")
        chunks, size = [], 0
        while chunk := answer.read1(_CHUNK_BYTES):  # what is there, where `read` would wait for all of it
            chunks.append(chunk)
            size += len(chunk)
            if size > self._limit_bytes:
                raise ClipFault(Reason.TOO_LARGE, f"{shown}: more than {self._limit_bytes} bytes, which are allowed")
            if time.monotonic() > deadline:
                raise Outage(f"{shown}: {size} bytes came in {self._patience.total_s:g} s, and not all")
        return b"".join(chunks)


def _joined(url: str, location: str, shown: str) -> str:
    try:
        return urljoin(url, location).partition("#")[0]
    except ValueError:
        raise Outage(f"{shown}: redirects to what is no address") from None


def _failure(answer: BaseHTTPResponse, shown: str) -> ClipFault | Outage:
    said = f"{shown}: the server says {answer.status} {answer.reason or ''}".rstrip()
    reason = _FAULTS.get(answer.status)
    return ClipFault(reason, said) if reason else Outage(said)
