"""The competition's two tables, read as they are and joined: what is known of each clip before a video is opened.

train_metadata.csv   filename,url,project_id,num_frames,crowd_score,tier1,micro,nano
train_labels.csv     filename,stalled

Either may be packed by gzip. `url` need not be there, and only tells clips that were generated. `crowd_score` is the
crowd's probability that the clip is stalled; it may be empty. `tier1`, `micro` and `nano` are True or False: the clips
whose label is certain, and two small sets of those. `stalled` is 1 or 0.
"""

import gzip
import hashlib
import io
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from stream.errors import UserError
from stream.files import textfiles
from training.synthetic.folder import BUCKET

_GZIP = b"\x1f\x8b"
_MOST_FRAMES = 1_000_000
_TRUTH = {"True": True, "False": False}

COLUMNS = pl.Schema(
    {
        "clip_id": pl.String,
        "project_id": pl.String,
        "num_frames": pl.Int32,
        "crowd_score": pl.Float64,
        "tier1": pl.Boolean,
        "micro": pl.Boolean,
        "nano": pl.Boolean,
        "stalled": pl.Boolean,
    }
)
"""Of `Catalogue.clips`; only `crowd_score` may be null, where it isn't known."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All labelled clips."""

    clips: pl.DataFrame
    """One row a clip, with `COLUMNS`, in the order of the metadata."""
    unlabelled: int
    """Clips of the metadata without a label; they are not among `clips`."""
    uncrowded: tuple[str, ...]
    """Projects whose clips no crowd has seen, so that their scores are null here: see `_without_crowd`."""
    generated: bool
    """`synthesize` wrote the table: its urls lead to a bucket that isn't there."""
    metadata_sha256: str
    labels_sha256: str
    """Of the texts, unpacked."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    rule: str
    """What a text must be."""
    value: pl.Expr
    """Of the text; null where the rule is broken."""
    optional: bool = False
    """The text may be empty."""

    @property
    def is_broken(self) -> pl.Expr:
        broken = self.value.is_null()
        return broken & pl.col(self.name).is_not_null() if self.optional else broken


def _number(name: str, kind: type[pl.DataType], low: float, high: float) -> pl.Expr:
    number = pl.col(name).cast(kind, strict=False)
    return pl.when(number.is_between(low, high)).then(number)


def _choice(name: str, values: dict[str, bool]) -> pl.Expr:
    return pl.col(name).replace_strict(values, default=None, return_dtype=pl.Boolean)


_NAME = _Column("filename", "a name", pl.col("filename"))
_METADATA = (
    _NAME,
    _Column("project_id", "a name", pl.col("project_id")),
    _Column("num_frames", "a whole number from 1 on", _number("num_frames", pl.Int32, 1, _MOST_FRAMES)),
    _Column("crowd_score", "a number from 0 to 1", _number("crowd_score", pl.Float64, 0, 1), optional=True),
    *(_Column(name, "True or False", _choice(name, _TRUTH)) for name in ("tier1", "micro", "nano")),
)
_LABELS = (_NAME, _Column("stalled", "0 or 1", _choice("stalled", {"0": False, "1": True})))


def read_tables(metadata: Path, labels: Path) -> Catalogue:
    """Reads and joins both tables.

    Raises:
        UserError: a file can't be read, a column is missing, a value breaks its rule, a name comes twice, a label
            belongs to no clip, or no clip has a label; with file, line and value.
    """
    text = _bytes(metadata)
    of_clips, metadata_sha256 = _read(metadata, text, _METADATA)
    of_labels, labels_sha256 = _read(labels, _bytes(labels), _LABELS)
    strangers = of_labels.join(of_clips, on="filename", how="anti", maintain_order="left")
    if len(strangers):
        where, name = f"{labels}:{strangers['line'][0]}", strangers["filename"][0]
        raise UserError(f"{where}: {name} is no clip of {metadata} ({len(strangers)} such labels in all)")
    joined = of_clips.join(of_labels, on="filename", how="inner", maintain_order="left")
    if joined.is_empty():
        raise UserError(f"{labels}: no clip of {metadata} has a label here; give the tables of the same clips")
    clips, uncrowded = _without_crowd(joined.rename({"filename": "clip_id"}).select(COLUMNS.names()))
    return Catalogue(
        clips=clips,
        unlabelled=len(of_clips) - len(clips),
        uncrowded=uncrowded,
        generated=BUCKET.encode() in text,
        metadata_sha256=metadata_sha256,
        labels_sha256=labels_sha256,
    )


def _without_crowd(clips: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Zeros that say nothing become null.

    Project L of the competition has a crowd score of 0.0 in all its 444 rows, and 133 of them are stalled: experts
    labelled it, and no crowd saw it. So is any project taken that has stalled clips and no score above 0.
    """
    unseen = (pl.col("crowd_score").max().over("project_id") == 0) & pl.col("stalled").any().over("project_id")
    names = clips.filter(unseen)["project_id"].unique().sort().to_list()
    return clips.with_columns(pl.when(~unseen).then(pl.col("crowd_score")).alias("crowd_score")), tuple(names)


def _read(path: Path, data: bytes, columns: Sequence[_Column]) -> tuple[pl.DataFrame, str]:
    """The columns as values, beside the `line` that each row is in; and the sha256 of the text."""
    texts = _texts(path, data)
    if absent := [column.name for column in columns if column.name not in texts.columns]:
        raise UserError(f"{path}: no column {absent[0]!r} (it has {', '.join(texts.columns) or 'nothing'})")
    is_blank = pl.all_horizontal(pl.col(texts.columns).is_null())
    texts = texts.with_row_index("line", offset=2).filter(~is_blank)
    for column in columns:
        broken = texts.filter(column.is_broken).head(1)
        if len(broken):
            given = broken[column.name][0] or ""
            raise UserError(f"{path}:{broken['line'][0]}: {column.name} = {given!r} must be {column.rule}")
    again = texts.filter(~pl.col("filename").is_first_distinct()).head(1)
    if len(again):
        raise UserError(f"{path}:{again['line'][0]}: {again['filename'][0]} is there already; each clip has one line")
    values = texts.select("line", *(column.value.alias(column.name) for column in columns))
    return values, hashlib.sha256(data).hexdigest()


def _bytes(path: Path) -> bytes:
    """The text, unpacked."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data.startswith(_GZIP) else data
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} can't be unpacked: {error}") from None
    except OSError as error:
        raise UserError(f"can't read {path}: {error.strerror}") from None


def _texts(path: Path, data: bytes) -> pl.DataFrame:
    try:
        return pl.read_csv(io.BytesIO(data), infer_schema=False)
    except pl.exceptions.NoDataError:
        return pl.DataFrame()
    except pl.exceptions.PolarsError as error:
        if path.suffix != ".gz":
            deque(textfiles.rows(path, set()), maxlen=0)  # slower, and knows the line
        said = str(error).partition("\n")[0]
        raise UserError(f"{path} is not the table that it should be: {said}") from None
