"""Other clients write and read our topics: Confluent's, Apache Kafka's own tools, and kcat."""

import json
import subprocess
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from tests.kafka_tools import run_tool
from tests.system.commands import run, running
from tests.system.load import small_clips

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
HEADERS: list[tuple[str, str | bytes | None]] = [("traceparent", TRACE), ("empty", None)]
OF_EACH = 8
PARTITIONS = 3
ABORTED, END = "aborted", "the end"
GROUP_TOOL = "consumer.group.ConsumerGroupCommand"


@dataclass(frozen=True, slots=True)
class Seen:
    """A record as another client sees it."""

    key: str | None
    value: str | None
    headers: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Played:
    """The topics, once a worker has judged what Confluent's client wrote."""

    bootstrap: str
    clips: str
    verdicts: str
    dead_letters: str
    group: str
    audit: dict[str, Any]

    def sent(self) -> dict[str, str]:
        """clip_id of each reference that is to have a verdict, with its header `traceparent`."""
        by_codec = {f"{codec}-{number}" for codec in CODECS for number in range(OF_EACH)}
        return dict.fromkeys(by_codec | {"no-key", "committed-0", "committed-1", "committed-2"}, TRACE)


def reference(clip_id: str, path: Path) -> str:
    return json.dumps({"schema": 1, "clip_id": clip_id, "uri": path.as_uri(), "extra": {"mouse": "7"}})


