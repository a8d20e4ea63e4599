"""What a worker takes: CPU and memory for clips of real size, and what Kafka stores of each.

    python tests/bench/capacity.py [--references N]

An embedded Kafka, a backlog, and one worker with one reader and one thread of its engine. CPU time is that of the
worker and its reader between two deliveries, so that a busy neighbour harms it less than it does a clock. Nothing here
fails on time: it reports.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # the labs belong to the tests, which are no installed package

from stream.local.embedded import EmbeddedKafka  # noqa: E402 - needs the path above
from tests.bench.drain import write_clips  # noqa: E402 - as above
from tests.system.lab import Lab, Worker  # noqa: E402 - as above
from tests.system.load import references, send  # noqa: E402 - as above

WARM = 50
"""Outcomes after which the worker has long been at work."""
ASK_EVERY_S = 5.0


def await_outcomes(worker: Worker, count: int) -> None:
    """Asks seldom, for each question costs the worker CPU."""
    while worker.delivered < count:
        time.sleep(ASK_EVERY_S)


def cpu_s(process: psutil.Process) -> float:
    return float(process.cpu_times().user + process.cpu_times().system)


def memory_mib(process: psutil.Process) -> float:
    """Its share of what it shares with others."""
    return float(process.memory_full_info().pss / 2**20)


def stored_bytes(data: Path, topic: str) -> int:
    return sum(file.stat().st_size for file in data.rglob(f"{topic}-*/*.log"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=500)
    count = parser.parse_args().references
    with tempfile.TemporaryDirectory() as folder, EmbeddedKafka(Path(folder) / "kafka") as kafka:
        clips = Path(folder) / "clips"
        clips.mkdir()
        write_clips(clips)
        sizes = [each.stat().st_size for each in clips.iterdir()]
        print(f"clips of {sum(sizes) / len(sizes) / 1e6:.1f} MB, on {os.cpu_count()} CPUs")
        lab = Lab(kafka.bootstrap, clips, partitions=4)
        send(lab.cluster, lab.topics["clips-topic"], references(clips, count, bad_every=0))
        with lab.worker("--allow", clips) as worker:
            us = psutil.Process(worker.process.process.pid)
            await_outcomes(worker, WARM)
            every = [us, *us.children(recursive=True)]
            before_s, before = {each: cpu_s(each) for each in every}, worker.delivered
            await_outcomes(worker, count)
            for each in every:
                spent_ms = (cpu_s(each) - before_s[each]) / (worker.delivered - before) * 1000
                print(f"{each.cmdline()[2][:12]:<12} {spent_ms:6.1f} ms of CPU a clip {memory_mib(each):6.0f} MiB")
        for name, topic in lab.topics.items():
            print(f"{name}: {stored_bytes(Path(folder), topic) / count:.0f} bytes a reference in Kafka's log")


if __name__ == "__main__":
    main()
