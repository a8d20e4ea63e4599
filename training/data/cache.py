"""The crop cache: labelled clips as a network takes them, in a folder that is read faster than it is trained on.

manifest.json     what the clips are, where they are from, what became of them: a `Manifest`
index.parquet     one row a clip: what is known of it (`Facts`), its subsets, and which row of which shard it is
shard-00000.npy   `uint8 [n, C, T, S, S]`, at most 256 MiB each
failures.csv      filename,reason,detail: wanted clips that could not be read
journal.jsonl     what was read, in its order: the writer's own

Index and manifest are written last, each at once: a folder is a cache from then on, and one that isn't finished is
told by a manifest without contents. `cache_writer` writes it, whether the clips were recorded or generated.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.validation import first_error
from training.data.clips import Clips, Facts
from training.data.journal import BOX
from training.data.selection import Selection
from training.data.shards import Shards
from training.fields import differing
from training.synthetic.folder import METADATA

MANIFEST, INDEX, FAILURES, JOURNAL = "manifest.json", "index.parquet", "failures.csv", "journal.jsonl"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class Origin(_Part):
    """Where the clips are from; a cache holds those of one origin."""

    source: str
    """The folder or URI prefix that the videos lie under, or how they are generated."""
    digests: dict[str, str]
    """Sha256 of what says which clips there are, by its name; none of recorded ones, whose tables may grow: those that
    were used last are in `Contents.digests`."""


class Count(_Part):
    """Of clips, by class."""

    stalled: int
    flowing: int


class Contents(_Part):
    """What a finished cache holds."""

    clips: Count
    projects: dict[str, Count]
    failures: dict[str, int]
    """Wanted clips that could not be read, by reason."""
    digests: dict[str, str]
    """Sha256 of what the labels are from, by its name."""
    selection: Selection | None
    """What was wanted; None for generated clips."""
    generated: bool = False
    """No microscope has recorded them."""
    leaks: dict[str, float]
    """MCC of guessing the labels from what shows no vessel, by its name."""
    notes: tuple[str, ...]
    """What whoever trains on the clips should know of them."""
    journal_lines: int
    """Of the journal, when this was written."""


class Manifest(_Part):
    """What a cache is."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    version: str
    """Of this package."""
    spec: ClipSpec
    """How the clips were read."""
    spec_digest: str
    origin: Origin
    contents: Contents | None = None
    """None before all wanted clips were read."""


@dataclass(frozen=True, slots=True)
class Cache:
    """A finished cache."""

    manifest: Manifest
    contents: Contents
    clips: Clips


def open_cache(folder: Path, spec: ClipSpec | None = None, selection: Selection | None = None) -> Cache:
    """Opens a cache; pixels are read when they are asked for.

    Args:
        folder: the cache.
        spec: how the clips must have been read; None takes any.
        selection: which of its clips are wanted; None takes all.

    Raises:
        UserError: it is none, is not finished, is damaged, or its clips were read otherwise; none of them is wanted.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        rest = f"; make one of it: python -m training prepare --source {folder} --out {folder}.cache"
        raise UserError(f"{folder} is no cache of clips{rest if (folder / METADATA).is_file() else ''}")
    if spec is not None:
        check_spec(folder, manifest.spec, spec)
    if manifest.contents is None:
        raise UserError(f"{folder} is not finished; the same command that began it goes on with it")
    try:
        index = pl.read_parquet(folder / INDEX)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise UserError(f"can't read {folder / INDEX} ({error}): prepare the clips again") from None
    if selection is not None:
        index = selection.of(index).sort("clip_id")
    shard, row = (index[name].to_numpy().astype(np.intp) for name in ("shard", "row"))
    pixels = Shards(folder, shard, row, manifest.spec.shape)
    return Cache(manifest, manifest.contents, Clips.of(pixels, _facts(index)))


def read_manifest(folder: Path) -> Manifest | None:
    """What a folder says it is; None where it says nothing.

    Raises:
        UserError: it can't be read, or is another program's.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}") from None
    except ValidationError as error:
        raise UserError(f"{path} tells of no cache of clips: {first_error(error)}; give another folder") from None


def check_spec(folder: Path, found: ClipSpec, wanted: ClipSpec) -> None:
    """Refuses clips that were read otherwise than they are wanted.

    Raises:
        UserError: naming each difference.
    """
    differences = [f"{name} {there} (wanted is {here})" for name, there, here in differing(found, wanted)]
    if differences:
        raise UserError(
            f"the clips in {folder} were read with {', '.join(differences)}; prepare them in another folder with "
            f"{spec_flags(wanted, found)}"
        )


def spec_flags(wanted: ClipSpec, found: ClipSpec) -> str:
    """What `prepare` must be told for clips of a spec, with all in which it differs from one that was found."""
    usual, there = ClipSpec().model_dump(), found.model_dump()
    return " ".join(
        f"--spec.{name.replace('_', '-')} {value}"
        for name, value in wanted.model_dump().items()
        if value != there[name] or value != usual[name]
    )


def _facts(index: pl.DataFrame) -> Facts:
    return Facts(
        clip_ids=np.array(index["clip_id"].to_list(), np.str_),
        project_ids=np.array(index["project_id"].to_list(), np.str_),
        stalled=index["stalled"].to_numpy(),
        num_frames=index["num_frames"].to_numpy(),
        boxes=index.select(BOX).to_numpy(),
    )
