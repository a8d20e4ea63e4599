"""TensorRT-RTX by the handle that the builder takes: it compiles anywhere, also without a GPU.

Its plans are for the compute capabilities named, and are finished on the GPU when they are first run.
"""

from dataclasses import dataclass, field
from typing import Any, cast

import tensorrt_rtx

from trt_build.nvidia.handle import Handle, Library


@dataclass(frozen=True)
class Rtx(Handle):
    """Compiles for capabilities such as "8.9"; none means those that NVIDIA chose."""

    library: Library = field(default_factory=lambda: cast("Library", tensorrt_rtx))
    capabilities: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"TensorRT-RTX {self.library.__version__}"

    def aim(self, config: Any, hardware: object) -> None:
        """Sets the compute capabilities."""
        assert hardware == "this", "it would pass over anything else"
        if self.capabilities:
            config.num_compute_capabilities = len(self.capabilities)
        for i, each in enumerate(self.capabilities):
            known = tensorrt_rtx.ComputeCapability.__members__
            config.set_compute_capability(known[f"SM{each.replace('.', '')}"], i)
