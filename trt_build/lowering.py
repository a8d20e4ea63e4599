"""Lowering: int8 in place of fp32, and the proof that the verdicts are still the network's."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import Artifact, Manifest, Proof, seal
from stream.engine.golden import difference
from stream.engine.open import open_engine
from training.networks import Network
from trt_build.agreement import check_agreement, compare
from trt_build.cpu.int8 import noisiest_layers, quantise
from trt_build.cpu.isa import logits_by_set
from trt_build.samples import Progress, Samples
from trt_build.verify import GOLDEN_TOLERANCE, PIXEL_TOLERANCE, worst_difference

_MARGIN = 2.0
"""On what other instruction sets were seen to differ by."""
_LOOKED_AT = 16
"""Clips by which layers are compared."""


def to_int8(
    network: Network,
    draft: Manifest,
    folder: Path,
    clips: NDArray[np.uint8],
    samples: Samples,
    *,
    progress: Progress,
) -> tuple[Artifact, Proof]:
    """Quantises the folder's model and proves it.

    Args:
        network: in torch.
        draft: the manifest, as far as it is known.
        folder: holds model.xml in fp32.
        clips: `[N, C, T, S, S]` that every engine is held against.
        samples: to calibrate and to judge on.
        progress: told of clips that are scored.

    Raises:
        UserError: too many verdicts change, or the clips can't show it.
    """
    file = folder / "model.xml"
    with tempfile.TemporaryDirectory() as kept:
        exact = Path(kept) / file.name
        for each in (file, file.with_suffix(".bin")):
            shutil.copy2(each, kept)
        quantise(file, samples.calibration)
        artifact = seal(folder, draft)
        engine = open_engine(artifact)
        try:
            found = compare(network, engine, samples, draft.rule, progress=progress)
        finally:
            engine.close()
        some = samples.validation.read(np.arange(_LOOKED_AT))
        check_agreement(found, layers=partial(noisiest_layers, exact, file, some))
    return artifact, Proof(
        clips=len(clips),
        max_difference=worst_difference(network, artifact, clips),
        tolerance=None,
        golden_tolerance=_golden_tolerance(file, clips),
        pixel_tolerance=PIXEL_TOLERANCE,
        agreement=found,
    )


def _golden_tolerance(file: Path, clips: NDArray[np.uint8]) -> float:
    """A mixed fleet loads one artifact, so its golden logits may be off by what instruction sets differ by."""
    found = list(logits_by_set(file, clips).values())
    worst = max(float(difference(one, other).max()) for one in found for other in found)
    return max(_MARGIN * worst, GOLDEN_TOLERANCE)
