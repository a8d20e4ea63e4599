"""What each command can be told: one class per command, one flag and one `STALL_TRAINING_` name per field."""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.cli import CommandSettings, Names
from stream.clip.spec import ClipSpec
from training.network_names import SUMMARIES, NetworkName
from training.recipe import RecipeName


def _number(value: object) -> object:
    return int(value) if isinstance(value, str) and value.isdecimal() else value


AcceptedError = Annotated[
    float,
    Field(gt=0, lt=0.5, description="share of wrong verdicts accepted among those called stalled, or flowing"),
]
AcceptedMissed = Annotated[
    float, Field(gt=0, lt=1, description="share of all stalled clips that may be called flowing")
]


_NETWORKS = "; ".join(f"{name}: {summary}" for name, summary in SUMMARIES.items())
_EXCLUSIVE = (("members", "folds"), ("minutes", "steps"), ("validation_share", "folds"), ("validation_clips", "folds"))
"""Fields of `fit` of which one would silently not count."""


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class TrainingSettings(CommandSettings):
    """Base of the commands of `python -m training`."""

    model_config = SettingsConfigDict(env_prefix="STALL_TRAINING_")


class SynthesizeSettings(TrainingSettings):
    """Write a folder of synthetic clips in the competition's layout."""

    out: Path = Field(description="new or empty folder to write to")
    clips: int = Field(40, ge=1, le=600_000, description="number of clips, the bad ones included")
    seed: int = Field(0, ge=0, description="of everything that is drawn: the same seed gives the same pixels")
    stalled_share: float = Field(0.3, ge=0, le=1, description="share of the good clips that are stalled")
    preset: Literal["demo", "field"] = Field("demo", description="how hard the clips are: demo is clear")
    bad: int = Field(0, ge=0, description="number of clips that can't be judged, listed in bad.csv")
    reencoded_share: float = Field(0.1, ge=0, le=1, description="share of clips re-encoded with groups of pictures")
    processes: int = Field(
        os.cpu_count() or 1, ge=1, le=256, description="processes that render and encode; by default one for each core"
    )


class ContactSheetSettings(TrainingSettings):
    """Show clips side by side: one row of evenly spaced frames for each."""

    clips: CliPositionalArg[list[Path]] = Field(min_length=1, description="MP4 files, or folders of them")
    out: Path = Field(description="PNG file to write")
    outcomes: Path | None = Field(None, description="what `python -m stream score --json` printed: shows the verdicts")
    rows: int = Field(12, ge=1, le=500, description="most clips shown")
    columns: int = Field(6, ge=2, le=50, description="frames of each clip")
    width: int = Field(256, ge=64, le=512, description="pixels that each frame is wide")


class VideosSettings(TrainingSettings):
    """Where videos lie, and how they are fetched and read."""

    source: str = Field(description="folder, s3://bucket[/prefix] or https://host/path that the videos lie under")
    processes: int = Field(os.cpu_count() or 1, ge=1, le=256, description="processes that read clips")
    fetches: int = Field(16, ge=1, le=1024, description="clips that are fetched at a time")
    fetch_timeout_s: float = Field(60.0, gt=0, description="seconds that a store on a network has to send a clip")
    s3_endpoint: str | None = Field(
        None, description="https://host[:port] of an S3 server; by default AWS_ENDPOINT_URL, or AWS's own"
    )
    s3_region: str | None = Field(None, min_length=1, description="S3's region; by default AWS_REGION, or us-east-1")
    s3_unsigned: bool = Field(False, description="ask S3 without credentials, as for public buckets")
    s3_virtual_hosted: bool = Field(False, description="say S3's bucket in the host's name and not in the path")


class SelectionSettings(TrainingSettings):
    """Which clips are wanted of those that are there."""

    subset: Literal["nano", "micro", "tier1", "all"] = Field("all", description="which of the competition's subsets")
    projects: Names = Field([], description="only clips of these; repeat the flag for several")
    without: Names = Field([], description="no clips of these projects; repeat the flag for several")
    stalled_crowd_min: float = Field(
        0.0, ge=0, le=1, description="least crowd score of stalled clips outside of tier1; 0.75 leaves all of them out"
    )
    flowing_crowd_max: float = Field(
        1.0, ge=0, le=1, description="greatest crowd score of flowing clips outside of tier1; 0 leaves all of them out"
    )
    flowing_per_stalled: int | None = Field(
        None, ge=1, description="flowing clips drawn for each stalled one, in each project; by default all are taken"
    )
    maximum: int | None = Field(None, ge=1, description="clips drawn at most of those that are left")


