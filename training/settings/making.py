"""What the commands that make, read and show clips can be told."""

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from stream.clip.spec import ClipSpec
from stream.processes.cpus import usable_cpus
from stream.terminal.cli import Names, Several
from training.settings.shared import (
    SelectionSettings,
    Threads,
    TrainingSettings,
    VideosSettings,
)


class SynthesizeSettings(TrainingSettings):
    """Write a folder of synthetic clips in the competition's layout."""

    out: Path = Field(description="new or empty folder to write to")
    clips: int = Field(40, ge=1, le=600_000, description="number of clips, the bad ones included")
    seed: int = Field(0, ge=0, description="of everything that is drawn: the same seed gives the same pixels")
    stalled_share: float = Field(0.3, ge=0, le=1, description="share of the good clips that are stalled")
    preset: Literal["demo", "field"] = Field("demo", description="how hard the clips are: demo is clear")
    bad: int = Field(0, ge=0, description="number of clips that can't be judged, listed in bad.csv")
    reencoded_share: float = Field(0.1, ge=0, le=1, description="share of clips re-encoded with groups of pictures")
    processes: int = Field(default_factory=usable_cpus, ge=1, le=256, description="processes that render and encode")


class ContactSheetSettings(TrainingSettings):
    """Show clips side by side: one row of evenly spaced frames for each."""

    clips: CliPositionalArg[Several[Path]] = Field(min_length=1, description="MP4 files, or folders of them")
    out: Path = Field(description="PNG file to write")
    outcomes: Path | None = Field(None, description="what `python -m stream score --json` printed: shows the verdicts")
    rows: int = Field(12, ge=1, le=500, description="most clips shown")
    columns: int = Field(6, ge=2, le=50, description="frames of each clip")
    width: int = Field(256, ge=64, le=512, description="pixels that each frame is wide")


class PrepareSettings(VideosSettings, SelectionSettings):
    """Read recorded clips once and keep them as the network takes them: a cache, for --data of other commands.

    S3's credentials have no flag: they are the AWS_* names of the environment.
    """

    out: Path = Field(
        description="folder of the cache; one of the same source and clip spec is gone on with, and then "
        "holds what is asked for now"
    )
    metadata: Path | None = Field(
        None, description="the competition's train_metadata.csv, or .gz; by default the one in the source folder"
    )
    labels: Path | None = Field(
        None, description="the competition's train_labels.csv, or .gz; by default the one in the source folder"
    )
    seed: int = Field(0, ge=0, description="of both draws")
    spec: ClipSpec = Field(ClipSpec(), description="how clips are read; in the environment as JSON")


class ProbeSettings(TrainingSettings):
    """Measure what can be told of generated clips' labels from what should not tell them."""

    preset: Names = Field(["demo", "field"], description="generated clips to probe; each is a column of the table")
    clips: int = Field(1000, ge=50, le=600_000, description="number of clips that each probe is measured on")
    training_clips: int = Field(8000, ge=64, le=600_000, description="clips that the network of one frame learns from")
    files: int = Field(300, ge=50, description="clips whose video is written for its size, of those measured on")
    cache: Path = Field(
        Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    threads: Threads = Field(default_factory=usable_cpus)
    processes: int = Field(default_factory=usable_cpus, ge=1, le=256, description="processes that generate clips")
    seed: int = Field(0, ge=0, description="of clips, folds and weights")
