"""A GPU in host memory: CUDA's runtime and TensorRT, as far as stream/engine/gpu.py uses them.

Like a device it does nothing when it is asked and everything later, in the order of each stream: a buffer that is
overwritten too early gives wrong logits, memory that was never written gives rubbish, and freed memory is a fault.
What it can't tell is whether NVIDIA's libraries do as their documents say. A "plan" is an ONNX file.
"""

import ctypes
import itertools
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from enum import Enum
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tensorrt_rtx
from cuda.bindings import runtime as cuda

from stream.engine.artifact import Artifact, Device, seal
from stream.engine.driver import Gpu

LARGEST = 4
"""Clips in a batch of the plans."""
L4 = Gpu(name="NVIDIA L4", capability="8.9", cuda="13.0")
SUCCESS = cuda.cudaError_t.cudaSuccess
_BROKEN = cuda.cudaError_t.cudaErrorIllegalAddress


@contextmanager
def emulated(device: "EmulatedCuda") -> Iterator[None]:
    """In here `open_engine` opens plans on the device; what it has opened goes on working afterwards."""
    sys.modules.pop("stream.engine.gpu", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cuda.bindings.runtime", device)
        patch.setitem(sys.modules, "tensorrt", EmulatedTensorRt(device))
        patch.setattr("stream.engine.open.require_gpu", lambda: device.gpu)
        yield
    sys.modules.pop("stream.engine.gpu", None)


def as_plan(artifact: Artifact, folder: Path, *, plan: Path, name: str, capability: str) -> Artifact:
    """The artifact with a plan for its engine, as for a GPU."""
    copied = Path(shutil.copytree(artifact.path, folder))
    shutil.copy(plan, copied / "model.plan")
    device = Device(name=name, compute_capability=capability, hardware="this")
    builder = {**artifact.manifest.builder, "tensorrt": "11.4.0.106"}
    changes = {"kind": "tensorrt", "device": device, "builder": builder, "batch_sizes": (1, LARGEST)}
    return seal(copied, artifact.manifest.model_copy(update=changes))


class Stream:
    """Work that is done in order, each piece some time after it was asked for."""

    def __init__(self, handle: int, delay_s: float, faults: list[Exception]) -> None:
        self.handle, self._delay_s, self._faults = handle, delay_s, faults
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="emulated-stream")

    def __int__(self) -> int:
        return self.handle

    def do(self, work: Callable[[], object]) -> None:
        def later() -> None:
            threading.Event().wait(self._delay_s)
            try:
                work()
            except Exception as fault:  # noqa: BLE001 - the thread is a device, and its faults are for the test
                self._faults.append(fault)

        self._worker.submit(later)

    def end(self) -> None:
        self._worker.shutdown()


class Event:
    """What was recorded last, and whether its stream has come so far."""

    def __init__(self) -> None:
        self.recorded = threading.Event()
        self.recorded.set()


class EmulatedCuda:
    """`cuda.bindings.runtime`: constants are the real ones, calls are these."""

    def __init__(
        self,
        *,
        delay_s: float = 0.0,
        gpu: Gpu = L4,
        allocations: int = 1000,
        chained: int = 0,
        opening: Callable[[], object] = int,
    ) -> None:
        self.delay_s, self.gpu = delay_s, gpu
        self.allocations = allocations
        """Of memory that it grants."""
        self.chained = chained
        """Batches whose networks wait, each but the first and the last, for the clips of the next."""
        self.opening = opening
        """What happens while a plan is deserialised."""
        self.memory: dict[int, ctypes.Array[ctypes.c_ubyte]] = {}
        self.streams: dict[int, Stream] = {}
        self.events: set[Event] = set()
        self.timeline: list[str] = []
        self.faults: list[Exception] = []
        self.broken, self.refuses = threading.Event(), threading.Event()
        self.clips_in = threading.Semaphore(0)
        self._handles = itertools.count(1)

    def __getattr__(self, name: str) -> Any:
        found = getattr(cuda, name)
        if callable(found) and not isinstance(found, type):
            raise AttributeError(f"{name} is not emulated")  # noqa: TRY004 - as modules do
        return found

    def cudaStreamCreateWithFlags(self, flags):  # noqa: N802
        assert flags == cuda.cudaStreamNonBlocking
        stream = Stream(next(self._handles), self.delay_s, self.faults)
        self.streams[int(stream)] = stream
        return SUCCESS, stream

    def cudaStreamDestroy(self, stream):  # noqa: N802
        self.streams.pop(int(stream)).end()
        return (SUCCESS,)

    def cudaStreamWaitEvent(self, stream, event, flags):  # noqa: N802
        stream.do(event.recorded.wait)
        return (SUCCESS,)

    def cudaEventCreateWithFlags(self, flags):  # noqa: N802
        assert flags == cuda.cudaEventDisableTiming | cuda.cudaEventBlockingSync
        event = Event()
        self.events.add(event)
        return SUCCESS, event

    def cudaEventDestroy(self, event):  # noqa: N802
        self.events.remove(event)
        return (SUCCESS,)

    def cudaEventRecord(self, event, stream):  # noqa: N802
        event.recorded = threading.Event()
        stream.do(event.recorded.set)
        return (SUCCESS,)

    def cudaEventSynchronize(self, event):  # noqa: N802
        event.recorded.wait()
        return (_BROKEN if self.broken.is_set() else SUCCESS,)

    def cudaMalloc(self, size):  # noqa: N802
        if len(self.memory) == self.allocations:
            return cuda.cudaError_t.cudaErrorMemoryAllocation, None
        block = (ctypes.c_ubyte * size)(*np.random.default_rng(size).integers(0, 256, size, np.uint8))
        self.memory[ctypes.addressof(block)] = block
        return SUCCESS, ctypes.addressof(block)

    def cudaFree(self, pointer):  # noqa: N802
        for stream in self.streams.values():  # the real one waits for the device, too
            stream._worker.submit(int).result()
        del self.memory[pointer]
        return (SUCCESS,)

    cudaMallocHost, cudaFreeHost = cudaMalloc, cudaFree  # noqa: N815

    def cudaMemcpyAsync(self, destination, source, size, kind, stream):  # noqa: N802
        into = kind == cuda.cudaMemcpyKind.cudaMemcpyHostToDevice

        def copy() -> None:
            threading.Event().wait(self.delay_s)  # slower than what doesn't wait for it
            self.block(destination, size)
            self.block(source, size)
            ctypes.memmove(destination, source, size)
            self.timeline.append("clips in" if into else "logits out")
            if into:
                self.clips_in.release()

        stream.do(copy)
        return (SUCCESS,)

    def block(self, pointer: int, size: int) -> "ctypes.Array[ctypes.c_ubyte]":
        block = self.memory[pointer]
        assert size <= len(block)
        return block


class EmulatedTensorRt:
    """`tensorrt`, with engines that compute on the emulated device."""

    __version__ = "10.16.1.11"
    TensorIOMode = Enum("TensorIOMode", "INPUT OUTPUT")
    DataType = Enum("DataType", "UINT8 FLOAT")
    ICudaEngine = object
    ILogger = tensorrt_rtx.ILogger

    def __init__(self, device: EmulatedCuda) -> None:
        self.device = device

    def Runtime(self, logger):  # noqa: N802
        assert isinstance(logger, self.ILogger)
        return SimpleNamespace(deserialize_cuda_engine=partial(self._engine, logger))

    def _engine(self, logger: tensorrt_rtx.ILogger, plan: bytes):
        self.device.opening()
        try:
            session = onnxruntime.InferenceSession(plan, providers=["CPUExecutionProvider"])
        except Exception:  # noqa: BLE001 - TensorRT logs, and gives None
            logger.log(self.ILogger.ERROR, "The engine plan file is not\ncompatible with this version")
            return None
        logger.log(self.ILogger.WARNING, "Using default stream may be slow")
        logger.log(self.ILogger.INFO, "Loaded engine size: 0 MiB")
        tensors = [*session.get_inputs(), *session.get_outputs()]
        kinds = {"tensor(uint8)": self.DataType.UINT8, "tensor(float)": self.DataType.FLOAT}
        clip = tensors[0].shape[1:]
        return SimpleNamespace(
            num_io_tensors=len(tensors),
            get_tensor_name=lambda i: tensors[i].name,
            get_tensor_mode=lambda name: self.TensorIOMode.INPUT if name == "clips" else self.TensorIOMode.OUTPUT,
            get_tensor_dtype=lambda name: kinds[next(each.type for each in tensors if each.name == name)],
            get_tensor_profile_shape=lambda name, profile: [(n, *clip) for n in (1, LARGEST, LARGEST)],
            create_execution_context=lambda: Context(session, self.device, logger),
        )


class Context:
    """What is set is taken when the work is enqueued, not when it is done."""

    def __init__(
        self, session: onnxruntime.InferenceSession, device: EmulatedCuda, logger: tensorrt_rtx.ILogger
    ) -> None:
        self._session, self._device, self._logger = session, device, logger
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shape = shape
        return name == "clips"

    def set_tensor_address(self, name: str, pointer: int) -> bool:
        self._addresses[name] = pointer
        return name in ("clips", "logits")

    def execute_async_v3(self, stream: int) -> bool:
        shape, addresses = self._shape, dict(self._addresses)

        def compute() -> None:
            number = self._device.timeline.count("network") + 1
            if 1 < number < self._device.chained:
                assert all(self._device.clips_in.acquire(timeout=5) for _ in range(3 if number == 2 else 1)), number
            clips = self._device.block(addresses["clips"], int(np.prod(shape)))
            given = np.frombuffer(memoryview(clips), np.uint8, int(np.prod(shape))).reshape(shape)
            logits = self._session.run(None, {"clips": given})[0]
            ctypes.memmove(addresses["logits"], logits.ctypes.data, logits.nbytes)
            self._device.timeline.append("network")

        if self._device.refuses.is_set():
            self._logger.log(self._logger.ERROR, "Error Code 1: Cuda Runtime")
            return False
        self._device.streams[stream].do(compute)
        return True
