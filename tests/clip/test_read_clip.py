"""The whole way from bytes to numbers, for good, poor and hostile files."""

import resource
import subprocess
import sys
import time

import numpy as np
import pytest

from stream.clip import MIN_FRAMES, ClipSpec, read_clip
from stream.errors import ClipFault, Reason
from tests.clip.boxes import find
from tests.clip.hostile import hostile
from tests.clip.scenes import encode, iou, noise, outlined

SPEC = ClipSpec()
FRAMES = 17


@pytest.fixture(scope="module")
def scene():
    return outlined(7, background=noise(7, frames=FRAMES, height=192, width=256), centre=(120, 90), radius=30)


@pytest.fixture(scope="module")
def good(scene) -> bytes:
    return encode(scene.frames)


def refusal(data: bytes, **options) -> ClipFault:
    with pytest.raises(ClipFault) as fault:
        read_clip(data, SPEC, **options)
    return fault.value


def test_a_clip_is_what_its_spec_says(scene, good):
    clip = read_clip(good, SPEC)
    assert clip.pixels.shape == SPEC.shape
    assert clip.pixels.dtype == np.uint8
    assert iou(clip.roi, scene.box) > 0.95
    assert clip.frames == FRAMES
    assert clip.quality.ring
    assert 20 < clip.quality.mean_grey < 120


@pytest.mark.parametrize(
    "coding", [{"intra": False}, {"intra": False, "b_frames": 3}, {"pix_fmt": "yuvj420p"}], ids=str
)
def test_the_coding_hardly_matters(scene, good, coding):
    clip, other = read_clip(good, SPEC), read_clip(encode(scene.frames, **coding), SPEC)
    assert np.abs(np.subtract(clip.roi, other.roi)).max() <= 1
    both = (clip.pixels[1] > 0) & (other.pixels[1] > 0)
    if clip.roi == other.roi:
        assert np.abs(clip.pixels[0].astype(int) - other.pixels[0])[both].mean() < 5


@pytest.mark.parametrize(
    "spec",
    [
        ClipSpec(frames=64, size=96, sampling="whole", scale="fit", outside="keep", extra="mask"),
        ClipSpec(frames=2, size=32, extra="none"),
        ClipSpec(frames=256, central_frames=512, size=16, margin=128),
    ],
    ids=["whole", "small", "long"],
)
def test_the_shortest_clips_suffice_for_any_spec(scene, spec):
    for frames in (MIN_FRAMES, FRAMES):
        assert read_clip(encode(scene.frames[:frames]), spec).pixels.shape == spec.shape


def test_pixels_are_luma_stretched_to_grey_where_the_scale_is_native(scene, good):
    spec = ClipSpec(frames=FRAMES, size=96, outside="keep", extra="none")
    clip = read_clip(good, spec)
    x0, y0 = ((a + b - 96) // 2 for a, b in (clip.roi[::2], clip.roi[1::2]))
    drawn = scene.frames[:, y0 : y0 + 96, x0 : x0 + 96, 0][:, 30:60, 30:60]
    assert np.abs(clip.pixels[0, :, 30:60, 30:60].astype(int) - drawn).mean() < 4


def test_a_given_roi_replaces_the_outline(good):
    clip = read_clip(good, SPEC, roi=(10, 20, 40, 60))
    assert clip.roi == (10, 20, 40, 60)
    assert (clip.pixels[1] > 0).sum() == SPEC.frames * 30 * 40
    assert refusal(good, roi=(10, 20, 400, 60)).reason is Reason.BAD_REFERENCE
    bare = encode(noise(0, frames=MIN_FRAMES, height=96, width=128))
    assert refusal(bare).reason is Reason.NO_OUTLINE
    assert read_clip(bare, SPEC, roi=(10, 20, 40, 60)).roi == (10, 20, 40, 60)


def test_the_number_of_frames_is_held_against_the_reference(scene, good):
    assert read_clip(good, SPEC, num_frames=FRAMES).frames == FRAMES
    assert refusal(good, num_frames=FRAMES + 1).reason is Reason.DAMAGED
    assert refusal(encode(scene.frames[: MIN_FRAMES - 1])).reason is Reason.TOO_SHORT


@pytest.mark.parametrize("crf", [15, 28])
@pytest.mark.parametrize("intra", [True, False], ids=["intra", "gop"])
def test_a_black_inside_is_unusable_and_a_dark_one_is_not(crf, intra):
    black = outlined(1, background=np.zeros((10, 192, 256, 3), np.uint8), centre=(120, 90))
    assert "black" in refusal(encode(black.frames, crf=crf, intra=intra)).detail
    dark = outlined(1, background=noise(1, frames=10, height=192, width=256) // 6, centre=(120, 90))
    assert read_clip(encode(dark.frames, crf=15, intra=intra), SPEC).quality.mean_grey < 15


@pytest.mark.parametrize("crf", [15, 35])
@pytest.mark.parametrize("intra", [True, False], ids=["intra", "gop"])
def test_a_still_picture_is_unusable_though_encoders_treat_the_first_frame_apart(scene, crf, intra):
    fault = refusal(encode(np.repeat(scene.frames[:1], 10, axis=0), crf=crf, intra=intra))
    assert fault.reason is Reason.UNUSABLE
    assert "identical" in fault.detail
    assert read_clip(encode(scene.frames[:10], crf=crf, intra=intra), SPEC).frames == 10


def test_hostile_files_are_refused_fast_and_in_little_memory(good, scene):
    for name, (data, reasons) in hostile(good, scene).items():
        memory_kb, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        fault = refusal(data)
        assert fault.reason in reasons, (name, fault)
        assert fault.detail, name
        assert time.process_time() - started < 1, name
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_kb < 64 << 10, name


def test_200_mutated_files_end_in_a_clip_or_a_clip_fault(good):
    rng = np.random.default_rng(11)
    index = find(good, b"moov")
    started, faults = time.process_time(), 0
    for number in range(200):
        hurt = bytearray(good)
        first, last = (0, len(good)) if number % 4 == 0 else index
        for at in rng.integers(first, last, rng.integers(1, 6)):
            hurt[at] = rng.choice([0, 1, 0x7F, 0xFF, hurt[at] ^ 1 << rng.integers(8)])
        data = bytes(hurt)[: int(rng.integers(len(good)))] if number % 10 == 9 else bytes(hurt)
        try:
            read_clip(data, SPEC)
        except ClipFault:
            faults += 1
    assert faults > 50
    assert time.process_time() - started < 60


def test_the_real_clip(real_clip):
    clip = read_clip(real_clip, SPEC, num_frames=52)
    assert np.abs(np.subtract(clip.roi, (106, 84, 160, 166))).max() <= 1
    assert clip.quality.ring
    assert clip.pixels.shape == SPEC.shape


def test_the_types_alone_load_neither_ffmpeg_nor_opencv():
    code = "import sys, stream.clip; assert not {'av', 'cv2'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
