"""Splits clips by project, so that no animal is on both sides, and refuses sets that leave nothing to tell apart."""

import numpy as np
from numpy.typing import NDArray

from stream.errors import UserError
from training.data.clips import Clips


def check_both_classes(stalled: NDArray[np.bool_], name: str) -> None:
    """Refuses labels `[N]` that leave nothing to tell apart.

    Raises:
        UserError: naming the set.
    """
    if stalled.all() or not stalled.any():
        raise UserError(f"the {len(stalled)} {name} clips are all of one class; give clips of both, or more")


def hold_out(clips: Clips, *, share: float, seed: int) -> tuple[Clips, Clips]:
    """Splits clips for training from clips for validation: whole projects, so that no animal is in both.

    Projects are drawn until they hold `share` of the clips. A set of one project is split clip by clip.
    """
    rng = np.random.default_rng(seed)
    projects = clips.facts.project_ids
    names = rng.permutation(np.unique(projects))
    if len(names) > 1:
        sizes = [np.count_nonzero(projects == name) for name in names]
        needed = int(np.searchsorted(np.cumsum(sizes), share * len(clips))) + 1
        held = np.isin(projects, names[: min(needed, len(names) - 1)])
    else:
        held = rng.permutation(np.arange(len(clips)) < share * len(clips))
    return clips.take(np.flatnonzero(~held)), clips.take(np.flatnonzero(held))
