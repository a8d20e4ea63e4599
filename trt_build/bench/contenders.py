"""The nouns of a comparison: contenders, the ways in which each may be run, and what a turn of it brings."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from stream.clip.spec import ClipSpec

Runner = Literal["artifact", "onnxruntime", "peak", "torch"]
Arithmetic = Literal["fp32", "int8"]
"""What a CPU's peak is known of."""


class Fact(BaseModel):
    """Base of what crosses between processes, as one line of JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Way(Fact):
    """One way to run something; a process of its own runs it (`trt_build.bench.child`)."""

    runner: Runner
    source: Path
    """An artifact, a checkpoint or an ONNX file; of a peak, nothing."""
    clips: Path
    """`.npy` with `uint8 [N, C, T, S, S]`."""
    name: str = ""
    """Of PyTorch, one of `trt_build.bench.in_torch.WAYS`; of a peak, the arithmetic."""
    lanes: int
    """Batches that are in hand at a time; those of PyTorch and ONNX Runtime share the threads among them."""
    batch: int = 1
    """Clips in a batch where throughput counts."""
    threads: int

    @property
    def described(self) -> str:
        """For people: "compiled, batch 8, 2 lanes"."""
        parts = [self.name, f"batch {self.batch}", f"{self.lanes} lane{'s' * (self.lanes > 1)}"]
        return ", ".join(part for part in parts if part)


class Contender(Fact):
    """A row of the table."""

    name: str
    ways: tuple[Way, ...]
    """The fastest of them is measured."""
    spec: ClipSpec
    gflops: float
    """1e9 operations for a clip, as the network was trained: an engine that saves some is the faster."""
    arithmetic: Arithmetic | None
    """Which peak its arithmetic is a share of; None where it doesn't run on the CPU."""


class Ready(Fact):
    """A process has loaded its network and scored all clips once."""

    load_s: float
    """From a bare process to the first batch's logits: libraries, network, compilation."""
    memory_mb: float
    """Resident, above the bare process that holds the clips."""
    logits: tuple[float, ...]


class Refused(Fact):
    """A way that can't be run here."""

    reason: str


class Order(Fact):
    """Run for so long: batches one behind the other in all lanes, or single clips, each alone."""

    kind: Literal["throughput", "latency"]
    seconds: float


class Turn(Fact):
    """What an order brought."""

    clips: int
    wall_s: float
    cpu_s: float
    """Of all threads of the process."""
    latencies_ms: tuple[float, ...] = ()
    """Of single clips."""
