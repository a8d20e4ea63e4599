"""TensorRT-RTX parses and compiles our files for real, without a GPU; no plan of it has ever been run."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from pydantic import ValidationError

from stream.clip.spec import ClipSpec
from stream.engine.driver import Gpu
from stream.engine.nvlog import Lines, logger_into, words
from stream.errors import UserError
from tests.bare import run_without
from tests.trt_build.rtx import Rtx
from training.networks import build, network_named
from trt_build.export import export_onnx
from trt_build.nvidia.fp16 import write_fp16
from trt_build.nvidia.handle import Handle, check_reach, check_version
from trt_build.nvidia.int8 import write_int8
from trt_build.nvidia.plan import PlanSettings, _configure, compile_plan, inspect
from trt_build.nvidia.timing import save_timing, timing_file, use_timing

ROOT = Path(__file__).resolve().parents[3]
AMPERE, ADA, BLACKWELL, TURING = "8.0", "8.9", "12.0", "7.5"
BATCHES = PlanSettings(usual_batch=4, largest_batch=8)


@pytest.fixture(scope="module")
def rtx() -> Handle:
    return Rtx()


@pytest.mark.parametrize("capability", [AMPERE, "8.6", ADA, BLACKWELL])
@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_every_precision_compiles_for_any_batch_size(rtx, precision: str, capability: str, request):
    plan = compile_plan(request.getfixturevalue(precision), BATCHES, Rtx(capabilities=(capability,)))
    assert len(plan.content) > 1e6


def test_half_the_bits_make_a_smaller_plan(rtx, fp32: Path, fp16: Path):
    whole, half = (len(compile_plan(path, BATCHES, Rtx(capabilities=(ADA,))).content) for path in (fp32, fp16))
    assert half < whole - 0.4 * fp32.stat().st_size


def test_one_plan_for_several_gpus(rtx, fp16: Path):
    assert compile_plan(fp16, BATCHES, Rtx(capabilities=(TURING, AMPERE, BLACKWELL))).content
    assert compile_plan(fp16, BATCHES, rtx).content, "or for those that NVIDIA chose"


def test_what_tensorrt_reads_is_the_engines_contract(rtx, fp16: Path, clips):
    """Whatever the precision inside: uint8 clips of any number to float32 logits."""
    library, lines = rtx.library, Lines()
    logger = logger_into(lines, library)
    builder = library.Builder(logger)
    network = builder.create_network(rtx.network_flags)
    parser = library.OnnxParser(network, logger)
    assert parser.parse_from_file(str(fp16))
    taken, given = network.get_input(0), network.get_output(0)
    assert (network.num_inputs, network.num_outputs) == (1, 1)
    assert (taken.name, taken.dtype.name, tuple(taken.shape)) == ("clips", "UINT8", (-1, *clips.shape[1:]))
    assert (given.name, given.dtype.name, tuple(given.shape)) == ("logits", "FLOAT", (-1,))


@pytest.mark.long
def test_a_deeper_network_compiles_in_every_precision(rtx, clips, tmp_path: Path):
    """R50 of half the width: bottlenecks, 110 convolutions; most of its bytes are weights."""
    torch.manual_seed(0)
    spec = ClipSpec(frames=clips.shape[2])
    export_onnx(build(network_named("r50-half", spec)), spec, tmp_path / "fp32.onnx")
    write_fp16(tmp_path / "fp32.onnx", tmp_path / "fp16.onnx")
    write_int8(tmp_path / "fp32.onnx", tmp_path / "int8.onnx", clips=clips[:1])
    whole, half, quarter = (
        len(compile_plan(tmp_path / f"{each}.onnx", BATCHES, Rtx(capabilities=(ADA,))).content)
        for each in ("fp32", "fp16", "int8")
    )
    assert half < 0.6 * whole
    assert quarter < whole


class TestRefusals:
    """Each is one line with NVIDIA's own words; to them nothing but a log tells of it."""

    def refusal(self, path: Path, settings: PlanSettings, handle: Handle) -> str:
        with pytest.raises(UserError) as refused:
            compile_plan(path, settings, handle)
        line = str(refused.value)
        assert line.startswith(str(handle))
        assert "\n" not in line
        return line

    def test_batch_sizes_that_do_not_rise(self, rtx, fp32: Path):
        line = self.refusal(fp32, PlanSettings(usual_batch=4, largest_batch=2), rtx)
        assert "batches 1, 4, 2" in line
        assert "MIN<=OPT<=MAX" in line

    def test_batch_sizes_for_a_network_that_takes_two(self, rtx, fp32: Path, tmp_path: Path):
        """Such a network compiles without a profile, too: one that was refused would pass unseen."""
        model = onnx.load(fp32)
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2
        onnx.save(model, tmp_path / "frozen.onnx")
        falling = PlanSettings(usual_batch=4, largest_batch=2)
        assert "MIN<=OPT<=MAX" in self.refusal(tmp_path / "frozen.onnx", falling, rtx)
        assert "static dimensions that don't match" in self.refusal(tmp_path / "frozen.onnx", BATCHES, rtx)

    def test_a_workspace_too_small(self, rtx, fp32: Path):
        line = self.refusal(fp32, BATCHES.model_copy(update={"workspace_bytes": 1024}), rtx)
        assert "workspace 1024 bytes" in line
        assert "Consider increase the allowed workspace size" in line

    def test_a_precision_that_a_gpu_has_no_kernels_for(self, rtx, fp32: Path, fp16: Path):
        line = self.refusal(fp32, BATCHES, Rtx(capabilities=(TURING,)))
        assert "FP32 3D convolution is not supported" in line
        assert compile_plan(fp16, BATCHES, Rtx(capabilities=(TURING,))).content

    def test_a_zero_point_that_is_not_zero(self, rtx, int8: Path, tmp_path: Path):
        model = onnx.load(int8)
        quantise = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
        zero = next(each for each in model.graph.initializer if each.name == quantise.input[2])
        zero.CopyFrom(onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(zero) + np.int8(3), zero.name))
        onnx.save(model, tmp_path / "askew.onnx")
        assert "zero" in self.refusal(tmp_path / "askew.onnx", BATCHES, rtx).lower()

    def test_what_is_no_onnx(self, rtx, fp32: Path, tmp_path: Path):
        content = fp32.read_bytes()
        for name, spoilt in (("junk", b"junk"), ("empty", b""), ("cut", content[: len(content) // 2])):
            (tmp_path / f"{name}.onnx").write_bytes(spoilt)
            assert f"can't read {name}.onnx" in self.refusal(tmp_path / f"{name}.onnx", BATCHES, rtx)
        assert "not a regular file" in self.refusal(tmp_path / "absent.onnx", BATCHES, rtx)

    def test_an_operator_that_nobody_knows(self, rtx, fp32: Path, tmp_path: Path):
        model = onnx.load(fp32)
        model.graph.node[1].op_type = "Wobble"
        onnx.save(model, tmp_path / "wobble.onnx")
        line = self.refusal(tmp_path / "wobble.onnx", BATCHES, rtx)
        assert "node node_sub, Wobble" in line
        assert "Plugin not found" in line


class TestHandle:
    def test_a_gpu_that_could_not_run_the_plan_is_refused_before_it_is_compiled(self):
        turing, ada = (Gpu(name="NVIDIA T4", capability=each, cuda="13.0") for each in (TURING, ADA))
        check_reach("ampere-or-later", ada)
        check_reach("same-capability", turing)
        with pytest.raises(UserError, match=r"NVIDIA T4 .* capability 7\.5, before 8\.0, .*; build on a later GPU"):
            check_reach("ampere-or-later", turing)

    def test_a_library_that_is_absent_gets_one_line(self, tmp_path: Path):
        code = "from trt_build.nvidia.handle import load; load(None)"
        ended = run_without({"tensorrt"}, tmp_path, "-c", code)
        assert "UserError: tensorrt is needed, and not installed" in ended.stderr
        assert "pip install -c constraints.txt '.[build,tensorrt]'" in ended.stderr

    def test_a_version_of_another_line_is_refused(self):
        for version in ("10.9.0.34", "10.16.1.11", "11.4.0.106"):
            check_version(version)
        for version in ("8.6.1.post1", "10.8.0.43", "12.0.0.1"):
            with pytest.raises(UserError, match=rf"TensorRT {version} is installed, and 10\.9 to 11 is needed"):
                check_version(version)


def test_a_plan_that_can_not_be_loaded_has_no_layers_and_the_log_says_why(rtx):
    lines = Lines()
    assert inspect(b"no plan", rtx, lines) is None
    assert lines.errors


@pytest.mark.parametrize("wrong", [{"level": 6}, {"workspace_bytes": 0}, {"usual_batch": 0}, {"fp16": True}])
def test_settings_that_tensorrt_would_pass_over_are_refused(wrong: dict[str, object]):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        PlanSettings.model_validate({"usual_batch": 4, "largest_batch": 8, **wrong})


def test_settings_reach_the_builder(rtx):
    library, logger = rtx.library, logger_into(Lines(), rtx.library)
    builder = library.Builder(logger)
    for level, workspace in ((1, 2**20), (4, 2**30)):
        config = builder.create_builder_config()
        changes = {"level": level, "workspace_bytes": workspace}
        _configure(config, BATCHES.model_copy(update=changes), rtx)
        assert not config.get_flag(library.BuilderFlag.TF32), "fp32 is asked for, not 10 bits of it"
        assert config.builder_optimization_level == level
        assert config.get_memory_pool_limit(library.MemoryPoolType.WORKSPACE) == workspace
        assert config.profiling_verbosity == library.ProfilingVerbosity.DETAILED


def test_nvidias_words_are_one_line_and_each_once():
    assert words(["no\n  plugin ", "no driver", "no plugin"]) == "no plugin | no driver"
    assert words([]) == "it doesn't say why"


class Choosy:
    """A builder's configuration that takes an empty timing cache alone, as TensorRT does on another GPU."""

    def __init__(self, *, refuses_by: str) -> None:
        self.refuses_by = refuses_by
        self.cache: bytes | None = None

    def create_timing_cache(self, content: bytes) -> bytes | None:
        return None if content and self.refuses_by == "create" else content

    def set_timing_cache(self, cache: bytes, *, ignore_mismatch: bool) -> bool:
        assert not ignore_mismatch
        if cache and self.refuses_by == "set":
            return False
        self.cache = cache
        return True


class TestTiming:
    def test_the_cache_is_kept_and_given_again(self, rtx, fp16: Path, tmp_path: Path):
        file = tmp_path / "new" / "here.timing"
        settings = BATCHES.model_copy(update={"timing": file})
        for content in (None, b"junk", b""):
            if content is not None:
                file.write_bytes(content)
            assert compile_plan(fp16, settings, rtx).content
            assert len(file.read_bytes()) > 10
            assert [each.name for each in file.parent.iterdir()] == [file.name]

    @pytest.mark.parametrize("refuses_by", ["create", "set"])
    def test_what_tensorrt_refuses_is_begun_anew(self, refuses_by: str, tmp_path: Path):
        (tmp_path / "here.timing").write_bytes(b"of another GPU")
        config: Any = Choosy(refuses_by=refuses_by)
        use_timing(config, tmp_path / "here.timing")
        assert config.cache == b""
        config = Choosy(refuses_by="nothing")
        use_timing(config, tmp_path / "here.timing")
        assert config.cache == b"of another GPU"

    def test_where_there_is_none_nothing_is_written(self, tmp_path: Path):
        config: Any = SimpleNamespace(get_timing_cache=lambda: None)
        save_timing(config, tmp_path / "new" / "here.timing")
        assert list(tmp_path.iterdir()) == []

    def test_a_place_that_cannot_be_written_costs_the_cache_and_not_the_plan(self, rtx, fp16: Path, tmp_path: Path):
        (tmp_path / "file").touch()
        file = tmp_path / "file" / "here.timing"
        plan = compile_plan(fp16, BATCHES.model_copy(update={"timing": file}), rtx)
        assert plan.content
        assert f"the timing cache {file} can't be written (File exists)" in plan.warnings

    def test_a_failed_build_leaves_the_cache_alone(self, rtx, fp32: Path, tmp_path: Path):
        settings = BATCHES.model_copy(update={"timing": tmp_path / "here.timing"})
        with pytest.raises(UserError, match="FP32 3D convolution"):
            compile_plan(fp32, settings, Rtx(capabilities=(TURING,)))
        assert list(tmp_path.iterdir()) == []

    def test_its_name_tells_gpu_tensorrt_and_driver_apart(self, rtx, tmp_path: Path):
        gpus = [
            Gpu(name="NVIDIA L4", capability="8.9", cuda="13.0"),
            Gpu(name="NVIDIA L4", capability="8.9", cuda="12.4"),
            Gpu(name="NVIDIA A100-SXM4/80GB", capability="8.0", cuda="13.0"),
        ]
        files = {timing_file(tmp_path, handle=rtx, gpu=gpu) for gpu in gpus}
        assert len(files) == len(gpus)
        assert {file.parent for file in files} == {tmp_path}
        assert all(rtx.library.__version__ in file.name for file in files)


COLLECT = """
import gc, sys
from pathlib import Path
from stream.errors import UserError
from tests.trt_build.rtx import Rtx
from trt_build.nvidia import plan
from trt_build.nvidia.plan import PlanSettings, compile_plan
gc.disable()
def collecting(lines, library):
    class Logger(library.ILogger):
        def log(self, severity, msg):
            if lines.warnings == []:
                lines.warnings.append("collected")
                gc.collect()
    return Logger()
rtx, path, batches = Rtx(), Path(sys.argv[1]), {"usual_batch": 4, "largest_batch": 8}
for refused in ({"workspace_bytes": 1}, {"workspace_bytes": 2}):
    try:
        compile_plan(path, PlanSettings(**batches, **refused), rtx)
    except UserError as error:
        error.itself = error
plan.logger_into = collecting
print(len(compile_plan(path, PlanSettings(**batches), rtx).content))
"""


def test_what_a_failed_build_leaves_does_not_stop_the_next(fp32: Path):
    """An exception keeps its frames; a builder in one of them, collected during the next build, would wait for it."""
    ended = subprocess.run(
        [sys.executable, "-c", COLLECT, fp32], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert int(ended.stdout) > 1e6, ended.stderr
