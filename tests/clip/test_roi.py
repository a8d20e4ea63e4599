"""The outline is found where it was drawn, whatever the encoder and the neighbours did."""

import time

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clip import MIN_FRAMES
from stream.clip.decode import Frame, decode_frames
from stream.clip.preflight import preflight
from stream.clip.roi import detect, find_outline, given_outline
from stream.errors import ClipFault, Reason
from tests.clip.scenes import ORANGE, Scene, encode, iou, noise, outlined

SIZES = (18, 32, 64)
"""Radii in pixels: boxes from 33 to 170 px, the 1st to the 99th percentile of real ones."""


def seen(frames: np.ndarray, **coding) -> list[Frame]:
    data = encode(frames, **coding)
    return decode_frames(data, preflight(data), range(len(frames)))


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def check(scene: Scene, *, box: float, inside: float, ring: bool = True, **coding) -> None:
    outline = detect(seen(scene.frames, **coding)[0])
    assert outline is not None
    assert outline.ring is ring
    assert iou(outline.box, scene.box) >= box, (outline.box, scene.box)
    assert overlap(outline.inside, scene.inside) >= inside


@pytest.mark.parametrize("crf", [15, 23, 28, 35])
@pytest.mark.parametrize("intra", [True, False], ids=["intra", "gop"])
def test_any_size_at_any_quality(crf, intra):
    for seed, radius in enumerate(SIZES):
        check(outlined(seed, frames=2, radius=radius), box=0.92, inside=0.88, crf=crf, intra=intra)


@pytest.mark.parametrize(("thickness", "box", "inside"), [(1, 0.85, 0.75), (2, 0.92, 0.88), (4, 0.92, 0.88)])
def test_any_thickness(thickness, box, inside):
    for seed, radius in enumerate(SIZES):
        check(outlined(seed, frames=2, radius=radius, thickness=thickness), box=box, inside=inside, crf=28)


@pytest.mark.parametrize("colour", [(255, 69, 0), (255, 180, 0), (160, 64, 0)])
def test_any_orange(colour):
    for seed, radius in enumerate(SIZES):
        check(outlined(seed, frames=2, radius=radius, colour=colour), box=0.9, inside=0.85, crf=28)


@pytest.mark.parametrize("dots", [1, 5, 12])
@pytest.mark.parametrize("thickness", [1, 3])
def test_dots_do_not_mislead_even_where_they_outshine_the_outline(dots, thickness):
    for seed, radius in enumerate(SIZES):
        scene = outlined(seed, frames=2, radius=radius, thickness=thickness, dots=dots)
        check(scene, box=0.85, inside=0.72, crf=28)


@pytest.mark.parametrize(
    "centre",
    [(12, 190), (250, 10), (508, 100), (100, 380), (14, 14), (500, 374), (500, 10), (10, 376)],
    ids=["left", "top", "right", "bottom", "left top", "right bottom", "right top", "left bottom"],
)
def test_an_outline_cut_by_the_border_is_closed_along_it(centre):
    for seed in range(4):
        check(outlined(seed, frames=2, centre=centre, radius=26 + 6 * seed), box=0.94, inside=0.9, crf=23)


def test_an_outline_with_a_gap_is_taken_by_its_hull_and_not_called_a_ring():
    for seed, radius in enumerate((26, 34, 42, 60)):
        check(outlined(seed, frames=2, radius=radius, gap=0.15), box=0.9, inside=0.8, ring=False, crf=23)


@pytest.mark.parametrize("height", [384, 386])
def test_frames_of_the_other_size(height):
    movie = noise(0, frames=2, height=height, width=418)
    check(outlined(0, background=movie), box=0.95, inside=0.9)


def test_a_warm_background():
    for seed, radius in enumerate(SIZES):
        movie = np.clip(noise(seed, frames=2) * np.array([1.1, 1.0, 0.85]), 0, 255).astype(np.uint8)
        check(outlined(seed, background=movie, radius=radius), box=0.92, inside=0.85)


def test_full_range_video():
    check(outlined(0, frames=2), box=0.95, inside=0.9, pix_fmt="yuvj420p")


