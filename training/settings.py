"""What each command can be told: one class per command, one flag and one `STALL_TRAINING_` name per field."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.cli import CommandSettings, Names


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


class ClipsSettings(TrainingSettings):
    """Where labelled clips come from."""

    data: Path | None = Field(None, description="folder in the competition's layout; without it clips are generated")
    preset: Names = Field(["demo", "field"], description="how hard generated clips are; several are mixed in turn")
    cache: Path = Field(
        Path("~/.cache/stall-stream/clips"), description="folder that keeps generated clips (131 kB each)"
    )
    threads: int = Field(os.cpu_count() or 1, ge=1, le=256, description="threads that the network computes with")
    processes: int = Field(os.cpu_count() or 1, ge=1, le=256, description="processes that generate or read clips")


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


class FitSettings(ClipsSettings):
    """Train a network, choose its decision rule on clips kept apart, and write both as a checkpoint."""

    out: Path = Field(description="folder for the checkpoint; one of the same network and clip spec is replaced")
    minutes: float = Field(25.0, gt=0, description="time to train, beside that for generating or reading clips")
    steps: int | None = Field(None, ge=1, description="train so many steps, however long it takes")
    clips: int = Field(
        8000, ge=4, le=600_000, description="number of generated clips to train on, half of them stalled"
    )
    validation_clips: int = Field(2000, ge=4, le=600_000, description="number of generated clips kept apart")
    validation_share: float = Field(0.2, gt=0, lt=1, description="share of a --data folder kept apart, by project")
    prevalence: float = Field(
        0.3, gt=0, lt=1, description="share of stalled clips where it will be used; the thresholds are chosen for it"
    )
    error: float = Field(
        0.01, gt=0, lt=0.5, description="share of wrong verdicts accepted among those called stalled, or flowing"
    )
    network: Literal["slim", "r50-4x16", "r50-8x8", "r101-8x8"] = Field("slim", description="architecture")
    batch: int = Field(32, ge=2, le=1024, description="clips in a step, half of them stalled")
    learning_rate: float = Field(3e-3, gt=0, description="highest learning rate of AdamW")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto is bf16 where the CPU multiplies it")
    seed: int = Field(0, ge=0, description="of clips, weights and batches")


class EvaluateSettings(ClipsSettings):
    """Measure a checkpoint on clips that it was not trained on."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    checkpoint: Path = Field(description="folder of the checkpoint")
    clips: int = Field(1000, ge=4, le=600_000, description="number of generated clips of each preset")
    stalled_share: float = Field(0.3, gt=0, lt=1, description="share of the generated clips that are stalled")
    seed: int = Field(0, ge=0, description="of the generated clips; no seed gives clips of training")
    as_json: bool = Field(False, description="print a line of JSON for each set instead of a table")
