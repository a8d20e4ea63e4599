"""Messages between pool and reader: what goes in comes out, and nothing else is believed."""

import mmap

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stream.clip import Clip, Quality
from stream.errors import ClipFault, Reason
from stream.readers import ReadRequest, wire

SHAPE = (1, 2, 16, 16)
NUMBER = 7
BOXES = st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(10, 8192), st.integers(10, 8192))


@pytest.fixture(scope="module")
def slot() -> mmap.mmap:
    return mmap.mmap(-1, 4096)


@given(data=st.binary(), roi=st.none() | BOXES, num_frames=st.none() | st.integers(1, 2000))
def test_a_request_comes_out_as_it_went_in(slot: mmap.mmap, data: bytes, roi, num_frames):
    request = ReadRequest(data, roi, num_frames)
    slot[: len(data)] = data
    assert wire.unpack_request(wire.pack_request(NUMBER, request), slot) == (NUMBER, request)


@given(seed=st.integers(0, 2**32 - 1), roi=BOXES, frames=st.integers(8, 2000), ring=st.booleans())
def test_a_clip_comes_out_as_it_went_in(slot: mmap.mmap, seed: int, roi, frames: int, ring: bool):  # noqa: FBT001
    rng = np.random.default_rng(seed)
    clip = Clip(rng.integers(0, 256, SHAPE, np.uint8), roi, frames, Quality(ring, rng.random() * 255))
    slot[: clip.pixels.nbytes] = clip.pixels.data
    back = wire.unpack_reply(wire.pack_clip(NUMBER, clip), number=NUMBER, slot=slot, shape=SHAPE)
    assert isinstance(back, Clip)
    assert np.array_equal(back.pixels, clip.pixels)
    assert (back.roi, back.frames, back.quality) == (clip.roi, clip.frames, clip.quality)
    slot[: clip.pixels.nbytes] = bytes(clip.pixels.nbytes)
    assert np.array_equal(back.pixels, clip.pixels), "the slot's next clip must not show through"


@given(reason=st.sampled_from(Reason), detail=st.text(max_size=200))
def test_a_fault_comes_out_as_it_went_in(slot: mmap.mmap, reason: Reason, detail: str):
    message = wire.pack_fault(NUMBER, ClipFault(reason, detail))
    back = wire.unpack_reply(message, number=NUMBER, slot=slot, shape=SHAPE)
    assert isinstance(back, ClipFault)
    assert (back.reason, back.detail) == (reason, detail)


@given(st.binary(max_size=wire.MAX_MESSAGE_BYTES))
@example(wire.pack_fault(NUMBER + 1, ClipFault(Reason.DAMAGED, "of another clip")))
@example(wire.pack_fault(NUMBER, ClipFault(Reason.DAMAGED, "cut short"))[:-1])
@example(wire.pack_clip(NUMBER, Clip(np.zeros(SHAPE, np.uint8), (9, 9, 1, 1), 52, Quality(True, 1.0))))
@example(wire.pack_clip(NUMBER, Clip(np.zeros(SHAPE, np.uint8), (1, 1, 9, 9), 52, Quality(True, float("nan")))))
def test_what_no_sound_reader_sends_is_garbled(slot: mmap.mmap, message: bytes):
    with pytest.raises(wire.GarbledReply):
        wire.unpack_reply(message, number=NUMBER, slot=slot, shape=SHAPE)
