"""All probes together, on clips whose label shows where it was put, and only there."""

from dataclasses import replace

import numpy as np
import pytest

from stream.errors import UserError
from tests.training.data.made import facts
from training.commands.probe import run as command
from training.data.clips import Clips
from training.probes.one_frame import middle_frames, one_frame
from training.probes.run import HOW, Material, markdown, probe
from training.settings import ProbeSettings

FRAMES, SIZE = 4, 16


def clips(count: int, *, share: float, seed: int, leak: str) -> Clips:
    """Noise; a stalled clip's middle frame is striped (`frame`), or its box is higher (`box`)."""
    rng = np.random.default_rng(seed)
    stalled = np.arange(count) < share * count
    pixels = rng.integers(60, 120, (count, 2, FRAMES, SIZE, SIZE), dtype=np.uint8)
    pixels[:, 1] = 255
    known = facts(stalled, project_ids="A" * count)
    if leak == "frame":
        pixels[stalled, 0, FRAMES // 2, ::4] += 100
    elif leak == "box":
        known = replace(known, boxes=known.boxes + np.outer(stalled, [0, 0, 0, 30]).astype(np.int32))
    return Clips.of(pixels, known)


def material(leak: str) -> Material:
    rng = np.random.default_rng(0)
    seeds = {"training": 1, "validation": 2, "test": 3}
    return Material(
        clips=lambda recipe: clips(recipe.clips, share=recipe.stalled_share, seed=seeds[recipe.purpose], leak=leak),
        file_sizes=lambda _recipe, count: rng.uniform(1000, 2000, count),
    )


@pytest.mark.parametrize(("leak", "told_by"), [("frame", "one frame alone"), ("box", "box height and width")])
def test_a_label_is_told_by_what_holds_it_and_by_nothing_else(leak: str, told_by: str):
    found = probe("demo", material(leak), clips=300, training_clips=256, files=200, seed=0)
    assert list(found) == list(HOW)
    assert found[told_by].mcc > 0.8
    assert found["length"].low <= 0 <= found["length"].high
    table = markdown({"demo": found})
    assert f"| {told_by} | {HOW[told_by]} | {found[told_by].mcc:.2f} [" in table
    assert table.endswith("300 clips each, 200 for the size of files.")


def test_one_frame_is_the_middle_one():
    some = clips(5, share=0.4, seed=4, leak="frame")
    assert np.array_equal(middle_frames(some), some.read(np.arange(5))[:, :, FRAMES // 2])


def test_the_network_ends_when_it_gets_no_better():
    training, validation, test = (clips(64, share=0.5, seed=seed, leak="") for seed in (5, 6, 7))
    assert one_frame(training, validation, test, patience=2).passes < 30


def test_more_files_than_clips_are_refused():
    with pytest.raises(UserError, match="--files 60: more than --clips 50"):
        command(ProbeSettings.model_validate({"files": 60, "clips": 50}))
