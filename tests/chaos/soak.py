"""`python -m tests.chaos.soak`: two workers at a steady load; what they hold and how long they take stays flat.

First the capacity is measured, then the load is a share of it. The machine should have nothing else to do.
"""

import argparse
import csv
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

import psutil

from stream.broker.cluster import Cluster
from stream.broker.contract import Message
from stream.broker.writing import Writer
from stream.local.embedded import EmbeddedKafka
from stream.records import ClipReference
from stream.results.audit import Topics, audit
from stream.sending.produce import paced
from tests.chaos.crew import Crew, new_topics, worker_words
from tests.chaos.plans import TWO
from tests.chaos.slopes import Limit, Slope, fit
from tests.chaos.stores import FolderStore, endless

PARTITIONS = 4
BURST = 2000
"""References that the capacity is measured with."""
SAMPLE_EVERY_S = 2.0
WARM_UP_S = 300.0
"""At most, and a quarter of the time if that is less: caches fill, memory settles."""
CLEAR_AFTER_MINUTES = 25.0
"""So long a run must show that all is flat; in a shorter one noise may hide it."""
LIMITS = (
    Limit("worker memory", "MiB", 12.0, "a worker with 1 GiB then lives three days at least"),
    Limit("readers memory", "MiB", 12.0, "the same for its readers"),
    Limit("descriptors", "", 2.0, "1024 of them last three weeks"),
    Limit("threads", "", 1.0, "there is no reason for any"),
    Limit("latency p50", "ms", 50.0, "in a day it would be a second"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Of all workers together; memory in MiB, latency in ms from a reference's writing to its outcome's reading."""

    seconds: float
    worker_memory: float
    readers_memory: float
    descriptors: float
    threads: float
    latency_p50: float
    latency_p95: float
    outcomes: int


class Ends:
    """Notes when references are written, and on a thread of its own when their outcomes can be read.

    A context manager.
    """

    def __init__(self, cluster: Cluster, topics: Topics) -> None:
        self._cluster, self._topics = cluster, topics
        self._begun: dict[bytes, float] = {}
        self._lock = threading.Lock()
        self._took_s: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="outcomes", daemon=True)
        self.count = 0

    def begin(self, clip_id: bytes) -> None:
        with self._lock:
            self._begun[clip_id] = time.monotonic()

    def take(self) -> list[float]:
        """Seconds of those that ended since the last call."""
        with self._lock:
            took, self._took_s = self._took_s, []
        return took

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._thread.join()

    def _read(self) -> None:
        with self._cluster.consumer(*self._topics.outcomes, group_id=None) as consumer:
            while not self._ended.is_set():
                polled = consumer.poll(timeout_ms=200)
                now = time.monotonic()
                with self._lock:
                    for record in (each for records in polled.values() for each in records):
                        self._took_s.append(now - self._begun.pop(record.key, now))
                        self.count += 1


class Soak:
    """Two workers, a writer and a reader of outcomes on one broker."""

    def __init__(self, bootstrap: str, folder: Path, *, chaos: list[str]) -> None:
        self._cluster = Cluster(bootstrap)
        self._topics = new_topics(self._cluster, partitions=PARTITIONS)
        store = FolderStore(folder)
        words = worker_words(bootstrap, self._topics, store)
        self._given: Iterator[ClipReference] = endless(store)
        self._crew = Crew(TWO, words, chaos=chaos, folder=folder, plans=())
        self._ends = Ends(self._cluster, self._topics)
        self.samples: list[Sample] = []

    def play(self, *, seconds: float, load: float) -> list[str]:
        """Returns what went wrong beside the slopes."""
        with ExitStack() as stack:
            stack.enter_context(closing(self._crew))
            stack.enter_context(self._ends)
            writer = stack.enter_context(Writer(self._cluster))
            self._write(writer, 50)
            self._await(50)
            capacity = self._measure(writer)
            print(f"{capacity:.0f} clips/s at most; {load:.0%} of that for {seconds / 60:.1f} minutes", flush=True)
            self._ends.take()
            self._steady(writer, rate=capacity * load, seconds=seconds)
            writer.flush()
            self._await(self._written)
            self._crew.end(within_s=60.0)
        books = audit(self._cluster, self._topics)
        return [*self._crew.unexpected, *([] if books.complete else [str(books)])]

    _written = 0

    def _write(self, writer: Writer, count: int) -> None:
        for _ in range(count):
            self._write_one(writer, next(self._given))
        writer.flush()

    def _write_one(self, writer: Writer, reference: ClipReference) -> None:
        key = reference.clip_id.encode()
        self._ends.begin(key)
        writer.write(Message(self._topics.clips, key, reference.to_json()))
        self._written += 1

    def _await(self, count: int) -> None:
        deadline = time.monotonic() + 300.0
        while self._ends.count < count:
            assert time.monotonic() < deadline, f"{self._ends.count} outcomes of {count} after 300 s"
            self._crew.tend()
            time.sleep(0.05)

    def _measure(self, writer: Writer) -> float:
        """Clips a second, of the middle of a burst."""
        before = self._written
        self._write(writer, BURST)
        self._await(before + BURST // 4)
        count, began = self._ends.count, time.monotonic()
        self._await(before + 3 * BURST // 4)
        capacity = (self._ends.count - count) / (time.monotonic() - began)
        self._await(before + BURST)
        return capacity

    def _steady(self, writer: Writer, *, rate: float, seconds: float) -> None:
        began = time.monotonic()
        due = began + SAMPLE_EVERY_S
        for reference in paced(self._given, rate=rate):
            self._write_one(writer, reference)
            now = time.monotonic()
            if now >= due:
                self._crew.tend()
                self.samples.append(self._sample(now - began))
                due += SAMPLE_EVERY_S
            if now >= began + seconds:
                return

    def _sample(self, seconds: float) -> Sample:
        workers = [psutil.Process(man.process.pid) for man in self._crew.men.values()]
        readers = [each for worker in workers for each in worker.children(recursive=True)]
        took_ms = sorted(1000 * each for each in self._ends.take())
        return Sample(
            seconds=round(seconds, 1),
            worker_memory=_mib(workers),
            readers_memory=_mib(readers),
            descriptors=sum(each.num_fds() for each in [*workers, *readers]),
            threads=sum(each.num_threads() for each in [*workers, *readers]),
            latency_p50=round(median(took_ms), 1) if took_ms else 0.0,
            latency_p95=round(took_ms[int(0.95 * len(took_ms))], 1) if took_ms else 0.0,
            outcomes=len(took_ms),
        )


def _mib(processes: list[Any]) -> float:
    return sum(int(each.memory_info().rss) for each in processes) / 2**20


def judge(samples: list[Sample]) -> list[Slope]:
    """A slope for each limit, of what comes after the warm-up."""
    last = samples[-1].seconds
    settled = [each for each in samples if each.seconds >= min(WARM_UP_S, last / 4)]
    seconds = [each.seconds for each in settled]
    values = ([getattr(each, limit.name.replace(" ", "_")) for each in settled] for limit in LIMITS)
    return [fit(limit, seconds, each) for limit, each in zip(LIMITS, values, strict=True)]


def table(slopes: list[Slope]) -> str:
    rows = ["| | at first | at last | an hour | 95 % | limit | |", "|---|---|---|---|---|---|---|"]
    for each in slopes:
        limit, bounds = each.limit, f"{each.low:+.1f} to {each.high:+.1f}"
        named = f"{limit.name}, {limit.unit}" if limit.unit else limit.name
        values = f"{each.first:.1f} | {each.last:.1f} | {each.an_hour:+.1f} | {bounds} | {limit.an_hour:g}"
        rows.append(f"| {named} | {values} | {each.judgement} |")
    return "\n".join([*rows, "", *(f"{each.name}: {each.why}" for each in LIMITS)])


def write_csv(path: Path, samples: list[Sample]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows(asdict(each) for each in samples)


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--load", type=float, default=0.7, help="share of what the workers can do at most")
    parser.add_argument("--leak-every", type=int, default=0, help="every so many fetches the workers leak")
    parser.add_argument("--folder", type=Path, default=None, help="new folder for logs and samples")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    given = parse(words)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="stall-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    chaos = ["--leak-every", str(given.leak_every)] if given.leak_every else []
    with EmbeddedKafka(folder / "kafka") as kafka:
        soak = Soak(kafka.bootstrap, folder, chaos=chaos)
        faults = soak.play(seconds=60 * given.minutes, load=given.load)
    write_csv(folder / "samples.csv", soak.samples)
    slopes = judge(soak.samples)
    wrong = ("grows", "not clear") if given.minutes >= CLEAR_AFTER_MINUTES else ("grows",)
    faults += [f"{each.limit.name}: {each.judgement}" for each in slopes if each.judgement in wrong]
    print(f"\n{table(slopes)}\n\nlogs and samples: {folder}")
    for fault in faults:
        print(f"FAULT: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
