"""The TensorRT in use: what differs from one version to the next, and what a plan is compiled for.

The rest of the package is written against this handle, and the names that it uses are those of TensorRT-RTX, too: by a
handle of their own the tests compile the same files with that one, which does it anywhere, also without a driver.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from stream.engine.artifact import AMPERE, Hardware
from stream.engine.driver import Gpu
from stream.errors import UserError

if TYPE_CHECKING:
    import tensorrt as nv

_SINCE, _BEFORE = (10, 9), (12,)
"""Versions that this is written for; 10.9 brought plans for all GPUs of a compute capability."""


class Library(Protocol):
    """The names of TensorRT that are used here; the real bindings are held against it by the tests."""

    __version__: str
    BuilderFlag: "type[nv.BuilderFlag]"
    Builder: "type[nv.Builder]"
    HardwareCompatibilityLevel: "type[nv.HardwareCompatibilityLevel]"
    ILogger: "type[nv.ILogger]"
    LayerInformationFormat: "type[nv.LayerInformationFormat]"
    MemoryPoolType: "type[nv.MemoryPoolType]"
    NetworkDefinitionCreationFlag: "type[nv.NetworkDefinitionCreationFlag]"
    OnnxParser: "type[nv.OnnxParser]"
    ProfilingVerbosity: "type[nv.ProfilingVerbosity]"
    Runtime: "type[nv.Runtime]"


@dataclass(frozen=True, slots=True)
class Handle:
    """TensorRT, by `load`."""

    library: Library

    def __str__(self) -> str:
        return f"TensorRT {self.library.__version__}"

    @property
    def network_flags(self) -> int:
        """For `create_network`: its types are those of the ONNX file, as they always are from version 11 on."""
        strongly_typed = self.library.NetworkDefinitionCreationFlag.STRONGLY_TYPED
        return 1 << int(strongly_typed) if self.library.__version__.startswith("10.") else 0

    def aim(self, config: "nv.IBuilderConfig", hardware: Hardware) -> None:
        """Tells the builder what to compile for; what it does unasked is for the GPU at hand alone."""
        levels = self.library.HardwareCompatibilityLevel
        if hardware == "same-capability":
            config.hardware_compatibility_level = levels.SAME_COMPUTE_CAPABILITY
        elif hardware == "ampere-or-later":
            config.hardware_compatibility_level = levels.AMPERE_PLUS


def load(_shown: Gpu) -> Handle:
    """Imports TensorRT. It ends a process that has no driver: so a GPU must have been shown.

    Raises:
        UserError: it isn't installed, or its version isn't one that this is written for.
    """
    try:
        import tensorrt as nv  # noqa: PLC0415 - only where there is a GPU
    except ImportError as error:
        raise UserError(
            f"tensorrt is needed, and not installed ({error}): pip install -c constraints.txt '.[build,tensorrt]'"
        ) from None
    check_version(nv.__version__)
    return Handle(nv)


def check_version(version: str) -> None:
    """Raises UserError where TensorRT is of another line than those this is written for."""
    if not _SINCE <= tuple(map(int, version.split(".")[:2])) < _BEFORE:
        raise UserError(
            f"TensorRT {version} is installed, and 10.9 to 11 is needed: pip install -c constraints.txt "
            "'.[build,tensorrt]'"
        )


def check_reach(hardware: Hardware, gpu: Gpu) -> None:
    """Raises UserError where a plan wouldn't run on the GPU that builds it: it could be neither proved nor timed."""
    if hardware == "ampere-or-later" and gpu.major < AMPERE:
        raise UserError(
            f"--hardware ampere-or-later: the {gpu.name} of this machine is of compute capability {gpu.capability}, "
            "before 8.0, and couldn't run the plan to prove it; build on a later GPU, or leave the flag out"
        )
