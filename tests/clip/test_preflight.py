"""What the structure of an MP4 must be before FFmpeg may see it."""

import struct

import pytest

from stream.clip.preflight import MAX_BYTES, VideoFacts, preflight
from stream.errors import ClipFault, Reason
from tests.clip.boxes import TABLES, TRACK, box, find, patched, payload, replaced, resized, with_index_first
from tests.clip.scenes import encode, noise

FRAMES = 9
MINF = TABLES[:-1]


@pytest.fixture(scope="module")
def good() -> bytes:
    return encode(noise(0, frames=FRAMES, height=96, width=128))


def refusal(data: bytes) -> ClipFault:
    with pytest.raises(ClipFault) as fault:
        preflight(data)
    assert fault.value.reason in (Reason.UNDECODABLE, Reason.TOO_LARGE)
    return fault.value


def inserted(data: bytes, path: tuple[bytes, ...], new: bytes) -> bytes:
    """The file with a box added at the end of the one at `path`."""
    _, end = find(data, *path)
    return resized(data[:end] + new + data[end:], path, len(new))


def test_facts_of_ordinary_files(good):
    assert preflight(good) == VideoFacts(samples=FRAMES, all_sync=True)
    assert preflight(with_index_first(good)) == VideoFacts(samples=FRAMES, all_sync=True)
    gop = encode(noise(0, frames=FRAMES, height=96, width=128), intra=False, b_frames=2)
    assert preflight(gop) == VideoFacts(samples=FRAMES, all_sync=False)
    assert preflight(encode(noise(0, frames=FRAMES, height=96, width=128), audio=True)).samples == FRAMES


def test_facts_of_the_real_clip(real_clip):
    assert preflight(real_clip) == VideoFacts(samples=52, all_sync=True)


