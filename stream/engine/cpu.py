"""OpenVINO on the CPU: as many requests at a time as its throughput mode likes, each waited for by a thread."""

from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from importlib.metadata import version
from queue import SimpleQueue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import INPUT, Artifact, Precision
from stream.engine.contract import check_clips
from stream.engine.quiet import ov
from stream.errors import UserError

_HINTS: dict[Precision, str] = {
    "fp32": "f32",  # unasked, OpenVINO computes in bf16 where the CPU can
    "fp16": "f16",
    "int8": "f32",  # what is not quantised
}


@cache
def core() -> ov.Core:
    """The only one of the process, never ended.

    Where the CPU has AMX a core gives its thread another stack for signals, and takes it back when it ends. Of two
    that overlap the second then leaves the freed one of the first in place: the next signal kills the process (2026.4).
    """
    return ov.Core()


class OpenVinoEngine:
    """See `stream.engine.contract.Engine`.

    Requests run on threads of ours because a request that fails never calls its Python callback (OpenVINO
    2026.4): a future set by callbacks would then stay open for ever. Both ways take the same CPU time.
    A failure is final, and in every future from then on: OpenVINO has been seen to answer the request after a
    failed one with numbers left from before.
    """

    def __init__(self, artifact: Artifact, *, threads: int | None = None) -> None:
        manifest = artifact.manifest
        self._shape = manifest.spec.shape
        self._batch_sizes = manifest.batch_sizes
        hints: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": _HINTS[manifest.precision],
            # Pinned, two processes of one thread share the first core: half the throughput (measured).
            "ENABLE_CPU_PINNING": False,
        }
        if threads is not None:
            hints["INFERENCE_NUM_THREADS"] = threads
        compiled = _compiled(artifact, hints)
        self._slots = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        self._idle: SimpleQueue[ov.InferRequest] = SimpleQueue()
        for _ in range(self._slots):
            self._idle.put(compiled.create_infer_request())
        self._fault: Exception | None = None
        self._threads = ThreadPoolExecutor(self._slots, thread_name_prefix="engine")
        # Two threads that use OpenVINO's Python bindings for the first time at once can deadlock: one holds the GIL
        # and waits for a lock of pybind11's, the other the reverse (seen in 2026.4). So the first use is made here.
        self._infer(np.zeros((1, *self._shape), np.uint8))

    @property
    def runtime(self) -> str:
        """`openvino` and its version."""
        return f"openvino {version('openvino')}"

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Largest last."""
        return self._batch_sizes

    @property
    def slots(self) -> int:
        """Requests that run at a time."""
        return self._slots

    def submit(self, clips: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        """Queues a batch for the next idle request."""
        check_clips(clips, shape=self._shape, largest=self._batch_sizes[-1])
        return self._threads.submit(self._infer, clips.copy())

    def close(self) -> None:
        """Waits for what was submitted."""
        self._threads.shutdown(wait=True)

    def _infer(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        if self._fault:
            raise RuntimeError("the engine failed before, so its state is not known") from self._fault
        request = self._idle.get_nowait()  # there is one for each thread
        try:
            logits: NDArray[np.float32] = request.infer([clips])[0]  # a copy, not the request's own memory
        except Exception as fault:
            self._fault = fault
            raise
        finally:
            self._idle.put(request)
        return logits


def _compiled(artifact: Artifact, hints: dict[str, Any]) -> "ov.CompiledModel":
    manifest = artifact.manifest
    try:
        model = core().read_model(artifact.path / "model.xml")
        _check_model(artifact, model)
        model.reshape({INPUT: ov.PartialShape([ov.Dimension(1, manifest.batch_sizes[-1]), *manifest.spec.shape])})
        return core().compile_model(model, "CPU", hints)
    except RuntimeError as error:
        raise UserError(
            f"artifact {artifact.path}: its network was written by OpenVINO {manifest.builder.get('openvino', '?')}, "
            f"and OpenVINO {version('openvino')} can't load it here: {_last_line(error)}; use the same, or build it "
            "again with python -m trt_build"
        ) from None


def _last_line(error: RuntimeError) -> str:
    """Above it OpenVINO names its own sources."""
    return str(error).strip().splitlines()[-1].strip() if str(error).strip() else type(error).__name__


def _check_model(artifact: Artifact, model: "ov.Model") -> None:
    """A network made for another spec would fail, or worse, run."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise UserError(
            f"artifact {artifact.path}: its network has {len(model.inputs)} inputs and "
            f"{len(model.outputs)} outputs, not one of each; build it again with python -m trt_build"
        )
    expected = ov.PartialShape([-1, *artifact.manifest.spec.shape])
    actual = model.input().get_partial_shape()
    if actual != expected or model.input().get_element_type() != ov.Type.u8:
        raise UserError(
            f"artifact {artifact.path}: its network takes {model.input().get_element_type()} {actual}, "
            f"the manifest's spec gives u8 {expected}; build it again with python -m trt_build"
        )
