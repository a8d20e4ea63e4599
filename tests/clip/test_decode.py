"""Frames come out exact, only those wanted are decoded where that is exact, and damage is noticed."""

import io
import struct
from typing import Any

import av
import numpy as np
import pytest

from stream.clip.decode import decode_frames
from stream.clip.preflight import VideoFacts, preflight
from stream.errors import ClipFault, Reason
from tests.clip.boxes import TABLES, find, patched, payload, with_sps_of_size
from tests.clip.scenes import encode, noise

FRAMES = 12


@pytest.fixture(scope="module")
def movie():
    return noise(3, frames=FRAMES, height=98, width=130)


@pytest.fixture(scope="module")
def intra(movie) -> bytes:
    return encode(movie)


def reference(data: bytes) -> list[tuple[np.ndarray, ...]]:
    """All frames as FFmpeg gives them in one plain pass, planes packed."""
    with av.open(io.BytesIO(data), mode="r") as container:
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
        height, width = container.streams.video[0].height, container.streams.video[0].width
    quarter = height * width // 4
    flat = [frame.reshape(-1) for frame in frames]
    return [(f[: 4 * quarter].reshape(height, width), f[4 * quarter : 5 * quarter], f[5 * quarter :]) for f in flat]


def assert_same(data: bytes, wanted: list[int]) -> None:
    whole = reference(data)
    frames = decode_frames(data, preflight(data), wanted)
    assert len(frames) == len(wanted)
    for index, frame in zip(wanted, frames, strict=True):
        luma, u, v = whole[index]
        assert np.array_equal(frame.luma, luma)
        assert np.array_equal(frame.u.reshape(-1), u)
        assert np.array_equal(frame.v.reshape(-1), v)


@pytest.mark.parametrize(
    "coding",
    [{}, {"intra": False}, {"intra": False, "b_frames": 3}, {"pix_fmt": "yuvj420p"}],
    ids=["intra", "gop", "gop with B-frames", "full range"],
)
@pytest.mark.parametrize("wanted", [list(range(FRAMES)), [1, 4, 7, 10], [0, 0, 5, 5], [FRAMES - 1]], ids=str)
def test_any_selection_of_frames_is_exact(movie, coding, wanted):
    data = encode(movie, **coding)
    assert_same(data, wanted)
    assert decode_frames(data, preflight(data), [0])[0].full_range == (coding.get("pix_fmt") == "yuvj420p")


def test_every_selection_of_the_real_clip_is_exact(real_clip):
    assert_same(real_clip, list(range(52)))
    assert_same(real_clip, list(range(1, 52, 3)))


def test_of_an_all_intra_clip_only_the_wanted_packets_are_decoded(movie, intra):
    start, _ = find(intra, b"mdat")
    sizes = struct.unpack(f">{FRAMES}I", payload(intra, (*TABLES, b"stsz"))[12:])
    third = start + 8 + sum(sizes[:3])
    hurt = intra[:third] + b"\0\0\0\x08\x65" + b"\xff" * (sizes[3] - 5) + intra[third + sizes[3] :]
    decode_frames(hurt, preflight(hurt), [0, 2, 4, 6])
    with pytest.raises(ClipFault, match="damaged: packet 1 of 3"):
        decode_frames(hurt, preflight(hurt), [2, 3, 4])


def test_an_index_that_calls_everything_a_key_frame_is_not_believed(movie):
    gop = encode(movie, intra=False)
    start, end = find(gop, *TABLES, b"stss")
    hidden = gop[: start + 4] + b"free" + gop[start + 8 :]
    assert preflight(hidden).all_sync
    assert end > start
    assert_same(hidden, [2, 7])


@pytest.mark.parametrize("intra_coded", [True, False], ids=["intra", "gop"])
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_payload_is_noticed(movie, intra_coded, seed):
    data = encode(movie, intra=intra_coded)
    start, end = find(data, b"mdat")
    hurt = bytearray(data)
    for at in np.random.default_rng(seed).integers(start + 1000, end, 20):
        hurt[at] ^= 0x55
    with pytest.raises(ClipFault) as fault:
        decode_frames(bytes(hurt), preflight(bytes(hurt)), range(FRAMES))
    assert fault.value.reason is Reason.DAMAGED


