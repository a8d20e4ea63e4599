"""Strips of frames with the outline around the inside, and pictures that a page can hold."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from stream.pictures import ORANGE, draw_strip, png


def crop(frames: int = 3, *, channels: int = 2):
    """Grey noise with a square inside from 4 to 11."""
    pixels = np.random.default_rng(0).integers(50, 200, (channels, frames, 16, 16)).astype(np.uint8)
    if channels == 2:
        pixels[1] = 0
        pixels[1, :, 4:12, 4:12] = 90
    return pixels


def is_orange(strip):
    return (strip == ORANGE).all(axis=-1)


def test_the_outline_is_drawn_around_the_inside_of_each_frame():
    orange = is_orange(draw_strip(crop()))
    frame = orange[:16, :16]
    assert frame[3, 4:12].all()
    assert frame[4:12, 12].all()
    assert not frame[4:12, 4:12].any()
    assert frame.sum() == 4 * 8
    assert np.array_equal(orange[:16, 18:34], frame)
    assert orange.sum() == 3 * frame.sum()


def test_frames_fill_rows_of_eight():
    assert draw_strip(crop(8)).shape == (16, 8 * 18 - 2, 3)
    assert draw_strip(crop(16)).shape == (2 * 18 - 2, 8 * 18 - 2, 3)
    assert draw_strip(crop(3)).shape == (16, 3 * 18 - 2, 3)


def test_dim_clips_are_brightened_and_black_ones_stay_black():
    assert draw_strip(crop() // 10)[4:12, 4:12].max() == 255
    assert draw_strip(np.zeros((1, 2, 16, 16), np.uint8))[:16, :16].max() == 0


def test_a_crop_without_second_channel_has_no_outline_drawn():
    assert not is_orange(draw_strip(crop(channels=1))).any()


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3)])
def test_a_picture_keeps_each_pixel_in_its_address(shape: tuple[int, ...]):
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    kind, _, text = png(picture).partition(",")
    assert kind == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))), picture)
