"""What the commands can be told that read the topics back."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.settings.judging import AllowSettings, ArtifactSettings
from stream.settings.shared import ExtentSettings, GroupSettings, MemberSettings, TopicNames
from stream.terminal.cli import Names


class OutcomesSettings(GroupSettings):
    """What reads the topics back."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    as_json: bool = Field(False, description="print the result as one JSON object")


class AuditSettings(ExtentSettings, OutcomesSettings):
    """The proof of delivery."""

    late_after_s: float | None = Field(
        None, gt=0, description="seconds after its reference from which on an outcome is late; by default none is"
    )
    wait_s: float = Field(0.0, ge=0, description="seconds to wait, at most, until no reference is pending any more")


class ReportSettings(ExtentSettings, OutcomesSettings):
    """What came of the references."""

    labels: Path | None = Field(None, description="CSV with filename,stalled: the truth to compare verdicts with")
    expected_rejections: Path | None = Field(
        None, description="CSV with filename,expected_reason: clips that are meant to be rejected"
    )


class ExportSettings(ExtentSettings, TopicNames):
    """Outcomes as a table."""

    out: Path | None = Field(
        None, description="file to write: a CSV, or Parquet if its name ends in .parquet; by default a CSV to stdout"
    )


class ShowSettings(ArtifactSettings, AllowSettings, TopicNames):
    """Chosen outcomes as a page with pictures."""

    names: CliPositionalArg[Names] = Field([], description="clips by their clip_id")
    outcomes: Path | None = Field(
        None, description="file of outcomes that `score --out` wrote, which is read instead of the topics"
    )
    out: Path | None = Field(None, description="HTML file to write")

    @model_validator(mode="after")
    def _says_what_and_where_to(self) -> Self:
        if not self.names:
            raise ValueError("no clip is named: give clip_ids, as the outcomes have them")
        if self.out is None:
            raise ValueError("--out is missing: name the HTML file to write")
        return self


class DoctorSettings(ArtifactSettings, AllowSettings, MemberSettings, OutcomesSettings):
    """What limits the workers, and whether the set-up holds."""

    metrics: Names = Field(
        [], description="address of a worker's metrics, as http://host:9464/metrics; repeat the flag for several"
    )
    watch_s: float = Field(10.0, gt=0, description="seconds that the workers are watched for")
