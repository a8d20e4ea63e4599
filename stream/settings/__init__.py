"""What each command can be told: one class per command, one flag and one `STALL_` name per field.

A field that several commands have means the same in each, so its environment name can be shared by all.
Secrets have no flag: they are Kafka's own settings, `STALL_KAFKA_<KWARG>`, from the environment, `.env` or files.
"""

from stream.settings.alone import DemoSettings, KafkaSettings, RecordName, SchemaSettings
from stream.settings.judging import (
    HealthcheckSettings,
    ModelSettings,
    OpsSettings,
    ScoreSettings,
    SourceSettings,
    WorkerSettings,
)
from stream.settings.letters import DlqShowSettings, LettersSettings, RequeueSettings, SkipSettings
from stream.settings.reading import (
    AuditSettings,
    DoctorSettings,
    ExportSettings,
    OutcomesSettings,
    ReportSettings,
    ShowSettings,
)
from stream.settings.sending import ProduceSettings, TopicsSettings
from stream.settings.shared import (
    ConnectionSettings,
    ExtentSettings,
    MemberSettings,
    StreamSettings,
    TopicNames,
    kafka_texts,
)

__all__ = [
    "AuditSettings",
    "ConnectionSettings",
    "DemoSettings",
    "DlqShowSettings",
    "DoctorSettings",
    "ExportSettings",
    "ExtentSettings",
    "HealthcheckSettings",
    "KafkaSettings",
    "LettersSettings",
    "MemberSettings",
    "ModelSettings",
    "OpsSettings",
    "OutcomesSettings",
    "ProduceSettings",
    "RecordName",
    "ReportSettings",
    "RequeueSettings",
    "SchemaSettings",
    "ScoreSettings",
    "ShowSettings",
    "SkipSettings",
    "SourceSettings",
    "StreamSettings",
    "TopicNames",
    "TopicsSettings",
    "WorkerSettings",
    "kafka_texts",
]
