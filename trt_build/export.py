"""From the network in torch to an ONNX file, the form that every compiler reads."""

from pathlib import Path

import onnx
import torch

from stream.clip.spec import ClipSpec
from stream.engine.artifact import INPUT, OUTPUT
from training.networks import Network

_OPSET = 20


def export_onnx(network: Network, spec: ClipSpec, path: Path) -> None:
    """Writes the network with any batch size: `clips` uint8 `[N, C, T, S, S]` to `logits` float32 `[N]`.

    Raises:
        RuntimeError: the exporter did not keep what the compilers count on; a defect of the network or of torch.
    """
    example = torch.zeros((2, *spec.shape), dtype=torch.uint8)
    with torch.inference_mode():
        torch.onnx.export(
            network.eval(),
            (example,),
            path,
            dynamo=True,
            opset_version=_OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            external_data=False,
            verbose=False,
        )
    model = onnx.load(path)
    _forget_machine(model.graph)
    onnx.save(model, path)
    onnx.checker.check_model(model)
    if fault := find_fault(model.graph):
        raise RuntimeError(f"the exported network is not as the compilers need it: {fault}")


def names_of_layers(path: Path) -> dict[str, str]:
    """What the network calls its convolutions and linear layers, by what the exporter calls them."""
    layers = (node for node in onnx.load(path).graph.node if node.op_type in ("Conv", "Gemm", "MatMul"))
    return {node.name: node.input[1].removesuffix(".weight") for node in layers}


def _forget_machine(graph: onnx.GraphProto) -> None:
    """Drops the exporter's stack traces: they hold this machine's paths, and change the digest from place to place."""
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


def find_fault(graph: onnx.GraphProto) -> str | None:
    """What is wrong with the graph, each of it something that an exporter has been seen to do silently."""
    if [each.name for each in graph.input] != [INPUT] or [each.name for each in graph.output] != [OUTPUT]:
        return f"its tensors are not {INPUT} and {OUTPUT}"
    for tensor in (graph.input[0], graph.output[0]):
        if not tensor.type.tensor_type.shape.dim[0].dim_param:
            return f"the batch size of {tensor.name} is frozen"  # pytorch/pytorch#157621
    readers = [node.op_type for node in graph.node if INPUT in node.input]
    if readers != ["Cast"]:  # TensorRT takes uint8 only to cast it
        return f"{INPUT} feeds {readers}, not a single Cast"
    if any(node.op_type == "BatchNormalization" for node in graph.node):
        return "a batch normalisation was not folded into its convolution"
    return None
