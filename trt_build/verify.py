"""Holds an engine against the network it was compiled from, on crops like those it will serve."""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from stream.clip import ClipSpec, read_clip
from stream.engine.artifact import Artifact, Proof
from stream.engine.contract import Engine
from stream.engine.golden import Golden, difference, score_all
from stream.engine.open import open_engine
from stream.errors import UserError
from training.networks import Network
from training.synthetic import FIELD, Scene, crop, sample_scene, write_clip
from training.synthetic.video import Encoding

_CLIPS = 16
_GOLDEN_CLIPS = 4
_BATCH_SIZES = (1, 3, 8)
_SMALL = Encoding(crf=33, all_intra=False)
"""About 200 kB; its frames depend on each other, which asks more of a decoder than the competition's clips do."""

TOLERANCE = 1e-4
"""Largest difference of fp32 from torch, where it was built."""
GOLDEN_TOLERANCE = 1e-3
"""Largest difference of fp32 from there on another machine; instruction sets sum in other orders."""
PIXEL_TOLERANCE = 2
"""H.264 decodes to the same bits everywhere; resize and distance may round otherwise."""


def sample_clips(spec: ClipSpec) -> NDArray[np.uint8]:
    """Crops `[N, C, T, S, S]` of synthetic scenes, the same for each build."""
    return np.stack([crop(_scene(seed), spec) for seed in range(_CLIPS)])


def verify(network: Network, draft: Artifact, clips: NDArray[np.uint8]) -> Proof:
    """Proves that an engine in fp32 computes what torch does, on clips `[N, C, T, S, S]`.

    Raises:
        UserError: they differ by more than sums in another order do.
    """
    worst = worst_difference(network, draft, clips)
    if not worst <= TOLERANCE:
        raise UserError(
            f"the engine's logits are {worst:.2g} off the network's, fp32 may be {TOLERANCE:g} off; train on (weights "
            "may have grown out of hand), and report the network's configuration if that is not it"
        )
    return Proof(
        clips=len(clips),
        max_difference=worst,
        tolerance=TOLERANCE,
        golden_tolerance=GOLDEN_TOLERANCE,
        pixel_tolerance=PIXEL_TOLERANCE,
    )


def worst_difference(network: Network, draft: Artifact, clips: NDArray[np.uint8]) -> float:
    """Of clips `[N, C, T, S, S]` scored by torch and, at several batch sizes, by the engine that workers use."""
    with torch.inference_mode():
        reference = network.eval()(torch.from_numpy(clips)).numpy()
    batched = replace(draft, manifest=draft.manifest.model_copy(update={"batch_sizes": _BATCH_SIZES}))
    engine = open_engine(batched)
    try:
        return max(float(difference(score_all(engine, clips, batch_size=n), reference).max()) for n in _BATCH_SIZES)
    finally:
        engine.close()


def record_golden(engine: Engine, clips: NDArray[np.uint8], spec: ClipSpec) -> Golden:
    """Scores the first clips and reads the first one's video, as every worker will do at its start."""
    video = write_clip(_scene(0), _SMALL)
    chosen = clips[:_GOLDEN_CLIPS]
    return Golden(
        clips=chosen,
        logits=score_all(engine, chosen, batch_size=engine.batch_sizes[-1]),
        video=video,
        crop=read_clip(video, spec).pixels,
    )


def _scene(seed: int) -> Scene:
    return sample_scene(np.random.default_rng(seed), preset=FIELD, stalled=bool(seed % 2))


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast an engine is on this machine, now."""

    latency_ms: float
    """Median for one clip alone."""
    clips_per_s: float
    """With all its slots busy."""


def measure(engine: Engine, clips: NDArray[np.uint8]) -> Speed:
    """Times a warm engine over clips `[N, C, T, S, S]`."""
    alone_s = []
    for i in range(len(clips)):
        start = time.perf_counter()
        engine.submit(clips[i : i + 1]).result()
        alone_s.append(time.perf_counter() - start)
    start = time.perf_counter()
    score_all(engine, clips, batch_size=engine.batch_sizes[-1])
    return Speed(latency_ms=float(np.median(alone_s)) * 1e3, clips_per_s=len(clips) / (time.perf_counter() - start))