def test_a_table_of_all_samples_means_the_same_as_none(good):
    every = struct.pack(f">II{FRAMES}I", 0, FRAMES, *range(1, FRAMES + 1))
    assert preflight(inserted(good, TABLES, box(b"stss", every))).all_sync
    others = struct.pack(f">II{FRAMES}I", 0, FRAMES, *[1] * FRAMES)
    assert not preflight(inserted(good, TABLES, box(b"stss", others))).all_sync


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\0", "not an MP4"),
        (b"just some text, long enough to hold a header", "not an MP4"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/x.ts\n#EXT-X-ENDLIST\n", "not an MP4"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "not an MP4"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=video 5004 RTP/AVP 96\n", "not an MP4"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not an MP4"),
        (b"\0\0\0\x10ftypisom\0\0\0\0", "0 boxes mdat"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + box(b"mdat", b""), "0 boxes moov"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + 70 * box(b"free", b""), "more than 64 boxes"),
        (b"\0\0\0\x10ftypisom\0\0\0\0" + box(b"moof", b""), "moof at its top level"),
        (b"\0\0\0\x08ftyp\0\0\0\x01mdat" + struct.pack(">Q", 2**63), "does not fit"),
        (b"\0\0\0\x08ftyp\0\0\0\x07mdat", "does not fit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_whole_mp4_is_undecodable(data, words):
    fault = refusal(data)
    assert fault.reason is Reason.UNDECODABLE
    assert words in fault.detail


def test_a_file_cut_anywhere_is_refused_wherever_its_index_stands(good):
    for whole in (good, with_index_first(good)):
        for length in range(1, len(whole), len(whole) // 50):
            refusal(whole[:length])


def test_an_index_that_promises_too_much_is_refused(good):
    assert "85000000 samples" in refusal(patched(good, (*TABLES, b"stsz"), 4, struct.pack(">II", 7, 85_000_000))).detail
    assert "0 samples" in refusal(patched(good, (*TABLES, b"stsz"), 8, bytes(4))).detail
    overlapping = box(b"stsz", struct.pack(">III", 0, 0, 2000) + 1999 * struct.pack(">I", len(good)))
    assert "more than it holds" in refusal(replaced(good, (*TABLES, b"stsz"), overlapping)).detail
    overlapping = box(b"stsz", struct.pack(">III", 0, 0, 1000) + 1000 * struct.pack(">I", len(good)))
    assert "bytes of samples" in refusal(replaced(good, (*TABLES, b"stsz"), overlapping)).detail
    assert "promises 4294967295 samples" in refusal(patched(good, (*TABLES, b"stts"), 8, b"\xff" * 4)).detail
    for table in (b"stts", b"stsc", b"stco"):
        assert "more than it holds" in refusal(patched(good, (*TABLES, table), 4, b"\x00\xff\xff\xff")).detail


def test_wide_chunk_offsets_are_checked_like_narrow_ones(good):
    offsets = [each for (each,) in struct.iter_unpack(">I", payload(good, (*TABLES, b"stco"))[8:])]
    wide = struct.pack(f">II{len(offsets)}Q", 0, len(offsets), *offsets)
    assert preflight(replaced(good, (*TABLES, b"stco"), box(b"co64", wide))).samples == FRAMES
    lying = struct.pack(f">II{len(offsets)}Q", 0, len(offsets) + 1, *offsets)
    assert "more than it holds" in refusal(replaced(good, (*TABLES, b"stco"), box(b"co64", lying))).detail


def test_each_table_stands_once_and_where_it_belongs(good):
    stsz = box(b"stsz", payload(good, (*TABLES, b"stsz")))
    refusal(inserted(good, TABLES, stsz))
    for elsewhere in (TRACK, (*TRACK, b"mdia"), MINF, (*TABLES, b"stsd", b"avc1"), (b"moov",)):
        assert "stsz where none belongs" in refusal(inserted(good, elsewhere, stsz)).detail
    assert "stsz where none belongs" in refusal(inserted(good, (b"moov",), box(b"udta", stsz))).detail
    refusal(good + stsz)


def test_a_handler_that_comes_late_does_not_loosen_the_limits(good):
    sound = patched(good, (*TRACK, b"mdia", b"hdlr"), 8, b"soun")
    sizes = box(b"stsz", struct.pack(">III", 0, 1, 5000))
    sound = replaced(sound, (*TABLES, b"stsz"), sizes)
    assert preflight(inserted(good, (b"moov",), box(b"trak", payload(sound, TRACK)))).samples == FRAMES
    handler = box(b"hdlr", payload(sound, (*TRACK, b"mdia", b"hdlr")))
    late = inserted(replaced(sound, (*TRACK, b"mdia", b"hdlr"), b""), (*TRACK, b"mdia"), handler)
    assert "5000 samples" in refusal(inserted(good, (b"moov",), box(b"trak", payload(late, TRACK)))).detail


def test_only_one_self_contained_h264_track_of_a_sane_size_passes(good):
    assert "2048" in refusal(patched(good, (*TABLES, b"stsd", b"avc1"), 24, struct.pack(">H", 8192))).detail
    assert "coded as hvc1" in refusal(good.replace(b"avc1\0\0", b"hvc1\0\0")).detail
    assert "another file" in refusal(patched(good, (*MINF, b"dinf", b"dref"), 16, bytes(4))).detail
    assert "0 video tracks" in refusal(patched(good, (*TRACK, b"mdia", b"hdlr"), 8, b"soun")).detail
    track = box(b"trak", payload(good, TRACK))
    assert "2 video tracks" in refusal(inserted(good, (b"moov",), track)).detail
    assert "3 tracks" in refusal(inserted(good, (b"moov",), track + track)).detail
    assert "mvex" in refusal(inserted(good, (b"moov",), box(b"mvex", b""))).detail
    edits = box(b"elst", struct.pack(">II", 0, 17) + 17 * bytes(12))
    assert "17 edits" in refusal(replaced(good, (*TRACK, b"edts", b"elst"), edits)).detail


def test_huge_files_and_huge_indices_are_too_large(good):
    assert refusal(good + bytes(MAX_BYTES)).reason is Reason.TOO_LARGE
    assert refusal(inserted(good, (b"moov",), box(b"free", bytes(5 << 20)))).reason is Reason.TOO_LARGE
