"""The artifact: a folder with a compiled network, a manifest that says what it is, and golden clips that prove it.

    manifest.json                   what stands below; its sha256 is the artifact's name
    manifest.sha256                 that sha256 in full, as sha256sum writes and checks it
    model.xml, model.bin            the engine of kind "openvino" (beside it model.onnx, which it was made from)
    model.plan                      the engine of kind "tensorrt" (beside it model.onnx; lowered.onnx, which it was made
                                    from in fp16 and int8; and layers.json, what TensorRT says of its layers)
    golden.npz, golden.mp4          clips and what they must score (stream/engine/golden.py)

An engine file is executable, so nothing in the folder is used unless its digest is the manifest's. The manifest says
how logits are read, so it isn't believed either unless it is as it was written. That finds damage and edits by hand;
whoever makes the two agree again has made another artifact, which its name tells: each verdict holds it.
"""

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from stream.validation import first_error, other_schema
from stream.verdict import DecisionRule

MANIFEST, SEAL = "manifest.json", "manifest.sha256"
INPUT, OUTPUT = "clips", "logits"
"""Names of the network's tensors: `uint8 [N, C, T, S, S]` and `float32 [N]`."""

Kind = Literal["openvino", "tensorrt"]
Precision = Literal["fp32", "fp16", "int8"]
Hardware = Literal["this", "same-capability", "ampere-or-later"]
"""NVIDIA GPUs that a plan runs on: one like that which built it, all of its compute capability, or all from 8.0 on."""
AMPERE = 8
"""Major compute capability that the last of them begins with."""
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]  # flat: no way out of the folder
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

_ENGINE_FILES: dict[Kind, set[str]] = {"openvino": {"model.xml", "model.bin"}, "tensorrt": {"model.plan"}}
_GOLDEN_FILES = {"golden.npz", "golden.mp4"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True)


class Device(_Part):
    """What the engine was compiled on, and what it is for."""

    name: str
    compute_capability: str | None = None
    """Of an NVIDIA GPU, as "8.9"."""
    hardware: Hardware | None = None
    """Which GPUs the plan is for; None for CPUs."""


class Agreement(_Part):
    """What lower precision does to the verdicts on labelled clips that it was not calibrated on."""

    clips: int = Field(ge=1)
    description: str
    """Of these clips and of those that it was calibrated on, in words."""
    correlation: float
    """Of the engine's logits with the network's."""
    flips: float = Field(ge=0, le=1)
    """Share of the clips whose verdict is another one."""
    mcc: float
    """Of the network on these clips, by the rule's `decide`."""
    mcc_engine: float


class Proof(_Part):
    """What was held against the engine when it was built. A difference of logits counts as
    `|engine - reference| / max(1, |reference|)`.
    """

    clips: int = Field(ge=1)
    """Crops that were scored by the network and by the engine."""
    max_difference: float = Field(ge=0)
    """The largest difference between the two."""
    tolerance: float | None = Field(gt=0)
    """What the difference had to stay under; None where the agreement decides."""
    golden_tolerance: float = Field(gt=0)
    """How far a golden clip's logit may be from the written one on another machine."""
    pixel_tolerance: int = Field(ge=0)
    """How far, in grey levels, the golden video's crop may be from the written one."""
    agreement: Agreement | None = None
    """Of a precision that changes more than the last digits."""


class Manifest(_Part):
    """All that a worker must know of an engine."""

    schema_version: Literal[1] = Field(alias="schema")
    kind: Kind
    files: dict[FileName, Sha256] = Field(default_factory=dict)
    """Every file of the folder but the manifest."""
    spec: ClipSpec
    rule: DecisionRule
    labels: tuple[Literal["flowing"], Literal["stalled"]]
    """What a negative and a positive logit speak for."""
    precision: Precision
    batch_sizes: tuple[Annotated[int, Field(ge=1)], ...] = Field(min_length=1)
    """Rising; the last is the largest the engine takes."""
    device: Device
    builder: dict[str, str]
    """Versions of what built it, by package."""
    training: dict[str, JsonValue]
    """The checkpoint's account of its training."""
    inputs: Sha256 | None = None
    """Of what it was built of, by `trt_build.inputs`; None where that was not recorded."""
    proof: Proof | None
    """None only while it is being built."""

    @model_validator(mode="after")
    def _complete(self) -> "Manifest":
        needed = _ENGINE_FILES[self.kind] | _GOLDEN_FILES if self.proof else set()
        if absent := sorted(needed - set(self.files)):
            raise ValueError(f"`files` lacks {', '.join(absent)}")
        if list(self.batch_sizes) != sorted(set(self.batch_sizes)):
            raise ValueError(f"batch_sizes {self.batch_sizes} don't rise")
        return self


