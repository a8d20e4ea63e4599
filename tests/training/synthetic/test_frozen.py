"""What the generator draws is fixed: results are measured on it."""

from pathlib import Path

import numpy as np
import pytest

from stream.clip.spec import ClipSpec
from training.data.generated import Lot, draw_scene
from training.settings import EvaluateSettings
from training.synthetic import GENERATOR_VERSION, PRESETS, crop, sample_scene
from training.synthetic.frozen import EVALUATION_CLIPS, EVALUATION_DIGESTS, digest

GOLDEN = Path(__file__).with_name("golden.npz")
SPEC = ClipSpec(frames=4, size=48, outside="keep", extra="none")
CHANGED = (
    f"generator {GENERATOR_VERSION} no longer draws what it drew. Whatever was measured on its clips no longer holds: "
    "undo the change, or raise GENERATOR_VERSION, train and report all again, and only then write the new {what}"
)


def evaluation_set(preset: str) -> Lot:
    """What `python -m training evaluate` measures on unless told otherwise."""
    defaults = {name: field.default for name, field in EvaluateSettings.model_fields.items()}
    return Lot(
        clips=defaults["clips"],
        presets=(preset,),
        stalled_share=defaults["stalled_share"],
        purpose="test",
        seed=defaults["seed"],
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_the_evaluation_set_is_the_one_that_results_were_reported_on(preset: str):
    lot = evaluation_set(preset)
    labels = lot.labels()[:EVALUATION_CLIPS].tolist()
    found = digest(draw_scene(lot, index, stalled) for index, stalled in enumerate(labels))
    assert found == EVALUATION_DIGESTS[preset], f"{CHANGED.format(what='digest')}: {preset} {found}"


def golden() -> dict[str, np.ndarray]:
    """One small crop of each class of each preset, by name."""
    return {
        f"{GENERATOR_VERSION} {preset.name} {'stalled' if stalled else 'flowing'}": crop(
            sample_scene(np.random.default_rng([5, stalled]), preset=preset, stalled=stalled), SPEC
        )
        for preset in PRESETS.values()
        for stalled in (False, True)
    }


def test_scenes_are_drawn_as_they_were():
    kept = np.load(GOLDEN)
    for name, pixels in golden().items():
        off = np.abs(pixels.astype(int) - kept[name]) if name in kept else np.full(1, 255)
        # Rounding may turn single pixels by a level, and, where a cell's edge is rounded to half a pixel, by more.
        assert off.mean() < 0.1, f"{CHANGED.format(what='pixels, as this module run as a script does')}: {name}"
        assert np.mean(off > 1) < 0.01, name


if __name__ == "__main__":
    np.savez_compressed(GOLDEN, allow_pickle=False, **golden())
