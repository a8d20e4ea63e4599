"""Golden clips: what an artifact's engine must score, and what its reader must see, before a worker serves."""

import math
import zipfile
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.clip import read_clip
from stream.engine.artifact import Artifact, Proof
from stream.engine.contract import Engine
from stream.errors import ClipFault, UserError

_DECIDING = ("stall-stream", "av", "opencv-python-headless", "openvino", "tensorrt")
"""What decides on pixels and logits where an artifact serves."""


@dataclass(frozen=True, slots=True)
class Golden:
    """Clips and what became of them where the artifact was built."""

    clips: NDArray[np.uint8]
    """`[N, C, T, S, S]`, as handed to the engine."""
    logits: NDArray[np.float32]
    """`[N]`, as the engine scored them."""
    video: bytes
    """An MP4, read like any clip: a decoder's update is the likelier drift."""
    crop: NDArray[np.uint8]
    """`[C, T, S, S]`, what reading the video gave."""

    def save(self, folder: Path) -> None:
        """Writes golden.npz and golden.mp4."""
        np.savez_compressed(folder / "golden.npz", clips=self.clips, logits=self.logits, crop=self.crop)
        (folder / "golden.mp4").write_bytes(self.video)

    @classmethod
    def load(cls, folder: Path) -> "Golden":
        """Reads what `save` wrote; nothing in it is unpickled.

        Raises:
            UserError: it is something else.
        """
        try:
            with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
                golden = cls(arrays["clips"], arrays["logits"], (folder / "golden.mp4").read_bytes(), arrays["crop"])
            golden.check()
        except (AttributeError, EOFError, KeyError, TypeError, ValueError, zipfile.BadZipFile):
            raise UserError(
                f"artifact {folder}: golden.npz holds no golden clips; build it again with python -m trt_build"
            ) from None
        return golden

    def check(self) -> None:
        """Raises ValueError where the arrays are not of one another, or of other types."""
        types = [each.dtype.name for each in (self.clips, self.logits, self.crop)]
        if types != ["uint8", "float32", "uint8"]:
            raise ValueError(f"clips, logits and crop are of {types}")
        if not len(self.clips) or self.clips.shape != (len(self.logits), *self.crop.shape) or self.logits.ndim != 1:
            raise ValueError(f"clips {self.clips.shape}, logits {self.logits.shape} and crop {self.crop.shape}")


def score_all(engine: Engine, clips: NDArray[np.uint8], *, batch_size: int) -> NDArray[np.float32]:
    """Logits `[N]` of clips `[N, C, T, S, S]`, in batches of `batch_size`, as many in hand as the engine has slots."""
    futures: list[Future[NDArray[np.float32]]] = []
    for i in range(0, len(clips), batch_size):
        if len(futures) >= engine.slots:
            futures[-engine.slots].result()
        futures.append(engine.submit(clips[i : i + batch_size]))
    return np.concatenate([future.result() for future in futures])


def difference(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """`|logit - reference| / max(1, |reference|)`: absolute for small logits, relative for large ones."""
    with np.errstate(invalid="ignore"):  # of infinite logits comes NaN, which no limit lets pass
        off: NDArray[np.float32] = np.abs(logits - reference) / np.maximum(1, np.abs(reference))
    return off


@dataclass(frozen=True, slots=True)
class Held:
    """Something that was done again here, held against what is written."""

    found: str
    """In words: what is furthest off."""
    difference: float
    """NaN where there is no number."""
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the difference is within the limit; NaN is not."""
        return self.difference <= self.limit


@dataclass(frozen=True, slots=True)
class GoldenCheck:
    """The golden clips on this machine."""

    pixels: Held
    """The video's crop, in grey levels."""
    logits: Held
    """The clips' logits, by `difference`."""


def check_golden(artifact: Artifact, engine: Engine) -> GoldenCheck:
    """Reads and scores the golden clips, which also warms the engine up.

    Raises:
        UserError: this machine sees or scores them otherwise than the one that built the artifact.
    """
    golden = Golden.load(artifact.path)
    if not (pixels := hold_pixels(golden, artifact)).holds:
        raise UserError(drifted(artifact, pixels.found))
    if not (logits := hold_logits(golden, artifact, engine, batch_size=engine.batch_sizes[-1])).holds:
        raise UserError(drifted(artifact, logits.found))
    return GoldenCheck(pixels, logits)


def hold_pixels(golden: Golden, artifact: Artifact) -> Held:
    """Reads the golden video again."""
    limit = proof_of(artifact).pixel_tolerance
    try:
        crop = read_clip(golden.video, artifact.manifest.spec).pixels
    except ClipFault as fault:
        return Held(f"golden.mp4 can't be read ({fault})", math.nan, limit)
    if crop.shape != golden.crop.shape:
        return Held(f"golden.mp4 is read as {crop.shape}, not {golden.crop.shape}", math.nan, limit)
    off = int(np.abs(crop.astype(np.int16) - golden.crop).max())
    return Held(f"golden.mp4 is read {off} grey levels off (limit {limit})", off, limit)


def hold_logits(golden: Golden, artifact: Artifact, engine: Engine, *, batch_size: int) -> Held:
    """Scores the golden clips again, as often as it takes to fill a batch."""
    shape, limit = golden.clips.shape[1:], proof_of(artifact).golden_tolerance
    if shape != artifact.manifest.spec.shape:
        return Held(f"golden clips are {shape}, not {artifact.manifest.spec.shape}", math.nan, limit)
    rows = around(len(golden.clips), at_least=batch_size)
    logits, written = score_all(engine, golden.clips[rows], batch_size=batch_size), golden.logits[rows]
    off = difference(logits, written)
    worst = int(np.argmax(off))  # NaN counts as the largest
    found = f"golden clip {rows[worst]} scores {logits[worst]:.6g}, not {written[worst]:.6g} (limit {limit:g})"
    return Held(found, float(off[worst]), limit)


def around(clips: int, *, at_least: int) -> NDArray[np.intp]:
    """Indices of so many clips, and of as many again as it takes: 3, at least 5 -> [0, 1, 2, 0, 1]."""
    return np.arange(max(clips, at_least)) % clips


def proof_of(artifact: Artifact) -> Proof:
    """The proof of an artifact that `load_artifact` let pass."""
    assert artifact.manifest.proof is not None
    return artifact.manifest.proof


def drifted(artifact: Artifact, found: str) -> str:
    """Says that an artifact doesn't work here, where it did, and what to do."""
    built = artifact.manifest.builder
    libraries = ", ".join(_told(each, built[each]) for each in _DECIDING if each in built)
    return (
        f"artifact {artifact.path} ({artifact.digest}) doesn't work here as where it was built: {found}; it was built "
        f"on {artifact.manifest.device.name} with {libraries}: use the same, or build it here with python -m trt_build"
    )


def _told(package: str, built_with: str) -> str:
    try:
        here = version(package)
    except PackageNotFoundError:
        return f"{package} {built_with}"
    return f"{package} {built_with}" + (f" (here {here})" if here != built_with else "")
