"""A check of an MP4's structure in pure Python, before FFmpeg sees a byte of it.

FFmpeg guesses formats, follows references to other files and hosts, and allocates what an index promises. So
only what is plainly one small H.264 video track passes. Limits stand where real clips end with room to spare
(2.5 MB, 17 to 434 frames); each index table must be where the format wants it and fit the box that holds it,
because FFmpeg takes such a table from anywhere and at its word: 420 kB that promise 85 million samples cost
it 3 GB.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from stream.errors import ClipFault, Reason

MAX_BYTES = 64 << 20
MAX_MOOV_BYTES = 4 << 20
MAX_TOP_BOXES = 64
MAX_INNER_BOXES = 4096
MAX_TRACKS = 2
MAX_FRAMES = 2000
MAX_OTHER_SAMPLES = 200_000
"""Of a track that is not video: audio has many small samples."""
MAX_EDITS = 16
HEADER_SIDE = range(16, 2049)
"""Width and height that the sample description may state; the decoder has its own limit for the true ones."""

_TOP = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pdin"}
_REFUSED = (b"moof", b"mfra", b"mvex", b"cmov", b"rmra", b"stz2")
_ENTRY_BYTES = {b"stts": 8, b"ctts": 8, b"stsc": 12, b"stco": 4, b"co64": 8, b"stss": 4}
"""Tables of a sample table box that begin with version, flags and a count of entries."""
_PARENT = {
    b"trak": b"moov",
    b"mdia": b"trak",
    b"minf": b"mdia",
    b"stbl": b"minf",
    b"elst": b"edts",
    b"dref": b"dinf",
    **dict.fromkeys((b"stsd", b"stsz", *_ENTRY_BYTES), b"stbl"),
}
"""Where boxes belong; their names stand in moov as often as they were found there, or FFmpeg could see another."""


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What the index says of the one video track."""

    samples: int
    """Coded frames."""
    all_sync: bool
    """The index calls every sample a key frame; an index can lie."""


@dataclass(frozen=True, slots=True)
class _Box:
    kind: bytes
    start: int
    """Of the payload."""
    end: int

    @property
    def name(self) -> str:
        return self.kind.decode("ascii", "backslashreplace")


def preflight(data: bytes) -> VideoFacts:
    """Checks a whole MP4 file.

    Raises:
        ClipFault: undecodable, or too_large for what exceeds a limit of size.
    """
    if len(data) > MAX_BYTES:
        raise ClipFault(Reason.TOO_LARGE, f"the file has {len(data)} bytes, at most {MAX_BYTES} are read")
    if not data:
        raise _undecodable("the file is empty")
    if data[4:8] != b"ftyp":
        raise _undecodable(f"not an MP4 file: it begins with {data[:12]!r}, not with an ftyp box")
    top = list(_boxes(data, _Box(b"file", 0, len(data)), limit=MAX_TOP_BOXES))
    for box in top:
        if box.kind not in _TOP:
            raise _undecodable(f"the file has a box {box.name} at its top level (fragmented files are not read)")
    _only(top, b"mdat", "file", several=True)
    moov = _only(top, b"moov", "file")
    if moov.end - moov.start > MAX_MOOV_BYTES:
        raise ClipFault(Reason.TOO_LARGE, f"the index has {moov.end - moov.start} bytes, at most {MAX_MOOV_BYTES}")
    return _Movie(data).check(moov)


