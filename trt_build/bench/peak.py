"""The machine's peak: large convolutions by the kernels (oneDNN's, through OpenVINO) that engines are made of.

Each lane computes on one thread, as in OpenVINO's throughput mode. What of the network is not convolution, or is too
small to fill the vector units, shows as a share below one.
"""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from stream.engine.quiet import ov
from trt_build.bench.contenders import Arithmetic, Way

_CHANNELS, _SIDE, _LAYERS = 256, 28, 4
GFLOPS = 2 * 9 * _CHANNELS**2 * _SIDE**2 * _LAYERS / 1e9
"""Of one image."""
_RANGE = np.float32(1)
_ops = ov.opset13


class PeakRunner:
    """Whatever clips it is given, it convolves an image of its own for each batch."""

    def __init__(self, way: Way) -> None:
        model = _convolutions("int8" if way.name == "int8" else "fp32")
        hints = {
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": way.threads,
            "NUM_STREAMS": way.threads,
            "ENABLE_CPU_PINNING": False,
        }
        compiled = ov.Core().compile_model(model, "CPU", hints)
        self._compiled = compiled
        self._requests = [compiled.create_infer_request() for _ in range(way.lanes)]
        self._image = np.random.default_rng(0).random((1, _CHANNELS, _SIDE, _SIDE), np.float32)
        for each in self._requests:
            each.infer([self._image])
        self._lanes = ThreadPoolExecutor(way.lanes)

    @property
    def kernels(self) -> set[str]:
        """The arithmetic of the convolutions, as OpenVINO tells it: "f32", "I8"."""
        told = [op.get_rt_info() for op in self._compiled.get_runtime_model().get_ordered_ops()]
        convolutions = [each for each in told if each["layerType"].astype(str) == "Convolution"]
        return {each["primitiveType"].astype(str).rpartition("_")[2] for each in convolutions}

    def submit(self, clips: NDArray[np.uint8]) -> "Future[NDArray[np.float32]]":
        """Queues an image; of the clips, only their number is used."""
        return self._lanes.submit(self._convolve, len(clips))

    def close(self) -> None:
        """Waits for what was submitted."""
        self._lanes.shutdown()

    def _convolve(self, clips: int) -> NDArray[np.float32]:
        request = self._requests.pop()
        request.infer([self._image])
        self._requests.append(request)
        return np.zeros(clips, np.float32)


def _convolutions(arithmetic: Arithmetic) -> "ov.Model":
    """A chain of 3x3 convolutions, each of as many channels as it takes; in int8 between FakeQuantize, as NNCF's."""
    rng = np.random.default_rng(1)
    image = _ops.parameter([1, _CHANNELS, _SIDE, _SIDE], np.float32)
    x = image
    for _ in range(_LAYERS):
        kernel = _ops.constant(rng.uniform(-1, 1, (_CHANNELS, _CHANNELS, 3, 3)).astype(np.float32) / (3 * _CHANNELS))
        if arithmetic == "int8":
            x = _ops.fake_quantize(x, np.float32(0), _RANGE, np.float32(0), _RANGE, 256)
            bound = _RANGE / (3 * _CHANNELS)
            kernel = _ops.fake_quantize(kernel, -bound, bound, -bound, bound, 255)
        x = _ops.relu(_ops.convolution(x, kernel, [1, 1], [1, 1], [1, 1], [1, 1]))
    return ov.Model([_ops.reduce_mean(x, _ops.constant(np.array([2, 3])), keep_dims=False)], [image], "peak")
