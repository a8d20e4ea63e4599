"""What an engine is made of: its layers, counted by their type and their precision."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stream.engine.artifact import Artifact

if TYPE_CHECKING:
    from stream.engine.quiet import ov

PLAN_LAYERS = "layers.json"
"""What TensorRT's inspector says of a plan, where the build could ask it."""
_TYPES = {
    each.lower(): each
    for each in ("FP32", "FP16", "BF16", "FP8", "FP4", "INT8", "INT32", "INT64", "INT4", "UINT8", "BOOL")
} | {"float": "FP32", "half": "FP16"}
"""As TensorRT names them within the words that it has for a tensor's format."""
_NO_LAYERS = {"Constant", "Parameter", "Result"}
_WEIGHTED = {"Convolution", "GroupConvolution", "MatMul"}
_TO_WEIGHTS = {"Convert", "FakeQuantize", "Multiply", "Reshape", "Subtract", "Transpose"}
"""What OpenVINO puts between stored weights and the layer that they are for."""


@dataclass(frozen=True, slots=True)
class LayerCount:
    """So many layers of a kind."""

    type: str
    precision: str
    """Of the stored weights where the layer has some, else of what it puts out."""
    count: int


def count_layers(artifact: Artifact) -> list[LayerCount] | None:
    """Of each type and precision, the most frequent first; None where the artifact can't tell.

    What computes shapes, in int64, is not counted: OpenVINO folds it where it knows the batch size.
    """
    match artifact.manifest.kind:
        case "openvino":
            found = _of_openvino(artifact.path / "model.xml")
        case "tensorrt":
            if PLAN_LAYERS not in artifact.manifest.files:
                return None
            try:
                found = _of_plan(json.loads((artifact.path / PLAN_LAYERS).read_text()))
            except ValueError:
                return None
    return [LayerCount(*kind, count) for kind, count in Counter(found).most_common()]


def _of_openvino(file: Path) -> Iterator[tuple[str, str]]:
    from stream.engine.cpu import core  # noqa: PLC0415 - not needed for a plan
    from stream.engine.quiet import ov  # noqa: PLC0415 - as above

    for op in core().read_model(file).get_ordered_ops():
        name = op.get_type_name()
        source = _weights(op) if name in _WEIGHTED else op
        if name not in _NO_LAYERS and (precision := source.output(0).get_element_type()) != ov.Type.i64:
            yield name, precision.to_string()


def _weights(layer: "ov.Node") -> "ov.Node":
    """Where the second input of a layer comes from; what is no constant in the end is taken as it arrives."""
    node = given = layer.input_value(1).get_node()
    while node.get_type_name() in _TO_WEIGHTS:
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "Constant" else given


def _of_plan(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for layer in told.get("Layers", ()):
        outputs = layer.get("Outputs")
        yield layer.get("LayerType", "-"), _datatype(outputs[0]) if outputs else "-"


def _datatype(tensor: dict[str, Any]) -> str:
    """TensorRT 11 tells it by itself, TensorRT 10 among the words of the format."""
    told = str(tensor.get("Datatype") or tensor.get("Format/Datatype"))
    return next((_TYPES[each] for each in re.findall(r"\w+", told.lower()) if each in _TYPES), "-")
