"""Topics of their own on a real Kafka, real workers on them, and what a test asks of both."""

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.reading import read_topic
from stream.broker.writing import Writer
from stream.records import SCHEMA, ClipReference, Rejection, rejection_of
from tests.system.commands import Running, run, running

PATIENCE_S = 150


@dataclass
class Worker:
    """One member of the group."""

    process: Running
    url: str

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return str(answer.read().decode())

    @property
    def owns(self) -> int:
        """How many partitions."""
        return int(self.sample("stall_assigned_partitions")[()])

    @property
    def delivered(self) -> int:
        """How many outcomes of its have been committed."""
        return int(sum(self.sample("stall_clips_total").values()))

    @property
    def waits_for(self) -> str:
        """What readyz says is missing; empty while it is ready."""
        try:
            self.get("/readyz")
        except urllib.error.HTTPError as unready:
            return str(json.loads(unready.read())["failed"]["worker"])
        return ""

    def sample(self, name: str) -> dict[tuple[str, ...], float]:
        """A metric's samples by the values of their labels."""
        families = text_string_to_metric_families(self.get("/metrics"))
        found = (each for family in families for each in family.samples if each.name == name)
        return {tuple(each.labels.values()): each.value for each in found}


class Lab:
    """Topics of its own on the suite's Kafka, small clips, and how many references were sent."""

    def __init__(self, kafka: str, clips: Path, *, partitions: int) -> None:
        name = uuid.uuid4().hex[:8]
        self.cluster, self.clips, self.sent = Cluster(kafka), clips, 0
        self.topics = {word: f"{word}-{name}" for word in ("clips-topic", "verdicts-topic", "dead-letters-topic")}
        self.group = f"group-{name}"
        names = (word for name, topic in self.topics.items() for word in (f"--{name}", topic))
        self.at = ["--bootstrap", kafka, *names]
        made = run("-m", "stream", "topics", *self.at, "--partitions", partitions)
        assert made.returncode == 0, made.stderr

    def send(self, *uris: str) -> None:
        with Writer(self.cluster) as writer:
            for number, uri in enumerate(uris, self.sent):
                name = uri.partition("?")[0].rpartition("/")[2]
                reference = ClipReference(schema=SCHEMA, clip_id=f"{number}-{name}", uri=uri)
                writer.write(Message(self.topics["clips-topic"], reference.clip_id.encode(), reference.to_json()))
        self.sent += len(uris)

    @contextmanager
    def worker(self, *words: object, environment: Mapping[str, str] | None = None) -> Iterator[Worker]:
        few = ("--readers", 1, "--engine-threads", 1, "--ops-host", "127.0.0.1", "--ops-port", 0)
        all_words = ("worker", *self.at, "--group", self.group, *few, *words)
        with running("-m", "stream", *all_words, environment=environment) as process:
            yield Worker(process, process.await_words(r"(http://127\.0\.0\.1:\d+)/metrics", timeout_s=PATIENCE_S)[1])

    def audit(self, *more: object) -> dict[str, Any]:
        """Waits until nothing is pending; fails where delivery does not hold."""
        words = ("audit", *self.at, "--group", self.group, "--wait-s", PATIENCE_S, "--json", *more)
        done = run("-m", "stream", *words, timeout_s=PATIENCE_S + 60)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    @property
    def rejections(self) -> list[Rejection]:
        told = (rejection_of(record.headers) for record in read_topic(self.cluster, self.topics["dead-letters-topic"]))
        return [each for each in told if each is not None]
