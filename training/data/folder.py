"""Reads labelled clips from a folder in the competition's layout.

train_metadata.csv   filename,url,project_id,num_frames,... ; the url is not used
train_labels.csv     filename,stalled (0 or 1)
100000.mp4 ...       the videos; what can't be read is listed, not silently left out
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream import textfiles
from stream.clip import Clip
from stream.clip.spec import ClipSpec
from stream.errors import ClipFault, Reason, UserError
from stream.readers import Readers, ReadRequest
from training.data.clips import Clips, Facts
from training.synthetic.folder import LABELS, METADATA


@dataclass(frozen=True, slots=True)
class Unread:
    """A labelled clip that could not be read."""

    clip_id: str
    fault: ClipFault


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder held."""

    clips: Clips
    unread: tuple[Unread, ...]
    unlabelled: int
    """Clips of the metadata without a label; they were not read."""


@dataclass(frozen=True, slots=True)
class _Row:
    clip_id: str
    project_id: str
    num_frames: int
    stalled: bool


def read_folder(folder: Path, spec: ClipSpec, *, processes: int, progress: Callable[[int, int], None]) -> Folder:
    """Reads every labelled clip of a folder, as `spec` wants it.

    Args:
        folder: holds the two tables and the videos.
        spec: how clips are read.
        processes: how many are read at a time.
        progress: called with the number of clips done, and of all.

    Raises:
        UserError: a table is missing or malformed, a label belongs to no clip, or no clip could be read.
    """
    rows, unlabelled = _labelled_rows(folder)
    read: dict[int, Clip] = {}
    unread: dict[int, ClipFault] = {}
    with Readers(spec, processes=processes) as readers:
        for done, (index, result) in enumerate(_read_rows(folder, rows, readers), start=1):
            if isinstance(result, ClipFault):
                unread[index] = result
            else:
                read[index] = result
            progress(done, len(rows))
    if not read:
        first = f" (the first: {min(unread.items())[1]})" if unread else ""
        raise UserError(f"--data {folder}: none of its {len(rows)} labelled clips could be read{first}")
    kept = sorted(read)
    return Folder(
        clips=Clips.of(np.stack([read[i].pixels for i in kept]), _facts([(rows[i], read[i]) for i in kept], folder)),
        unread=tuple(Unread(rows[i].clip_id, unread[i]) for i in sorted(unread)),
        unlabelled=unlabelled,
    )


def _facts(read: Sequence[tuple[_Row, Clip]], folder: Path) -> Facts:
    return Facts(
        clip_ids=np.array([row.clip_id for row, _ in read]),
        project_ids=np.array([row.project_id for row, _ in read]),
        stalled=np.array([row.stalled for row, _ in read]),
        num_frames=np.array([clip.frames for _, clip in read], np.int32),
        boxes=np.array([clip.roi for _, clip in read], np.int32),
        size_bytes=np.array([(folder / row.clip_id).stat().st_size for row, _ in read], np.int64),
        crowd_scores=np.full(len(read), np.nan, np.float32),
    )


def _read_rows(folder: Path, rows: Sequence[_Row], readers: Readers) -> Iterator[tuple[int, Clip | ClipFault]]:
    """Keeps all readers busy; clips come as they are done."""
    waiting: dict[Future[Clip], int] = {}
    for index, row in enumerate(rows):
        while not readers.free:
            yield from _finished(waiting)
        try:
            data = (folder / row.clip_id).read_bytes()
        except OSError as error:
            yield index, ClipFault(Reason.NOT_FOUND, f"{folder / row.clip_id}: {error.strerror}")
            continue
        waiting[readers.submit(ReadRequest(data, num_frames=row.num_frames))] = index
    while waiting:
        yield from _finished(waiting)


def _finished(waiting: dict[Future[Clip], int]) -> Iterator[tuple[int, Clip | ClipFault]]:
    for future in wait(waiting, return_when=FIRST_COMPLETED).done:
        index = waiting.pop(future)
        try:
            yield index, future.result()
        except ClipFault as fault:
            yield index, fault


def _labelled_rows(folder: Path) -> tuple[list[_Row], int]:
    for table in (METADATA, LABELS):
        if not (folder / table).is_file():
            raise UserError(f"--data {folder}: it holds no {table}; give a folder in the competition's layout")
    stalled = textfiles.read_labels(folder / LABELS)
    metadata = {
        row["filename"]: (where, row)
        for where, row in textfiles.rows(folder / METADATA, {"filename", "project_id", "num_frames"})
    }
    if strangers := sorted(set(stalled) - set(metadata)):
        raise UserError(
            f"{folder / LABELS}: {len(strangers)} labels belong to no clip of {METADATA}, {strangers[0]} first"
        )
    labelled = [
        _Row(name, row["project_id"], _frames(where, row["num_frames"]), stalled[name])
        for name, (where, row) in metadata.items()
        if name in stalled
    ]
    return labelled, len(metadata) - len(labelled)


def _frames(where: str, text: str) -> int:
    if not text.isdecimal():
        raise UserError(f"{where}: num_frames = {text!r} must be a whole number")
    return int(text)
