"""What an engine is made of is counted by type and precision."""

import json
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from stream.engine.artifact import Artifact
from stream.engine.quiet import ov
from trt_build.layers import PLAN_LAYERS, LayerCount, count_layers

ops = import_module("openvino.opset13")  # after `quiet`, which an import here would stand before


def test_an_fp32_network_is_fp32_throughout(tiny_artifact: Artifact):
    counts = count_layers(tiny_artifact)
    assert counts is not None
    assert {each.precision for each in counts} == {"f32"}
    assert [each.count for each in counts] == sorted((each.count for each in counts), reverse=True)
    assert len({each.type for each in counts}) == len(counts)
    assert next(each.count for each in counts if each.type == "Convolution") == 29


def test_a_layer_with_stored_weights_counts_by_their_precision(tmp_path: Path, tiny_artifact: Artifact):
    clips = ops.parameter([1, 2, 8, 8], np.float32)
    stored = ops.constant(np.ones((3, 2, 3, 3), np.int8))
    scaled = ops.multiply(ops.convert(stored, np.float32), ops.constant(np.float32(0.1)))
    plain = ops.constant(np.ones((3, 3, 1, 1), np.float32))
    first = ops.convolution(clips, scaled, [1, 1], [0, 0], [0, 0], [1, 1])
    second = ops.convolution(first, plain, [1, 1], [0, 0], [0, 0], [1, 1])
    squared = ops.matmul(second, second, transpose_a=False, transpose_b=True)
    ov.save_model(ov.Model([squared], [clips]), tmp_path / "model.xml", compress_to_fp16=False)
    found = count_layers(replace(tiny_artifact, path=tmp_path))
    assert found is not None
    assert {each for each in found if each.type in ("Convolution", "MatMul")} == {
        LayerCount("Convolution", "i8", 1),
        LayerCount("Convolution", "f32", 1),
        LayerCount("MatMul", "f32", 1),
    }


def plan_that_tells(text: str, folder: Path, artifact: Artifact) -> Artifact:
    (folder / PLAN_LAYERS).write_text(text)
    manifest = artifact.manifest.model_copy(update={"kind": "tensorrt", "files": {PLAN_LAYERS: "0" * 64}})
    return replace(artifact, path=folder, manifest=manifest)


@pytest.mark.parametrize(
    ("told", "precision"),
    [
        ({"Datatype": "Half", "Format": "Row major linear"}, "FP16"),
        ({"Format/Datatype": "Half"}, "FP16"),
        ({"Format/Datatype": "Float"}, "FP32"),
        ({"Format/Datatype": "Row major linear FP16 format"}, "FP16"),
        ({"Format/Datatype": "Row major linear FP32"}, "FP32"),
        ({"Format/Datatype": "Channel major FP16 format where channel % 8 == 0"}, "FP16"),
        ({"Format/Datatype": "Thirty-two wide channel vectorized row major Int8 format."}, "INT8"),
        ({"Format/Datatype": "N/A due to dynamic shapes"}, "-"),
        ({"Name": "clips"}, "-"),
    ],
)
def test_a_plan_tells_its_layers_where_they_were_written_down(tmp_path, tiny_artifact: Artifact, told, precision):
    layers = [
        {"LayerType": "CaskConvolution", "Outputs": [told]},
        {"LayerType": "CaskConvolution", "Outputs": [told]},
        {"LayerType": "Signal", "Outputs": []},
    ]
    plan = plan_that_tells(json.dumps({"Layers": layers}), tmp_path, tiny_artifact)
    assert count_layers(plan) == [LayerCount("CaskConvolution", precision, 2), LayerCount("Signal", "-", 1)]


@pytest.mark.parametrize("text", ["", "not JSON"])
def test_a_plan_whose_layers_can_not_be_read_does_not_tell_them(tmp_path: Path, tiny_artifact: Artifact, text: str):
    assert count_layers(plan_that_tells(text, tmp_path, tiny_artifact)) is None


def test_a_plan_whose_layers_are_not_written_down_does_not_tell_them(tmp_path: Path, tiny_artifact: Artifact):
    copy = Path(shutil.copytree(tiny_artifact.path, tmp_path / "copy"))
    manifest = tiny_artifact.manifest.model_copy(update={"kind": "tensorrt"})
    assert count_layers(replace(tiny_artifact, path=copy, manifest=manifest)) is None
