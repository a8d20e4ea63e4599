"""The door to FFmpeg: the wanted frames of an H.264 MP4 as luma and chroma planes, colours not converted.

Only bytes that passed `preflight` come here. Each option of `_open` and `_decoder` blocks something the others
let through: playlists and other formats, files and hosts named inside, other codecs, huge frames.
"""

import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeAlias

import av
import numpy as np
from av.container import InputContainer
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from stream.clip.preflight import VideoFacts
from stream.errors import ClipFault, Reason

MAX_PIXELS = 1 << 20
"""Of a frame; real ones have 196,608."""

Packet: TypeAlias = "av.Packet[av.VideoStream]"

_FORMATS = {"yuv420p": False, "yuvj420p": True}
"""Pixel formats that are read, and whether their luma uses the full range."""
_MAX_STREAMS = 2
_OPTIONS = {
    "protocol_whitelist": "none",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2",
    "codec_whitelist": "h264",
    "enable_drefs": "0",
    "use_absolute_path": "0",
    "ignore_editlist": "1",  # each coded frame counts, else their number is not known before decoding
    "max_streams": str(_MAX_STREAMS),
    "max_pixels": str(MAX_PIXELS),
}
_PROBING: Any = [{"skip_frame": "all"}] * _MAX_STREAMS  # PyAV's stubs want another type than PyAV
"""No frame is decoded only to open the file."""
_IDR, _SLICE = 5, 1
"""Types of the NAL units that carry pictures (ITU-T H.264, table 7-1): refreshing everything, and all others."""
# PyAV raised UnicodeError and IndexError for mutated files, a limited process MemoryError, `_refuse_to_open` OSError.
_AV_ERRORS = (av.FFmpegError, OSError, EOFError, MemoryError, UnicodeError, IndexError)


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded picture; the arrays are read-only views into FFmpeg's own buffers."""

    luma: NDArray[np.uint8]
    """`[H, W]`."""
    u: NDArray[np.uint8]
    """`[ceil(H/2), ceil(W/2)]`, 128 is neutral."""
    v: NDArray[np.uint8]
    full_range: bool
    """Luma goes from 0 to 255, else from 16 to 235."""


def decode_frames(data: bytes, facts: VideoFacts, wanted: Sequence[int]) -> list[Frame]:
    """Decodes the frames at the indices `wanted`, which never fall; the same index twice gives the same object.

    Where every packet is an IDR picture only the wanted ones are decoded, which is exact; else everything up to
    the last wanted frame is. One thread: readers run side by side instead.

    Raises:
        ClipFault: undecodable where the stream is not of the one kind that is read, too_large where its frames
            are, damaged where the decoder reports an error or frames are missing.
    """
    distinct = sorted(set(wanted))
    with _open(data) as container:
        decoder, packets = _demux(container)
        _check_stream(decoder, packets, facts)
        if facts.all_sync and all(_is_idr(packet, decoder) for packet in packets):
            frames = dict(zip(distinct, _decode(decoder, [packets[i] for i in distinct]), strict=False))
        else:
            upto_last = itertools.islice(_decode(decoder, packets), distinct[-1] + 1)
            frames = {index: frame for index, frame in enumerate(upto_last) if index in distinct}
    if missing := set(distinct) - frames.keys():
        _damaged(f"frame {min(missing)} of {facts.samples} did not come out of the decoder")
    return [frames[index] for index in wanted]


def _open(data: bytes) -> InputContainer:
    try:
        return av.open(
            io.BytesIO(data),
            mode="r",
            format="mp4",
            metadata_errors="replace",
            io_open=_refuse_to_open,
            options=_OPTIONS,
            stream_options=_PROBING,
        )
    except _AV_ERRORS as error:
        raise _undecodable(f"FFmpeg can't open the file: {type(error).__name__}: {error}") from error


