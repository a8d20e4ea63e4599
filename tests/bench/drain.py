"""How long a worker under full load takes to stop: from SIGTERM to the end of its process.

    python tests/bench/drain.py [--rounds N] [--seed N]

An embedded Kafka with a backlog, clips of real size in a folder, and the worker command as it comes, a new one each
round. It is told to stop when it has delivered some, at any moment of its work. What it had begun it finishes, delivers
and commits; that is told, too. Nothing here fails on time: it reports.
"""

import argparse
import math
import os
import platform
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # the labs belong to the tests, which are no installed package

from stream.broker.reading import committed_offsets  # noqa: E402 - needs the path above
from stream.local.embedded import EmbeddedKafka  # noqa: E402 - as above
from stream.processes.cpus import usable_cpus  # noqa: E402 - as above
from tests.clip.scenes import encode, noise, outlined  # noqa: E402 - as above
from tests.system.commands import until  # noqa: E402 - as above
from tests.system.lab import Lab  # noqa: E402 - as above
from tests.system.load import references, send  # noqa: E402 - as above

FRAMES = 56
CLIPS = 4
A_ROUND = 400
"""References that a round uses at most."""
WARM = 40
"""Outcomes after which the worker has long been at work."""


@dataclass(frozen=True, slots=True)
class Stop:
    """One worker's end."""

    seconds: float
    finished: int
    """References that it finished after it was told to stop."""


def write_clips(folder: Path) -> None:
    """As large as real ones, 2.4 MB."""
    for seed in range(CLIPS):
        scene = outlined(seed, frames=FRAMES, background=noise(seed, frames=FRAMES, sigma=7.5))
        (folder / f"good-{seed}.mp4").write_bytes(encode(scene.frames, crf=15))


def stop_one(lab: Lab, chance: random.Random) -> Stop:
    with lab.worker("--allow", lab.clips, "--readers", usable_cpus(), "--engine-threads", usable_cpus()) as worker:
        until(lambda: worker.delivered >= WARM)
        time.sleep(chance.uniform(0.0, 1.0))
        before = committed(lab)
        begun = time.monotonic()
        code = worker.process.end(signal.SIGTERM)
        seconds = time.monotonic() - begun
    assert code == 0, worker.process.said
    return Stop(seconds, committed(lab) - before)


def committed(lab: Lab) -> int:
    return sum(committed_offsets(lab.cluster, lab.group, lab.topics["clips-topic"]).values())


def quantile(values: list[float], share: float) -> float:
    """The least value that so large a share doesn't exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, stops = random.Random(given.seed), list[Stop]()
    loads = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as made, EmbeddedKafka(Path(made) / "kafka") as kafka:
        clips = Path(made) / "clips"
        clips.mkdir()
        write_clips(clips)
        lab = Lab(kafka.bootstrap, clips, partitions=4)
        send(lab.cluster, lab.topics["clips-topic"], references(clips, A_ROUND * given.rounds, bad_every=0))
        for _ in range(given.rounds):
            stops.append(stop_one(lab, chance))
            loads.append(os.getloadavg()[0])
    report(stops, loads)


def report(stops: list[Stop], loads: list[float]) -> None:
    seconds, finished = [each.seconds for each in stops], [float(each.finished) for each in stops]
    print(f"{usable_cpus()} CPUs, {platform.platform()}; load average {min(loads):.1f} to {max(loads):.1f}")
    print(f"{len(stops)} workers, each with {usable_cpus()} readers and a backlog; all ended with exit code 0")
    print(
        f"seconds from SIGTERM to exit: p50 {quantile(seconds, 0.5):.2f}, p99 {quantile(seconds, 0.99):.2f}, ", end=""
    )
    print(
        f"max {max(seconds):.2f}; with {quantile(finished, 0.5):.0f} references in hand (p50), {max(finished):.0f} max"
    )


if __name__ == "__main__":
    main()