def test_a_frame_that_lies_beyond_the_file_is_missed(intra):
    offsets = payload(intra, (*TABLES, b"stco"))
    beyond = patched(intra, (*TABLES, b"stco"), len(offsets) - 4, struct.pack(">I", len(intra) + 1000))
    with pytest.raises(ClipFault) as fault:
        decode_frames(beyond, preflight(beyond), range(FRAMES))
    assert fault.value.reason is Reason.DAMAGED


def test_an_edit_list_drops_no_frames(intra):
    elst = (b"moov", b"trak", b"edts", b"elst")
    late = patched(intra, elst, 12, struct.pack(">I", 5 * 1024))
    assert_same(intra, list(range(FRAMES)))
    assert len(decode_frames(late, preflight(late), range(FRAMES))) == FRAMES


@pytest.mark.parametrize("side", [2048, 8192])
def test_a_picture_size_that_only_the_stream_states_is_too_large(intra, side):
    data = with_sps_of_size(intra, side, side)
    with pytest.raises(ClipFault, match=f"{side}x{side}") as fault:
        decode_frames(data, preflight(data), [0])
    assert fault.value.reason is Reason.TOO_LARGE


def test_frames_that_change_their_size_are_refused(movie):
    data = with_sizes_that_change(movie)
    with pytest.raises(ClipFault, match="frames change from 130x98 yuv420p to 96x64") as fault:
        decode_frames(data, preflight(data), range(2 * FRAMES))
    assert fault.value.reason is Reason.UNDECODABLE


def test_frames_that_grow_beyond_the_limit_are_refused(movie):
    data = with_sizes_that_change(movie, height=1088, width=1024)
    with pytest.raises(ClipFault):
        decode_frames(data, preflight(data), range(2 * FRAMES))


@pytest.mark.parametrize("pix_fmt", ["yuv422p", "yuv444p", "yuv420p10le"])
def test_other_pixel_formats_are_refused(movie, pix_fmt):
    data = encode(movie, pix_fmt=pix_fmt)
    with pytest.raises(ClipFault, match=f"pixel format {pix_fmt}") as fault:
        decode_frames(data, preflight(data), [0])
    assert fault.value.reason is Reason.UNDECODABLE


def test_other_codecs_behind_a_false_name_are_refused(movie):
    data = encode(movie, codec="mpeg4").replace(b"mp4v", b"avc1")
    with pytest.raises(ClipFault) as fault:
        decode_frames(data, preflight(data), [0])
    assert fault.value.reason in (Reason.UNDECODABLE, Reason.DAMAGED)


def test_files_named_inside_are_never_opened(movie, tmp_path):
    (tmp_path / "other.mp4").write_bytes(encode(movie))
    playlist = b"ffconcat version 1.0\nfile " + str(tmp_path / "other.mp4").encode()
    for text in (playlist, b"#EXTM3U\n#EXTINF:1,\n" + str(tmp_path / "other.mp4").encode() + b"\n#EXT-X-ENDLIST\n"):
        with pytest.raises(ClipFault, match="undecodable"):
            decode_frames(text, VideoFacts(samples=FRAMES, all_sync=True), [0])


def with_sizes_that_change(movie, *, height: int = 64, width: int = 96) -> bytes:
    """An MP4 whose second half has another picture size, told by a parameter set between the pictures."""
    raw = _annex_b(movie) + _annex_b(noise(0, frames=FRAMES, height=height, width=width))
    file = io.BytesIO()
    with av.open(io.BytesIO(raw), mode="r", format="h264") as source, av.open(file, "w", format="mp4") as target:
        stream: Any = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(packet for packet in source.demux() if packet.size):
            packet.stream, packet.pts, packet.dts = stream, number * 512, number * 512
            packet.time_base = stream.time_base
            target.mux(packet)
    return file.getvalue()


def _annex_b(frames) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="h264") as container:
        stream: Any = container.add_stream("libx264", rate=15, options={"g": "1", "preset": "ultrafast"})
        (_, stream.height, stream.width, _), stream.pix_fmt = frames.shape, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