class _Movie:
    """The walk through one moov box; `found` counts the boxes that stand where they belong."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.found = dict.fromkeys(_PARENT, 0)

    def check(self, moov: _Box) -> VideoFacts:
        payload = self.data[moov.start : moov.end]
        for kind in _REFUSED:
            if kind in payload:
                raise _undecodable(f"the index holds a box {kind.decode()}, which is not read")
        tracks = [box for box in self.children(moov) if box.kind == b"trak"]
        if len(tracks) > MAX_TRACKS:
            raise _undecodable(f"the file has {len(tracks)} tracks, at most {MAX_TRACKS} are read")
        videos = [facts for facts in map(self.track, tracks) if facts]
        if len(videos) != 1:
            raise _undecodable(f"the file has {len(videos)} video tracks among {len(tracks)}, one is needed")
        for kind, count in self.found.items():
            if payload.count(kind) != count:
                raise _undecodable(f"the index holds a box {kind.decode()} where none belongs")
        return videos[0]

    def track(self, trak: _Box) -> VideoFacts | None:
        """Facts of a video track, None for another; each is checked."""
        parts = self.children(trak)
        for edts in (box for box in parts if box.kind == b"edts"):
            for elst in (box for box in self.children(edts) if box.kind == b"elst"):
                if (edits := self.count(elst, at=4)) > MAX_EDITS:
                    raise _undecodable(f"a track has {edits} edits, at most {MAX_EDITS} are read")
        media = self.children(_only(parts, b"mdia", "trak"))
        hdlr, minf = _only(media, b"hdlr", "mdia"), _only(media, b"minf", "mdia")
        handler = self.data[hdlr.start + 8 : hdlr.start + 12]
        # FFmpeg reads in the file's order: a table that comes before its handler may be taken for a video's.
        strict = handler == b"vide" or minf.start < hdlr.start
        inner = self.children(minf)
        self.references(_only(self.children(_only(inner, b"dinf", "minf")), b"dref", "dinf"))
        tables = self.children(_only(inner, b"stbl", "minf"))
        samples = self.samples(tables, limit=MAX_FRAMES if strict else MAX_OTHER_SAMPLES)
        if handler != b"vide":
            return None
        self.description(_only(tables, b"stsd", "stbl"))
        all_sync = all(self.lists_all(box, samples) for box in tables if box.kind == b"stss")
        return VideoFacts(samples=samples, all_sync=all_sync)

    def samples(self, tables: list[_Box], *, limit: int) -> int:
        """Number of samples, after each table was found to keep within `limit` and the file."""
        offsets = [box for box in tables if box.kind in (b"stco", b"co64")]
        if len(offsets) != 1:
            raise _undecodable(f"a track has {len(offsets)} tables of chunk offsets, one is needed")
        for box in tables:
            if box.kind not in _ENTRY_BYTES:
                continue
            count = self.count(box, at=4)
            if count * _ENTRY_BYTES[box.kind] > box.end - box.start - 8:
                raise _undecodable(f"box {box.name} promises {count} entries, more than it holds")
            if box.kind in (b"stts", b"ctts"):
                pairs = struct.iter_unpack(">II", self.data[box.start + 8 : box.start + 8 + 8 * count])
                if (total := sum(pair[0] for pair in pairs)) > MAX_OTHER_SAMPLES:
                    raise ClipFault(Reason.TOO_LARGE, f"box {box.name} promises {total} samples")
        _only(tables, b"stts", "stbl")
        _only(tables, b"stsc", "stbl")
        return self.sizes(_only(tables, b"stsz", "stbl"), limit=limit)

    def sizes(self, stsz: _Box, *, limit: int) -> int:
        size, count = self.count(stsz, at=4), self.count(stsz, at=8)
        if not 1 <= count <= limit:
            reason = Reason.TOO_LARGE if count else Reason.UNDECODABLE
            raise ClipFault(reason, f"a track promises {count} samples, 1 to {limit} are read")
        if size:
            total = size * count
        elif 4 * count > stsz.end - stsz.start - 12:
            raise _undecodable(f"box stsz promises {count} entries, more than it holds")
        else:
            total = sum(struct.unpack_from(f">{count}I", self.data, stsz.start + 12))
        if total > len(self.data):  # else a few bytes, promised 2000 times, fill the memory
            raise _undecodable(f"a track promises {total} bytes of samples, the file has {len(self.data)}")
        return count

    def description(self, stsd: _Box) -> None:
        entries = list(_boxes(self.data, _Box(stsd.kind, stsd.start + 8, stsd.end), limit=MAX_INNER_BOXES))
        if len(entries) != 1 or self.count(stsd, at=4) != 1:
            raise _undecodable(f"the video has {len(entries)} sample descriptions, one is needed")
        if entries[0].kind not in (b"avc1", b"avc3"):
            raise _undecodable(f"the video is coded as {entries[0].name}, only H.264 (avc1) is read")
        if entries[0].end - entries[0].start < 28:
            raise _undecodable("the video's sample description is cut short")
        width, height = struct.unpack_from(">HH", self.data, entries[0].start + 24)
        if width not in HEADER_SIDE or height not in HEADER_SIDE:
            detail = f"the video is {width}x{height}, sides of {HEADER_SIDE[0]} to {HEADER_SIDE[-1]} are read"
            raise ClipFault(Reason.TOO_LARGE if max(width, height) > HEADER_SIDE[-1] else Reason.UNDECODABLE, detail)

    def references(self, dref: _Box) -> None:
        count = self.count(dref, at=4)
        entries = list(_boxes(self.data, _Box(dref.kind, dref.start + 8, dref.end), limit=MAX_INNER_BOXES))
        if count != len(entries) or any(not self.count(entry, at=0) & 1 for entry in entries):
            raise _undecodable("the video's data lies in another file (dref)")

    def lists_all(self, stss: _Box, samples: int) -> bool:
        numbers = struct.pack(f">{samples}I", *range(1, samples + 1))
        return self.count(stss, at=4) == samples and self.data[stss.start + 8 : stss.end].startswith(numbers)

    def children(self, box: _Box) -> list[_Box]:
        boxes = list(_boxes(self.data, box, limit=MAX_INNER_BOXES))
        for each in boxes:
            if _PARENT.get(each.kind) == box.kind:
                self.found[each.kind] += 1
        return boxes

    def count(self, box: _Box, *, at: int) -> int:
        """The 32-bit number `at` bytes into a box."""
        if box.start + at + 4 > box.end:
            raise _undecodable(f"box {box.name} is cut short")
        return int(struct.unpack_from(">I", self.data, box.start + at)[0])


def _boxes(data: bytes, parent: _Box, *, limit: int) -> Iterator[_Box]:
    """The boxes inside another, each within it (ISO/IEC 14496-12, section 4.2)."""
    position, number = parent.start, 0
    while position < parent.end:
        header = 8
        if (number := number + 1) > limit:
            raise _undecodable(f"{parent.name} holds more than {limit} boxes")
        if parent.end - position < header:
            raise _undecodable(f"{parent.name} ends inside the header of a box: truncated?")
        size, kind = struct.unpack_from(">I4s", data, position)
        if size == 1 and parent.end - position >= 16:
            header, size = 16, struct.unpack_from(">Q", data, position + 8)[0]
        elif size == 0 and parent.kind == b"file":
            size = parent.end - position
        box = _Box(kind, position + header, position + size)
        if size < header or box.end > parent.end:
            raise _undecodable(f"box {box.name} of {size} bytes does not fit into {parent.name}: truncated?")
        yield box
        position = box.end


def _only(boxes: list[_Box], kind: bytes, parent: str, *, several: bool = False) -> _Box:
    found = [box for box in boxes if box.kind == kind]
    if not found or (len(found) > 1 and not several):
        raise _undecodable(f"{parent} has {len(found)} boxes {kind.decode()}, one is needed")
    return found[0]


def _undecodable(detail: str) -> ClipFault:
    return ClipFault(Reason.UNDECODABLE, detail)
