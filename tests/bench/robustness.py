"""What a model makes of clips that differ from those it learnt from, one thing at a time, through the whole of reading.

    python tests/bench/robustness.py [ARTIFACT ...] [--clips N] [--preset field] [--processes N]

The same scenes in each row, but for the last, rendered, encoded, and read as a worker reads them.
"""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from stream.clip import ClipSpec, prepare, read_clip
from stream.engine.artifact import Artifact, load_artifact
from stream.engine.golden import score_all
from stream.engine.open import open_engine
from stream.errors import ClipFault
from training.data.generated import Lot, draw_scene
from training.measures import evaluate
from training.pools import pool
from training.synthetic import PRESETS, Scene, sample_scene, write_clip
from training.synthetic.render import render
from training.synthetic.video import REAL, Encoding, encode, outline_chroma
from training.words import bounded

SHIPPED = Path(__file__).parents[2] / "stream" / "model" / "artifact"
STALLED_SHARE = 0.3
SEED = 77
Written = Callable[[Scene], bytes]


def looking(**changes: Any) -> Written:
    """Of another look."""
    return lambda scene: write_clip(replace(scene, look=replace(scene.look, **changes)))


def outlined(**changes: Any) -> Written:
    """With another outline."""
    return lambda scene: write_clip(replace(scene, outline=replace(scene.outline, **changes)))


def noisier(factor: float) -> Written:
    """With so many times its noise."""

    def write(scene: Scene) -> bytes:
        noise = scene.look.noise
        parts = {name: factor * getattr(noise, name) for name in ("shot", "speckle", "read")}
        return looking(noise=replace(noise, **parts))(scene)

    return write


def dimmed(factor: float) -> Written:
    """With so much of its light."""
    return lambda scene: looking(gain=factor * scene.look.gain)(scene)


def filmed(change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Written:
    """With its frames `[T, H, W]` changed."""
    return lambda scene: encode(change(render(scene)), outline_chroma(scene), REAL)


def central(frames: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    start = max(0, (len(frames) - count) // 2)
    return frames[start : start + count]


def smoothed(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([cv2.GaussianBlur(frame, (0, 0), 1.0) for frame in frames])


def grained(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).normal(0.0, 12.0, frames.shape)
    return np.clip(frames + noise, 0, 255).astype(np.uint8)


ROWS: dict[str, Written] = {
    "as they are": write_clip,
    "noise x 1.5": noisier(1.5),
    "noise x 2": noisier(2.0),
    "white noise of 12 grey levels added": filmed(grained),
    "smoothed, sigma 1 px": filmed(smoothed),
    "half the light": dimmed(0.5),
    "gamma x 0.7": lambda scene: looking(gamma=0.7 * scene.look.gamma)(scene),
    "outline of 2 px": outlined(stroke_px=2.0),
    "outline of 5 px": outlined(stroke_px=5.0),
    "outline redder": outlined(colour=(255, 70, 0)),
    "outline yellower": outlined(colour=(255, 150, 0)),
    "groups of pictures, crf 23": partial(write_clip, encoding=Encoding(crf=23, all_intra=False)),
    "groups of pictures, crf 30": partial(write_clip, encoding=Encoding(crf=30, all_intra=False)),
    "24 frames": filmed(partial(central, count=24)),
    "17 frames": filmed(partial(central, count=17)),
}
SLOW = "flow of 12 to 50 px a frame"


def read_all(preset: str, spec: ClipSpec, lot: Lot, index: int) -> list[NDArray[np.uint8] | None]:
    """One clip of each row, as it is read; None where it is rejected."""
    stalled = bool(lot.labels()[index])
    slow = replace(PRESETS[preset], speed_px=(12.0, 50.0))
    slowly = sample_scene(np.random.default_rng([SEED, index]), preset=slow, stalled=stalled)
    scene = draw_scene(lot, index, stalled)
    read: list[NDArray[np.uint8] | None] = []
    for written in (*(partial(write, scene) for write in ROWS.values()), partial(write_clip, slowly)):
        try:
            read.append(read_clip(written(), spec).pixels)
        except ClipFault:
            read.append(None)
    return read


def measure(artifact: Artifact, clips: Sequence[NDArray[np.uint8] | None], lot: Lot, projects: NDArray[np.str_]) -> str:
    """MCC with its interval, of the clips that were not rejected."""
    engine = open_engine(artifact)
    kept = np.array([clip is not None for clip in clips])
    logits = score_all(
        engine, np.stack([clip for clip in clips if clip is not None]), batch_size=engine.batch_sizes[-1]
    )
    engine.close()
    found = evaluate(logits, lot.labels()[kept], artifact.manifest.rule, projects=projects[kept])
    rejected = f", {np.count_nonzero(~kept)} rejected" if not kept.all() else ""
    return f"{bounded(found.mcc)}{rejected}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "artifacts", type=Path, nargs="*", default=[SHIPPED], help="by default the model that comes along"
    )
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--preset", choices=PRESETS, default="field")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    settings = parser.parse_args()
    artifacts = [load_artifact(path) for path in settings.artifacts]
    spec = artifacts[0].manifest.spec
    if any(each.manifest.spec != spec for each in artifacts):
        parser.error("the artifacts read clips in different ways; give them one by one")
    lot = Lot(settings.clips, (settings.preset,), STALLED_SHARE, "test", SEED)
    with pool(settings.processes, ready=prepare) as executor:
        coming = executor.map(partial(read_all, settings.preset, spec, lot), range(settings.clips))
        read = list(track(coming, "clips", total=settings.clips, console=Console(stderr=True)))
    labels = lot.labels()
    projects = np.array([draw_scene(lot, index, bool(labels[index])).project for index in range(settings.clips)])
    print(f"MCC on {settings.clips} clips of {settings.preset}, {STALLED_SHARE:.0%} stalled")
    print(f"\n| | {' | '.join(str(path) for path in settings.artifacts)} |")
    print("|---" * (1 + len(artifacts)) + "|")
    for name, clips in zip((*ROWS, SLOW), zip(*read, strict=True), strict=True):
        print(f"| {name} | {' | '.join(measure(each, clips, lot, projects) for each in artifacts)} |")


if __name__ == "__main__":
    main()
