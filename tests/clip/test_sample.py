"""Which frames and pixels a spec takes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stream.clip import Box, ClipSpec
from stream.clip.sample import check_usable, crop_clip, crop_square, frame_indices, to_grey
from stream.errors import ClipFault, Reason

SPECS = st.builds(
    ClipSpec,
    frames=st.integers(2, 40),
    size=st.integers(16, 96),
    sampling=st.sampled_from(["whole", "central"]),
    central_frames=st.integers(2, 80),
    scale=st.sampled_from(["fit", "native"]),
    margin=st.integers(0, 40),
    outside=st.sampled_from(["keep", "zero"]),
    extra=st.sampled_from(["none", "mask", "distance"]),
)
HEIGHT, WIDTH = 90, 120


@st.composite
def boxes(draw):
    x0, y0 = draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))
    return x0, y0, draw(st.integers(x0 + 1, WIDTH)), draw(st.integers(y0 + 1, HEIGHT))


def filled(box: Box, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> NDArray[np.bool_]:
    inside = np.zeros(shape, bool)
    inside[box[1] : box[3], box[0] : box[2]] = True
    return inside


@given(st.integers(1, 600), SPECS)
def test_indices_rise_stay_within_the_video_and_lie_evenly_about_the_middle(num_frames, spec):
    indices = frame_indices(num_frames, spec)
    assert len(indices) == spec.frames
    assert list(indices) == sorted(indices)
    span = num_frames if spec.sampling == "whole" else min(spec.central_frames, num_frames)
    assert (num_frames - span) // 2 <= indices[0]
    assert indices[-1] < (num_frames - span) // 2 + span
    steps = np.diff(indices)
    assert steps.max() - steps.min() <= 1
    middle, step = (indices[0] + indices[-1]) / 2, span / spec.frames
    assert abs(middle - (num_frames - 1) / 2) <= max(step, 1)


def test_indices_by_example():
    spec = ClipSpec(frames=4, sampling="whole")
    assert frame_indices(8, spec) == (1, 3, 5, 7)
    assert frame_indices(2, spec) == (0, 0, 1, 1)
    assert frame_indices(56, ClipSpec(frames=16, central_frames=32)) == tuple(range(13, 45, 2))
    assert frame_indices(17, ClipSpec(frames=17)) == tuple(range(17))
    with pytest.raises(ValueError, match="at least one frame"):
        frame_indices(0, spec)


@given(boxes(), SPECS)
def test_a_crop_has_the_shape_of_its_spec_wherever_the_box_lies(box, spec):
    luma = np.full((spec.frames, HEIGHT, WIDTH), 200, np.uint8)
    clip = crop_clip(luma, box, filled(box), spec)
    assert clip.shape == spec.shape
    assert clip.dtype == np.uint8
    x0, y0, side = crop_square(box, spec)
    assert x0 <= box[0] - spec.margin
    assert y0 <= box[1] - spec.margin
    assert box[2] + spec.margin <= x0 + side
    assert box[3] + spec.margin <= y0 + side
    assert clip[0].any() or side > spec.size, "only shrinking may lose a tiny box"


@given(boxes(), st.integers(0, 2**32 - 1))
def test_native_scale_copies_pixels_exactly_and_is_black_beyond_the_frame(box, seed):
    spec = ClipSpec(frames=2, size=256, scale="native", margin=3, outside="keep", extra="none")
    luma = np.random.default_rng(seed).integers(1, 256, (2, HEIGHT, WIDTH), np.uint8)
    x0, y0, side = crop_square(box, spec)
    assert side == spec.size
    beyond = np.pad(luma, ((0, 0), (side, side), (side, side)))
    expected = beyond[:, y0 + side : y0 + 2 * side, x0 + side : x0 + 2 * side]
    assert np.array_equal(crop_clip(luma, box, filled(box), spec)[0], expected)


@given(boxes(), st.sampled_from(["fit", "native"]))
def test_zeroed_surroundings_change_nothing_in_the_crop(box, scale):
    spec = ClipSpec(frames=2, size=48, scale=scale, outside="zero", extra="distance")
    rng, inside = np.random.default_rng(1), filled(box)
    one, other = rng.integers(0, 256, (2, 2, HEIGHT, WIDTH), np.uint8)
    other[:, inside] = one[:, inside]
    assert np.array_equal(crop_clip(one, box, inside, spec), crop_clip(other, box, inside, spec))


def test_fit_scales_the_longer_side_with_its_margin_to_the_whole_crop():
    spec = ClipSpec(frames=2, size=64, scale="fit", margin=2, outside="keep", extra="none")
    luma = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    luma[:, 40:52, 50:78] = 255
    clip = crop_clip(luma, (50, 40, 78, 52), filled((50, 40, 78, 52)), spec)[0, 0]
    lit = np.flatnonzero(clip.max(axis=0) > 127)
    assert (lit[0], lit[-1]) == (4, 59), "28 of 32 pixels, doubled"


def test_shrinking_averages_and_enlarging_interpolates():
    luma = np.zeros((2, 64, 64), np.uint8)
    luma[:, ::2] = 200
    keep = ClipSpec(frames=2, size=32, scale="fit", margin=0, outside="keep", extra="none")
    assert (crop_clip(luma, (0, 0, 64, 64), filled((0, 0, 64, 64), (64, 64)), keep) == 100).all()
    enlarged = crop_clip(luma, (0, 0, 16, 16), filled((0, 0, 16, 16), (64, 64)), keep)
    assert set(np.unique(enlarged)) == {0, 50, 150, 200}


def test_the_mask_is_two_valued_and_the_distance_counts_pixels_of_the_crop():
    box = (10, 20, 41, 51)
    luma = np.zeros((2, HEIGHT, WIDTH), np.uint8)
    spec = ClipSpec(frames=2, size=64, scale="native", extra="mask")
    mask = crop_clip(luma, box, filled(box), spec)[1]
    assert set(np.unique(mask)) == {0, 255}
    assert (mask == 255).sum() == 2 * 31 * 31
    distance = crop_clip(luma, box, filled(box), spec.model_copy(update={"extra": "distance"}))[1]
    assert np.array_equal(distance[0], distance[1])
    assert distance.max() == round(16 * 510 / 64), "the centre of 31 pixels is 16 from the nearest one outside"
    assert ((distance > 0) == (mask > 0)).all()


def test_the_distance_of_a_whole_crop_ends_at_its_border():
    spec = ClipSpec(frames=2, size=32, scale="fit", margin=0, extra="distance")
    box = (0, 0, 90, 90)
    distance = crop_clip(np.zeros((2, HEIGHT, WIDTH), np.uint8), box, filled(box), spec)[1, 0]
    assert distance[0, 0] == round(510 / 32)
    assert distance[16, 16] == 255


def test_luma_of_limited_range_is_stretched_to_grey():
    luma = np.array([[0, 16, 17, 126, 235, 255]], np.uint8)
    assert to_grey([luma], full_range=False).tolist() == [[[0, 0, 1, 128, 255, 255]]]
    assert to_grey([luma], full_range=True).tolist() == [luma.tolist()]


def test_a_mask_of_another_size_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="does not fit"):
        crop_clip(np.zeros((2, 8, 8), np.uint8), (0, 0, 4, 4), np.ones((8, 9), bool), ClipSpec(frames=2))


def test_black_or_still_insides_are_unusable_and_one_changed_pixel_is_not():
    rng, inside = np.random.default_rng(0), filled((20, 20, 60, 60))
    grey = rng.integers(0, 256, (8, HEIGHT, WIDTH), np.uint8)
    still, black = grey.copy(), grey.copy()
    still[:, inside] = grey[0, inside]
    black[:, inside] //= 32
    check_usable(grey, inside)
    for frames, words in ((still, "identical"), (black, "black")):
        with pytest.raises(ClipFault, match=words) as fault:
            check_usable(frames, inside)
        assert fault.value.reason is Reason.UNUSABLE
    still[0, inside] ^= 1
    with pytest.raises(ClipFault, match="identical"):
        check_usable(still, inside)
    still[3, 40, 40] ^= 1
    check_usable(still, inside)
    check_usable(grey[:2], inside)
