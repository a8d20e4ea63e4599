"""The short way to a network's input gives what writing the video and reading it gives."""

from collections.abc import Iterator
from itertools import count, islice

import numpy as np
import pytest

from stream.clip import ClipSpec, read_clip
from tests.training.synthetic.figures import noise_correlation
from training.synthetic import PRESETS, Preset, Scene, crop, sample_scene, write_clip

SPEC = ClipSpec()
OPEN = ClipSpec(outside="keep", extra="none", frames=2, central_frames=2)
"""Two neighbouring frames, nothing masked: for their noise."""


def short_clips(preset: Preset) -> Iterator[Scene]:
    """A few, soon written."""
    drawn = (sample_scene(np.random.default_rng([8, seed]), preset=preset, stalled=seed % 2 == 0) for seed in count())
    return islice((scene for scene in drawn if scene.num_frames < 45), 3)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_crop_without_the_codec_equals_one_through_it(preset):
    for place, scene in enumerate(short_clips(preset)):
        data = write_clip(scene)
        short, long = crop(scene, SPEC), read_clip(data, SPEC).pixels
        assert np.abs(short[0].astype(int) - long[0]).mean() <= 3, place
        assert np.mean((short[1] > 0) != (long[1] > 0)) < 0.02, place
        drawn, decoded = (each[0] for each in (crop(scene, OPEN), read_clip(data, OPEN).pixels))
        for ours, theirs in zip(noise_correlation(drawn, lags=2), noise_correlation(decoded, lags=2), strict=True):
            assert ours == pytest.approx(theirs, abs=0.05), place
