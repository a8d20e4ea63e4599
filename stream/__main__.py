"""`python -m stream COMMAND`: which commands there are."""

from stream.processes.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys

from stream.settings import (
    AuditSettings,
    DemoSettings,
    DlqShowSettings,
    DoctorSettings,
    ExportSettings,
    HealthcheckSettings,
    KafkaSettings,
    ProduceSettings,
    ReportSettings,
    RequeueSettings,
    SchemaSettings,
    ScoreSettings,
    ShowSettings,
    SkipSettings,
    TopicsSettings,
    WorkerSettings,
)
from stream.terminal.cli import Command, functions_of, main

_of = functions_of("stream.commands")

COMMANDS = {
    "demo": Command("the whole way on this machine, with a worker killed midway", DemoSettings, _of("demo")),
    "kafka": Command("a real Apache Kafka of one node on this machine, in the foreground", KafkaSettings, _of("kafka")),
    "topics": Command("create the topics", TopicsSettings, _of("topics")),
    "produce": Command("send references of a folder, a metadata CSV or a manifest", ProduceSettings, _of("produce")),
    "worker": Command("judge clips as a member of a group", WorkerSettings, _of("worker")),
    "healthcheck": Command("ask the worker on this machine how it is", HealthcheckSettings, _of("healthcheck")),
    "score": Command("judge files and folders, without Kafka", ScoreSettings, _of("score")),
    "report": Command("what came of the references, counted by outcomes", ReportSettings, _of("report")),
    "audit": Command("prove that each reference has exactly one outcome, in order", AuditSettings, _of("audit")),
    "doctor": Command("what limits the workers, and whether the set-up holds", DoctorSettings, _of("doctor")),
    "export": Command("write outcomes as a table, CSV or Parquet, one row a clip", ExportSettings, _of("export")),
    "show": Command("a page with pictures of chosen clips and their outcomes", ShowSettings, _of("show")),
    "dlq show": Command("dead letters with all there is of them", DlqShowSettings, _of("letters:show")),
    "requeue": Command("send dead letters back, each once", RequeueSettings, _of("letters:send_back")),
    "skip": Command("have a reference rejected that ends its workers", SkipSettings, _of("skip")),
    "schema": Command("JSON Schema of each record", SchemaSettings, _of("schema")),
}

SISTERS = ("STALL_TRAINING_", "STALL_BUILD_", "STALL_BENCH_")
"""Prefixes of the environment names of `training` and `trt_build`, which share `.env` with this program."""

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m stream", COMMANDS, sys.argv[1:], foreign=SISTERS))
