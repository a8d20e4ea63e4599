"""Which mistakes are shown, and what of them."""

import numpy as np

from tests.training.data.made import facts
from training.data.clips import Clips
from training.page.strips import ORANGE, draw_strip, worst_mistakes


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


def test_the_surest_mistakes_come_first():
    stalled = np.array([1, 1, 1, 0, 0], bool)
    probabilities = np.array([0.3, 0.1, 0.9, 0.6, 0.2])
    clips = Clips.of(np.stack([crop()] * 5), facts(stalled, project_ids="AACCC"))
    called = probabilities >= 0.5
    missed = worst_mistakes(clips, probabilities, called, stalled=True, count=5)
    assert [each.clip_id for each in missed] == ["clip1", "clip0"]
    assert [each.probability for each in missed] == [0.1, 0.3]
    false = worst_mistakes(clips, probabilities, called, stalled=False, count=5)
    assert [(each.clip_id, each.project_id) for each in false] == [("clip3", "C")]
    assert [each.clip_id for each in worst_mistakes(clips, probabilities, called, stalled=True, count=1)] == ["clip1"]


def test_no_more_frames_are_shown_than_there_is_room_for():
    clips = Clips.of(np.stack([crop(40)]), facts([True], project_ids="A"))
    shown = worst_mistakes(clips, np.zeros(1), np.zeros(1, bool), stalled=True, count=1)[0]
    assert len(shown.frames) == 16
    assert (shown.frames[0], shown.frames[-1]) == (0, 39)
