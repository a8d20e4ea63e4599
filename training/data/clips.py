"""Clips: labelled crops as a network takes them, with what is known of each; pixels are read only when asked for."""

from dataclasses import dataclass, fields
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


class Pixels(Protocol):
    """Crops `uint8 [M, C, T, S, S]`, in memory or on disk."""

    @property
    def shape(self) -> tuple[int, ...]:
        """`(M, C, T, S, S)`."""

    def __getitem__(self, rows: Rows, /) -> NDArray[np.uint8]:
        """A copy of some crops, `[len(rows), C, T, S, S]`, in the order of `rows`."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of each clip beside its pixels: one entry a clip in each column."""

    clip_ids: NDArray[np.str_]
    project_ids: NDArray[np.str_]
    stalled: NDArray[np.bool_]
    num_frames: NDArray[np.int32]
    boxes: NDArray[np.int32]
    """`[N, 4]`, the outline's x0, y0, x1, y1 in pixels of the clip."""

    def __post_init__(self) -> None:
        lengths = {name.name: len(getattr(self, name.name)) for name in fields(self)}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"columns of facts differ in length: {lengths}")

    def __len__(self) -> int:
        return len(self.stalled)

    def take(self, rows: Rows) -> Self:
        """The facts of some clips, in the order of `rows`."""
        return type(self)(**{column.name: getattr(self, column.name)[rows] for column in fields(self)})


@dataclass(frozen=True, slots=True)
class Clips:
    """N clips: some of the crops of a store, and their facts."""

    pixels: Pixels
    facts: Facts
    rows: Rows
    """`[N]`, where in `pixels` each clip is."""

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.facts):
            raise ValueError(f"{len(self.rows)} crops and facts of {len(self.facts)} clips")

    @classmethod
    def of(cls, pixels: Pixels, facts: Facts) -> Self:
        """All crops of a store, in its order."""
        return cls(pixels, facts, np.arange(pixels.shape[0]))

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """`(N, C, T, S, S)`."""
        return (len(self), *self.pixels.shape[1:])

    @property
    def stalled(self) -> NDArray[np.bool_]:
        """`[N]`, the labels."""
        return self.facts.stalled

    @property
    def projects(self) -> tuple[str, ...]:
        """Whose the clips are, each project once."""
        return tuple(np.unique(self.facts.project_ids).tolist())

    def take(self, indices: Rows) -> Self:
        """Some of the clips, in the order of `indices`; no pixel is read."""
        return type(self)(self.pixels, self.facts.take(indices), self.rows[indices])

    def read(self, indices: Rows) -> NDArray[np.uint8]:
        """The crops of some of the clips, `[len(indices), C, T, S, S]`, as an array of their own."""
        return self.pixels[self.rows[indices]]
