"""Which of the labelled clips are wanted: a subset, projects, how sure the crowd must be, how many flowing ones.

Labels always come from the table of labels. A crowd score never makes one, for it contradicts experts: in the
competition's projects G and J 1,025 clips with a score of 0.5 or more are flowing, and project L was never shown to a
crowd. So scores only choose among the clips whose label rests on the crowd alone: those outside of tier1.
"""

from hashlib import blake2b
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from stream.errors import UserError

Subset = Literal["nano", "micro", "tier1", "all"]


class Selection(BaseModel):
    """What is wanted. The same selection of the same clips is always the same.

    A clip's place in line is decided by its name and the seed alone. So a selection that asks for more flowing clips
    or a larger maximum holds all clips of the smaller one, and what was prepared for that is not prepared again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subset: Subset = "all"
    """nano is inside micro, micro inside tier1, and tier1, the certain labels, inside all."""
    projects: tuple[str, ...] = ()
    """Only these; all where none is named."""
    without: tuple[str, ...] = ()
    """None of these: kept to judge on what nothing was learnt from."""
    stalled_crowd_min: float = Field(default=0.0, ge=0, le=1)
    """A stalled clip outside of tier1 needs this crowd score. In the competition they lie in [0.5, 0.75): 0.6 keeps the
    surer ones, 0.75 none."""
    flowing_crowd_max: float = Field(default=1.0, ge=0, le=1)
    """A flowing clip outside of tier1 may have this crowd score; 0 keeps none that the crowd was unsure of."""
    flowing_per_stalled: int | None = Field(default=None, ge=1)
    """In each project so many flowing clips are drawn for each stalled one, or all where there are fewer: what is the
    same in each project can't be told from the project's look. None takes all."""
    maximum: int | None = Field(default=None, ge=1)
    """So many clips are drawn of those that are left."""
    seed: int = Field(default=0, ge=0)
    """Of both draws."""

    @property
    def words(self) -> str:
        """What differs from taking all, as `subset tier1, without I and K`; empty where nothing does."""
        told = self.model_dump(exclude_defaults=True)
        shown = {name: " and ".join(value) if isinstance(value, tuple) else value for name, value in told.items()}
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in shown.items())

    def of(self, clips: pl.DataFrame) -> pl.DataFrame:
        """The wanted clips, in the order of a random draw.

        Args:
            clips: with `clip_id, project_id, stalled, crowd_score, tier1, micro, nano`.

        Raises:
            UserError: there is no such project, or nothing is left.
        """
        known = clips["project_id"].unique().sort().to_list()
        for flag, named in (("--projects", self.projects), ("--without", self.without)):
            if unknown := sorted(set(named) - set(known)):
                raise UserError(f"{flag} {unknown[0]}: no such project; there are {', '.join(known)}")
        wanted = clips.filter(self._is_wanted())
        if wanted.is_empty():
            raise UserError(f"none of {len(clips)} clips is left: ask for a larger --subset, or for wider limits")
        wanted = wanted.with_columns(place=self._places(wanted["clip_id"])).sort("place")
        if self.flowing_per_stalled is not None:
            stalled = pl.col("stalled").sum().over("project_id")
            turn = pl.col("place").rank("ordinal").over("project_id", "stalled")
            wanted = wanted.filter(pl.col("stalled") | (turn <= self.flowing_per_stalled * stalled))
            if wanted.is_empty():
                raise UserError(f"--flowing-per-stalled {self.flowing_per_stalled}: none of the clips is stalled")
        return wanted.drop("place").head(len(wanted) if self.maximum is None else self.maximum)

    def _is_wanted(self) -> pl.Expr:
        score, stalled, certain = pl.col("crowd_score"), pl.col("stalled"), pl.col("tier1")
        sure_enough = pl.when(stalled).then(score >= self.stalled_crowd_min).otherwise(score <= self.flowing_crowd_max)
        wanted = certain | sure_enough.fill_null(True)
        if self.subset != "all":
            wanted &= pl.col(self.subset)
        if self.projects:
            wanted &= pl.col("project_id").is_in(self.projects)
        return wanted & ~pl.col("project_id").is_in(self.without)

    def _places(self, clip_ids: pl.Series) -> pl.Series:
        """Random numbers that belong to names; the same with any version of any library."""
        key = str(self.seed).encode()
        return pl.Series(
            [int.from_bytes(blake2b(name.encode(), digest_size=8, key=key).digest()) for name in clip_ids],
            dtype=pl.UInt64,
        )
