"""Runs all probes on one preset's clips, and writes what they gave as a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from training.data.clips import Clips
from training.data.generated import Lot, Purpose
from training.data.leak import amount_features, box_features, guessed
from training.measures.bootstrap import Redrawn
from training.measures.evaluation import two_classes
from training.probes.features import grey_and_change
from training.probes.one_frame import one_frame

Bools = NDArray[np.bool_]
STALLED_SHARE = 0.3

GUESSED = "quadratic discriminant, 5-fold"
NETWORK = "frame T/2 of the ClipSpec() crop, 2D CNN of 6 convolutions, turned and mirrored, until flat"
HOW = {
    "box height and width": GUESSED,
    "length": GUESSED,
    "file size": GUESSED,
    "file size a frame": GUESSED,
    "mean grey": GUESSED,
    "frame-difference energy": GUESSED,
    "one frame alone": NETWORK,
}
"""How each probe works, by its name."""
REAL = {
    "box height and width": "at most .16",
    "length": "nothing",
    "one frame alone": "not known; a mosaic of 100 frames about .2",
}
"""What the real data give, where it is known: the second place's write-up; medians of 57 and 56 frames in the tables;
a mosaic of 100 frames of each clip, under a 2D network.
"""


@dataclass(frozen=True, slots=True)
class ProbeScore:
    """MCC of one probe."""

    mcc: float
    low: float
    high: float
    clips: int

    @classmethod
    def of(cls, stalled: Bools, called: Bools) -> "ProbeScore":
        """From labels and calls, `[N]` each; the interval is of 95 %."""
        redrawn = Redrawn.of(stalled, np.zeros(len(stalled), np.str_))
        mcc = two_classes(called, stalled, redrawn, prevalence=float(np.mean(stalled)))["mcc"]
        assert mcc is not None
        return cls(mcc.value, mcc.low, mcc.high, len(stalled))


@dataclass(frozen=True, slots=True)
class Material:
    """Where a preset's clips and files come from."""

    clips: Callable[[Lot], Clips]
    file_sizes: Callable[[Lot, int], NDArray[np.float64]]


def probe(
    preset: str, material: Material, *, clips: int, training_clips: int, files: int, seed: int
) -> dict[str, ProbeScore]:
    """What each probe gives on `clips` unseen clips of a preset, by its name.

    The network learns from `training_clips` others, half of them stalled; file sizes are those of the first `files`.
    """
    lot = partial(Lot, presets=(preset,), stalled_share=STALLED_SHARE, seed=seed)
    tested = lot(clips=clips, purpose="test")
    test = material.clips(tested)
    grey = grey_and_change(test)
    sizes = material.file_sizes(tested, files)
    told = {
        "box height and width": box_features(test.facts.boxes),
        "length": amount_features(test.facts.num_frames),
        "file size": amount_features(sizes),
        "file size a frame": amount_features(sizes / test.facts.num_frames[:files]),
        "mean grey": amount_features(grey[:, 0]),
        "frame-difference energy": amount_features(grey[:, 1]),
    }
    found = {}
    for name, features in told.items():
        stalled = test.stalled[: len(features)]
        found[name] = ProbeScore.of(stalled, guessed(features, stalled, seed=seed))
    purpose: Purpose = "training"
    training = material.clips(Lot(training_clips, (preset,), 0.5, purpose, seed))
    validation = material.clips(lot(clips=clips, purpose="validation"))
    frame = one_frame(training, validation, test, seed=seed)
    return {**found, "one frame alone": ProbeScore.of(test.stalled, frame.called)}


def markdown(found: Mapping[str, Mapping[str, ProbeScore]]) -> str:
    """A table: a row for each probe, a column for each preset, and what the real data give."""
    presets = list(found)
    lines = [
        "| what alone | how | " + " | ".join(f"`{preset}`: MCC [95 %]" for preset in presets) + " | real clips |",
        "|---|---|" + "---|" * len(presets) + "---|",
    ]
    for name, how in HOW.items():
        cells = (found[preset][name] for preset in presets)
        values = " | ".join(f"{each.mcc:.2f} [{each.low:.2f} {each.high:.2f}]" for each in cells)
        lines.append(f"| {name} | {how} | {values} | {REAL.get(name, 'not known')} |")
    clips, files = (found[presets[0]][name].clips for name in ("length", "file size"))
    return "\n".join([*lines, "", f"{clips:,} clips each, {files:,} for the size of files."])
