"""Writes a crop cache so that nothing is lost and nothing is done twice, however the writer ends.

A crop is written to its shard first and told of in the journal afterwards: what the journal tells of is whole, also
after a kill or a loss of power. A writer that is opened on the same folder goes on from there. A full disk is the
user's to mend, and what was told of stays.

The journal tells of pixels alone. Labels and subsets are joined to it at the end, so they may change without a clip
being read again; clips that are wanted no more stay in the shards and leave the index.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stream.clip.spec import ClipSpec
from stream.errors import ClipFault, UserError
from stream.files.outfile import unfinished
from training.data.cache import (
    FAILURES,
    INDEX,
    JOURNAL,
    MANIFEST,
    Contents,
    Count,
    Manifest,
    Origin,
    check_spec,
    read_manifest,
)
from training.data.journal import BOX, Journal, ReadClip
from training.data.selection import Selection
from training.data.shards import SHARD_BYTES, ShardWriter
from training.outfile import replace_whole

_GO_ON = "make room or mend it, and give the same command again: it goes on with what is there"
_ELSEWHERE = "give another folder"
_LABELS = ("clip_id", "stalled", "crowd_score", "tier1", "micro", "nano")
_COLUMNS = (
    *("clip_id", "project_id", "stalled", "num_frames", *BOX, "size_bytes", "crowd_score"),
    *("tier1", "micro", "nano", "sha256", "shard", "row"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the clips that are wanted."""

    index: pl.DataFrame
    """One row for each that was read, in the order in which they are wanted."""
    failures: pl.DataFrame
    """`filename,reason,detail` of the others."""


