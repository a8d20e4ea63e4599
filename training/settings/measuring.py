"""What the commands that use a checkpoint can be told."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from stream.processes.cpus import usable_cpus
from training.settings.shared import (
    AcceptedError,
    AcceptedMissed,
    ClipsSettings,
    Prevalence,
    SelectionSettings,
    Threads,
    VideosSettings,
)


class EvaluateSettings(SelectionSettings, ClipsSettings):
    """Measure a checkpoint on clips that it was not trained on."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    checkpoint: Path = Field(description="folder of the checkpoint")
    clips: int = Field(1000, ge=4, le=600_000, description="number of generated clips of each preset")
    stalled_share: float = Field(0.3, gt=0, lt=1, description="share of the generated clips that are stalled")
    threads: Threads = Field(default_factory=usable_cpus)
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
    prevalence: Prevalence = Field(description="share of stalled clips where it will be used")
    error: AcceptedError | None = Field(None, description="as for fit; by default what the checkpoint promises")
    missed: AcceptedMissed | None = Field(None, description="as for fit; by default what the checkpoint promises")
    clips: int = Field(2000, ge=4, le=600_000, description="number of generated clips")
    stalled_share: float = Field(0.3, gt=0, lt=1, description="share of the generated clips that are stalled")
    threads: Threads = Field(default_factory=usable_cpus)
    seed: int = Field(0, ge=0, description="of the generated clips")

    of_generated = ("preset", "clips", "stalled_share", "seed")
    of_data = tuple(SelectionSettings.model_fields)


class PredictSettings(VideosSettings):
    """Write the competition's submission: filename and 0 or 1, by the checkpoint's `decide`.

    That is the best where the share of stalled clips is the rule's prevalence. About 5 % of the competition's test
    clips are stalled: choose the rule for that first, in a copy, by `calibrate --prevalence 0.05`.

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
    threads: Threads = Field(default_factory=usable_cpus)
