"""Measured distributions of real clips: sizes, lengths and projects are drawn from these, never from the label.

Aggregates of the competition's public tables ("Clog Loss", DrivenData competition 65): lengths over all 573,048
training clips, outline sizes over 21,580 of them.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts in bins of equal width."""

    start: float
    width: float
    counts: tuple[int, ...]

    def sample(self, rng: np.random.Generator) -> float:
        """One value, uniform within its bin."""
        shares = np.asarray(self.counts, np.float64)
        chosen = rng.choice(len(shares), p=shares / shares.sum())
        return self.start + self.width * (float(chosen) + rng.random())


# fmt: off
NUM_FRAMES = Histogram(15.0, 5.0, (
    5, 950, 13916, 16021, 16783, 19835, 87251, 111248, 84682, 62533, 44910, 30652, 21200, 15134, 11213, 8267, 6230,
    4682, 3853, 2967, 2195, 1740, 1312, 1125, 879, 683, 526, 448, 351, 269, 234, 194, 129, 108, 87, 72, 62, 51, 46,
    44, 21, 27, 11, 14, 14, 11, 11, 9, 9, 8, 6, 4, 0, 3, 2, 2, 2, 1, 3, 0, 1, 0, 0, 0, 0, 1,
))
ROI_HEIGHT_PX = Histogram(22.0, 313 / 30, (
    190, 653, 5597, 5990, 4127, 1657, 1173, 720, 404, 307, 254, 140, 93, 82, 43, 29, 32, 22, 20, 8, 9, 7, 6, 5, 5, 2,
    0, 2, 2, 1,
))
ROI_WIDTH_PX = Histogram(23.0, 425 / 30, (
    129, 4851, 8744, 3375, 1954, 1074, 601, 330, 147, 117, 78, 56, 24, 27, 19, 12, 10, 6, 12, 6, 2, 1, 2, 1, 0, 1, 0,
    0, 0, 1,
))
PROJECTS = {
    "A": 143495, "C": 67023, "D": 20454, "E": 31832, "F": 60794, "G": 81994, "H": 74231, "I": 21851, "J": 5037,
    "K": 27077, "L": 444, "M": 38816,
}
# fmt: on

SHORTEST_CLIP = 17
"""Frames of the shortest real clip."""
NARROW_SHARE = 0.016
"""Share of clips that are 418 instead of 512 pixels wide."""


def sample_num_frames(rng: np.random.Generator) -> int:
    """Length of a clip in frames."""
    return max(SHORTEST_CLIP, int(NUM_FRAMES.sample(rng)))


def sample_frame_size(rng: np.random.Generator) -> tuple[int, int]:
    """`(width, height)` of a clip's frames."""
    return (418 if rng.random() < NARROW_SHARE else 512, 384)


def sample_roi_size(rng: np.random.Generator) -> tuple[int, int]:
    """`(width, height)` of the outline's box."""
    return int(ROI_WIDTH_PX.sample(rng)), int(ROI_HEIGHT_PX.sample(rng))


def sample_project(rng: np.random.Generator) -> str:
    """The research project a clip comes from; the project decides how its recordings look."""
    names = tuple(PROJECTS)
    shares = np.asarray(tuple(PROJECTS.values()), np.float64)
    return names[int(rng.choice(len(names), p=shares / shares.sum()))]