class CacheWriter:
    """Adds clips to a cache; a context manager. One at a time for a folder.

    Args:
        folder: new, empty, or an earlier writer's, finished or not.
        spec: how the clips are read.
        origin: where they are from.
        flag: the user's name for the folder, for what is said of it.
        shard_bytes: at most so much in one file.

    Raises:
        UserError: the folder holds something else, or clips of another spec or origin; it can't be written; another
            process writes to it. From each method: the disk is full.
    """

    def __init__(
        self, folder: Path, spec: ClipSpec, origin: Origin, *, flag: str = "--out", shard_bytes: int = SHARD_BYTES
    ) -> None:
        self._folder = folder
        self._name = f"{flag} {folder}"
        with self._writing():
            self._manifest = self._claim(spec, origin)
        self._journal = Journal(folder / JOURNAL, sync=self._sync, otherwise=f"{_ELSEWHERE}, or {_GO_ON}")
        try:
            lines = self._journal.lines()
            there = lines.filter(pl.col("row").is_not_null())
            if there.is_empty():
                self._manifest = self._begin(spec, origin)  # whatever it was meant for, it holds nothing
            self._check(spec, origin)
            shard, row = _last_place(there)
            with self._writing():
                self._shards = ShardWriter(folder, spec.shape, shard=shard, rows=row + 1, shard_bytes=shard_bytes)
        except BaseException:
            self._journal.close()
            raise
        self.kept = frozenset(there["clip_id"].to_list())
        """Clips that are there already."""
        self.failed = self._failed(lines) if self.kept else frozenset()
        """Clips that failed since the cache was last finished; what failed before may have been mended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._writing(), ExitStack() as last:
                last.callback(self._shards.close)
                last.callback(self._journal.close)
                self._journal.tell()
        except UserError:
            if error is None:  # else the first is the one to hear of
                raise

    def add(self, clip: ReadClip, pixels: NDArray[np.uint8]) -> None:
        """Keeps a clip; its pixels are `uint8 [C, T, S, S]` as the spec says."""
        with self._writing():
            shard, row = self._shards.append(pixels)
            self._journal.kept(clip, shard=shard, row=row)

    def fail(self, clip_id: str, fault: ClipFault) -> None:
        """Keeps the reason why a clip can't be had."""
        with self._writing():
            self._journal.failed(clip_id, fault)

    def find(self, wanted: pl.DataFrame) -> Found:
        """What became of clips.

        Args:
            wanted: with at least `clip_id, stalled, crowd_score, tier1, micro, nano`; its `project_id`, if it has one,
                counts more than what was known when the clip was read.
        """
        with self._writing():
            self._journal.tell()
        lines = self._journal.lines()
        there = lines.filter(pl.col("row").is_not_null()).unique("clip_id", keep="last")
        labels = wanted.select(*_LABELS, *(name for name in ("project_id",) if name in wanted.columns))
        read = there.drop(set(labels.columns) - {"clip_id"}, strict=False)
        index = labels.join(read, on="clip_id", how="inner", maintain_order="left").select(_COLUMNS)
        failed = lines.join(there, on="clip_id", how="anti").unique("clip_id", keep="last")
        failures = wanted.select("clip_id").join(failed, on="clip_id", how="inner", maintain_order="left")
        return Found(index, failures.select(pl.col("clip_id").alias("filename"), "reason", "detail"))

    def finish(
        self,
        found: Found,
        *,
        digests: Mapping[str, str],
        generated: bool,
        selection: Selection | None = None,
        leaks: Mapping[str, float] | None = None,
        notes: tuple[str, ...] = (),
    ) -> Manifest:
        """Makes a cache of the folder, or another of the cache.

        Args:
            found: what is to be in it.
            digests: sha256 of what the labels are from, by its name.
            generated: no microscope has recorded the clips.
            selection: what was wanted.
            leaks: how well the labels can be guessed, by what from.
            notes: what whoever trains on the clips should know.
        """
        reasons = found.failures["reason"].value_counts(sort=True)
        contents = Contents(
            clips=_count(found.index),
            projects={name: _count(each) for name, each in _by_project(found.index)},
            failures=dict(reasons.iter_rows()),
            digests=dict(digests),
            selection=selection,
            generated=generated,
            leaks=dict(leaks or {}),
            notes=notes,
            journal_lines=len(self._journal.lines()),
        )
        index, failures = io.BytesIO(), io.BytesIO()
        found.index.write_parquet(index)
        found.failures.write_csv(failures)
        with self._writing():
            self._sync()
            replace_whole(self._folder / FAILURES, failures.getvalue())
            replace_whole(self._folder / INDEX, index.getvalue())
            self._manifest = self._tell(self._manifest.model_copy(update={"contents": contents}))
        return self._manifest

    def _claim(self, spec: ClipSpec, origin: Origin) -> Manifest:
        """Makes the folder a cache's, before anything else is put there."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if (manifest := read_manifest(self._folder)) is not None:
            return manifest
        if {each.name for each in self._folder.iterdir()} - {unfinished(MANIFEST)}:
            raise UserError(f"{self._name}: is not empty and holds no cache of clips; give a new or empty folder")
        return self._begin(spec, origin)

    def _begin(self, spec: ClipSpec, origin: Origin) -> Manifest:
        ours = version("stall-stream")
        with self._writing():
            return self._tell(Manifest(version=ours, spec=spec, spec_digest=spec.digest, origin=origin))

    def _tell(self, manifest: Manifest) -> Manifest:
        replace_whole(self._folder / MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")
        return manifest

    def _check(self, spec: ClipSpec, origin: Origin) -> None:
        check_spec(self._folder, self._manifest.spec, spec)
        there = self._manifest.origin
        if there.source != origin.source:
            rest = f"{_ELSEWHERE}, or change the source in {MANIFEST} if these are the same videos in another place"
            raise UserError(f"{self._name}: holds clips of {there.source}, these are of {origin.source}; {rest}")
        for name, digest in origin.digests.items():
            if there.digests.get(name) != digest:
                raise UserError(f"{self._name}: {name} has changed since the clips in it were read; {_ELSEWHERE}")

    def _failed(self, lines: pl.DataFrame) -> frozenset[str]:
        finished = self._manifest.contents.journal_lines if self._manifest.contents else 0
        since = lines.slice(finished)
        return frozenset(since.filter(pl.col("reason").is_not_null())["clip_id"].to_list())

    def _sync(self) -> None:
        self._shards.sync()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(f"{self._name}: {error.strerror or error}; {_GO_ON}") from None


def _last_place(there: pl.DataFrame) -> tuple[int, int]:
    """Shard and row of the last crop that counts."""
    if there.is_empty():
        return 0, -1
    shard, row = there.select("shard", "row").sort("shard", "row").row(-1)
    return int(shard), int(row)


def _by_project(clips: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    return sorted(((str(name), each) for (name,), each in clips.group_by("project_id")), key=lambda pair: pair[0])


def _count(clips: pl.DataFrame) -> Count:
    stalled = int(clips["stalled"].sum())
    return Count(stalled=stalled, flowing=len(clips) - stalled)
