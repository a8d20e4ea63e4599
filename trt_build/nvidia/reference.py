"""What ONNX Runtime makes of a file: it computes Q/DQ pairs as they are written, which OpenVINO doesn't.

Of fp16 it shows how weights round and not what happens between layers: on a CPU it computes those in fp32.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from stream.engine.artifact import INPUT, OUTPUT
from trt_build.target import Outputs


def logits(onnx_file: Path, clips: NDArray[np.uint8], *, fused: bool = True) -> NDArray[np.float32]:
    """Scores clips one by one.

    Args:
        onnx_file: of any precision.
        clips: `uint8 [N, C, T, S, S]`.
        fused: whether a convolution between Q/DQ pairs is computed in integers; else each node as it stands.

    Returns:
        `float32 [N]`.
    """
    session = _session(onnx_file, fused=fused)
    return np.concatenate([session.run([OUTPUT], {INPUT: clip[None]})[0] for clip in clips])


def outputs_of_layers(onnx_file: Path, clips: NDArray[np.uint8]) -> Outputs:
    """What each convolution and linear layer gives for clips `[N, C, T, S, S]`."""
    model = onnx.load(onnx_file)
    layers = {node.output[0]: node.name for node in model.graph.node if node.op_type in ("Conv", "Gemm", "MatMul")}
    model.graph.output.extend(onnx.ValueInfoProto(name=each) for each in layers if each != OUTPUT)
    session = _session(model.SerializeToString(), fused=True)
    found = [session.run(list(layers), {INPUT: clip[None]}) for clip in clips]
    return {name: np.concatenate(each) for name, each in zip(layers.values(), zip(*found, strict=True), strict=True)}


def _session(model: Path | bytes, *, fused: bool) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors; the warnings are of its own optimiser
    if not fused:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