def test_what_is_no_outline_is_not_taken_for_one():
    plain = noise(5, frames=1)
    dots, bar, arc, text = plain.copy(), plain.copy(), plain.copy(), plain.copy()
    for x in (60, 200, 330):
        cv2.circle(dots[0], (x, x // 2 + 40), x // 30, ORANGE, cv2.FILLED, cv2.LINE_AA)
    cv2.rectangle(bar[0], (100, 100), (200, 108), ORANGE, cv2.FILLED)
    cv2.ellipse(arc[0], (250, 190), (40, 40), 0, 0, 120, ORANGE, 3, cv2.LINE_AA)
    cv2.putText(text[0], "7", (100, 200), cv2.FONT_HERSHEY_SIMPLEX, 2, ORANGE, 3, cv2.LINE_AA)
    tinted = np.clip(plain * np.array([1.05, 1.0, 0.95]), 0, 255).astype(np.uint8)
    for crf in (15, 28):
        for frames in (plain, dots, bar, arc, text, tinted):
            assert detect(seen(frames, crf=crf)[0]) is None


def test_a_frame_of_coloured_noise_costs_no_more_than_others():
    rng = np.random.default_rng(0)
    luma = np.full((384, 512), 120, np.uint8)
    for share in (0.02, 0.1, 0.19, 1.0):
        u, v = (np.full((192, 256), 128, np.uint8) for _ in range(2))
        dirty = cv2.dilate((rng.random((192, 256)) < share / 6).astype(np.uint8), np.ones((6, 1), np.uint8)) != 0
        u[dirty], v[dirty] = 40, 200
        started = time.process_time()
        detect(Frame(luma, u, v, full_range=False))
        assert time.process_time() - started < 0.5


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_whatever_the_planes_hold_an_outline_lies_within_the_frame(height, width, seed, density):
    rng = np.random.default_rng(seed)
    chroma = ((height + 1) // 2, (width + 1) // 2)
    lit = rng.random(chroma) < density
    u, v = np.where(lit, 100 - rng.integers(100), 128), np.where(lit, rng.integers(100, 256), 128)
    luma = rng.integers(0, 256, (height, width), np.uint8)
    outline = detect(Frame(luma, u.astype(np.uint8), v.astype(np.uint8), full_range=False))
    if outline:
        x0, y0, x1, y1 = outline.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert outline.inside.shape == luma.shape


def test_the_inside_shows_nothing_of_the_stroke():
    scene = outlined(2, background=np.zeros((2, 384, 512, 3), np.uint8))
    for crf in (15, 28):
        frame = seen(scene.frames, crf=crf)[0]
        outline = detect(frame)
        assert outline is not None
        assert frame.luma[outline.inside].max() < 60, "black stays dark; the stroke's luma is about 120"


def test_a_second_frame_is_asked_and_the_median_of_three_decides():
    scene, bare = outlined(1, frames=9), noise(1, frames=9)
    late, never, briefly = scene.frames.copy(), bare.copy(), scene.frames.copy()
    late[0] = bare[0]
    never[-1] = scene.frames[-1]
    cv2.circle(briefly[0], (400, 100), 70, ORANGE, 3, cv2.LINE_AA)
    for frames in (late, briefly):
        assert iou(find_outline(seen(frames)).box, scene.box) > 0.95
    with pytest.raises(ClipFault, match="no closed orange outline") as fault:
        find_outline(seen(never))
    assert fault.value.reason is Reason.NO_OUTLINE


def test_the_real_clip_has_one_box_in_all_frames_and_after_every_encoding(real_clip):
    frames = decode_frames(real_clip, preflight(real_clip), range(52))
    boxes = {outline.box for frame in frames if (outline := detect(frame))}
    for box in boxes:
        assert np.abs(np.subtract(box, (106, 84, 160, 166))).max() <= 1
    coarse = _reencoded(frames, crf=35)
    assert np.abs(np.subtract(find_outline(coarse).box, (106, 84, 160, 166))).max() <= 2


def _reencoded(frames: list[Frame], *, crf: int) -> list[Frame]:
    """The real frames by way of RGB, as an uploader's tool would write them."""
    pictures = []
    for frame in frames[:MIN_FRAMES]:
        packed = np.concatenate([plane.reshape(-1) for plane in (frame.luma, frame.u, frame.v)])
        pictures.append(cv2.cvtColor(packed.reshape(-1, frame.luma.shape[1]), cv2.COLOR_YUV2RGB_I420))
    return seen(np.stack(pictures), crf=crf, intra=False)


def test_a_given_box_is_all_inside_and_must_lie_in_the_frame():
    (frame,) = seen(noise(0, frames=1, height=96, width=128))
    outline = given_outline((10, 20, 40, 60), frame)
    assert outline.inside.sum() == 30 * 40
    assert outline.inside[20:60, 10:40].all()
    assert given_outline((0, 0, 128, 96), frame).inside.all()
    for box in ((0, 0, 129, 96), (0, 0, 128, 97), (-1, 0, 5, 5), (5, 5, 5, 9), (9, 5, 5, 9)):
        with pytest.raises(ClipFault, match="128x96") as fault:
            given_outline(box, frame)
        assert fault.value.reason is Reason.BAD_REFERENCE
