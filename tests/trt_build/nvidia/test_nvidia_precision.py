"""What a file of lower precision keeps, what it changes, and how far its logits are from those of fp32."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from stream.engine.artifact import OUTPUT
from trt_build.export import find_fault
from trt_build.nvidia.int8 import write_int8
from trt_build.nvidia.reference import logits


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_what_the_compilers_count_on_stays(precision: str, request: pytest.FixtureRequest):
    graph = onnx.load(request.getfixturevalue(precision)).graph
    assert find_fault(graph) is None
    assert graph.input[0].type.tensor_type.elem_type == TensorProto.UINT8
    assert graph.output[0].type.tensor_type.elem_type == TensorProto.FLOAT


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_file_tells_nothing_of_the_machine(precision: str, request: pytest.FixtureRequest):
    content = request.getfixturevalue(precision).read_bytes()
    assert str(Path(__file__).resolve().parents[3]).encode() not in content
    assert b"site-packages" not in content


class TestFp16:
    def test_all_weights_are_half_as_large(self, fp16: Path):
        kinds = {each.data_type for each in onnx.load(fp16).graph.initializer}
        assert TensorProto.FLOAT16 in kinds
        assert TensorProto.FLOAT not in kinds

    def test_the_first_cast_goes_straight_to_fp16_and_the_last_to_fp32(self, fp16: Path):
        casts = [node for node in onnx.load(fp16).graph.node if node.op_type == "Cast"]
        assert [(node.input[0] == "clips", node.attribute[0].i) for node in casts] == [
            (True, TensorProto.FLOAT16),
            (False, TensorProto.FLOAT),
        ]
        assert casts[1].output[0] == "logits"

    def test_every_grey_level_is_normalised_as_in_fp32(self, fp32: Path, fp16: Path, clips, tmp_path: Path):
        """Half a unit in the last of 11 bits, each for mean, quotient and deviation."""
        levels = np.zeros_like(clips[:2])
        levels[0] = np.arange(256, dtype=np.uint8).repeat(16).reshape(64, 64)
        normalised = {}
        for path in (fp32, fp16):
            model = onnx.load(path)
            last = next(node for node in model.graph.node if node.op_type == "Div")
            kind = TensorProto.FLOAT16 if path == fp16 else TensorProto.FLOAT
            next(node for node in model.graph.node if OUTPUT in node.output).output[0] = "the network's"
            model.graph.node.append(onnx.helper.make_node("Identity", last.output, [OUTPUT]))
            del model.graph.output[:]
            model.graph.output.append(onnx.helper.make_tensor_value_info(OUTPUT, kind, None))
            onnx.save(model, tmp_path / "normalised.onnx")
            normalised[path] = logits(tmp_path / "normalised.onnx", levels)
        assert normalised[fp16].dtype == np.float16
        assert np.ptp(normalised[fp32]) > 4
        np.testing.assert_allclose(normalised[fp16].astype(np.float32), normalised[fp32], rtol=3 * 2**-11, atol=2**-11)

    def test_logits_are_those_of_fp32_to_three_digits(self, fp32: Path, fp16: Path, clips):
        expected = logits(fp32, clips)
        assert expected.std() > 1
        np.testing.assert_allclose(logits(fp16, clips), expected, atol=2e-2)  # 0.006 where this was written


class TestInt8:
    def test_each_convolution_is_quantised_on_both_sides(self, int8: Path):
        graph = onnx.load(int8).graph
        made_by = {name: node for node in graph.node for name in node.output}
        convolutions = [node for node in graph.node if node.op_type == "Conv"]
        assert len(convolutions) == 29
        for node in convolutions:
            for name in node.input[:2]:
                dequantised = made_by[name]
                assert dequantised.op_type == "DequantizeLinear", node.name
                assert made_by[dequantised.input[0]].op_type == "QuantizeLinear", node.name
            assert node.input[2] not in made_by, "biases stay fp32"

    def test_zero_points_are_zero_and_weights_have_a_scale_for_each_channel(self, int8: Path):
        graph = onnx.load(int8).graph
        values = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        for node in (node for node in graph.node if node.op_type == "QuantizeLinear"):
            source, scale, zero = node.input
            assert values[zero].dtype == np.int8
            assert not values[zero].any()
            assert (values[scale] > 0).all()
            if source in values and values[source].ndim == 5:
                assert len(values[scale]) == len(values[source])

    def test_logits_go_with_those_of_fp32_on_clips_not_calibrated_on(self, fp32: Path, int8: Path, clips):
        unseen = clips[len(clips) // 2 :]
        expected, found = logits(fp32, unseen), logits(int8, unseen)
        assert np.corrcoef(expected, found)[0, 1] > 0.995  # 0.9994 where this was written
        assert 1e-3 < np.abs(expected - found).max() < 1

    def test_other_clips_give_other_ranges(self, fp32: Path, int8: Path, clips, tmp_path: Path):
        write_int8(fp32, tmp_path / "other.onnx", clips=np.zeros_like(clips[:1]))
        scored = [logits(path, clips[:4]) for path in (fp32, int8, tmp_path / "other.onnx")]
        assert np.abs(scored[2] - scored[0]).max() > 2 * np.abs(scored[1] - scored[0]).max()

    def test_each_clip_counts_the_last_too(self, fp32: Path, clips, tmp_path: Path):
        dark = np.zeros((4, *clips.shape[1:]), np.uint8)
        for name, content in (("dark", dark), ("and-one", np.concatenate([dark, clips[:1]])), ("one", clips[:1])):
            write_int8(fp32, tmp_path / f"{name}.onnx", clips=content)
        dark_only, both, one = (logits(tmp_path / f"{n}.onnx", clips[:4]) for n in ("dark", "and-one", "one"))
        assert not np.allclose(both, dark_only, atol=1e-3)
        assert np.abs(both - one).max() < np.abs(dark_only - one).max()

    def test_the_logits_of_the_calibration_clips_are_not_shifted(self, fp32: Path, int8: Path, clips):
        seen = clips[: len(clips) // 2]
        shift = float((logits(int8, seen) - logits(fp32, seen)).mean())
        assert abs(shift) < 0.01  # 0.25 without the correction

    def test_nothing_is_printed_or_logged(self, fp32: Path, clips, tmp_path: Path, capfd, caplog):
        write_int8(fp32, tmp_path / "quiet.onnx", clips=clips[:1])
        assert capfd.readouterr() == ("", "")
        assert caplog.messages == []
