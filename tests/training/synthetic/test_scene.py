"""The label decides how the target's cells move, and nothing else; what is shown can be judged."""

from dataclasses import replace

import numpy as np
import pytest

from training.synthetic import DEMO, FIELD, PRESETS, Scene, render, sample_scene
from training.synthetic.render import record

each_preset = pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)


def scene(seed: int, *, stalled: bool, preset=DEMO) -> Scene:
    return sample_scene(np.random.default_rng(seed), preset=preset, stalled=stalled)


@each_preset
def test_both_classes_share_all_but_the_motion_of_the_targets_cells(preset):
    for seed in range(5):
        stalled, flowing = scene(seed, stalled=True, preset=preset), scene(seed, stalled=False, preset=preset)
        assert (stalled.num_frames, stalled.width, stalled.project) == (
            flowing.num_frames,
            flowing.width,
            flowing.project,
        )
        assert stalled.outline.box == flowing.outline.box
        assert (stalled.outline.stroke_px, stalled.outline.colour) == (
            flowing.outline.stroke_px,
            flowing.outline.colour,
        )
        assert stalled.look == flowing.look
        assert (stalled.timeline.gain == flowing.timeline.gain).all()
        assert (stalled.timeline.plane == flowing.timeline.plane).all()
        assert [v.seed for v in stalled.vessels] == [v.seed for v in flowing.vessels]
        assert [v.cells for v in stalled.vessels] == [v.cells for v in flowing.vessels]
        assert [v.motion for v in stalled.vessels[1:]] == [v.motion for v in flowing.vessels[1:]]
        assert stalled.vessels[0].motion.stalled != flowing.vessels[0].motion.stalled


@each_preset
def test_a_window_shows_what_the_whole_frame_shows(preset):
    whole = scene(5, stalled=False, preset=preset)
    x0, y0, x1, y1 = window = (31, 40, 151, 117)
    frames = (3, 16, 4)
    assert (render(whole, frames)[:, y0:y1, x0:x1] == render(whole, frames, window)).all()


def test_the_same_seed_gives_the_same_pixels():
    frames = (10, 11)
    first, again = (render(scene(3, stalled=True), frames) for _ in range(2))
    assert (first == again).all()
    assert (first != render(scene(4, stalled=True), frames, (0, 0, first.shape[2], first.shape[1]))).any()


def in_focus(seen: Scene) -> np.ndarray:
    """Light of the target's plasma by frame and place along it, `[T, S]`: 1 in the middle of its focus."""
    target, optics = seen.vessels[0], seen.look.optics
    depth = target.line[:, 2] - seen.timeline.plane[:, None]
    light = np.exp(-0.5 * (depth / np.hypot(optics.axial_px, 0.7 * target.radius_px)) ** 2)
    return np.asarray(light * (seen.timeline.gain[:, None] > 0))


@each_preset
def test_the_target_is_in_focus_for_several_of_the_frames_that_are_looked_at(preset):
    for seed in range(60):
        seen = scene(seed, stalled=True, preset=preset)
        middle = slice(max(0, seen.num_frames // 2 - 16), seen.num_frames // 2 + 16)
        assert ((in_focus(seen)[middle] > 0.5).mean(axis=1) > 0.3).sum() >= 6, seed


@each_preset
def test_a_stalled_target_mostly_rests_while_it_is_seen_and_a_flowing_one_never(preset):
    shares = []
    for seed in range(60):
        seen = scene(seed, stalled=True, preset=preset)
        light, target = in_focus(seen), seen.vessels[0]
        rests = target.motion.rests(seen.timeline.plane, len(target.line))
        shares.append((light * rests).sum() / light.sum())
        flowing = scene(seed, stalled=False, preset=preset).vessels[0]
        assert not flowing.motion.rests(seen.timeline.plane, len(flowing.line)).any()
    assert min(shares) > 0.35
    assert np.mean(shares) > 0.85


def test_flow_is_faster_than_any_drift_of_a_stall():
    for preset in PRESETS.values():
        assert preset.speed_px[0] > 20 * preset.drift_px[1]


def test_a_frame_that_comes_twice_is_the_same_to_the_last_bit():
    seen = scene(6, stalled=False, preset=replace(FIELD, repeated_share=1.0))
    twice = int(np.flatnonzero(np.diff(seen.timeline.plane) == 0)[0])
    first, again, next_one = render(seen, (twice, twice + 1, twice + 2), (0, 0, 96, 64))
    assert (first == again).all()
    assert (first != next_one).any()


def test_where_planes_are_missing_depth_and_time_go_on():
    seen = scene(6, stalled=False, preset=replace(FIELD, missing_share=1.0))
    assert seen.num_planes > seen.num_frames == len(seen.timeline.plane)
    assert np.diff(seen.timeline.plane).max() > 1


def test_a_black_frame_is_black():
    seen = scene(6, stalled=False, preset=replace(FIELD, black_share=1.0))
    dark = int(np.flatnonzero(seen.timeline.gain == 0)[0])
    assert not record(seen, (dark,), (0, 0, 96, 64)).any()
