"""Facts of clips that were never recorded."""

from collections.abc import Iterable

import numpy as np

from training.data.clips import Facts


def facts(stalled, *, project_ids: Iterable[str]) -> Facts:
    """One clip for each label and letter of `project_ids`, named clip0, clip1, ..."""
    count = len(stalled)
    return Facts(
        clip_ids=np.array([f"clip{i}" for i in range(count)]),
        project_ids=np.array(list(project_ids)),
        stalled=np.asarray(stalled, bool),
        num_frames=np.full(count, 32, np.int32),
        boxes=np.tile(np.array([10, 20, 60, 70], np.int32), (count, 1)),
        size_bytes=np.zeros(count, np.int64),
        crowd_scores=np.full(count, np.nan, np.float32),
    )
