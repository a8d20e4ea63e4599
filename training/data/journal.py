"""The journal of a crop cache: a line for each clip that was tried, with its place in the shards or why it has none."""

import io
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from stream.clip.spec import Box
from stream.errors import ClipFault
from stream.files.linefile import LineFile

BOX = ("x0", "y0", "x1", "y1")
LINE = pl.Schema(
    {
        "clip_id": pl.String,
        "project_id": pl.String,
        "num_frames": pl.Int32,
        **dict.fromkeys(BOX, pl.Int32),
        "size_bytes": pl.Int64,
        "sha256": pl.String,
        "shard": pl.Int32,
        "row": pl.Int32,
        "reason": pl.String,
        "detail": pl.String,
    }
)
"""Either `reason` and `detail` are null, or all between `clip_id` and them."""

_TELL_CLIPS = 64
_TELL_S = 1.0
"""Lines wait for at most so many, or so long: what they tell of is synced first, and that once for all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadClip:
    """What is known of a clip once it was read, beside its pixels."""

    clip_id: str
    project_id: str
    num_frames: int
    box: Box
    size_bytes: int = 0
    sha256: str = ""
    """Of the video's bytes; empty where there never were any."""


class Journal:
    """Takes lines, and writes them once what they tell of is safe.

    Args:
        path: created where it doesn't exist.
        sync: makes safe what the lines tell of.
        otherwise: what the user can do where it can't be written.

    Raises:
        UserError: another process writes to it; it can't be written, from each method.
    """

    def __init__(self, path: Path, *, sync: Callable[[], None], otherwise: str) -> None:
        self._file = LineFile(path, otherwise=otherwise)
        self._sync = sync
        self._waiting: list[bytes] = []
        self._told_at = time.monotonic()

    def lines(self) -> pl.DataFrame:
        """All lines that were written, with `LINE`, in their order."""
        return pl.read_ndjson(io.BytesIO(b"\n".join(self._file.lines())), schema=LINE)

    def kept(self, clip: ReadClip, *, shard: int, row: int) -> None:
        """A clip was read and lies there."""
        facts = asdict(clip)
        box = dict(zip(BOX, map(int, facts.pop("box")), strict=True))
        self._take({**facts, **box, "shard": shard, "row": row})

    def failed(self, clip_id: str, fault: ClipFault) -> None:
        """A clip can't be had."""
        self._take({"clip_id": clip_id, "reason": fault.reason.value, "detail": fault.detail})

    def tell(self) -> None:
        """Writes the lines that wait."""
        if self._waiting:
            self._sync()
            for line in self._waiting:
                self._file.append(line)
        self._waiting = []
        self._told_at = time.monotonic()

    def close(self) -> None:
        """Lets others write; lines that still wait are lost."""
        self._file.close()

    def _take(self, line: dict[str, object]) -> None:
        self._waiting.append(json.dumps(line).encode())
        if len(self._waiting) >= _TELL_CLIPS or time.monotonic() >= self._told_at + _TELL_S:
            self.tell()
