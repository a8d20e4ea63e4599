"""From the competition's tables and videos to a crop cache: what is selected is fetched, read and kept, once.

Told to do the same again it goes on where it ended. Told to take more of the same it adds what is missing.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from stream.backoff import Backoff
from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.fetch import Fetcher, Source, SourceOptions, open_sources, without_secrets
from stream.readers import Readers
from training.data.cache import JOURNAL, Manifest, Origin
from training.data.cache_writer import CacheWriter
from training.data.intake import Intake, Read, Wanted, patient
from training.data.journal import ReadClip
from training.data.metadata import Catalogue
from training.data.notes import leaks, notes
from training.data.selection import Selection

_HOPELESS = 100
"""So many clips that failed, while none could be read, end the command: it is not the clips' fault."""

Progress = Callable[[int, int], None]
"""Told how many clips are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Videos:
    """Where the videos lie."""

    base: str
    """Absolute path of a folder, or a URI prefix."""
    sources: Mapping[str, Source]

    @classmethod
    def at(cls, source: str, options: SourceOptions) -> "Videos":
        """The videos below a folder, `s3://bucket[/prefix]` or `https://host[/path]`.

        Raises:
            UserError: there is no such folder, or nothing can be read from it by these options.
        """
        sources = open_sources([source], options, flag="--source")
        return cls(source.rstrip("/") if "://" in source else str(Path(source).resolve()), sources)

    def uri(self, clip_id: str) -> str:
        """Of a clip."""
        return f"{self.base}/{quote(clip_id) if '://' in self.base else clip_id}"


def prepare(
    catalogue: Catalogue,
    selection: Selection,
    videos: Videos,
    *,
    spec: ClipSpec,
    out: Path,
    processes: int,
    fetches: int,
    progress: Progress,
) -> Manifest:
    """Makes or completes the cache `out`.

    Args:
        catalogue: the labelled clips.
        selection: which of them are wanted.
        videos: where they are.
        spec: how they are read.
        out: the cache's folder.
        processes: clips that are read at a time.
        fetches: clips that are fetched at a time.
        progress: told after each clip.

    Raises:
        UserError: nothing is selected, no clip can be read, the store doesn't serve, or the cache can't be written or
            is another's. What was read stays.
    """
    chosen = selection.of(catalogue.clips)
    origin = Origin(source=without_secrets(videos.base), digests={})
    with CacheWriter(out, spec, origin) as writer:
        left = chosen.filter(~pl.col("clip_id").is_in(list(writer.kept | writer.failed)))
        if len(left):
            served = next((videos.uri(clip_id) for clip_id in writer.kept), None)
            with open_intake(videos, spec, processes=processes, fetches=fetches, served=served) as intake:
                _take_in(left, videos, intake, writer, progress=progress, total=len(chosen))
        found = writer.find(chosen.sort("clip_id"))
        if found.index.is_empty():
            raise UserError(f"none of {len(chosen)} clips could be read; {_why(found.failures)}")
        leaked, dropped = leaks(found.index), len(writer.kept - set(chosen["clip_id"]))
        return writer.finish(
            found,
            digests={"metadata": catalogue.metadata_sha256, "labels": catalogue.labels_sha256},
            generated=catalogue.generated,
            selection=selection,
            leaks=leaked,
            notes=(*notes(catalogue, selection, found.index, leaked), *_dropped(dropped)),
        )


@contextmanager
def open_intake(
    videos: Videos, spec: ClipSpec, *, processes: int, fetches: int, served: str | None = None
) -> Iterator[Intake]:
    """Processes and connections that read clips of these videos."""
    sources = patient(videos.sources, Backoff(random=random.random))
    # The readers come first: their fork server must not inherit threads and connections.
    with Readers(spec, processes=processes) as readers, Fetcher(sources, threads=fetches) as fetcher:
        yield Intake(fetcher, readers, fetches=fetches, served=served)


def read_each(
    intake: Intake, videos: Videos, clip_ids: Sequence[str], *, unread: dict[str, str], progress: Progress
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Pixels `[C, T, S, S]` of clips by their names, as they come; `unread` is told why others don't.

    Raises:
        UserError: the store doesn't serve.
    """
    wanted = (Wanted(clip_id, videos.uri(clip_id)) for clip_id in clip_ids)
    for done, (clip, result) in enumerate(intake.read(wanted), start=1):
        if isinstance(result, Read):
            yield clip.clip_id, result.clip.pixels
        else:
            unread[clip.clip_id] = str(result)
        progress(done, len(clip_ids))


def _take_in(
    left: pl.DataFrame, videos: Videos, intake: Intake, writer: CacheWriter, *, progress: Progress, total: int
) -> None:
    projects = dict(left.select("clip_id", "project_id").iter_rows())
    wanted = (
        Wanted(name, videos.uri(name), frames) for name, frames in left.select("clip_id", "num_frames").iter_rows()
    )
    read = len(writer.kept)
    for number, (clip, result) in enumerate(intake.read(wanted), start=1):
        if isinstance(result, Read):
            read += 1
            writer.add(_facts(clip, result, projects[clip.clip_id]), result.clip.pixels)
        else:
            writer.fail(clip.clip_id, result)
            if number == _HOPELESS and not read:
                why = _why(writer.find(left).failures)
                raise UserError(f"none of the first {number} clips could be read; {why}")
        progress(total - len(left) + number, total)


def _facts(wanted: Wanted, read: Read, project_id: str) -> ReadClip:
    return ReadClip(
        clip_id=wanted.clip_id,
        project_id=project_id,
        num_frames=read.clip.frames,
        box=read.clip.roi,
        size_bytes=read.size_bytes,
        sha256=read.sha256,
    )


def _dropped(clips: int) -> Iterator[str]:
    if clips:
        yield f"{clips} clips that were read before are not selected now, and left out: ask for them to have them back"


def _why(failures: pl.DataFrame) -> str:
    """How many failed for each reason, with the first of them; the journal has all."""
    reasons = failures.group_by("reason", maintain_order=True).agg(pl.len(), pl.col("filename", "detail").first())
    told = (f"{count} {reason} (as {name}: {detail})" for reason, count, name, detail in reasons.iter_rows())
    return f"{'; '.join(told)}; {JOURNAL} in --out lists all"
