"""The label decides how the target's cells move, and nothing else."""

import numpy as np
import pytest

from training.synthetic import DEMO, PRESETS, render, sample_scene


def scene(seed: int, *, stalled: bool, preset=DEMO):
    return sample_scene(np.random.default_rng(seed), preset=preset, stalled=stalled)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_both_classes_share_all_but_the_motion_of_the_targets_cells(preset):
    for seed in range(5):
        stalled, flowing = scene(seed, stalled=True, preset=preset), scene(seed, stalled=False, preset=preset)
        assert (stalled.num_frames, stalled.width, stalled.project) == (
            flowing.num_frames,
            flowing.width,
            flowing.project,
        )
        assert stalled.outline.box == flowing.outline.box
        assert stalled.look == flowing.look
        assert (stalled.timeline.gain == flowing.timeline.gain).all()
        assert [v.seed for v in stalled.vessels] == [v.seed for v in flowing.vessels]
        assert [v.motion for v in stalled.vessels[1:]] == [v.motion for v in flowing.vessels[1:]]
        assert stalled.vessels[0].motion.stalled != flowing.vessels[0].motion.stalled


def test_the_same_seed_gives_the_same_pixels():
    frames = (10, 11)
    first, again = (render(scene(3, stalled=True), frames) for _ in range(2))
    assert (first == again).all()
    assert (first != render(scene(4, stalled=True), frames, (0, 0, first.shape[2], first.shape[1]))).any()


def test_a_window_shows_what_the_whole_frame_shows():
    whole = scene(5, stalled=False)
    x0, y0, x1, y1 = window = (31, 40, 151, 117)
    frames = (3, 16, 4)
    assert (render(whole, frames)[:, y0:y1, x0:x1] == render(whole, frames, window)).all()
