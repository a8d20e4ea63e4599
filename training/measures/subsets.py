"""The same network on parts of a set: each project, short and long clips, small and large boxes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream.measures import Confusion
from training.data.clips import Facts
from training.measures.bootstrap import Estimate, Redrawn
from training.measures.evaluation import two_classes
from training.measures.ranking import Bools

_PARTS = 4


@dataclass(frozen=True, slots=True)
class Subset:
    """Some clips of a set, and how they were called."""

    name: str
    confusion: Confusion
    mcc: Estimate | None
    """Re-weighted to the whole set's prevalence, so that subsets can be compared; None where a class is missing."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """A set cut into subsets by one fact."""

    fact: str
    subsets: tuple[Subset, ...]


def groupings(facts: Facts, called: Bools) -> tuple[Grouping, ...]:
    """By project, by number of frames and by the longer side of the outline's box, these two in four equal parts.

    Args:
        facts: of N clips.
        called: `[N]`, those called stalled.
    """
    x0, y0, x1, y1 = facts.boxes.T
    cuts = {
        "project": ((str(name), facts.project_ids == name) for name in np.unique(facts.project_ids)),
        "frames of the video": quarters(facts.num_frames),
        "longer side of the box, pixels": quarters(np.maximum(x1 - x0, y1 - y0)),
    }
    prevalence = float(np.mean(facts.stalled))
    return tuple(
        Grouping(fact, tuple(_subset(name, facts.stalled[part], called[part], prevalence) for name, part in parts))
        for fact, parts in cuts.items()
    )


def quarters(values: NDArray[np.int32]) -> Iterator[tuple[str, Bools]]:
    """Quarters of whole numbers, as far as equal ones stay together: 17 to 48, 49 to 56, ..."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _PARTS + 1)[1:], method="inverted_cdf"))
    low = values.min()
    for high in edges.tolist():
        yield (f"{low} to {high}" if low < high else f"{low}"), (values >= low) & (values <= high)
        low = high + 1


def _subset(name: str, stalled: Bools, called: Bools, prevalence: float) -> Subset:
    confusion = Confusion.of(zip(stalled.tolist(), called.tolist(), strict=True))
    if stalled.all() or not stalled.any():
        return Subset(name, confusion, None)
    redrawn = Redrawn.of(stalled, np.zeros(len(stalled), np.str_))
    return Subset(name, confusion, two_classes(called, stalled, redrawn, prevalence=prevalence)["mcc"])
