"""ONNX Runtime as a contender: the file that an artifact was made from, in fp32 on the CPU."""

from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from stream.engine.artifact import INPUT
from trt_build.bench.contenders import Way


class OnnxRunner:
    """One session; its lanes are threads that share the CPUs."""

    def __init__(self, way: Way) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(1, way.threads // way.lanes)  # of 1 the lane's own thread computes
        self._session = onnxruntime.InferenceSession(way.source, options, providers=["CPUExecutionProvider"])
        self._lanes = ThreadPoolExecutor(way.lanes)

    def submit(self, clips: NDArray[np.uint8]) -> "Future[NDArray[np.float32]]":
        """Queues a batch for the next lane."""
        return self._lanes.submit(self._logits, clips)

    def close(self) -> None:
        """Waits for what was submitted."""
        self._lanes.shutdown()

    def _logits(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = self._session.run(None, {INPUT: clips})[0]
        return logits
