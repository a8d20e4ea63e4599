"""The whole way with the commands that a user types: a real Kafka, real clips, two workers, one of them killed."""

import csv
import json
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.reading import read_topic
from stream.broker.writing import Writer
from stream.records import Record, Rejection, rejection_of
from tests.processes.ended import ends
from tests.system.commands import run, running, until
from tests.system.lab import Worker

KEY, HEADERS = b"a key", (("traceparent", b"00-1-2-01"),)
HUGE = b"x" * 200_000
"""More than the dead letters' topic takes here."""
METRICS = (
    "stall_clips_total",
    "stall_stage_duration_seconds_count",
    "stall_delivery_outcomes_total",
    "stall_inflight_clips",
    "stall_engine_info",
    "stall_golden_difference",
    "stall_golden_difference_limit",
)
MALFORMED = {
    b"no JSON": "JSON",
    b'{"schema": 1, "clip_id": "a"}': "uri: Field required",
    b'{"schema": 1, "clip_id": "b", "uri": "/b.mp4", "colour": 1}': "colour: Extra inputs",
    b'{"schema": 1, "clip_id": "c", "uri": 7}': "uri: Input should be a valid string",
    b'{"schema": 2, "clip_id": "d", "uri": "/d.mp4"}': "schema: Input should be 1",
}


@dataclass
class Played:
    """What was done, and what the commands said of it."""

    cluster: Cluster
    topics: dict[str, str]
    clips: Path
    outside: Path
    codes: dict[str, int] = field(default_factory=dict)
    audit: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, dict[tuple[str, ...], float]] = field(default_factory=dict)
    """Of the worker that lived through it all."""
    readers_left: list[psutil.Process] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        return [word for name, value in self.topics.items() for word in (f"--{name}", value)]

    def records(self, topic: str) -> list[Record]:
        return list(read_topic(self.cluster, self.topics[topic]))

    @property
    def dead_letters(self) -> list[tuple[Record, Rejection]]:
        told = [(record, rejection_of(record.headers)) for record in self.records("dead-letters-topic")]
        return [(record, rejection) for record, rejection in told if rejection is not None]


@contextmanager
def a_worker(played: Played, at: tuple[str, ...]) -> Iterator[Worker]:
    words = ("worker", *at, *played.names, "--allow", played.clips, "--session-timeout-s", 3, "--readers", 1)
    with running("-m", "stream", *words, "--ops-host", "127.0.0.1", "--ops-port", 0) as process:
        url = process.await_words(r"(http://127\.0\.0\.1:\d+)/metrics")[1]
        yield Worker(process, url)


@pytest.fixture(scope="module")
def played(kafka: str, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Played:
    name = uuid.uuid4().hex[:8]
    words = ("clips-topic", "verdicts-topic", "dead-letters-topic", "group")
    outside = tmp_path_factory.mktemp("outside") / "clip.mp4"
    outside.write_bytes(b"none of our business")
    it = Played(Cluster(kafka), {word: f"{word}-{name}" for word in words}, clips, outside)
    at = ("--bootstrap", kafka)
    topics = [word for word in it.names if word not in ("--group", it.topics["group"])]
    it.codes["topics"] = run("-m", "stream", "topics", *at, *topics, "--partitions", 3).returncode
    take_less(it, "dead-letters-topic", largest_bytes=100_000)
    with a_worker(it, at) as survivor, a_worker(it, at) as victim:
        until(lambda: survivor.owns > 0 and victim.owns > 0)
        send_by_hand(it)
        source = ("--metadata", clips / "train_metadata.csv", "--root", clips)
        to = ("--clips-topic", it.topics["clips-topic"])
        with running("-m", "stream", "produce", *at, *to, *source, "--rate", 4) as produce:
            until(lambda: victim.delivered >= 2)
            readers = psutil.Process(victim.process.process.pid).children(recursive=True)
            it.codes["victim"] = victim.process.end(signal.SIGKILL)
            it.readers_left = [each for each in readers if not ends(each.pid)]
            with a_worker(it, at) as successor:
                it.codes["produce"] = produce.process.wait(60)
                audit = run("-m", "stream", "audit", *at, *it.names, "--wait-s", 60, "--json")
                it.codes["audit"], it.audit = audit.returncode, json.loads(audit.stdout)
                it.metrics = {name: survivor.sample(name) for name in METRICS}
                it.codes["successor"] = successor.process.end(signal.SIGTERM)
        it.codes["survivor"] = survivor.process.end(signal.SIGTERM)
    known = ("--labels", clips / "train_labels.csv", "--expected-rejections", clips / "bad.csv")
    report = run("-m", "stream", "report", *at, *it.names, *known, "--json")
    it.codes["report"], it.report = report.returncode, json.loads(report.stdout)
    return it


def take_less(played: Played, topic: str, *, largest_bytes: int) -> None:
    configs = {"max.message.bytes": str(largest_bytes)}
    with played.cluster.admin() as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, played.topics[topic], configs)])


