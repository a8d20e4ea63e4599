"""Generated sets: the same lot gives the same clips, and sets of different purpose share none."""

from dataclasses import replace

import numpy as np
import pytest

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.data.generated import Lot, generate
from training.synthetic import PRESETS, sample_scene

SPEC = ClipSpec(frames=4, size=32)
LOT = Lot(clips=6, presets=("demo", "field"), stalled_share=0.5, purpose="training", seed=3)


def make(lot, cache, *, progress=lambda _done, _total: None, processes=1):
    return generate(lot, SPEC, cache=cache, processes=processes, progress=progress)


def test_a_lot_is_generated_once_and_always_the_same(tmp_path):
    seen = []
    first = make(LOT, tmp_path / "a", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]
    assert first.shape == (6, *SPEC.shape)
    assert first.stalled.sum() == 3
    again = make(LOT, tmp_path / "a", progress=lambda _done, _total: pytest.fail("generated again"))
    elsewhere = make(LOT, tmp_path / "b", processes=2)
    for other in (again, elsewhere):
        assert np.array_equal(first.read(np.arange(6)), other.read(np.arange(6)))
        assert np.array_equal(first.stalled, other.stalled)
        assert first.facts.clip_ids.tolist() == other.facts.clip_ids.tolist()


def test_sets_of_different_purpose_share_no_clip(tmp_path):
    training = make(replace(LOT, clips=3), tmp_path)
    test = make(replace(LOT, clips=3, purpose="test"), tmp_path)
    assert not {clip.tobytes() for clip in training.read(np.arange(3))} & {
        clip.tobytes() for clip in test.read(np.arange(3))
    }
    assert not set(training.facts.clip_ids) & set(test.facts.clip_ids)


def test_anything_that_changes_pixels_changes_the_cached_files_name():
    others = [replace(LOT, seed=4), replace(LOT, presets=("demo",)), replace(LOT, stalled_share=0.4)]
    digests = [lot.digest(SPEC) for lot in (LOT, *others)] + [LOT.digest(ClipSpec(frames=4, size=48))]
    assert len(set(digests)) == len(digests)


def test_interrupted_it_goes_on_and_gives_the_same_clips(tmp_path):
    def interrupt(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(LOT, tmp_path / "a", progress=interrupt)
    seen = []
    resumed = make(LOT, tmp_path / "a", progress=lambda done, total: seen.append(done))
    assert seen == [3, 4, 5, 6]
    whole = make(LOT, tmp_path / "b")
    assert np.array_equal(resumed.read(np.arange(6)), whole.read(np.arange(6)))
    assert resumed.facts.clip_ids.tolist() == whole.facts.clip_ids.tolist()


def test_its_facts_are_those_of_the_scenes(tmp_path):
    clips = make(replace(LOT, clips=4), tmp_path)
    for index in range(4):
        rng = np.random.default_rng([3, index, 1])
        scene = sample_scene(rng, preset=PRESETS[LOT.presets[index % 2]], stalled=bool(clips.stalled[index]))
        assert clips.facts.clip_ids[index] == f"training-3-{index}"
        assert clips.facts.project_ids[index] == scene.project
        assert clips.facts.num_frames[index] == scene.num_frames
        assert tuple(clips.facts.boxes[index]) == scene.outline.box


def test_an_unknown_preset_and_an_unwritable_cache_are_named(tmp_path):
    with pytest.raises(UserError, match="--preset martian: no such preset; there are demo, field"):
        make(replace(LOT, presets=("martian",)), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--cache .*file"):
        make(LOT, tmp_path / "file")
