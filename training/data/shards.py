"""Crops on disk: `.npy` files of some hundred MB that only grow while they are written, and are read by mmap.

A shard is a valid array at any time. Rows are written behind those that its header tells of, and the header is changed
last: numpy leaves room in it for that. What a killed writer left behind the last told row is written over by the next.
Rows are written by pwrite, for a full disk is an error there, and a bus error in a map.
"""

import io
import math
import mmap
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from stream.errors import UserError
from training.data.clips import Rows

SHARD_BYTES = 256 * 2**20
Shape = tuple[int, int, int, int]
"""`[C, T, S, S]` of one crop."""


def shard_path(folder: Path, number: int) -> Path:
    """Where a shard lies."""
    return folder / f"shard-{number:05}.npy"


def rows_per_shard(shape: Shape, shard_bytes: int = SHARD_BYTES) -> int:
    """As many crops as fit."""
    return max(1, shard_bytes // math.prod(shape))


class ShardWriter:
    """Appends crops, one shard after the other.

    Args:
        folder: where the shards lie.
        shape: of each crop.
        shard: number of the shard to go on with.
        rows: how many of its rows count; what follows them is cut off.
        shard_bytes: no shard is larger, but for one of a single crop.

    Raises:
        OSError: from each method, where the disk is full or can't be written.
    """

    def __init__(
        self, folder: Path, shape: Shape, *, shard: int = 0, rows: int = 0, shard_bytes: int = SHARD_BYTES
    ) -> None:
        self._folder = folder
        self._shape = shape
        self._capacity = rows_per_shard(shape, shard_bytes)
        self._open(shard, rows)

    def append(self, pixels: NDArray[np.uint8]) -> tuple[int, int]:
        """Writes a crop; where it is: the shard's number and the row. It counts from the next `sync` on."""
        if pixels.shape != self._shape or pixels.dtype != np.uint8:
            raise ValueError(f"a crop uint8 {self._shape} is wanted, this is {pixels.dtype} {pixels.shape}")
        if self._rows >= self._capacity:
            self.close()
            self._open(self._shard + 1, 0)
        at = len(_header(0, self._shape)) + self._rows * math.prod(self._shape)
        _write(self._file, np.ascontiguousarray(pixels).data.cast("B"), at)
        self._rows += 1
        return self._shard, self._rows - 1

    def sync(self) -> None:
        """What was appended survives a loss of power."""
        _write(self._file, memoryview(_header(self._rows, self._shape)), 0)
        os.fsync(self._file)

    def close(self) -> None:
        """Syncs, too."""
        try:
            self.sync()
        finally:
            os.close(self._file)

    def _open(self, shard: int, rows: int) -> None:
        self._shard, self._rows = shard, rows
        self._file = os.open(shard_path(self._folder, shard), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        header = _header(rows, self._shape)
        os.ftruncate(self._file, len(header) + rows * math.prod(self._shape))
        _write(self._file, memoryview(header), 0)


class Shard:
    """One shard, mapped.

    Args:
        path: the file.
        shape: of each crop.
        rows: how many it must have at least.

    Raises:
        UserError: it is missing, shorter than it should be, or of other crops.
    """

    def __init__(self, path: Path, shape: Shape, *, rows: int) -> None:
        otherwise = "prepare the clips again, in another folder"
        try:
            with path.open("rb") as file:
                found, _, kind = _read_header(file)
                self._first_at = file.tell()
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            if kind != np.uint8 or found[1:] != shape or found[0] < rows:
                expected = f"uint8 {shape} with {rows} rows at least"
                raise UserError(f"{path} holds {kind} {found}, not {expected}: {otherwise}")
            self.crops: NDArray[np.uint8] = np.ndarray(found, np.uint8, self._map, self._first_at)
            """`[n, C, T, S, S]`."""
        except OSError as error:
            raise UserError(f"can't read {path} ({error.strerror}): {otherwise}") from None
        except (ValueError, TypeError) as error:  # of an array that is larger than its map, or that has no header
            raise UserError(f"{path} is spoilt ({error}): {otherwise}") from None
        self._row_bytes = math.prod(shape)

    def announce(self, row: int) -> None:
        """Has the disk bring a row, and does not wait for it; of what is in memory already nothing is done."""
        begin = self._first_at + row * self._row_bytes
        page = begin - begin % mmap.PAGESIZE
        self._map.madvise(mmap.MADV_WILLNEED, page, begin + self._row_bytes - page)


class Shards:
    """Crops by their places in shards; a `clips.Pixels`."""

    def __init__(self, folder: Path, shard: Rows, row: Rows, shape: Shape) -> None:
        """Crop i is row `row[i]` of shard `shard[i]` of the folder; `shape` is that of each.

        Raises:
            UserError: see Shard.
        """
        rows_of: NDArray[np.intp] = np.zeros(int(shard.max(initial=-1)) + 1, np.intp)
        np.maximum.at(rows_of, shard, row + 1)
        self._shards = [Shard(shard_path(folder, n), shape, rows=rows) for n, rows in enumerate(rows_of.tolist())]
        self._shard = shard
        self._row = row
        self._shape = shape

    @property
    def shape(self) -> tuple[int, ...]:
        """`(M, C, T, S, S)`."""
        return (len(self._row), *self._shape)

    def __getitem__(self, rows: Rows, /) -> NDArray[np.uint8]:
        """A copy of some crops, `[len(rows), C, T, S, S]`, in the order of `rows`.

        All are announced before the first is copied, so that the disk brings them side by side: `make bench` tells how
        many come in a second where nothing was in memory.
        """
        places = [(self._shards[n], row) for n, row in zip(self._shard[rows], self._row[rows].tolist(), strict=True)]
        for shard, row in places:
            shard.announce(row)
        crops: NDArray[np.uint8] = np.empty((len(rows), *self._shape), np.uint8)
        for crop, (shard, row) in zip(crops, places, strict=True):
            crop[...] = shard.crops[row]
        return crops


def _header(rows: int, shape: Shape) -> bytes:
    """Of the same length for any number of rows."""
    header = io.BytesIO()
    described = {"descr": "|u1", "fortran_order": False, "shape": (rows, *shape)}
    np.lib.format.write_array_header_1_0(header, described)
    return header.getvalue()


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    """Shape, whether in Fortran's order, and kind of what follows."""
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("another version of the format")
    return np.lib.format.read_array_header_1_0(file)


def _write(file: int, data: memoryview, at: int) -> None:
    while data:
        written = os.pwrite(file, data, at)
        data, at = data[written:], at + written
