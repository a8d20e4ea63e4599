"""Fetches clips on threads, from the source that their uri's scheme names, and checks their digests."""

import hashlib
import re
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from stream.errors import ClipFault, Reason
from stream.fetch.contract import Source
from stream.fetch.uris import without_secrets

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")  # RFC 3986, section 3.1


@dataclass(eq=False, slots=True)
class _Job:
    uri: str
    sha256: str | None
    future: Future[bytes] = field(default_factory=Future)


class Fetcher:
    """Reads clips, `threads` at a time; a context manager.

    The threads are its own and daemons, where those of ThreadPoolExecutor are joined at the interpreter's exit:
    one read that hangs in a dead network file system would keep the process from ending.
    """

    def __init__(self, sources: Mapping[str, Source], *, threads: int = 8) -> None:
        """Starts the threads.

        Args:
            sources: by scheme in small letters; an absolute path is of scheme `file`.
            threads: how many reads are under way at a time.
        """
        self._sources = dict(sources)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = threads
        self._open = True
        for number in range(threads):
            threading.Thread(target=self._work, name=f"fetch-{number}", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, uri: str, *, sha256: str | None = None) -> Future[bytes]:
        """Has a clip fetched. The future holds its bytes, or raises as `Source.read` does.

        Beside those, ClipFault: wrong_sha256 where the bytes are not those of `sha256` (64 small hex digits), and
        forbidden where the uri's scheme has no source. From one thread only, as `close`.
        """
        if not self._open:
            raise RuntimeError("the fetcher is closed")
        job = _Job(uri, sha256)
        self._jobs.put(job)
        return job.future

    def store_of(self, uri: str) -> str:
        """As `Source.store_of`; for a uri that no source can read it makes no difference. From any thread."""
        try:
            return self._source_of(uri).store_of(uri)
        except ClipFault:
            return "nowhere"

    def close(self) -> None:
        """Cancels what has not begun; reads under way end by themselves and are not waited for."""
        self._open = False
        with suppress(Empty):
            while True:
                if job := self._jobs.get_nowait():
                    job.future.cancel()
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while job := self._jobs.get():
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                data = self._fetch(job.uri, job.sha256)
            except BaseException as error:  # noqa: BLE001 - whatever it is belongs to the one who waits
                job.future.set_exception(error)
            else:
                job.future.set_result(data)

    def _fetch(self, uri: str, sha256: str | None) -> bytes:
        data = self._source_of(uri).read(uri)
        if sha256 is not None and (actual := hashlib.sha256(data).hexdigest()) != sha256:
            shown = without_secrets(uri)
            raise ClipFault(Reason.WRONG_SHA256, f"{shown}: its sha256 is {actual}, the reference says {sha256}")
        return data

    def _source_of(self, uri: str) -> Source:
        found = _SCHEME.match(uri)
        if not found and not uri.startswith("/"):
            shown = without_secrets(uri)
            raise ClipFault(Reason.BAD_REFERENCE, f"{shown}: neither an absolute path nor a uri with a scheme")
        scheme = found[1].lower() if found else "file"
        source = self._sources.get(scheme)
        if source is None:
            shown, schemes = without_secrets(uri), ", ".join(sorted(self._sources))
            raise ClipFault(Reason.FORBIDDEN, f"{shown}: scheme {scheme} is not allowed, only {schemes}")
        return source