def send_by_hand(played: Played) -> None:
    """References that no producer of ours would send."""
    forbidden = json.dumps({"schema": 1, "clip_id": "e", "uri": str(played.outside)}).encode()
    with Writer(played.cluster) as writer:
        for value in (*MALFORMED, forbidden, HUGE):
            writer.write(Message(played.topics["clips-topic"], KEY, value, HEADERS))


def table(path: Path) -> dict[str, str]:
    with path.open(newline="") as file:
        return dict(list(csv.reader(file))[1:])


def test_every_command_ends_as_it_should(played):
    assert played.codes == {
        "topics": 0,
        "victim": -signal.SIGKILL,
        "produce": 0,
        "audit": 0,
        "successor": 0,
        "survivor": 0,
        "report": 0,
    }


def test_each_reference_has_exactly_one_outcome(played):
    assert (played.audit["references"], played.audit["outcomes"]) == (12 + 7, 12 + 7)
    assert (played.audit["pending"], played.audit["faults"]) == (0, {})
    assert played.report["references"] == played.report["outcomes"] == 12 + 7


def test_a_killed_worker_leaves_no_reader_behind(played):
    assert played.readers_left == []


def test_each_good_clip_has_a_verdict_as_the_schema_says(played):
    schema = json.loads(run("-m", "stream", "schema", "verdict").stdout)
    verdicts = [json.loads(record.value) for record in played.records("verdicts-topic")]
    for verdict in verdicts:
        jsonschema.validate(verdict, schema, format_checker=jsonschema.FormatChecker())
    assert {verdict["clip_id"] for verdict in verdicts} == table(played.clips / "train_labels.csv").keys()
    assert [record.key.decode() for record in played.records("verdicts-topic")] == [v["clip_id"] for v in verdicts]


def test_each_bad_clip_is_a_dead_letter_with_the_reason_expected(played):
    told = [rejection for _, rejection in played.dead_letters]
    by_clip = {each.clip_id: each.reason for each in told if each.reason != "bad_reference"}
    assert by_clip == {**table(played.clips / "bad.csv"), "e": "forbidden"}
    assert played.report["unexpected"] == len(MALFORMED) + 2, "those that were sent by hand"


def test_a_reference_that_cannot_be_read_is_a_dead_letter_as_it_came(played):
    letters = {record.value: (record, rejection) for record, rejection in played.dead_letters}
    for value, words in MALFORMED.items():
        letter, rejection = letters[value]
        assert letter.key == KEY
        assert letter.headers[: len(HEADERS)] == HEADERS
        assert rejection.reason == "bad_reference"
        assert words in rejection.detail


def test_what_is_too_large_for_the_dead_letters_is_there_by_its_metadata(played):
    (letter,) = [record for record, _ in played.dead_letters if record.value is None]
    assert letter.key == KEY
    assert dict(letter.headers)["stall-omitted-value-bytes"] == b"200000"


def test_the_verdicts_are_worth_something(played):
    assert played.report["measures"]["clips"] == 7
    assert played.report["measures"]["mcc"] > 0


def test_a_worker_tells_what_it_did(played):
    clips, stages = played.metrics["stall_clips_total"], played.metrics["stall_stage_duration_seconds_count"]
    judged = sum(count for (outcome, _), count in clips.items() if outcome != "rejected")
    assert 0 < judged == stages["score",]
    assert sum(clips.values()) == played.metrics["stall_delivery_outcomes_total"]["committed",] < 12 + 7
    assert played.metrics["stall_inflight_clips"] == {(): 0}
    assert len(played.metrics["stall_engine_info"]) == 1
    off, limit = played.metrics["stall_golden_difference"], played.metrics["stall_golden_difference_limit"]
    assert off.keys() == limit.keys() == {("logits",), ("pixels",)}
    assert all(0 <= off[part] <= limit[part] for part in off)
