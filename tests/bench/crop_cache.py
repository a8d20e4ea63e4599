"""How many clips a second a crop cache gives, in random batches from a warm page cache.

    python tests/bench/crop_cache.py [--clips N] [--frames T] [--size S] [--channels C] [--batch N] [--rounds N]
                                     [--threads N] [--out FOLDER]

Beside it what the machine itself can do: the same batches gathered by numpy from one array in memory. Both take turns.
The comparison is fair where the clips fit into memory twice; else give less --clips. At the end a tenth of the clips
once more, after the kernel was asked to forget them: what the disk gives. Nothing here fails on time: it reports.
"""

import argparse
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402 - needs the path above
import polars as pl  # noqa: E402 - as above
from numpy.typing import NDArray  # noqa: E402 - as above

from stream.clip.spec import ClipSpec  # noqa: E402 - as above
from training.data.cache import Origin, open_cache  # noqa: E402 - as above
from training.data.cache_writer import CacheWriter  # noqa: E402 - as above
from training.data.clips import Clips  # noqa: E402 - as above
from training.data.journal import ReadClip  # noqa: E402 - as above

Rows = NDArray[np.intp]


def write(folder: Path, spec: ClipSpec, count: int) -> None:
    """A cache of noise, which is as large as one of clips."""
    rng = np.random.default_rng(0)
    names = [f"{number}.mp4" for number in range(count)]
    with CacheWriter(folder, spec, Origin(source="noise", digests={})) as writer:
        for name in names:
            facts = ReadClip(clip_id=name, project_id="A", num_frames=60, box=(0, 0, 60, 60))
            writer.add(facts, np.frombuffer(rng.bytes(int(np.prod(spec.shape))), np.uint8).reshape(spec.shape))
        labels = {"clip_id": names, "stalled": [False] * count, "tier1": [True] * count}
        wanted = pl.DataFrame(labels).with_columns(
            crowd_score=pl.lit(None, pl.Float64), micro=pl.lit(False), nano=pl.lit(False)
        )
        writer.finish(writer.find(wanted), digests={}, generated=True)


@dataclass(frozen=True, slots=True)
class Rate:
    """Clips a second, by the clock and by the CPU time of this process."""

    wall: float
    cpu: float


def rate(read: Callable[[Rows], object], batches: list[Rows], threads: int) -> Rate:
    begun, begun_cpu = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(read, batches):
            pass
    clips = sum(map(len, batches))
    return Rate(clips / (time.monotonic() - begun), clips / (time.process_time() - begun_cpu))


def show(name: str, rates: list[Rate], clip_bytes: int) -> None:
    wall, cpu = (statistics.median(each) for each in zip(*((rate.wall, rate.cpu) for rate in rates), strict=True))
    print(f"{name:<18} {wall:>8.0f} clips/s {wall * clip_bytes / 1e9:>6.2f} GB/s {cpu:>8.0f} clips in a second of CPU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=6000)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--channels", type=int, choices=(1, 2), default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="that gather batches side by side")
    parser.add_argument(
        "--out", type=Path, default=None, help="folder to make the cache in; by default a temporary one"
    )
    settings = parser.parse_args()
    spec = ClipSpec(frames=settings.frames, size=settings.size, extra="mask" if settings.channels == 2 else "none")
    with tempfile.TemporaryDirectory(dir=settings.out) as made:
        begun = time.monotonic()
        write(Path(made) / "cache", spec, settings.clips)
        wrote_s = time.monotonic() - begun
        gigabytes = settings.clips * np.prod(spec.shape) / 1e9
        print(f"{settings.clips} clips uint8 {list(spec.shape)}, {gigabytes:.2f} GB, {os.cpu_count()} CPUs")
        print(f"written at {settings.clips / wrote_s:.0f} clips/s")
        measure(open_cache(Path(made) / "cache", spec).clips, settings)
        measure_cold(Path(made) / "cache", settings)


def measure(clips: Clips, settings: argparse.Namespace) -> None:
    everything = np.arange(len(clips))
    in_memory = clips.read(everything)  # and the page cache is warm
    ways: dict[str, Callable[[Rows], object]] = {
        "crop cache": clips.read,
        "numpy, in memory": lambda rows: in_memory[rows],
    }
    rates: dict[str, list[Rate]] = {name: [] for name in ways}
    rng = np.random.default_rng(1)
    for _ in range(settings.rounds):
        order = rng.permutation(everything)
        batches = [order[at : at + settings.batch] for at in range(0, len(order), settings.batch)]
        for name, read in ways.items():
            rates[name].append(rate(read, batches, settings.threads))
    print(f"random batches of {settings.batch}, {settings.threads} threads; median of {settings.rounds} rounds")
    for name, each in rates.items():
        show(name, each, in_memory[0].nbytes)
    print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


def measure_cold(folder: Path, settings: argparse.Namespace) -> None:
    for path in folder.glob("*.npy"):
        with path.open("rb+") as file:
            os.fsync(file)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    clips = open_cache(folder).clips
    order = np.random.default_rng(2).permutation(len(clips))[: len(clips) // 10]
    batches = [order[at : at + settings.batch] for at in range(0, len(order), settings.batch)]
    show("from the disk", [rate(clips.read, batches, settings.threads)], clips.read(order[:1]).nbytes)


if __name__ == "__main__":
    main()
