"""fp16 for GPUs: weights and everything between the input's cast and the logits' become half precision.

The converter is that of ONNX Runtime, which goes on being tended; the one it came from, of onnxconverter-common, writes
files of our networks that the checker refuses (1.16: the Cast of the input to fp16 keeps fp32 as its stated type).
Grey levels and their normalisation need no exception: fp16 holds 0 to 2048 exactly.
"""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16


def write_fp16(source: Path, target: Path) -> None:
    """Writes the network of `source` in fp16; `clips` stay uint8 and `logits` float32."""
    model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, target)
