"""Time and memory that the books of delivery take for a topic of so many references.

    python tests/bench/audit.py [--references N]

Records are made as they are needed, as they would come from Kafka, so that what is measured is the ledger alone.
Nothing here fails on time: it reports.
"""

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from stream.messages import OutcomeTopics
from stream.records import Partition, Record, Thresholds, Timings, Verdict
from stream.results.ledger import Ledger

PARTITIONS = 12
TOPICS = OutcomeTopics(verdicts="stall-verdicts", dead_letters="stall-dead-letters")


def references(count: int) -> Iterator[Record]:
    for number in range(count):
        clip_id = f"{100_000 + number}.mp4"
        value = b'{"schema":1,"clip_id":"%s","uri":"/clips/%s"}' % (clip_id.encode(), clip_id.encode())
        offset, partition = divmod(number, PARTITIONS)
        yield Record(Partition("stall-clips", partition), offset, clip_id.encode(), value, (), number)


def verdicts(count: int) -> Iterator[Record]:
    for record in references(count):
        assert record.key is not None
        verdict = Verdict(
            schema=1,
            clip_id=record.key.decode(),
            verdict="flowing",
            probability=0.1,
            thresholds=Thresholds(low=0.2, high=0.8, decide=0.5, prevalence=0.05),
            roi=(105, 265, 213, 367),
            frames=52,
            artifact="a" * 16,
            spec="b" * 16,
            timings=Timings(fetch_s=0.01, read_s=0.09, score_s=0.004),
            source=record.source,
        )
        message = TOPICS.message(record, verdict)
        yield Record(
            Partition(message.topic, record.partition.number), record.offset, message.key, message.value,
            message.headers, record.timestamp_ms + 500,
        )  # fmt: skip


def spent_s(records: Iterator[Record], enter: Callable[[Record], object]) -> float:
    """CPU seconds of the entering, without those of the making."""
    total = 0.0
    for record in records:
        begun = time.process_time()
        enter(record)
        total += time.process_time() - begun
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--references", type=int, default=1_000_000)
    count = parser.parse_args().references
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ledger = Ledger(
        "stall-clips",
        first_offsets=dict.fromkeys(range(PARTITIONS), 0),
        committed=dict.fromkeys(range(PARTITIONS), count),
        late_after_s=60.0,
    )
    outcomes_s = spent_s(verdicts(count), ledger.outcome)
    references_s = spent_s(references(count), ledger.reference)
    audit = ledger.close()
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert audit.complete, audit
    assert audit.references == audit.outcomes == count
    print(
        f"{count} references and as many verdicts: {outcomes_s:.1f} s + {references_s:.1f} s of CPU, "
        f"{(peak_kib - before_kib) / 1024:.0f} MiB more, {peak_kib / 1024:.0f} MiB at most"
    )


if __name__ == "__main__":
    main()