@dataclass(frozen=True, slots=True)
class Artifact:
    """A folder whose contents are what its manifest says."""

    path: Path
    manifest: Manifest
    digest: str
    """Sha256 of the manifest's bytes, first 16 hex digits: it covers every file, for the manifest holds theirs."""


def default_artifact_path() -> Path:
    """The artifact that comes with the package."""
    return Path(str(resources.files("stream") / "model" / "artifact"))


def load_artifact(path: Path) -> Artifact:
    """Reads a manifest and holds the folder against it.

    Raises:
        UserError: the manifest can't be read, isn't of this version or was changed, the build was not finished, or a
            file is missing, left over, or not the one that was built.
    """
    try:
        text = (path / MANIFEST).read_bytes()
    except OSError as error:
        raise UserError(
            f"artifact {path}: can't read {MANIFEST} ({error.strerror}); give the folder that python -m trt_build wrote"
        ) from None
    try:
        manifest = Manifest.model_validate_json(text, strict=True)
    except ValidationError as error:
        if newer := other_schema(error):
            raise UserError(f"artifact {path}: {MANIFEST}: {newer}, or build it with python -m trt_build") from None
        raise _refused(path, f"{MANIFEST}: {first_error(error)}") from None
    if manifest.proof is None:
        raise _refused(path, "its build was not finished")
    _hold_against(path, manifest.files)
    _check_seal(path, text)
    return Artifact(path, manifest, _short(text))


def seal(folder: Path, draft: Manifest) -> Artifact:
    """Writes the manifest of what the folder holds now, and its seal: the inverse of `load_artifact`."""
    files = {each.name: _sha256(each) for each in sorted(folder.iterdir()) if each.name not in (MANIFEST, SEAL)}
    manifest = Manifest.model_validate({**dict(draft), "files": files})
    text = manifest.model_dump_json(indent=2).encode() + b"\n"
    (folder / MANIFEST).write_bytes(text)
    (folder / SEAL).write_text(f"{hashlib.sha256(text).hexdigest()}  {MANIFEST}\n")
    return Artifact(folder, manifest, _short(text))


def _hold_against(path: Path, files: dict[str, str]) -> None:
    found = {each.name for each in path.iterdir()} - {MANIFEST, SEAL}
    if absent := sorted(set(files) - found):
        raise _refused(path, f"{absent[0]} is missing")
    if extra := sorted(found - set(files)):
        raise _refused(path, f"{extra[0]} is not in {MANIFEST}, and nothing else may lie in the folder")
    for name, expected in files.items():
        try:
            actual = _sha256(path / name)
        except OSError as error:
            raise _refused(path, f"can't read {name} ({error.strerror})") from None
        if actual != expected:
            raise _refused(path, f"{name} has sha256 {actual[:16]}, {MANIFEST} says {expected[:16]}")


def _check_seal(path: Path, text: bytes) -> None:
    found = hashlib.sha256(text).hexdigest()
    try:
        sealed = (path / SEAL).read_text(errors="replace")
    except OSError as error:
        way_out = f"if {found[:16]} is the digest that its build printed, in that folder: sha256sum {MANIFEST} > {SEAL}"
        raise _refused(path, f"can't read {SEAL} ({error.strerror}); {way_out}") from None
    if sealed.split() != [found, MANIFEST]:
        raise _refused(path, f"{MANIFEST} was changed: it has sha256 {found[:16]}, {SEAL} says {sealed[:16]!r}")


def _refused(path: Path, what: str) -> UserError:
    return UserError(f"artifact {path}: {what}; copy the folder anew, or build it with python -m trt_build")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]
