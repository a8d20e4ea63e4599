"""CPU time of `read_clip` against the method that earlier solutions read clips with, on the same files.

    python tests/bench/read_clip.py [--clips N] [--rounds N]

The earlier method: imageio's ffmpeg reader counts the frames and gives each as RGB; on each frame
`inRange` (255,69,0)-(255,180,0) and the box of what it finds, a crop by PIL, grey, resized to 64x64.
CPU time is user and system, children included, because that is what a clip costs on a full machine; the methods
take turns on each clip, so a busy neighbour hurts all alike. Nothing here fails on time: it reports.
"""

import argparse
import resource
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import imageio.v2 as imageio
import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # the drawn scenes belong to the tests, which are no installed package

from stream.clip import Box, ClipSpec, prepare, read_clip  # noqa: E402 - needs the path above
from stream.clip.decode import decode_frames  # noqa: E402 - as above
from stream.clip.preflight import preflight  # noqa: E402 - as above
from stream.clip.roi import detect  # noqa: E402 - as above
from tests.clip.scenes import encode, noise, outlined  # noqa: E402 - as above

REAL_CLIP = ROOT.parent / "shared" / "stall_catchers" / "104611.mp4"
FRAMES = 56
ALL = ClipSpec(frames=FRAMES, size=64, sampling="whole", scale="fit", margin=0, outside="keep", extra="none")
SAMPLED = ClipSpec(frames=32, size=64, sampling="whole", scale="fit", margin=0, outside="keep", extra="none")
CENTRAL_16 = ClipSpec()
CENTRAL_32 = ClipSpec(frames=32)


def write_clips(folder: Path, number: int) -> list[Path]:
    """Real clips have about 41 to 46 kB a frame; the grain is chosen to give as much."""
    paths = []
    for seed in range(number):
        movie = noise(seed, frames=FRAMES, sigma=7.5)
        scene = outlined(seed, frames=FRAMES, background=movie, radius=24 + 8 * (seed % 5))
        paths.append(folder / f"scene{seed}.mp4")
        paths[-1].write_bytes(encode(scene.frames, crf=15))
    return paths + ([REAL_CLIP] if REAL_CLIP.is_file() else [])


def earlier_method(path: Path) -> tuple[np.ndarray, set[Box]]:
    """Crops `[T, 64, 64]` and the distinct boxes they were cut with; a frame without a box is taken whole."""
    crops, boxes = [], set()
    reader: Any = imageio.get_reader(path, "ffmpeg")
    with reader:
        for index in range(reader.count_frames()):
            frame = reader.get_data(index)
            found = np.argwhere(cv2.inRange(frame, np.array((255, 69, 0)), np.array((255, 180, 0))))
            (y0, x0), (y1, x1) = (found.min(axis=0), found.max(axis=0)) if len(found) else ((0, 0), frame.shape[:2])
            box = (int(x0), int(y0), max(int(x1), int(x0) + 1), max(int(y1), int(y0) + 1))
            boxes.add(box)
            crops.append(np.asarray(Image.fromarray(frame).crop(box).convert("L").resize((64, 64))))
    return np.stack(crops), boxes


def cpu_s(method: Callable[[Path], object], path: Path) -> float:
    before = _spent_s()
    method(path)
    return _spent_s() - before


def _spent_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def boxes_of_each_frame(path: Path) -> set[Box]:
    """What our detector would say if each frame were asked alone; a clip is cropped with one box in any case."""
    data = path.read_bytes()
    facts = preflight(data)
    return {outline.box for frame in decode_frames(data, facts, range(facts.samples)) if (outline := detect(frame))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=5, help="synthetic clips, beside the real one where it is there")
    parser.add_argument("--rounds", type=int, default=5, help="how often each method reads each clip")
    settings = parser.parse_args()
    prepare()
    methods: dict[str, Callable[[Path], object]] = {
        "earlier method": earlier_method,
        "read_clip, all frames": lambda path: read_clip(path.read_bytes(), ALL),
        "read_clip, 32 sampled": lambda path: read_clip(path.read_bytes(), SAMPLED),
        "read_clip, central 32": lambda path: read_clip(path.read_bytes(), CENTRAL_32),
        "read_clip, 16 of these": lambda path: read_clip(path.read_bytes(), CENTRAL_16),
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = write_clips(Path(folder), settings.clips)
        times: dict[str, dict[Path, list[float]]] = {name: {path: [] for path in paths} for name in methods}
        for _ in range(settings.rounds):
            for path in paths:
                for name, method in methods.items():
                    times[name][path].append(cpu_s(method, path))
        report(paths, times)


def report(paths: list[Path], times: dict[str, dict[Path, list[float]]]) -> None:
    print("CPU ms a clip: median of the rounds, and how many times less than the earlier method")
    print(f"{'clip':<14} {'kB/frame':>8}  " + "  ".join(f"{name:>24}" for name in times))
    for path in paths:
        medians = [statistics.median(each[path]) for each in times.values()]
        size = path.stat().st_size / preflight(path.read_bytes()).samples / 1000
        cells = "  ".join(f"{1000 * m:>14.0f} ({medians[0] / m:>5.2f} x)" for m in medians)
        print(f"{path.stem:<14} {size:>8.1f}  {cells}")
    overall = [statistics.median(s for rounds in each.values() for s in rounds) for each in times.values()]
    cells = "  ".join(f"{1000 * m:>14.0f} ({overall[0] / m:>5.2f} x)" for m in overall)
    print(f"{'all':<14} {'':>8}  {cells}")
    print("\nDistinct boxes in a clip: the earlier method crops each frame with its own, read_clip all with one")
    for path in paths:
        ours, alone = read_clip(path.read_bytes(), CENTRAL_32).roi, len(boxes_of_each_frame(path))
        earlier = len(earlier_method(path)[1])
        print(f"{path.stem:<14} earlier {earlier:>3}, ours 1: {ours} ({alone} if each frame is asked alone)")


if __name__ == "__main__":
    main()
