"""int8 for TensorRT: each convolution and product gets its weights and its input through 8 bits, symmetric about zero.

Not for OpenVINO, which computes such files wrongly (2026.4; its int8 comes from NNCF). The rest stays fp32.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from stream.engine.artifact import INPUT

_AT_ONCE = 4


class _Batches(CalibrationDataReader):  # type: ignore[misc]  # the library has no types
    def __init__(self, clips: NDArray[np.uint8]) -> None:
        self._batches: Iterator[NDArray[np.uint8]] = (clips[i : i + _AT_ONCE] for i in range(0, len(clips), _AT_ONCE))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def write_int8(source: Path, target: Path, *, clips: NDArray[np.uint8]) -> None:
    """Writes the network of `source` with pairs of QuantizeLinear and DequantizeLinear.

    Args:
        source: fp32, as `export_onnx` writes it.
        target: where to.
        clips: `uint8 [N, C, T, S, S]`, like those to be scored; a tensor's range is the widest that they show.
    """
    model = onnx.shape_inference.infer_shapes(onnx.load(source))
    add_pre_process_metadata(model)  # it is inferred and folded already, and a warning would ask for it
    quantize_static(
        model,
        target,
        _Batches(clips),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Gemm"],
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        extra_options={
            "ActivationSymmetric": True,  # TensorRT's parser refuses zero points other than 0
            "WeightSymmetric": True,
            "AddQDQPairToWeight": True,  # TensorRT folds them itself
            "QuantizeBias": False,  # it knows no int32 biases
        },
    )
    onnx.checker.check_model(onnx.load(target), full_check=True)
