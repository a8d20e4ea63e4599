"""What augmentation may change of a clip, and what it may not."""

import numpy as np

from training.augment import augment


def clips(count=8) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(40, 200, (count, 2, 6, 16, 16), dtype=np.uint8)
    pixels[:, :, :, :5] = 0  # outside of the outline
    pixels[:, 1] = pixels[:, 1, :1]
    return pixels


def test_the_same_generator_gives_the_same_pixels_and_the_input_is_untouched():
    given = clips()
    first, second = (augment(given, np.random.default_rng(7)) for _ in range(2))
    assert (first == second).all()
    assert (given == clips()).all()
    assert not (first == given).all()


def test_black_stays_black_and_only_black_does():
    for before, after in zip(clips(64), augment(clips(64), np.random.default_rng(1)), strict=True):
        assert np.count_nonzero(after[0] == 0) == np.count_nonzero(before[0] == 0)


def test_the_extra_channel_is_only_turned_and_turns_with_the_grey_one():
    for before, after in zip(clips(64), augment(clips(64), np.random.default_rng(2)), strict=True):
        assert sorted(after[1].ravel()) == sorted(before[1].ravel())
        assert ((after[1] == 0) == (after[0] == 0)).all()


def test_all_eight_symmetries_and_both_directions_of_time_occur():
    ramp = np.arange(1, 1 + 2 * 4 * 4, dtype=np.uint8).reshape(1, 1, 2, 4, 4)
    clip = np.concatenate([ramp, ramp], axis=1)
    rng = np.random.default_rng(3)
    assert len({augment(clip, rng)[0, 1].tobytes() for _ in range(300)}) == 16
