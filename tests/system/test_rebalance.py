"""Workers come, go and stand still under load, on a real Kafka: nothing is done twice, no partition waits for long."""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import pytest

from stream.broker.reading import read_topic
from stream.records import source_of
from tests.chaos.feeder import Feeder
from tests.system.commands import until
from tests.system.lab import PATIENCE_S, Lab, Worker
from tests.system.load import send
from tests.system.slow import SlowStore

PARTITIONS = 4
PICKED_UP_WITHIN_S = 15
AHEAD = 300
"""So many references are always left to do, of all partitions together."""
STEADY_S = 1.0
"""Between two changes."""


@pytest.fixture
def store(small: Path) -> Iterator[SlowStore]:
    """With so few `FETCHES` at a time a worker does 10 clips a second at most, which leaves a slow machine room."""
    with SlowStore(small, takes_s=0.2) as it:
        yield it


FETCHES = ("--fetches", 2)


def feeding(lab: Lab, store: SlowStore) -> Feeder:
    return Feeder(
        lab.cluster,
        topic=lab.topics["clips-topic"],
        group=lab.group,
        partitions=PARTITIONS,
        given=store.references(),
        ahead=AHEAD,
    )


def shared(workers: Sequence[Worker], *shares: int) -> None:
    """Waits until they own so many partitions each, in whatever order."""
    until(lambda: sorted(each.owns for each in workers) == sorted(shares), timeout_s=PATIENCE_S)


def finished(lab: Lab, store: SlowStore, feeder: Feeder) -> None:
    """Waits until all that was sent is done; each reference has exactly one outcome then, in order."""
    feeder.stop_feeding()
    store.takes_s = 0.0
    until(lambda: feeder.backlog == 0, timeout_s=PATIENCE_S)
    feeder.check()
    audit = lab.audit()
    assert (audit["references"], audit["outcomes"], audit["pending"]) == (feeder.written, feeder.written, 0)
    assert lab.rejections == []


def gaps_s(lab: Lab) -> dict[int, list[float]]:
    """By partition, how long each reference was the next one: since the outcome of the one before it, or since its own
    append if that was later. An outcome's time stamp is of when its transaction began, the last one that got through.
    """
    appended = {
        (record.partition.number, record.offset): record.timestamp_ms
        for record in read_topic(lab.cluster, lab.topics["clips-topic"])
    }
    delivered: dict[int, dict[int, int]] = {}
    for record in read_topic(lab.cluster, lab.topics["verdicts-topic"]):
        source = source_of(record.headers)
        assert source is not None
        delivered.setdefault(source.partition, {})[source.offset] = record.timestamp_ms
    gaps: dict[int, list[float]] = {}
    for partition, ends in delivered.items():
        before = 0
        for offset, end in sorted(ends.items()):
            gaps.setdefault(partition, []).append((end - max(before, appended[partition, offset])) / 1000)
            before = end
    return gaps


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "slots",
    [
        pytest.param((None, "a", None, "b"), id="both"),
        pytest.param((None,) * 4, id="dynamic", marks=pytest.mark.long),
        pytest.param(("a", "b", "c", "d"), id="slots", marks=pytest.mark.long),
    ],
)
def test_four_workers_come_and_three_go_under_load(
    kafka: str, small: Path, store: SlowStore, slots: tuple[str | None, ...]
):
    """No partition waits for longer between two deliveries than a worker takes to start, and no clip is fetched twice.

    A clip is fetched by the worker that begins with it: where another does it again, work in hand was lost. The wait is
    held against this machine's own pace: on 2 cores with nothing else to do it was 1.0 to 1.8 s, and a start 3 to 7 s.
    """
    lab = Lab(kafka, small, partitions=PARTITIONS)
    starts_s: list[float] = []
    with ExitStack() as stack:

        def start(slot: str | None) -> Worker:
            named, begun = ("--slot", slot) if slot else (), time.monotonic()
            worker = stack.enter_context(lab.worker(*store.words, *FETCHES, *named))
            starts_s.append(time.monotonic() - begun)
            return worker

        workers = [start(slots[0])]
        shared(workers, 4)
        feeder = stack.enter_context(feeding(lab, store))
        until(lambda: workers[0].delivered > 0, timeout_s=PATIENCE_S)
        for slot, shares in zip(slots[1:], [(2, 2), (2, 1, 1), (1, 1, 1, 1)], strict=True):
            workers.append(start(slot))
            shared(workers, *shares)
            time.sleep(STEADY_S)
        for shares in [(2, 1, 1), (2, 2), (4,)]:
            assert workers.pop(0).process.end(signal.SIGTERM) == 0
            shared(workers, *shares)
            time.sleep(STEADY_S)
        finished(lab, store, feeder)
    assert store.asked_again == []
    longest_s = {partition: max(found) for partition, found in gaps_s(lab).items()}
    print(f"longest gaps {longest_s}, starts {starts_s}")
    assert longest_s.keys() == set(range(PARTITIONS))
    assert max(longest_s.values()) <= max(starts_s), longest_s
    assert min(feeder.backlogs) > 0, "they ran out of references"


