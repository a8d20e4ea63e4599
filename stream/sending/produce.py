"""Where references come from: a folder of clips, the competition's metadata CSV, or a manifest.

A source is a generator, read twice: once to check every row, so that nothing is sent of a source with a bad one, and
once to send. Neither time does it lie in memory: the competition's metadata has 573,048 rows.
"""

import json
import os
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from stream.errors import ClipFault, UserError
from stream.files.textfiles import reading, rows
from stream.records import SCHEMA, ClipReference, parse_reference

Source = Callable[[], Iterator[ClipReference]]
"""Starts reading from the beginning; raises UserError at a bad row."""

_Item = TypeVar("_Item")


def open_source(path: Path | None, *, metadata: Path | None, root: str | None) -> Source:
    """The source that the user's settings name.

    Raises:
        UserError: none or two are named, or it doesn't exist.
    """
    if (path is None) == (metadata is None):
        raise UserError("name one source: a folder, a manifest, or --metadata CSV")
    if root is not None and (metadata is None or not ("://" in root or Path(root).is_dir())):
        raise UserError(f"--root = {root!r} must be a folder or a URI prefix, and goes with --metadata")
    if metadata is not None:
        return metadata_source(metadata, root=root)
    assert path is not None
    return folder_source(path) if path.is_dir() else manifest_source(path)


def folder_source(folder: Path) -> Source:
    """The mp4 files below a folder, in order of their names; clip_id is the path relative to the folder."""
    base = folder.resolve()

    def references() -> Iterator[ClipReference]:
        names = sorted(name for name in names_below(base) if (base / name).is_file())
        if not names:
            raise UserError(f"{folder}: no mp4 file in this folder; give one that holds clips")
        yield from (_parse(str(base / name), folder_value(base, name)) for name in names)

    return references


def names_below(base: Path) -> Iterator[str]:
    """What is named as a clip below a folder, relative to it, in no order; folders that can't be read are left out."""
    for folder, _, files in os.walk(base):
        found = [name for name in files if os.path.splitext(name)[1].lower() == ".mp4"]  # noqa: PTH122 - of 100,000
        if found:
            below = os.path.relpath(folder, base)
            yield from found if below == "." else (f"{below}/{name}" for name in found)


def folder_value(base: Path, name: str) -> bytes:
    """The reference of a file below a folder, as it is sent; `parse_reference` tells whether its name makes one."""
    return _value(clip_id=name, uri=(base / name).as_uri())


def metadata_source(path: Path, *, root: str | None) -> Source:
    """The competition's metadata: `filename` is the clip_id; `project_id` and `num_frames` are carried over.

    Args:
        path: the CSV.
        root: folder or URI prefix that the files lie under; None uses the column `url`.
    """

    def references() -> Iterator[ClipReference]:
        for where, row in rows(path, {"filename"} if root else {"filename", "url"}):
            yield _reference(
                where,
                clip_id=row["filename"],
                uri=_below(root, row["filename"]) if root else row["url"],
                project_id=row.get("project_id") or None,
                num_frames=_whole_number(row.get("num_frames")),
            )

    return references


def manifest_source(path: Path) -> Source:
    """A CSV with the columns `clip_id,uri`, or any other file as JSON lines, each a reference as it will be sent."""

    def from_csv() -> Iterator[ClipReference]:
        for where, row in rows(path, {"clip_id", "uri"}):
            yield _reference(where, clip_id=row["clip_id"], uri=row["uri"])

    def from_json_lines() -> Iterator[ClipReference]:
        with reading(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _parse(f"{path}:{number}", line.encode())

    return from_csv if path.suffix.lower() == ".csv" else from_json_lines


def count(source: Source) -> int:
    """Checks every row and says how many references there are.

    Raises:
        UserError: a row is no reference (names its line), or there is none at all.
    """
    total = sum(1 for _ in source())
    if total == 0:
        raise UserError("the source names no clip: nothing to send")
    return total


def paced(items: Iterable[_Item], *, rate: float) -> Iterator[_Item]:
    """Hands out at most `rate` items a second; time lost is not made up for."""
    due = time.monotonic()
    for item in items:
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due, time.monotonic()) + 1.0 / rate
        yield item


def _below(root: str, filename: str) -> str:
    if "://" in root:
        return f"{root.rstrip('/')}/{urllib.parse.quote(filename)}"
    return (Path(root).resolve() / filename).as_uri()


def _whole_number(text: str | None) -> int | str | None:
    """Text that is no number is left for the reference's own rules to refuse."""
    return int(text) if text and text.isascii() and text.isdigit() else text or None


def _reference(where: str, **fields: object) -> ClipReference:
    return _parse(where, _value(**fields))


def _value(**fields: object) -> bytes:
    given = {name: value for name, value in fields.items() if value is not None}
    return json.dumps({"schema": SCHEMA, **given}).encode()


def _parse(where: str, value: bytes) -> ClipReference:
    """By the rules that a worker applies, so that none of these comes back as a dead letter."""
    try:
        return parse_reference(value)
    except ClipFault as fault:
        raise UserError(f"{where}: {fault.detail}; nothing was sent") from None