def _demux(container: InputContainer) -> tuple[av.VideoCodecContext, list[Packet]]:
    """The one video stream's decoder and its packets; data that ends early gives fewer."""
    if len(container.streams.video) != 1:
        raise _undecodable(f"FFmpeg sees {len(container.streams.video)} video streams, one is needed")
    stream = container.streams.video[0]
    decoder = stream.codec_context
    if decoder is None or decoder.name != "h264":
        raise _undecodable("the video stream is not H.264")
    decoder.thread_count = 1
    stream.thread_type = "SLICE"
    decoder.options = {"max_pixels": str(MAX_PIXELS), "codec_whitelist": "h264"}
    try:
        return decoder, [packet for packet in container.demux(stream) if packet.size]
    except _AV_ERRORS as error:
        raise _undecodable(f"FFmpeg can't read the file: {type(error).__name__}: {error}") from error


def _check_stream(decoder: av.VideoCodecContext, packets: list[Packet], facts: VideoFacts) -> None:
    if len(packets) != facts.samples:
        _damaged(f"{len(packets)} of {facts.samples} frames are in the file")
    _check_size(decoder)


def _check_size(decoder: av.VideoCodecContext) -> None:
    if decoder.width * decoder.height > MAX_PIXELS:
        detail = f"frames of {decoder.width}x{decoder.height}, at most {MAX_PIXELS} pixels are read"
        raise ClipFault(Reason.TOO_LARGE, detail)


def _decode(decoder: av.VideoCodecContext, packets: Sequence[Packet]) -> Iterator[Frame]:
    """Frames in the order they are shown; each is checked."""
    size, layout = (decoder.width, decoder.height), None
    for number, packet in enumerate([*packets, None]):
        try:
            frames = decoder.decode(packet)
        except _AV_ERRORS as error:
            _check_size(decoder)  # the stream may state another one than the file did
            _damaged(f"packet {number} of {len(packets)}: {type(error).__name__}: {error}")
        for frame in frames:
            if frame.is_corrupt:
                _damaged(f"packet {number} of {len(packets)}: the decoder marks its frame as corrupt")
            layout = layout or frame.format.name
            if layout not in _FORMATS:
                raise _undecodable(f"pixel format {layout}, only {' and '.join(_FORMATS)} are read")
            if (frame.width, frame.height) != size or frame.format.name != layout:
                change = f"{size[0]}x{size[1]} {layout} to {frame.width}x{frame.height} {frame.format.name}"
                raise _undecodable(f"frames change from {change}")
            yield _planes(frame)


def _is_idr(packet: Packet, decoder: av.VideoCodecContext) -> bool:
    """Whether a packet's first picture unit is IDR: the index may call anything a key frame.

    Units follow each other behind their length, whose own size stands in the decoder configuration record
    (ISO/IEC 14496-15, section 5.3.3).
    """
    length_bytes = (decoder.extradata[4] & 3) + 1 if decoder.extradata and len(decoder.extradata) > 4 else 4
    view, position = memoryview(packet), 0
    while position + length_bytes < len(view):
        kind = view[position + length_bytes] & 31
        if _SLICE <= kind <= _IDR:
            return kind == _IDR
        position += length_bytes + int.from_bytes(view[position : position + length_bytes])
    return False


def _planes(frame: av.VideoFrame) -> Frame:
    luma, u, v = (_plane(plane) for plane in frame.planes)
    return Frame(luma, u, v, full_range=_FORMATS[frame.format.name])


def _plane(plane: VideoPlane) -> NDArray[np.uint8]:
    """Rows are padded to `line_size` bytes; the padding is left out of the view."""
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    return rows[: plane.height, : plane.width]


def _refuse_to_open(url: str, *_: object) -> NoReturn:
    raise PermissionError(f"the file refers to {url}")


def _undecodable(detail: str) -> ClipFault:
    return ClipFault(Reason.UNDECODABLE, detail)


def _damaged(detail: str) -> NoReturn:
    raise ClipFault(Reason.DAMAGED, detail)
