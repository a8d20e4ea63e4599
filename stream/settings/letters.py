"""What the commands can be told that care for rejected references, and for such as end their workers."""

from pydantic import Field
from pydantic_settings import CliPositionalArg, SettingsConfigDict

from stream.errors import Reason
from stream.settings.shared import ClipsTopic, DeadLettersTopic, GroupName, Times, TopicNames
from stream.terminal.cli import Names, Several


class LettersSettings(Times, DeadLettersTopic):
    """Which dead letters are meant."""

    reason: Several[Reason] = Field(
        [], description="only those rejected for it, as not_found or no_outline; repeat the flag for several"
    )
    clip_id: Names = Field([], description="only those of this clip; repeat the flag for several")


class DlqShowSettings(LettersSettings):
    """Dead letters with all there is of them."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json"})

    as_json: bool = Field(False, description="print one JSON object a line")
    limit: int | None = Field(None, ge=1, description="only the newest so many, of all partitions, the newest last")


class RequeueSettings(LettersSettings, TopicNames):
    """Dead letters sent back to be judged again: each once, however often it is asked for."""

    model_config = SettingsConfigDict(cli_shortcuts={"as-json": "json", "all-letters": "all"})

    all_letters: bool = Field(False, description="all of them, whatever they were rejected for")
    dry_run: bool = Field(False, description="list what would be sent back, and send nothing")
    as_json: bool = Field(False, description="print what was done as one JSON object")


class SkipSettings(ClipsTopic, GroupName):
    """A reference that ends every worker which takes it up: it becomes a dead letter unseen."""

    partition: CliPositionalArg[int] = Field(ge=0, description="of the references' topic")
    offset: CliPositionalArg[int] = Field(ge=0, description="of the reference in that partition")
