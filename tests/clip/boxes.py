"""Surgery on MP4 files, for tests of files that no muxer writes."""

import struct


def find(data: bytes, *path: bytes, start: int = 0, end: int | None = None) -> tuple[int, int]:
    """Start and end (of header and payload) of the first box along a path; descends into stsd and avc1 too."""
    end = len(data) if end is None else end
    position = start
    while position + 8 <= end:
        size, kind = struct.unpack_from(">I4s", data, position)
        if kind == path[0]:
            skipped = {b"stsd": 16, b"avc1": 86}.get(kind, 8)
            found = (position, position + size)
            return found if len(path) == 1 else find(data, *path[1:], start=position + skipped, end=position + size)
        position += size or end
    raise LookupError(path)


TRACK = (b"moov", b"trak")
TABLES = (*TRACK, b"mdia", b"minf", b"stbl")


def box(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(payload), kind) + payload


def replaced(data: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    """The file with one box replaced (by nothing, or by several); moov must be its last box, as in real clips."""
    start, end = find(data, *path)
    return resized(data[:start] + new + data[end:], path[:-1], len(new) - (end - start))


def resized(data: bytes, path: tuple[bytes, ...], by: int) -> bytes:
    """Adds to the sizes of all boxes along a path."""
    changed = bytearray(data)
    for depth in range(1, len(path) + 1):
        at, _ = find(data, *path[:depth])
        struct.pack_into(">I", changed, at, struct.unpack_from(">I", data, at)[0] + by)
    return bytes(changed)


def patched(data: bytes, path: tuple[bytes, ...], offset: int, new: bytes) -> bytes:
    """The file with bytes overwritten, `offset` bytes into a box' payload."""
    at = find(data, *path)[0] + 8 + offset
    return data[:at] + new + data[at + len(new) :]


def payload(data: bytes, path: tuple[bytes, ...]) -> bytes:
    start, end = find(data, *path)
    return data[start + 8 : end]


def with_index_first(data: bytes) -> bytes:
    """The file as a web server would want it: moov before mdat, chunk offsets moved along."""
    start, end = find(data, b"moov")
    first, _ = find(data, b"mdat")
    offsets = payload(data, (*TABLES, b"stco"))
    moved = (offset + end - start for (offset,) in struct.iter_unpack(">I", offsets[8:]))
    moov = patched(data, (*TABLES, b"stco"), 8, b"".join(struct.pack(">I", offset) for offset in moved))[start:end]
    return data[:first] + moov + data[first:start] + data[end:]


def with_sps_of_size(data: bytes, width: int, height: int) -> bytes:
    """The file with a baseline sequence parameter set that states another picture size (ITU-T H.264, 7.3.2.1.1)."""
    bits = "".join(
        _ue(n)
        for n in (0, 0, 2, 0)  # id, log2_max_frame_num - 4, poc type 2, one of: max_num_ref_frames
    )
    bits += "0" + _ue(width // 16 - 1) + _ue(height // 16 - 1) + "1" + "1" + "0" + "0" + "1"
    bits += "0" * (-len(bits) % 8)
    sps = bytes([0x67, 66, 0, 51]) + int(bits, 2).to_bytes(len(bits) // 8)
    old = payload(data, (*TABLES, b"stsd", b"avc1", b"avcC"))
    old_length = struct.unpack_from(">H", old, 6)[0]
    avcc = old[:6] + struct.pack(">H", len(sps)) + sps + old[8 + old_length :]
    return replaced(data, (*TABLES, b"stsd", b"avc1", b"avcC"), box(b"avcC", avcc))


def _ue(number: int) -> str:
    """Exp-Golomb code (ITU-T H.264, 9.1)."""
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits
