"""TensorRT on one NVIDIA GPU: a thread of its own owns the context and the streams.

Two buffers and two streams: while the GPU computes a batch, the next is copied to pinned memory and on to the device.

    stream      batch 1                   batch 2                         batch 3
    copies      clips in                  clips in (during 1's network)   clips in, once 1's buffer is free
    network     network, logits out       network, logits out             ...

While the owner waits for a batch it takes no other, so one must lie ready behind the two: there are three slots.

NEVER RUN ON A GPU SO FAR: it was written without one, against the names and signatures of tensorrt 10.16 and 11.4 and
of cuda-bindings 13.5. Its threads, buffers and order of calls have run on a device that the tests emulate in host
memory. What it promises is promised by `tests/contract/test_engine.py` once a GPU has run it.
"""

import ctypes
import logging
import queue
from collections import deque
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import numpy as np
import tensorrt as trt
from cuda.bindings import runtime as cudart
from numpy.typing import NDArray

from stream.engine.artifact import AMPERE, INPUT, OUTPUT, Artifact
from stream.engine.contract import check_clips
from stream.engine.driver import Gpu
from stream.engine.nvlog import Lines, logger_into
from stream.errors import UserError

_BUFFERS = 2
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    clips: NDArray[np.uint8]
    logits: "Future[NDArray[np.float32]]" = field(default_factory=Future)


