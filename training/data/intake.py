"""From wanted clips to read ones: fetched on threads, read by processes, each as soon as it is done.

An outage of the store is waited for, a few times for each clip. A clip that can't be fetched while its store answers
for others is `unreachable`. One that can't be fetched while it answers for nobody is put off until it does; where
several are, the store is out, which ends the command. Given again, it goes on.
"""

import hashlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from stream.backoff import Backoff
from stream.clip import Clip
from stream.errors import ClipFault, Outage, Reason, UserError
from stream.fetch import Fetcher, Source
from stream.readers import Readers, ReadRequest

_OUT_AFTER = 3
"""So many clips that were put off make it worth asking whether the store serves at all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A clip to be read."""

    clip_id: str
    uri: str
    num_frames: int | None = None
    """That it must have, where that is known."""


@dataclass(frozen=True, slots=True)
class Read:
    """A clip that was read."""

    clip: Clip
    size_bytes: int
    sha256: str
    """Of the video's bytes, 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Patient:
    """A source that is asked again where it meets an outage; called on the fetcher's threads."""

    source: Source
    backoff: Backoff
    tries: int = 5
    sleep: Callable[[float], None] = time.sleep

    def store_of(self, uri: str) -> str:
        """See Source."""
        return self.source.store_of(uri)

    def read(self, uri: str) -> bytes:
        """See Source; an outage is raised after so many tries."""
        for failures in range(1, self.tries):
            try:
                return self.source.read(uri)
            except Outage:
                self.sleep(self.backoff.wait_s(failures))
        return self.source.read(uri)


def patient(sources: Mapping[str, Source], backoff: Backoff) -> dict[str, Source]:
    """The same sources, each asked again where it meets an outage."""
    return {scheme: Patient(source, backoff) for scheme, source in sources.items()}


class Intake:
    """Fetches and reads clips, so many at a time.

    Args:
        fetcher: gets their bytes; its sources are patient.
        readers: make pixels of them.
        fetches: clips that are fetched, or wait to be read, at a time.
        served: uri of a clip that the store has given before, where there is one.
    """

    def __init__(self, fetcher: Fetcher, readers: Readers, *, fetches: int, served: str | None = None) -> None:
        self._fetcher = fetcher
        self._readers = readers
        self._fetches = fetches
        self._served = served
        self._answered_at = -math.inf
        """When the store answered last; "there is no such clip" is an answer, too. Written by the fetcher's threads."""
        self._fetching: dict[Future[bytes], tuple[Wanted, float]] = {}
        """With the time it began at."""
        self._fetched: deque[tuple[Wanted, bytes]] = deque()
        self._reading: dict[Future[Clip], tuple[Wanted, bytes]] = {}
        self._put_off: list[tuple[Wanted, Outage]] = []
        self._again: deque[Wanted] = deque()
        """Clips that may be had now."""
        self._suspects: set[Wanted] = set()
        """Clips that failed while others were answered: that may have been before the store went out, and so each is
        fetched once more."""

    def read(self, wanted: Iterable[Wanted]) -> Iterator[tuple[Wanted, Read | ClipFault]]:
        """Each clip once, in the order in which they are done.

        Raises:
            UserError: the store doesn't serve.
        """
        left = iter(wanted)
        while True:
            self._begin(left)
            if not (self._fetching or self._reading):
                break
            under_way: list[Future[Any]] = [*self._fetching, *self._reading]
            wait(under_way, return_when=FIRST_COMPLETED)
            for fetched in [each for each in self._fetching if each.done()]:
                yield from self._take_bytes(fetched)
            for read in [each for each in self._reading if each.done()]:
                yield self._take_clip(read)
        yield from self._judge_put_off()

    def _begin(self, left: Iterator[Wanted]) -> None:
        while len(self._fetching) + len(self._fetched) < self._fetches:
            clip = self._again.popleft() if self._again else next(left, None)
            if clip is None:
                break
            begun_at = time.monotonic()
            future = self._fetcher.submit(clip.uri)
            future.add_done_callback(self._note_time)
            self._fetching[future] = (clip, begun_at)
        while self._fetched and self._readers.free:
            clip, data = self._fetched.popleft()
            self._reading[self._readers.submit(ReadRequest(data, num_frames=clip.num_frames))] = (clip, data)

    def _take_bytes(self, future: Future[bytes]) -> Iterator[tuple[Wanted, ClipFault]]:
        clip, begun_at = self._fetching.pop(future)
        try:
            data = future.result()
        except ClipFault as fault:
            self._return_put_off()
            yield clip, fault
        except Outage as outage:
            if self._answered_at < begun_at:
                self._put_off.append((clip, outage))
                if len(self._put_off) >= _OUT_AFTER:
                    yield from self._judge_put_off()
            elif clip in self._suspects:
                yield clip, ClipFault(Reason.UNREACHABLE, str(outage))
            else:
                self._suspects.add(clip)
                self._again.append(clip)
        else:
            self._return_put_off()
            self._served = clip.uri
            self._fetched.append((clip, data))

    def _note_time(self, future: Future[bytes]) -> None:
        if not future.cancelled() and not isinstance(future.exception(), Outage):
            self._answered_at = time.monotonic()

    def _return_put_off(self) -> None:
        self._again.extend(clip for clip, _ in self._put_off)
        self._put_off.clear()

    def _take_clip(self, future: Future[Clip]) -> tuple[Wanted, Read | ClipFault]:
        wanted, data = self._reading.pop(future)
        try:
            clip = future.result()
        except ClipFault as fault:
            return wanted, fault
        return wanted, Read(clip, len(data), hashlib.sha256(data).hexdigest())

    def _judge_put_off(self) -> Iterator[tuple[Wanted, ClipFault]]:
        """Whose fault it is: a clip that the store has given before, if there is one, must be given again."""
        if not self._put_off:
            return
        try:
            if self._served is None:
                raise self._put_off[0][1]
            with suppress(ClipFault):
                self._fetcher.submit(self._served).result()
        except Outage as same:
            raise UserError(f"{same}: the store doesn't serve; give the same command again later") from None
        for clip, outage in self._put_off:
            yield clip, ClipFault(Reason.UNREACHABLE, str(outage))
        self._put_off.clear()
