"""What ONNX Runtime makes of a file: it computes Q/DQ pairs and fp16 as they are written, which OpenVINO doesn't."""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray


def logits(onnx_file: Path, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Of clips `uint8 [N, C, T, S, S]`; `[N]`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(onnx_file, options, providers=["CPUExecutionProvider"])
    scored: NDArray[np.float32] = session.run(None, {"clips": clips})[0]
    return scored
