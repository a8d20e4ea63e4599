"""Facts and tables of clips that were never recorded."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from training.data.clips import Facts
from training.data.metadata import COLUMNS

METADATA_HEADER = "filename,url,project_id,num_frames,crowd_score,tier1,micro,nano"


def facts(stalled, *, project_ids: Iterable[str]) -> Facts:
    """One clip for each label and letter of `project_ids`, named clip0, clip1, ..."""
    count = len(stalled)
    return Facts(
        clip_ids=np.array([f"clip{i}" for i in range(count)]),
        project_ids=np.array(list(project_ids)),
        stalled=np.asarray(stalled, bool),
        num_frames=np.full(count, 32, np.int32),
        boxes=np.tile(np.array([10, 20, 60, 70], np.int32), (count, 1)),
    )


def labelled(*rows, **given) -> pl.DataFrame:
    """Clips as `read_tables` gives them, from rows of (project, stalled, crowd_score, tier1); more columns by name."""
    usual = {"num_frames": 32, "micro": False, "nano": False, **given}
    columns = {
        "clip_id": [f"{100000 + number}.mp4" for number in range(len(rows))],
        "project_id": [row[0] for row in rows],
        "stalled": [row[1] for row in rows],
        "crowd_score": [row[2] for row in rows],
        "tier1": [row[3] for row in rows],
    }
    return (
        pl.DataFrame(columns)
        .with_columns(**{k: pl.lit(v) for k, v in usual.items()})
        .select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())
    )
