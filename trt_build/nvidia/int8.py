"""int8 for TensorRT: each convolution gets its weights and its input through 8 bits, symmetric about zero.

Not for OpenVINO, which computes such files wrongly (2026.4; its int8 comes from NNCF). What is no convolution stays
fp32, the head, too: it costs nothing, and through 8 bits single logits were 2.7 off instead of 0.7 (slim network).

Rounding shifts all logits alike: 0.25 for the slim network, of 0.26 that they were off on average. So the mean shift of
the calibration clips is added back to the logits (empirical bias correction: Nagel et al. 2019, arXiv:1906.04721).
"""

from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from stream.engine.artifact import INPUT, OUTPUT
from trt_build.nvidia.reference import logits

_PERCENTILE = 99.999
"""Of a tensor's values, those that 8 bits must hold. With all of them more clips made it worse: logits of the slim
network were off by 0.17 on average after 128, and by 0.12 with this.
"""


def write_int8(source: Path, target: Path, *, clips: NDArray[np.uint8]) -> None:
    """Writes the network of `source` with pairs of QuantizeLinear and DequantizeLinear.

    Args:
        source: fp32, as `export_onnx` writes it.
        target: where to.
        clips: `uint8 [N, C, T, S, S]`, like those to be scored; they give each tensor its range.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(source))
    add_pre_process_metadata(model)  # it is inferred and folded already, and a warning would ask for it
    with redirect_stdout(StringIO()):  # the library tells there what it does
        _quantize(model, target, clips)
    shift = float(np.mean(logits(source, clips) - logits(target, clips)))
    quantized = onnx.load(target)
    _add_to_logits(quantized.graph, shift)
    onnx.checker.check_model(quantized, full_check=True)
    onnx.save(quantized, target)


def _quantize(model: onnx.ModelProto, target: Path, clips: NDArray[np.uint8]) -> None:
    quantize_static(
        model,
        target,
        _Reader(clips),
        calibrate_method=CalibrationMethod.Percentile,
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv"],
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        extra_options={
            "ActivationSymmetric": True,  # TensorRT's parser refuses zero points other than 0
            "WeightSymmetric": True,
            "AddQDQPairToWeight": True,  # TensorRT folds them itself
            "QuantizeBias": False,  # it knows no int32 biases
            "CalibPercentile": _PERCENTILE,
            "CalibStridedMinMax": 1,  # percentiles, too: each clip's tensors are counted and let go before the next
        },
    )


class _Reader(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    """Gives one clip after another of the range that was last set."""

    def __init__(self, clips: NDArray[np.uint8]) -> None:
        self._clips = clips
        self._range: Iterator[int] = iter(())

    def __len__(self) -> int:
        return len(self._clips)

    def set_range(self, start_index: int, end_index: int) -> None:
        self._range = iter(range(start_index, end_index))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        i = next(self._range, None)
        return None if i is None else {INPUT: self._clips[i : i + 1]}


def _add_to_logits(graph: onnx.GraphProto, shift: float) -> None:
    last = next(node for node in graph.node if OUTPUT in node.output)
    last.output[list(last.output).index(OUTPUT)] = uncorrected = f"{OUTPUT}_uncorrected"
    graph.initializer.append(onnx.numpy_helper.from_array(np.array([shift], np.float32), "shift"))
    graph.node.append(onnx.helper.make_node("Add", [uncorrected, "shift"], [OUTPUT], name="correct_shift"))
