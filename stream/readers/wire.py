"""The messages between the pool and a reader: fixed headers, each field checked, never a pickle.

Each message is one packet of a SOCK_SEQPACKET socket. The bulk (a video's bytes, a crop's pixels) stands at the
start of the slot; a message only says that it is there.
"""

import math
import struct
from dataclasses import dataclass
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from stream.clip import Box, Clip, Quality
from stream.errors import ClipFault, Reason

MAX_MESSAGE_BYTES = 4096

_REQUEST = struct.Struct("<4sIQi?4i")  # magic, number, bytes in the slot, num_frames or -1, roi given?, roi
_REPLY = struct.Struct("<4sIb4iI?dH")  # magic, number, reason or -1, roi, frames, ring, mean_grey, length of detail
_REQUEST_MAGIC = b"RdR1"
_REPLY_MAGIC = b"RdA1"
_NO_BOX = (0, 0, 0, 0)
_REASONS = tuple(Reason)
_DETAIL_BYTES = MAX_MESSAGE_BYTES - _REPLY.size


class GarbledReply(Exception):  # noqa: N818 - the reply is at fault, and it was not ours
    """A reader answered what no sound reader answers."""


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A video to be read, and what its reference knows of it."""

    data: bytes
    roi: Box | None = None
    num_frames: int | None = None


def pack_request(number: int, request: ReadRequest) -> bytes:
    """The message for a request whose bytes stand in the slot."""
    frames = -1 if request.num_frames is None else request.num_frames
    roi = request.roi
    return _REQUEST.pack(_REQUEST_MAGIC, number, len(request.data), frames, roi is not None, *(roi or _NO_BOX))


def unpack_request(message: bytes, slot: mmap) -> tuple[int, ReadRequest]:
    """A request's number and the request, its bytes copied out of the slot."""
    magic, number, size, frames, has_roi, *roi = _REQUEST.unpack(message)
    if magic != _REQUEST_MAGIC:
        raise ValueError(f"{magic!r} begins no request")
    request = ReadRequest(slot[:size], _box(roi) if has_roi else None, None if frames < 0 else frames)
    return number, request


def pack_clip(number: int, clip: Clip) -> bytes:
    """The reply for a clip whose pixels stand in the slot."""
    quality = clip.quality
    return _REPLY.pack(_REPLY_MAGIC, number, -1, *clip.roi, clip.frames, quality.ring, quality.mean_grey, 0)


def pack_fault(number: int, fault: ClipFault) -> bytes:
    """The reply for a clip that is refused."""
    detail = fault.detail.encode(errors="replace")[:_DETAIL_BYTES]
    reason = _REASONS.index(fault.reason)
    return _REPLY.pack(_REPLY_MAGIC, number, reason, *_NO_BOX, 0, False, 0.0, len(detail)) + detail


def unpack_reply(message: bytes, *, number: int, slot: mmap, shape: tuple[int, int, int, int]) -> Clip | ClipFault:
    """A reader's answer to request `number`; pixels `uint8` of `shape` are copied out of the slot.

    Raises:
        GarbledReply: the message is not one that a sound reader sends.
    """
    if len(message) < _REPLY.size:
        raise GarbledReply(f"a reply of {len(message)} bytes")
    magic, answered, reason, *roi, frames, ring, mean_grey, length = _REPLY.unpack_from(message)
    detail = message[_REPLY.size :]
    if magic != _REPLY_MAGIC or answered != number or len(detail) != length or not -1 <= reason < len(_REASONS):
        raise GarbledReply("a reply with a wrong header")
    if reason >= 0:
        return ClipFault(_REASONS[reason], detail.decode(errors="replace"))
    x0, y0, x1, y1 = roi
    if not (0 <= x0 < x1 and 0 <= y0 < y1 and math.isfinite(mean_grey)):
        raise GarbledReply(f"a clip with box {roi} and a mean grey of {mean_grey}")
    pixels: NDArray[np.uint8] = np.frombuffer(slot, np.uint8, count=math.prod(shape)).reshape(shape).copy()
    return Clip(pixels, (x0, y0, x1, y1), frames, Quality(ring, mean_grey))


def _box(numbers: list[int]) -> Box:
    x0, y0, x1, y1 = numbers
    return x0, y0, x1, y1