@pytest.mark.timeout(600)
def test_partitions_that_are_added_are_picked_up(kafka: str, small: Path, store: SlowStore):
    """Each reference in them has its outcome within `PICKED_UP_WITHIN_S`; Kafka tells of them after 10 s at most."""
    lab = Lab(kafka, small, partitions=2)
    clips, given = lab.topics["clips-topic"], store.references()
    with lab.worker(*store.words) as dynamic, lab.worker(*store.words, "--slot", "a") as static:
        shared((dynamic, static), 1, 1)
        sent = send(lab.cluster, clips, islice(given, 20))
        until(lambda: dynamic.delivered + static.delivered == sent, timeout_s=PATIENCE_S)
        with lab.cluster.admin() as admin:
            admin.create_partitions({clips: PARTITIONS})
        sent += send(lab.cluster, clips, islice(given, 100))
        audit = lab.audit("--late-after-s", PICKED_UP_WITHIN_S)
        shared((dynamic, static), 2, 2)
    assert (audit["references"], audit["outcomes"], audit["pending"]) == (sent, sent, 0)
    gaps = gaps_s(lab)
    assert gaps.keys() == {0, 1, 2, 3}, "there were references in each"
    print(f"picked up after {gaps[2][0]:.1f} s and {gaps[3][0]:.1f} s")


@pytest.mark.timeout(600)
def test_workers_that_stood_still_past_their_session_do_no_harm(kafka: str, small: Path, store: SlowStore):
    """Woken, they take part again, unless another process has taken their slot over: then they end, saying so."""
    lab = Lab(kafka, small, partitions=PARTITIONS)
    words = (*store.words, *FETCHES, "--session-timeout-s", 3)
    with (
        lab.worker(*words) as awake,
        lab.worker(*words) as dynamic,
        lab.worker(*words, "--slot", "kept") as static,
        lab.worker(*words, "--slot", "taken") as replaced,
        feeding(lab, store) as feeder,
    ):
        asleep = (dynamic, static, replaced)
        shared((awake, *asleep), 1, 1, 1, 1)
        until(lambda: all(each.delivered > 0 for each in asleep), timeout_s=PATIENCE_S)
        for each in asleep:
            each.process.process.send_signal(signal.SIGSTOP)
        with lab.worker(*words, "--slot", "taken") as successor:
            shared((awake, successor), 2, 2)
            for each in asleep:
                each.process.process.send_signal(signal.SIGCONT)
            assert replaced.process.process.wait(PATIENCE_S) == 2
            shared((awake, successor, dynamic, static), 1, 1, 1, 1)
            before = [each.delivered for each in (dynamic, static)]
            until(lambda: dynamic.delivered > before[0] and static.delivered > before[1], timeout_s=PATIENCE_S)
            finished(lab, store, feeder)
    assert replaced.process.said.splitlines()[-1].endswith("slot 'taken' is used by another process: give each its own")
