"""What the commands that train networks can be told."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stream.clip.spec import ClipSpec
from stream.processes.cpus import usable_cpus
from stream.terminal.cli import Names, Several
from training.network_names import SUMMARIES, NetworkName
from training.recipe import RecipeName
from training.settings.shared import (
    AcceptedError,
    AcceptedMissed,
    ClipsSettings,
    Prevalence,
    SelectionSettings,
    Threads,
    flag,
)


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


_NETWORKS = "; ".join(f"{name}: {summary}" for name, summary in SUMMARIES.items())


_EXCLUSIVE = (
    ("members", "folds"),
    ("minutes", "steps"),
    ("minutes", "passes"),
    ("steps", "passes"),
    ("validation_share", "folds"),
    ("validation_clips", "folds"),
)
"""Fields of `fit` of which one would silently not count."""


class FitSettings(SelectionSettings, ClipsSettings):
    """Train networks, choose their decision rule on clips kept apart, and write them as one checkpoint."""

    out: Path = Field(description="folder for the checkpoint; one of the same network and clip spec is replaced")
    minutes: float | None = Field(
        None, gt=0, description="time to train each network, beside that for its clips; by default 25, debug 24 steps"
    )
    steps: int | None = Field(None, ge=1, description="instead: train so many steps")
    passes: float | None = Field(
        None, gt=0, description="instead: show each network as many clips as are so many times its own (epochs)"
    )
    spec: ClipSpec = Field(ClipSpec(), description="how generated clips are cut; those of --data say it themselves")
    clips: int | None = Field(
        None, ge=4, le=600_000, description="generated clips to train on, half stalled; by default 8000, debug 64"
    )
    validation_clips: int | None = Field(
        None, ge=4, le=600_000, description="generated clips kept apart; by default 2000, debug 64"
    )
    validation_share: float = Field(
        0.2, gt=0, le=0.5, description="share of the stalled --data clips kept apart, in whole projects"
    )
    members: int = Field(1, ge=1, le=20, description="networks on the same clips with other seeds, averaged into one")
    folds: int | None = Field(
        None,
        ge=2,
        le=20,
        description="instead: cut the clips by project, train one network without each part, "
        "choose the rule on the clips that each has not seen, and average them into one",
    )
    views: Annotated[Literal[1, 2, 4, 8], BeforeValidator(_number)] = Field(
        1, description="mirrored and turned copies of a clip to average over"
    )
    prevalence: Prevalence = Field(
        0.3,
        description="share of stalled clips where it will be used, for which the thresholds are chosen; must be given "
        "with --data",
    )
    error: AcceptedError = 0.01
    missed: AcceptedMissed = 0.05
    network: NetworkName = Field("slim", description=f"architecture. {_NETWORKS}")
    init: Path | None = Field(
        None, description="weights to begin from: a .pyth of PySlowFast or PyTorchVideo, or a checkpoint's folder"
    )
    recipe: RecipeName = Field(
        "full", description="how to train; finetune is for --init; debug shows in seconds that all works"
    )
    change: Names = Field([], description="a part of the recipe to change, as learning_rate=0.001; may be repeated")
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="auto is bf16 where the machine multiplies it"
    )
    threads: Threads = Field(default_factory=usable_cpus)
    seed: int = Field(0, ge=0, description="of clips, weights and batches")
    save_every_s: float = Field(60.0, ge=0, description="seconds between two saves of what a run goes on from")
    resume: bool = Field(False, description="go on with a run that was interrupted or killed")

    of_generated = ("preset", "clips", "validation_clips")
    of_data = ("validation_share", *SelectionSettings.model_fields)

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        given = self.model_fields_set
        for one, other in _EXCLUSIVE:
            if {one, other} <= given and getattr(self, one) and getattr(self, other):
                raise ValueError(f"{flag(one)} and {flag(other)} exclude each other: give one of them")
        _check_prevalence(self)
        return self


class ContestSettings(ClipsSettings):
    """What the two commands that compare trainings share."""

    out: Path = Field(description="folder for the table and for what each training came to; it is gone on with")
    minutes: float = Field(
        4.0, gt=0, description="length of each training: CPU time of one thread, or time on a GPU where there is one"
    )
    passes: float | None = Field(
        None, gt=0, description="instead: show each network as many clips as are so many times those to train on"
    )
    seeds: int = Field(3, ge=1, le=20, description="trainings of each row, at its best learning rate")
    jobs: int | None = Field(
        None, ge=1, le=256, description="trainings at a time; by default one for each CPU, or one on a GPU"
    )
    clips: int = Field(
        8000, ge=8, le=600_000, description="number of generated clips to train on, half of them stalled"
    )
    validation_clips: int = Field(
        1200, ge=8, le=600_000, description="number of generated clips that thresholds are chosen on"
    )
    test_clips: int = Field(
        1200, ge=8, le=600_000, description="number of generated clips of each preset to measure on"
    )
    folds: int = Field(
        5, ge=3, le=20, description="parts that --data is cut into, by project: one to test, one to choose"
    )
    all_folds: bool = Field(False, description="let each part be the test in turn, not only the first")
    prevalence: Prevalence = Field(
        0.3, description="share of stalled clips that all measures are for; must be given with --data"
    )
    recipe: RecipeName = Field("full", description="how to train")
    change: Names = Field([], description="a part of the recipe to change, as learning_rate=0.001; may be repeated")
    spec: ClipSpec = Field(ClipSpec(), description="how generated clips are cut; those of --data say it themselves")
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="auto is bf16 where the machine multiplies it"
    )
    seed: int = Field(0, ge=0, description="of the generated clips")

    of_generated = ("preset", "clips", "validation_clips", "test_clips", "spec", "seed")
    of_data = ("folds", "all_folds")

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if {"minutes", "passes"} <= self.model_fields_set and self.passes:
            raise ValueError("--minutes and --passes exclude each other: give one of them")
        _check_prevalence(self)
        return self


class CompareSettings(ContestSettings):
    """Train several networks for equally long on the same clips, and write the table of what they come to."""

    networks: Names = Field(
        ["mosaic", "r3d_18", "mc3_18", "r2plus1d_18", "slim", "r50-half", "r50-4x16", "r50-8x8"],
        description="which; repeat the flag for several",
    )
    rates: Several[Annotated[float, Field(gt=0)]] = Field(
        [3e-4, 1e-3, 3e-3], min_length=1, description="learning rates that each chooses from; may be repeated"
    )


class AblateSettings(ContestSettings):
    """Train one network by its recipe with one thing changed at a time, and write the table of what that does."""

    network: NetworkName = Field("slim", description="architecture")


def _check_prevalence(settings: FitSettings | ContestSettings) -> None:
    """A set of recorded clips seldom has the share of stalled ones that the thresholds are for."""
    if settings.data and "prevalence" not in settings.model_fields_set:
        raise ValueError(
            "--prevalence is missing: with --data say what share of the clips is stalled where it will be used, as "
            "0.003, for the thresholds are chosen for that"
        )