@pytest.fixture(scope="module")
def played(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Played:
    folder = small_clips(tmp_path_factory.mktemp("others") / "clips", good=1)
    name = uuid.uuid4().hex[:8]
    clips, verdicts, dead_letters, group = (f"{word}-{name}" for word in ("clips", "verdicts", "dead-letters", "group"))
    names = ("--clips-topic", clips, "--verdicts-topic", verdicts, "--dead-letters-topic", dead_letters)
    at = ("--bootstrap", kafka, *names)
    assert run("-m", "stream", "topics", *at, "--partitions", PARTITIONS).returncode == 0
    send(kafka, clips, folder)
    words = ("worker", *at, "--group", group, "--allow", folder, "--readers", 1, "--ops-host", "127.0.0.1")
    with running("-m", "stream", *words, "--ops-port", 0) as worker:
        audit = run("-m", "stream", "audit", *at, "--group", group, "--wait-s", 120, "--json", timeout_s=170)
        assert audit.returncode == 0, audit.stdout + worker.said
    for topic in (verdicts, dead_letters):
        abort(kafka, topic, "an outcome that never was")
        mark_end(kafka, topic)
    return Played(kafka, clips, verdicts, dead_letters, group, json.loads(audit.stdout))


def producer(bootstrap: str, **more: Any) -> Producer:
    given = {name.replace("_", "."): value for name, value in more.items()}
    return Producer({"bootstrap.servers": bootstrap, "linger.ms": 200, **given})


def send(bootstrap: str, topic: str, folder: Path) -> None:
    """As another team's program would: its own partitioner, compressed, in transactions, some of them aborted."""
    good = folder / "good-0.mp4"
    for codec in CODECS:
        with_codec = producer(bootstrap, compression_type=codec)
        for number in range(OF_EACH):
            clip_id = f"{codec}-{number}"
            with_codec.produce(topic, reference(clip_id, good), clip_id, headers=HEADERS)
        assert with_codec.flush(60) == 0
    plain = producer(bootstrap)
    plain.produce(topic, reference("no-key", good), None, headers=HEADERS)
    plain.produce(topic, reference("bad", folder / "no-outline.mp4"), "another key", headers=HEADERS)
    plain.produce(topic, None, "a tombstone", headers=HEADERS)
    assert plain.flush(60) == 0
    abort(bootstrap, topic, reference(ABORTED, good))
    transaction = producer(bootstrap, transactional_id=f"committed-{topic}")
    transaction.init_transactions(60)
    transaction.begin_transaction()
    for number in range(3):
        clip_id = f"committed-{number}"
        transaction.produce(topic, reference(clip_id, good), clip_id, headers=HEADERS)
    transaction.commit_transaction(60)


def abort(bootstrap: str, topic: str, value: str) -> None:
    transaction = producer(bootstrap, transactional_id=f"{ABORTED}-{topic}")
    transaction.init_transactions(60)
    transaction.begin_transaction()
    for partition in range(PARTITIONS):
        transaction.produce(topic, value, ABORTED, partition=partition)
    assert transaction.flush(60) == 0
    transaction.abort_transaction(60)


def mark_end(bootstrap: str, topic: str) -> None:
    """A last record in each partition: who has come to all of them has passed what was rolled back before."""
    last = producer(bootstrap)
    for partition in range(PARTITIONS):
        last.produce(topic, None, END, partition=partition)
    assert last.flush(60) == 0


def by_confluent(played: Played, topic: str, _count: int) -> Iterator[Seen]:
    consumer = Consumer(
        {
            "bootstrap.servers": played.bootstrap,
            "group.id": f"reader-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "enable.auto.commit": False,
        }
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
    ends = 0
    while ends < PARTITIONS:
        message = consumer.poll(60)
        assert message is not None, "Kafka gave nothing for a minute"
        error, headers, key, value = (getattr(message, it)() for it in ("error", "headers", "key", "value"))
        if error is None:
            yield Seen(text(key), text(value), {name: text(told) for name, told in headers or ()})
        else:
            assert error.code() == KafkaError._PARTITION_EOF, error
            ends += 1
    consumer.close()


def text(data: bytes | None) -> str | None:
    return None if data is None else data.decode()


def by_console_consumer(played: Played, topic: str, count: int) -> Iterator[Seen]:
    separators = ("key.separator=\x1e", "headers.separator=\x1f", "null.literal=NULL")
    shown = ("print.headers=true", "print.key=true", *separators)
    properties = [word for each in shown for word in ("--formatter-property", each)]
    words = ("--bootstrap-server", played.bootstrap, "--topic", topic, "--from-beginning", *properties)
    bounds = ("--max-messages", count, "--timeout-ms", 60_000)
    done = run_tool("consumer.ConsoleConsumer", *words, "--isolation-level", "read_committed", *bounds)
    assert f"Processed a total of {count} messages" in done.stderr, done.stderr
    for line in done.stdout.removesuffix("\n").split("\n"):
        headers, key, value = line.split("\x1e", 2)
        pairs = (pair.split(":", 1) for pair in headers.split("\x1f") if headers != "NO_HEADERS")
        yield Seen(null(key), null(value), {name: null(told) for name, told in pairs})


def null(told: str) -> str | None:
    return None if told == "NULL" else told


def by_kcat(played: Played, topic: str, _count: int) -> Iterator[Seen]:
    words = ["kcat", "-C", "-b", played.bootstrap, "-t", topic, "-o", "beginning", "-e", "-J", "-q"]
    words += ["-X", "isolation.level=read_committed"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        record = json.loads(line)
        names, values = record.get("headers", [])[::2], record.get("headers", [])[1::2]
        yield Seen(record["key"], record["payload"], dict(zip(names, values, strict=True)))


Reader = Callable[[Played, str, int], Iterator[Seen]]
READERS = pytest.mark.parametrize(
    "read",
    [by_confluent, by_console_consumer, pytest.param(by_kcat, marks=pytest.mark.ops)],
    ids=["Confluent", "console consumer", "kcat"],
)


def test_what_another_client_wrote_is_judged_whole(played):
    """However compressed, with and without a key; what was rolled back was never there."""
    assert played.audit["references"] == played.audit["outcomes"] == len(played.sent()) + 2
    assert (played.audit["pending"], played.audit["faults"]) == (0, {})


def outcomes(read: Reader, played: Played, topic: str, count: int) -> dict[str | None, Seen]:
    """By key; each comes once, and none that was rolled back."""
    found = list(read(played, topic, count + PARTITIONS))
    keys = Counter(seen.key for seen in found)
    assert keys.pop(END) == PARTITIONS
    assert set(keys.values()) == {1}
    return {seen.key: seen for seen in found if seen.key != END}


@READERS
def test_verdicts_are_read_as_documented(played, read):
    schema = json.loads(run("-m", "stream", "schema", "verdict").stdout)
    found = outcomes(read, played, played.verdicts, len(played.sent()))
    assert found.keys() == played.sent().keys()
    for key, seen in found.items():
        verdict = json.loads(seen.value or "")
        jsonschema.validate(verdict, schema, format_checker=jsonschema.FormatChecker())
        assert (verdict["clip_id"], verdict["extra"]) == (key, {"mouse": "7"})
        assert seen.headers["traceparent"] == TRACE
        assert seen.headers["empty"] in ("", None)
        source = verdict["source"]
        told = [seen.headers[f"stall-source-{name}"] for name in ("topic", "partition", "offset")]
        assert told == [source["topic"], str(source["partition"]), str(source["offset"])]


@READERS
def test_dead_letters_are_read_as_documented(played, read):
    found = outcomes(read, played, played.dead_letters, 2)
    assert found.keys() == {"another key", "a tombstone"}
    bad, tombstone = found["another key"], found["a tombstone"]
    assert json.loads(bad.value or "")["clip_id"] == bad.headers["stall-clip-id"] == "bad"
    assert bad.headers["stall-reason"] == "no_outline"
    assert tombstone.value is None
    assert tombstone.headers["stall-reason"] == "bad_reference"
    assert "the record has no value" in (tombstone.headers["stall-detail"] or "")
    assert bad.headers["traceparent"] == tombstone.headers["traceparent"] == TRACE


def test_kafkas_own_tool_sees_that_the_group_has_passed_all(played):
    done = run_tool(GROUP_TOOL, "--bootstrap-server", played.bootstrap, "--describe", "--group", played.group)
    rows = [line.split() for line in done.stdout.splitlines() if line.split()[1:2] == [played.clips]]
    assert len(rows) == PARTITIONS, done.stdout + done.stderr
    assert [int(row[5]) for row in rows] == [0] * PARTITIONS  # also where they end in markers of transactions