class PrepareSettings(VideosSettings, SelectionSettings):
    """Read recorded clips once and keep them as the network takes them: a cache, for --data of other commands.

    S3's credentials have no flag: they are the AWS_* names of the environment.
    """

    out: Path = Field(description="folder of the cache; one of the same source and clip spec is gone on with")
    metadata: Path | None = Field(
        None, description="the competition's train_metadata.csv, or .gz; by default the one in the source folder"
    )
    labels: Path | None = Field(
        None, description="the competition's train_labels.csv, or .gz; by default the one in the source folder"
    )
    seed: int = Field(0, ge=0, description="of both draws")
    spec: ClipSpec = Field(ClipSpec(), description="how clips are read; in the environment as JSON")


class ClipsSettings(TrainingSettings):
    """Where labelled clips come from."""

    data: Path | None = Field(None, description="cache that `prepare` made; without it clips are generated")
    preset: Names = Field(["demo", "field"], description="how hard generated clips are; several are mixed in turn")
    cache: Path = Field(
        Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    processes: int = Field(os.cpu_count() or 1, ge=1, le=256, description="processes that generate or read clips")

    of_generated: ClassVar[tuple[str, ...]] = ("preset", "clips")
    """Fields that say something of generated clips alone."""
    of_data: ClassVar[tuple[str, ...]] = ()
    """Fields that say something of a cache alone."""

    @model_validator(mode="after")
    def _nothing_is_ignored(self) -> Self:
        names = self.of_generated if self.data else self.of_data
        if given := [name for name in names if name in self.model_fields_set]:
            rest = "says how clips are generated: leave it out with" if self.data else "counts only with"
            raise ValueError(f"{_flag(given[0])} {rest} --data")
        return self


class ProbeSettings(TrainingSettings):
    """Measure what can be told of generated clips' labels from what should not tell them."""

    preset: Names = Field(["demo", "field"], description="generated clips to probe; each is a column of the table")
    clips: int = Field(1000, ge=50, le=600_000, description="number of clips that each probe is measured on")
    training_clips: int = Field(8000, ge=64, le=600_000, description="clips that the network of one frame learns from")
    files: int = Field(300, ge=50, description="clips whose video is written for its size, of those measured on")
    cache: Path = Field(
        Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    threads: int = Field(os.cpu_count() or 1, ge=1, le=256, description="threads that the network computes with")
    processes: int = Field(os.cpu_count() or 1, ge=1, le=256, description="processes that generate clips")
    seed: int = Field(0, ge=0, description="of clips, folds and weights")


class FitSettings(SelectionSettings, ClipsSettings):
    """Train networks, choose their decision rule on clips kept apart, and write them as one checkpoint."""

    out: Path = Field(description="folder for the checkpoint; one of the same network and clip spec is replaced")
    minutes: float | None = Field(
        None, gt=0, description="time to train each network, beside that for its clips; by default 25, debug 0.1"
    )
    steps: int | None = Field(None, ge=1, description="train so many steps, however long it takes")
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
        description="instead: cut the --data by project, train one network without each part, "
        "choose the rule on the clips that each has not seen, and average them into one",
    )
    views: Annotated[Literal[1, 2, 4, 8], BeforeValidator(_number)] = Field(
        1, description="mirrored and turned copies of a clip to average over"
    )
    prevalence: float = Field(
        0.3, gt=0, lt=1, description="share of stalled clips where it will be used; the thresholds are chosen for it"
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
    threads: int = Field(os.cpu_count() or 1, ge=1, le=256, description="threads that the network computes with")
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
                raise ValueError(f"{_flag(one)} and {_flag(other)} exclude each other: give one of them")
        _check_prevalence(self)
        return self


class ContestSettings(ClipsSettings):
    """What the two commands that compare trainings share."""

    out: Path = Field(description="folder for the table and for what each training came to; it is gone on with")
    minutes: float = Field(4.0, gt=0, description="CPU time of each training, of one thread")
    seeds: int = Field(3, ge=1, le=20, description="trainings of each row, at its best learning rate")
    jobs: int = Field(os.cpu_count() or 1, ge=1, le=256, description="trainings at a time")
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
    prevalence: float = Field(0.3, gt=0, lt=1, description="share of stalled clips that all measures are for")
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
    def _has_a_prevalence(self) -> Self:
        _check_prevalence(self)
        return self


def _check_prevalence(settings: FitSettings | ContestSettings) -> None:
    """A set of recorded clips seldom has the share of stalled ones that the thresholds are for."""
    if settings.data and "prevalence" not in settings.model_fields_set:
        raise ValueError(
            "--prevalence is missing: with --data say what share of the clips is stalled where it will be used, as "
            "0.003, for the thresholds are chosen for that"
        )


class CompareSettings(ContestSettings):
    """Train several networks at equal cost on the same clips, and write the table of what they come to."""

    networks: Names = Field(
        ["mosaic", "r3d_18", "mc3_18", "r2plus1d_18", "slim", "r50-half", "r50-4x16", "r50-8x8"],
        description="which; repeat the flag for several",
    )


class AblateSettings(ContestSettings):
    """Train one network by its recipe with one thing changed at a time, and write the table of what that does."""

    network: NetworkName = Field("slim", description="architecture")


class EvaluateSettings(SelectionSettings, ClipsSettings):
    """Measure a checkpoint on clips that it was not trained on."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    checkpoint: Path = Field(description="folder of the checkpoint")
    clips: int = Field(1000, ge=4, le=600_000, description="number of generated clips of each preset")
    stalled_share: float = Field(0.3, gt=0, lt=1, description="share of the generated clips that are stalled")
    threads: int = Field(os.cpu_count() or 1, ge=1, le=256, description="threads that the network computes with")
    seed: int = Field(0, ge=0, description="of the generated clips; no seed gives clips of training")
    as_json: bool = Field(False, description="print a line of JSON for each set instead of a table")
    out: Path | None = Field(None, description="HTML page to write: curves, intervals, hard clips, worst mistakes")
    card: Path | None = Field(None, description="model card to write, in Markdown")
    error: AcceptedError | None = Field(None, description="as for fit; by default what the checkpoint promises")
    missed: AcceptedMissed | None = Field(None, description="as for fit; by default what the checkpoint promises")

    of_generated = ("preset", "clips", "stalled_share", "seed")
    of_data = tuple(SelectionSettings.model_fields)


class CalibrateSettings(SelectionSettings, ClipsSettings):
    """Choose a checkpoint's temperature and thresholds again, for another prevalence or other promises."""

    checkpoint: Path = Field(description="folder of the checkpoint; its rule is replaced, its weights stay")
    prevalence: float = Field(gt=0, lt=1, description="share of stalled clips where it will be used")
    error: AcceptedError | None = Field(None, description="as for fit; by default what the checkpoint promises")
    missed: AcceptedMissed | None = Field(None, description="as for fit; by default what the checkpoint promises")
    clips: int = Field(2000, ge=4, le=600_000, description="number of generated clips")
    stalled_share: float = Field(0.3, gt=0, lt=1, description="share of the generated clips that are stalled")
    threads: int = Field(os.cpu_count() or 1, ge=1, le=256, description="threads that the network computes with")
    seed: int = Field(0, ge=0, description="of the generated clips")

    of_generated = ("preset", "clips", "stalled_share", "seed")
    of_data = tuple(SelectionSettings.model_fields)


class PredictSettings(VideosSettings):
    """Write the competition's submission: filename and 0 or 1, by the checkpoint's `decide`.

    S3's credentials have no flag: they are the AWS_* names of the environment.
    """

    checkpoint: Path = Field(description="folder of the checkpoint")
    out: Path = Field(description="CSV file to write: filename,stalled")
    submission_format: Path | None = Field(
        None,
        description="the competition's submission_format.csv: its clips in its order; by default the one in the "
        "source folder, or all videos there",
    )
    probabilities: Path | None = Field(None, description="second CSV file, with logits, probabilities and verdicts")
    unread_flowing: bool = Field(False, description="say 0 of clips that could not be read; else they end the command")
    threads: int = Field(os.cpu_count() or 1, ge=1, le=256, description="threads that the network computes with")
