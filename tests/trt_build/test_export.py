"""What the compilers count on is held against the exported file."""

import re
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from stream.engine.artifact import Artifact
from trt_build.export import find_fault


@pytest.fixture
def graph(tiny_artifact: Artifact) -> onnx.GraphProto:
    return onnx.load(tiny_artifact.path / "model.onnx").graph


def test_an_exported_network_has_no_fault(graph: onnx.GraphProto):
    assert find_fault(graph) is None
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT


def freeze_batch(graph: onnx.GraphProto) -> None:
    graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2


def rename_output(graph: onnx.GraphProto) -> None:
    graph.output[0].name = "probability"


def read_input_twice(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("Cast", ["clips"], ["again"], to=TensorProto.FLOAT))


def transpose_before_the_cast(graph: onnx.GraphProto) -> None:
    cast = next(node for node in graph.node if "clips" in node.input)
    cast.op_type = "Transpose"


def leave_a_norm(graph: onnx.GraphProto) -> None:
    graph.node.append(helper.make_node("BatchNormalization", ["a", "b", "c", "d", "e"], ["f"]))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (freeze_batch, "frozen"),
        (rename_output, "logits"),
        (read_input_twice, r"\['Cast', 'Cast'\]"),
        (transpose_before_the_cast, "Transpose"),
        (leave_a_norm, "batch normalisation"),
    ],
)
def test_each_fault_is_found(graph: onnx.GraphProto, spoil, named: str):
    spoil(graph)
    fault = find_fault(graph)
    assert fault is not None
    assert re.search(named, fault)


def test_no_file_tells_where_it_was_built(tiny_artifact: Artifact):
    here = str(Path(__file__).resolve().parents[2]).encode()
    for file in tiny_artifact.path.iterdir():
        content = file.read_bytes()
        assert here not in content, file.name
        assert b"site-packages" not in content, file.name
