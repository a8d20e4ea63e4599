"""New clips of a folder, as they come: each is taken once, when it has stopped growing."""

import logging
import os
import stat
import time
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from stream.errors import ClipFault
from stream.records import ClipReference, parse_reference
from stream.sending.produce import folder_value, names_below

log = logging.getLogger(__name__)

STEADY_S = 2.0
"""A file whose size and time of change have stayed the same for so long is taken to be whole."""
_INTERVAL_S = 0.5
_REST = 10
"""Looking takes at most one part of so many, and a rest: a folder may be large, or at the far end of a network."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file as it was last seen to change."""

    size_bytes: int
    changed_ns: int
    since_s: float


class Folder:
    """A folder that clips are put into, looked at now and then: mounts from a network tell of nothing by themselves.

    Args:
        base: the folder, as an absolute path.
        known: names that are taken already.
        clock: seconds, monotonic.
    """

    def __init__(self, base: Path, known: Container[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._base = base
        self._known = known
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._refused: set[str] = set()
        self._away = False

    def look(self) -> Iterator[ClipReference]:
        """The clips that have become whole since the last look, in order of their names."""
        self._note_whether_away()
        now = self._clock()
        names = (name for name in names_below(self._base) if name not in self._known and name not in self._refused)
        looked = {name: seen for name in names if (seen := self._look_at(name, now))}
        self._seen = looked
        for name in sorted(name for name, seen in looked.items() if now - seen.since_s >= STEADY_S):
            try:
                yield parse_reference(folder_value(self._base, name))
            except ClipFault as fault:
                self._refused.add(name)
                log.warning("%s is left out: %s", self._base / name, fault.detail)

    def _look_at(self, name: str, now: float) -> _Seen | None:
        try:
            found = os.stat(self._base / name)  # noqa: PTH116 - of 100,000
        except (OSError, ValueError):  # gone meanwhile, or not ours to look at
            return None
        before = self._seen.get(name)
        if before and (before.size_bytes, before.changed_ns) == (found.st_size, found.st_mtime_ns):
            return before
        return _Seen(found.st_size, found.st_mtime_ns, now) if stat.S_ISREG(found.st_mode) else None

    def _note_whether_away(self) -> None:
        away = not self._base.is_dir()
        if away != self._away:
            log.warning("%s %s", self._base, "is not there; it is waited for" if away else "is there again")
        self._away = away


def follow(
    folder: Folder, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
) -> Iterator[Iterator[ClipReference]]:
    """Looks at a folder without end: the clips of each look, which must have been sent before the next one."""
    while True:
        began_s = clock()
        ready = list(folder.look())
        took_s = clock() - began_s
        yield iter(ready)
        sleep(max(_INTERVAL_S, _REST * took_s))
