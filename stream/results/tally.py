"""What the outcomes say of each reference, in 13 bytes for each: counted in pages, so that millions fit into memory."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

_PAGE = 1024
_MOST = 255


@dataclass(frozen=True, slots=True)
class Told:
    """What is kept of a reference's outcomes."""

    count: int
    """How many there are; 255 means as many or more."""
    clip: int
    """Checksum of the clip_id that the first of them names."""
    at_ms: int
    """When the first of them was appended."""


class _Page:
    """Of neighbouring offsets: `counts`, `clips` (32 bits each) and `times_ms` (64 bits each)."""

    __slots__ = ("clips", "counts", "times_ms")

    def __init__(self) -> None:
        self.counts = bytearray(_PAGE)
        self.clips = array("I", bytes(4 * _PAGE))
        self.times_ms = array("q", bytes(8 * _PAGE))


class Tally:
    """By partition and offset; an offset far from all others costs one page."""

    def __init__(self) -> None:
        self._pages: dict[tuple[int, int], _Page] = {}

    def add(self, number: int, offset: int, *, clip: int, at_ms: int) -> int:
        """Counts one more outcome and says how many there are."""
        index, at = divmod(offset, _PAGE)
        page = self._pages.get((number, index))
        if page is None:
            page = self._pages[number, index] = _Page()
        count = page.counts[at]
        if count == 0:
            page.clips[at] = clip
            page.times_ms[at] = at_ms
        page.counts[at] = min(count + 1, _MOST)
        return page.counts[at]

    def take(self, number: int, offset: int) -> Told | None:
        """What is known of a reference's outcomes, which are forgotten then; None where it has none."""
        index, at = divmod(offset, _PAGE)
        page = self._pages.get((number, index))
        if page is None or not page.counts[at]:
            return None
        told = Told(page.counts[at], page.clips[at], page.times_ms[at])
        page.counts[at] = 0
        return told

    def left(self) -> Iterator[tuple[int, int]]:
        """Partition and offset of those not taken, in order."""
        for (number, index), page in sorted(self._pages.items()):
            yield from ((number, index * _PAGE + at) for at, count in enumerate(page.counts) if count)


def checksum(clip_id: str | None) -> int:
    """Of a clip_id, 32 bits; of none, 0."""
    return 0 if clip_id is None else crc32(clip_id.encode())