class TensorRtEngine:
    """See `stream.engine.contract.Engine`. A CUDA error is final: it is in every future from then on."""

    def __init__(self, artifact: Artifact, gpu: Gpu) -> None:
        _check_gpu(artifact, gpu)
        self._shape = artifact.manifest.spec.shape
        self._batch_sizes = artifact.manifest.batch_sizes
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # None only wakes the owner
        self._closed = False
        opened: Future[None] = Future()
        self._owner = Thread(target=self._own, args=(artifact, opened), name="engine")
        try:
            self._owner.start()
            opened.result()
        except BaseException:  # an interrupt, too: the owner, which waits for jobs, would keep the process
            self.close()
            raise

    @property
    def runtime(self) -> str:
        """`tensorrt` and its version."""
        return f"tensorrt {trt.__version__}"

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """Largest last."""
        return self._batch_sizes

    @property
    def slots(self) -> int:
        """One batch is computed while another is copied, and a third is there when the first is done."""
        return _BUFFERS + 1

    def submit(self, clips: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        """Queues a batch for the owner thread."""
        check_clips(clips, shape=self._shape, largest=self._batch_sizes[-1])
        if self._closed:
            raise RuntimeError("the engine is closed")
        job = _Job(clips.copy())
        self._jobs.put(job)
        return job.logits

    def close(self) -> None:
        """Waits for what was submitted."""
        self._closed = True
        self._jobs.put(None)
        self._owner.join()

    def _own(self, artifact: Artifact, opened: "Future[None]") -> None:
        started: deque[_Job] = deque()
        try:
            with ExitStack() as stack:
                plan = _opened(artifact, stack)
                opened.set_result(None)
                self._serve(plan, started)
        except Exception as fault:  # noqa: BLE001 - the futures carry it to whoever waits
            if not opened.done():
                opened.set_exception(fault)
                return
            while started or not self._finished():
                job = started.popleft() if started else self._take(wait=True)
                if job:
                    job.logits.set_exception(fault)

    def _serve(self, plan: "_Plan", started: deque[_Job]) -> None:
        """Starts the next batch, if there is one, then finishes the one before it."""
        while started or not self._finished():
            job = self._take(wait=not started)
            if job:
                started.append(job)
                plan.start(job.clips)
            if len(started) == _BUFFERS or (started and not job):
                logits = plan.finish(len(started[0].clips))
                started.popleft().logits.set_result(logits)

    def _take(self, *, wait: bool) -> _Job | None:
        try:
            return self._jobs.get(block=wait)
        except queue.Empty:
            return None

    def _finished(self) -> bool:
        return self._closed and self._jobs.empty()


@dataclass(frozen=True, slots=True)
class _Buffer:
    """Room for one batch on both sides of the bus."""

    host_clips: NDArray[np.uint8]
    host_logits: NDArray[np.float32]
    device_clips: int
    device_logits: int
    arrived: Any
    """The event after which the clips are on the device."""
    done: Any
    """The event after which the logits are back."""


class _Logged(Lines):
    """Lines that go to our log as well."""

    def add(self, level: int, line: str) -> None:
        """Keeps and logs it."""
        super().add(level, line)
        _log.log(level, "TensorRT: %s", line)


class _Plan:
    """The deserialised engine with its streams and buffers, freed by the stack it is given."""

    def __init__(self, artifact: Artifact, stack: ExitStack) -> None:
        """Loads it.

        Raises:
            UserError: TensorRT can't load it, or it isn't what the manifest says.
            MemoryError: the GPU has too little for it.
        """
        self._copies, self._network = _stream(stack), _stream(stack)
        self._lines = _Logged()
        self._logger = logger_into(self._lines, trt)
        self._runtime = trt.Runtime(self._logger)
        self._engine = self._runtime.deserialize_cuda_engine((artifact.path / "model.plan").read_bytes())
        if self._engine is None:
            raise UserError(
                f"artifact {artifact.path}: its plan was built by TensorRT {artifact.manifest.builder['tensorrt']}, "
                f"and TensorRT {trt.__version__} can't load it here: {self._lines.take_errors()}; build it again on "
                "this machine with python -m trt_build"
            )
        shape = (artifact.manifest.batch_sizes[-1], *artifact.manifest.spec.shape)
        _check_tensors(artifact, self._engine, shape)
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise MemoryError(f"no execution context: {self._lines.take_errors()}")
        self._idle = deque(_buffer(shape, stack) for _ in range(_BUFFERS))
        self._busy: deque[_Buffer] = deque()

    def start(self, clips: NDArray[np.uint8]) -> None:
        """Enqueues the way of a batch: to the device, through the network, and back."""
        buffer = self._idle.popleft()
        self._busy.append(buffer)
        buffer.host_clips[: len(clips)] = clips
        copy, kind = cudart.cudaMemcpyAsync, cudart.cudaMemcpyKind
        host_clips, host_logits = buffer.host_clips.ctypes.data, buffer.host_logits.ctypes.data
        _cuda(copy(buffer.device_clips, host_clips, clips.nbytes, kind.cudaMemcpyHostToDevice, self._copies))
        _cuda(cudart.cudaEventRecord(buffer.arrived, self._copies))
        _cuda(cudart.cudaStreamWaitEvent(self._network, buffer.arrived, 0))
        self._worked(self._context.set_input_shape(INPUT, clips.shape), "set_input_shape")
        self._worked(self._context.set_tensor_address(INPUT, buffer.device_clips), "set_tensor_address")
        self._worked(self._context.set_tensor_address(OUTPUT, buffer.device_logits), "set_tensor_address")
        self._worked(self._context.execute_async_v3(int(self._network)), "execute_async_v3")
        _cuda(copy(host_logits, buffer.device_logits, 4 * len(clips), kind.cudaMemcpyDeviceToHost, self._network))
        _cuda(cudart.cudaEventRecord(buffer.done, self._network))

    def finish(self, count: int) -> NDArray[np.float32]:
        """Waits for the oldest batch started; its logits."""
        buffer = self._busy.popleft()
        _cuda(cudart.cudaEventSynchronize(buffer.done))
        self._idle.append(buffer)
        return buffer.host_logits[:count].copy()

    def _worked(self, worked: bool, call: str) -> None:  # noqa: FBT001 - TensorRT's calls say True or False
        if not worked:
            raise RuntimeError(f"TensorRT's {call} failed: {self._lines.take_errors()}")


def _opened(artifact: Artifact, stack: ExitStack) -> _Plan:
    try:
        return _Plan(artifact, stack)
    except MemoryError as error:
        raise UserError(
            f"artifact {artifact.path}: the GPU has too little free memory for batches of "
            f"{artifact.manifest.batch_sizes[-1]} ({error}); end what else uses it, or build with a smaller "
            "--largest-batch"
        ) from None


def _check_gpu(artifact: Artifact, gpu: Gpu) -> None:
    device = artifact.manifest.device
    match device.hardware:
        case "ampere-or-later":
            serves = gpu.major >= AMPERE
        case "same-capability":
            serves = gpu.capability == device.compute_capability
        case _:
            serves = (gpu.name, gpu.capability) == (device.name, device.compute_capability)
    if not serves:
        raise UserError(
            f"artifact {artifact.path} was built on {device.name} ({device.compute_capability}) for --hardware "
            f"{device.hardware}, here is {gpu.name} ({gpu.capability}); build it on this machine with python -m "
            "trt_build"
        )


def _check_tensors(artifact: Artifact, engine: trt.ICudaEngine, largest: tuple[int, ...]) -> None:
    found = {
        name: (engine.get_tensor_mode(name), engine.get_tensor_dtype(name))
        for name in (engine.get_tensor_name(i) for i in range(engine.num_io_tensors))
    }
    needed = {
        INPUT: (trt.TensorIOMode.INPUT, trt.DataType.UINT8),
        OUTPUT: (trt.TensorIOMode.OUTPUT, trt.DataType.FLOAT),
    }
    if found != needed or tuple(engine.get_tensor_profile_shape(INPUT, 0)[2]) != largest:
        raise UserError(
            f"artifact {artifact.path}: model.plan doesn't take {INPUT} uint8 {largest} to {OUTPUT} float32, as its "
            "manifest says; build it again with python -m trt_build"
        )


def _buffer(shape: tuple[int, ...], stack: ExitStack) -> _Buffer:
    count, size = shape[0], int(np.prod(shape))
    return _Buffer(
        host_clips=_pinned(size, stack).reshape(shape),
        host_logits=_pinned(4 * count, stack).view(np.float32),
        device_clips=_on_device(size, stack),
        device_logits=_on_device(4 * count, stack),
        arrived=_event(stack),
        done=_event(stack),
    )


def _stream(stack: ExitStack) -> Any:
    """Another than the default one, and not waiting for it either."""
    stream = _cuda(cudart.cudaStreamCreateWithFlags(cudart.cudaStreamNonBlocking))
    stack.callback(cudart.cudaStreamDestroy, stream)
    return stream


def _event(stack: ExitStack) -> Any:
    """To wait for without a core: by default the thread that waits asks all the time."""
    flags = cudart.cudaEventDisableTiming | cudart.cudaEventBlockingSync
    event = _cuda(cudart.cudaEventCreateWithFlags(flags))
    stack.callback(cudart.cudaEventDestroy, event)
    return event


def _pinned(size: int, stack: ExitStack) -> NDArray[np.uint8]:
    pointer = _cuda(cudart.cudaMallocHost(size))
    stack.callback(cudart.cudaFreeHost, pointer)
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(pointer))


def _on_device(size: int, stack: ExitStack) -> int:
    pointer = int(_cuda(cudart.cudaMalloc(size)))
    stack.callback(cudart.cudaFree, pointer)
    return pointer


def _cuda(result: tuple[Any, ...]) -> Any:
    """The value of a CUDA call, which gives its error first."""
    error, *values = result
    if error == cudart.cudaError_t.cudaErrorMemoryAllocation:
        raise MemoryError(error.name)
    if error != cudart.cudaError_t.cudaSuccess:
        raise RuntimeError(f"CUDA failed with {error.name}: the process must be started anew")
    return values[0] if values else None
