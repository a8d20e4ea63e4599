"""A worker on a cluster that has nothing of ours yet, and on one that allows no transactions."""

import json
import signal
import uuid
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.broker.reading import end_offsets
from tests.system.commands import run, running, until
from tests.system.load import references, send, small_clips

COUNT = 60


def test_it_creates_the_topics_if_told_to_and_delivers_without_transactions(kafka: str, tmp_path: Path):
    clips, name = small_clips(tmp_path / "clips"), uuid.uuid4().hex[:8]
    names = [f"--{each}-topic={name}-{each}" for each in ("clips", "verdicts", "dead-letters")]
    cluster, there = Cluster(kafka), ["--bootstrap", kafka, "--group", name, *names]
    created = "--create-topics", "--partitions", 3
    worker = "-m", "stream", "worker", *there, "--allow", clips, "--ops-port", 0, "--delivery", "at-least-once"
    with running(*worker, *created) as first:
        first.await_words("at-least-once; http")
        assert set(end_offsets(cluster, f"{name}-clips")) == {0, 1, 2}
        send(cluster, f"{name}-clips", references(clips, COUNT))
        audited = "-m", "stream", "audit", *there, "--wait-s", 60
        until(lambda: sum(end_offsets(cluster, f"{name}-verdicts").values()) > COUNT / 2)
        first.process.kill()
        with running(*worker) as second:
            audit = json.loads(run(*audited, "--json").stdout)
            assert second.end(signal.SIGTERM) == 0
    assert (audit["references"], audit["pending"]) == (COUNT, 0)
    assert {name for name, count in audit["faults"].items() if count} <= {"doubled", "out_of_order"}
