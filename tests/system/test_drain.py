"""A worker that is told to stop, as a real process on a real Kafka: it finishes, leaves, and others do what is left."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from stream.broker.reading import committed_offsets
from stream.local.embedded import EmbeddedKafka
from tests.system.commands import until
from tests.system.lab import PATIENCE_S, Lab, Worker
from tests.system.load import send
from tests.system.slow import SlowStore

REFERENCES = 60
FETCHES = 4
TAKES_S = 2.0
"""A clip's fetch: what is in hand, twice `FETCHES` at most, takes two of them."""


@dataclass
class Stopped:
    """What became of two workers that were stopped alike, a dynamic member and one with a slot."""

    lab: Lab
    store: SlowStore
    codes: list[int]
    said: list[str]
    seconds: float
    """From the first signal to the last exit."""
    members_left: int
    delivered: int
    """Outcomes that were committed when they were gone."""


@contextmanager
def two_workers(lab: Lab, store: SlowStore, *more: object) -> Iterator[tuple[Worker, Worker]]:
    """Each owns half of the partitions and has its hands full."""
    words = (*store.words, "--fetches", FETCHES, *more)
    with lab.worker(*words) as dynamic, lab.worker(*words, "--slot", "a") as static:
        until(lambda: dynamic.owns == static.owns == 2, timeout_s=PATIENCE_S)
        send(lab.cluster, lab.topics["clips-topic"], islice(store.references(), REFERENCES))
        until(lambda: store.asked >= 2 * FETCHES, timeout_s=PATIENCE_S)
        yield dynamic, static


def stop(lab: Lab, store: SlowStore, workers: tuple[Worker, Worker], *, signals: int = 1) -> Stopped:
    began = time.monotonic()
    for _ in range(signals):
        for each in workers:
            each.process.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
    codes = [each.process.process.wait(PATIENCE_S) for each in workers]
    seconds = time.monotonic() - began
    with lab.cluster.admin() as admin:
        members = admin.describe_groups([lab.group])[lab.group]["members"]
    delivered = sum(committed_offsets(lab.cluster, lab.group, lab.topics["clips-topic"]).values())
    return Stopped(lab, store, codes, [each.process.said for each in workers], seconds, len(members), delivered)


def others_do_the_rest(stopped: Stopped) -> None:
    """Each reference has exactly one outcome then, in order."""
    lab, store = stopped.lab, stopped.store
    store.takes_s = 0.0
    with lab.worker(*store.words):
        audit = lab.audit()
    assert (audit["references"], audit["outcomes"], audit["pending"]) == (REFERENCES, REFERENCES, 0)
    assert lab.rejections == []


@pytest.fixture
def store(small: Path) -> Iterator[SlowStore]:
    with SlowStore(small, takes_s=TAKES_S) as it:
        yield it


@pytest.fixture
def lab(kafka: str, small: Path) -> Lab:
    return Lab(kafka, small, partitions=4)


def test_a_stop_finishes_and_publishes_what_is_in_hand_and_leaves_the_group(lab: Lab, store: SlowStore):
    with two_workers(lab, store) as workers:
        stopped = stop(lab, store, workers)
    begun = store.asked
    assert (stopped.codes, stopped.members_left) == ([0, 0], 0)
    assert stopped.delivered == begun >= 4 * FETCHES
    others_do_the_rest(stopped)
    assert store.asked_again == []


def test_a_worker_that_drains_is_not_ready_from_the_signal_on_and_lives(lab: Lab, store: SlowStore):
    with two_workers(lab, store) as workers:
        assert [each.waits_for for each in workers] == ["", ""]
        for each in workers:
            each.process.process.send_signal(signal.SIGTERM)
        until(lambda: [each.waits_for for each in workers] == ["stopping", "stopping"], timeout_s=TAKES_S / 2)
        assert [each.get("/livez") for each in workers] == ['{"ok": true, "failed": {}}\n'] * 2
        assert [each.process.process.wait(PATIENCE_S) for each in workers] == [0, 0]


def test_a_drain_that_takes_too_long_is_given_up_and_loses_nothing(lab: Lab, store: SlowStore):
    with two_workers(lab, store, "--drain-s", 0.3) as workers:
        stopped = stop(lab, store, workers)
    assert (stopped.codes, stopped.members_left, stopped.delivered) == ([0, 0], 0, 0)
    others_do_the_rest(stopped)
    assert len(store.asked_again) >= 2 * FETCHES, "what they had begun was done by others"


def test_a_second_signal_drops_what_is_in_hand_and_loses_nothing(lab: Lab, store: SlowStore):
    with two_workers(lab, store) as workers:
        stopped = stop(lab, store, workers, signals=2)
    assert (stopped.codes, stopped.members_left, stopped.delivered) == ([130, 130], 0, 0)
    others_do_the_rest(stopped)
    assert len(store.asked_again) >= 2 * FETCHES, "what they had begun was done by others"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker of our own, for it is frozen."""
    with EmbeddedKafka(tmp_path / "kafka") as node:
        yield node


def test_a_stop_while_kafka_hangs_ends_in_a_line_and_loses_nothing(node: EmbeddedKafka, small: Path, store: SlowStore):
    lab = Lab(node.bootstrap, small, partitions=4)
    with two_workers(lab, store, "--drain-s", 3) as workers:
        os.kill(node.pid or 0, signal.SIGSTOP)
        try:
            for told in (workers, workers[1:]):
                time.sleep(TAKES_S + 3)  # what was in hand is to be delivered by now
                for each in told:
                    each.process.process.send_signal(signal.SIGTERM)
            codes = [each.process.process.wait(PATIENCE_S) for each in workers]
        finally:
            os.kill(node.pid or 0, signal.SIGCONT)
    assert codes == [0, 130]
    for each in workers:
        assert "Thread 0x" not in each.process.said
        assert each.process.said.splitlines()[-1].endswith("what was in hand is left to others")
    store.takes_s = 0.0
    with lab.worker(*store.words):
        audit = lab.audit()
    assert (audit["references"], audit["outcomes"], audit["pending"]) == (REFERENCES, REFERENCES, 0)
