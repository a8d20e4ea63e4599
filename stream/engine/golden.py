"""Golden clips: what an artifact's engine must score, and what its reader must see, before a worker serves."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.clip import read_clip
from stream.clip.spec import ClipSpec
from stream.engine.artifact import Artifact
from stream.engine.contract import Engine
from stream.errors import ClipFault, UserError


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
        """Reads what `save` wrote; nothing in it is unpickled."""
        with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
            return cls(arrays["clips"], arrays["logits"], (folder / "golden.mp4").read_bytes(), arrays["crop"])


def score_all(engine: Engine, clips: NDArray[np.uint8], *, batch_size: int) -> NDArray[np.float32]:
    """Logits `[N]` of clips `[N, C, T, S, S]`, submitted all at once in batches of `batch_size`."""
    futures = [engine.submit(clips[i : i + batch_size]) for i in range(0, len(clips), batch_size)]
    return np.concatenate([future.result() for future in futures])


def difference(logits: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """`|logit - reference| / max(1, |reference|)`: absolute for small logits, relative for large ones."""
    with np.errstate(invalid="ignore"):  # of infinite logits comes NaN, which no limit lets pass
        off: NDArray[np.float32] = np.abs(logits - reference) / np.maximum(1, np.abs(reference))
    return off


def check_golden(artifact: Artifact, engine: Engine) -> None:
    """Reads and scores the golden clips, which also warms the engine up.

    Raises:
        UserError: this machine sees or scores them otherwise than the one that built the artifact.
    """
    golden = Golden.load(artifact.path)
    proof = artifact.manifest.proof
    assert proof is not None  # load_artifact lets no other pass
    if seen := _seen_otherwise(golden, artifact.manifest.spec, limit=proof.pixel_tolerance):
        raise _drifted(artifact, seen, "install the versions of av and opencv that constraints.txt names")
    logits = score_all(engine, golden.clips, batch_size=engine.batch_sizes[-1])
    off = difference(logits, golden.logits)
    if not (off <= proof.golden_tolerance).all():  # NaN is off, too
        worst = int(np.argmax(off))
        raise _drifted(
            artifact,
            f"golden clip {worst} scores {logits[worst]:.6g}, not {golden.logits[worst]:.6g} "
            f"(limit {proof.golden_tolerance:g})",
            f"it was built for {artifact.manifest.device.name} by {artifact.manifest.builder}",
        )


def _seen_otherwise(golden: Golden, spec: ClipSpec, *, limit: int) -> str | None:
    try:
        crop = read_clip(golden.video, spec).pixels
    except ClipFault as fault:
        return f"golden.mp4 can't be read ({fault})"
    if crop.shape != golden.crop.shape:
        return f"golden.mp4 is read as {crop.shape}, not {golden.crop.shape}"
    off = int(np.abs(crop.astype(np.int16) - golden.crop).max())
    return f"golden.mp4 is read {off} grey levels off (limit {limit})" if off > limit else None


def _drifted(artifact: Artifact, what: str, remedy: str) -> UserError:
    return UserError(
        f"artifact {artifact.path} ({artifact.digest}) doesn't work here as where it was built: {what}; "
        f"{remedy}, or build it here with python -m trt_build"
    )
