"""The TensorRT in use: which library it is, and all that differs between the two.

    edition        library         versions   compiles                             for
    tensorrt       tensorrt        10, 11     only on a machine with the GPU       that GPU, or more by a `Reach`
    tensorrt-rtx   tensorrt_rtx    1          anywhere, also without a driver      the compute capabilities named

Both have nearly the same names, so the rest of the package is written against a handle and doesn't ask which it has.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict

from stream.engine.driver import Gpu, require_gpu
from stream.errors import UserError

if TYPE_CHECKING:
    import tensorrt as nv
    import tensorrt_rtx as rtx

Edition = Literal["tensorrt", "tensorrt-rtx"]
Hardware = Literal["this", "same-capability", "ampere-or-later"]
_AMPERE = 8
"""Major compute capability."""


class Reach(BaseModel):
    """What a plan must run on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hardware: Hardware = "this"
    """Of TensorRT: the GPU at hand, any of its compute capability, or any from 8.0 on, the last two at some speed."""
    version_compatible: bool = False
    """Of TensorRT: whether later versions may load the plan, which then holds a runtime of its own."""
    capabilities: tuple[str, ...] = ()
    """Of TensorRT-RTX: compute capabilities such as "8.9"; none means those that NVIDIA chose."""

    def compute_capability(self, gpu: Gpu) -> str:
        """For the manifest: what a plan of TensorRT runs on, built where the GPU is; "8.0+" means all from 8.0 on.

        Raises:
            UserError: it wouldn't run on this GPU itself, so it could be neither proved nor timed here.
        """
        if self.hardware != "ampere-or-later":
            return gpu.capability
        if major(gpu.capability) < _AMPERE:
            raise UserError(
                f"--hardware ampere-or-later: the {gpu.name} of this machine is of compute capability "
                f"{gpu.capability}, before 8.0, and couldn't run the plan to prove it; build on a later GPU, or leave "
                "the flag out"
            )
        return f"{_AMPERE}.0+"


class Library(Protocol):
    """The names of either library that are used here; the real bindings are held against it by the tests."""

    __version__: str
    BuilderFlag: "type[nv.BuilderFlag]"
    Builder: "type[nv.Builder]"
    ILogger: "type[nv.ILogger]"
    LayerInformationFormat: "type[nv.LayerInformationFormat]"
    MemoryPoolType: "type[nv.MemoryPoolType]"
    OnnxParser: "type[nv.OnnxParser]"
    ProfilingVerbosity: "type[nv.ProfilingVerbosity]"
    Runtime: "type[nv.Runtime]"


class Handle(Protocol):
    """One TensorRT, loaded."""

    @property
    def library(self) -> Library:
        """The imported module."""

    @property
    def network_flags(self) -> int:
        """For `create_network`: what makes its types those of the ONNX file."""

    def aim(self, config: "nv.IBuilderConfig", reach: Reach) -> None:
        """Tells the builder what to compile for.

        Raises:
            UserError: this TensorRT can't compile for it.
        """


@dataclass(frozen=True, slots=True)
class TensorRt:
    """The library for data centres and workstations, by `load`."""

    library: Library
    strongly_typed: "nv.NetworkDefinitionCreationFlag"
    compatibility: "type[nv.HardwareCompatibilityLevel]"

    majors: ClassVar = (10, 11)

    def __str__(self) -> str:
        return f"TensorRT {self.library.__version__}"

    @property
    def network_flags(self) -> int:
        """From version 11 on there are no other networks."""
        return 1 << int(self.strongly_typed) if major(self.library.__version__) == 10 else 0

    def aim(self, config: "nv.IBuilderConfig", reach: Reach) -> None:
        """Sets the levels of compatibility; the GPU itself is the one at hand."""
        if reach.capabilities:
            raise UserError(
                f"compute capability {', '.join(reach.capabilities)} can't be chosen: {self} compiles for the GPU of "
                "the machine it runs on; build there, or use tensorrt-rtx"
            )
        if reach.hardware == "same-capability":
            config.hardware_compatibility_level = self.compatibility.SAME_COMPUTE_CAPABILITY
        elif reach.hardware == "ampere-or-later":
            config.hardware_compatibility_level = self.compatibility.AMPERE_PLUS
        if reach.version_compatible:
            config.set_flag(self.library.BuilderFlag.VERSION_COMPATIBLE)


@dataclass(frozen=True, slots=True)
class TensorRtRtx:
    """The library for RTX GPUs, by `load`; its plans are finished on the GPU when they are first run."""

    library: Library
    known: "type[rtx.ComputeCapability]"

    majors: ClassVar = (1,)

    def __str__(self) -> str:
        return f"TensorRT-RTX {self.library.__version__}"

    @property
    def network_flags(self) -> int:
        """There are no networks but strongly typed ones."""
        return 0

    def aim(self, config: "nv.IBuilderConfig", reach: Reach) -> None:
        """Sets the compute capabilities."""
        if reach.hardware != "this" or reach.version_compatible:
            asked = "version compatible" if reach.version_compatible else reach.hardware
            raise UserError(f"{self} can't compile plans that are {asked}; name compute capabilities instead")
        if reach.capabilities:
            _name_capabilities(cast("rtx.IBuilderConfig", config), [self._known(each) for each in reach.capabilities])

    def _known(self, capability: str) -> "rtx.ComputeCapability":
        member: rtx.ComputeCapability | None = self.known.__members__.get(f"SM{capability.replace('.', '')}")
        if member is None:
            numbers = sorted(int(name[2:]) for name in self.known.__members__ if name.startswith("SM"))
            known = ", ".join(f"{number // 10}.{number % 10}" for number in numbers)
            raise UserError(f"compute capability {capability}: {self} compiles for {known}; name one of these")
        return member


def _name_capabilities(config: "rtx.IBuilderConfig", capabilities: "list[rtx.ComputeCapability]") -> None:
    config.num_compute_capabilities = len(capabilities)
    for i, each in enumerate(capabilities):
        config.set_compute_capability(each, i)


def load(edition: Edition) -> Handle:
    """Imports the library. The driver is asked first where the library ends the process that has none.

    Raises:
        UserError: there is no GPU, the library isn't installed, or its version isn't one that this is written for.
    """
    try:
        if edition == "tensorrt-rtx":
            import tensorrt_rtx as rtx  # noqa: PLC0415 - one library of two is installed

            check_version("TensorRT-RTX", rtx.__version__, TensorRtRtx.majors)
            return TensorRtRtx(cast("Library", rtx), rtx.ComputeCapability)
        require_gpu()
        import tensorrt as nv  # noqa: PLC0415 - one library of two is installed
    except ImportError as error:
        raise UserError(f"{edition} is needed, and not installed ({error}): pip install {edition}") from None
    check_version("TensorRT", nv.__version__, TensorRt.majors)
    return TensorRt(nv, nv.NetworkDefinitionCreationFlag.STRONGLY_TYPED, nv.HardwareCompatibilityLevel)


def check_version(name: str, version: str, majors: tuple[int, ...]) -> None:
    """Raises UserError where the version is of another line than those this is written for."""
    if major(version) not in majors:
        wanted = " or ".join(map(str, majors))
        raise UserError(f"{name} {version} is installed, and {wanted} is needed; pip install another version of it")


def major(version: str) -> int:
    """Of "11.4.0.106", 11."""
    return int(version.partition(".")[0])
