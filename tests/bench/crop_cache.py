"""How many clips a second a crop cache gives, in random batches from a warm page cache.

    python tests/bench/crop_cache.py [--clips N] [--frames T] [--size S] [--channels C] [--batch N] [--rounds N]
                                     [--threads N] [--out FOLDER]

Beside it what the machine itself can do: the same batches gathered by numpy from one array in memory. Both take turns.
The comparison is fair where the clips fit into memory twice; else give less --clips. Nothing here fails on time: it
reports.
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
        writer.finish(writer.find(wanted), digests={})


def clips_per_s(read: Callable[[Rows], object], batches: list[Rows], threads: int) -> float:
    begun = time.monotonic()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(read, batches):
            pass
    return sum(map(len, batches)) / (time.monotonic() - begun)


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
        begun = time.monotonic()
        clips = open_cache(Path(made) / "cache", spec).clips
        opened_ms = 1000 * (time.monotonic() - begun)
        gigabytes = settings.clips * np.prod(spec.shape) / 1e9
        print(f"{settings.clips} clips uint8 {list(spec.shape)}, {gigabytes:.2f} GB, {os.cpu_count()} CPUs")
        print(f"written at {settings.clips / wrote_s:.0f} clips/s, opened in {opened_ms:.0f} ms")
        measure(clips, settings)


def measure(clips: Clips, settings: argparse.Namespace) -> None:
    everything = np.arange(len(clips))
    in_memory = clips.read(everything)  # and the page cache is warm
    ways: dict[str, Callable[[Rows], object]] = {
        "crop cache": clips.read,
        "numpy, in memory": lambda rows: in_memory[rows],
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    rng = np.random.default_rng(1)
    for _ in range(settings.rounds):
        order = rng.permutation(everything)
        batches = [order[at : at + settings.batch] for at in range(0, len(order), settings.batch)]
        for name, read in ways.items():
            rates[name].append(clips_per_s(read, batches, settings.threads))
    print(f"random batches of {settings.batch}, {settings.threads} threads; median of {settings.rounds} rounds")
    for name, each in rates.items():
        rate = statistics.median(each)
        print(f"{name:<18} {rate:>8.0f} clips/s {rate * clips.read(everything[:1]).nbytes / 1e9:>6.2f} GB/s")
    print(f"memory at its highest: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB")


if __name__ == "__main__":
    main()
