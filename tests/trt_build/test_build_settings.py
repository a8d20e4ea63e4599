"""What is asked of a build: each setting has a meaning for its target and precision, or is refused in one line."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.trt_build.test_build import run
from trt_build.agreement import MOST_FLIPS
from trt_build.settings import LEAST_JUDGED, BuildSettings


def settings(**given: object) -> BuildSettings:
    return BuildSettings.model_validate({"checkpoint": "checkpoint", "out": "out", **given})


@pytest.mark.parametrize(
    "given",
    [
        {"usual_batch": 4},
        {"largest_batch": 32},
        {"workspace_mb": 100},
        {"builder_level": 3},
        {"hardware": "this"},
        {"timing_cache": Path("timing")},
    ],
)
def test_settings_of_tensorrt_are_refused_for_cpus_even_where_they_say_the_default(given: dict[str, object]):
    assert settings(target="tensorrt", **given).target == "tensorrt"
    flag = f"--{next(iter(given)).replace('_', '-')}"
    with pytest.raises(ValidationError, match=f"{flag} would change nothing but with --target tensorrt"):
        settings(**given)


@pytest.mark.parametrize("target", ["openvino", "tensorrt"])
@pytest.mark.parametrize(
    "given", [{"data": Path("cache")}, {"calibration_clips": 300}, {"preset": ["field"]}, {"processes": 1}]
)
def test_settings_of_int8_are_refused_elsewhere(target: str, given: dict[str, object]):
    assert settings(target=target, precision="int8", **given).precision == "int8"
    with pytest.raises(ValidationError, match="would change nothing but with --precision int8"):
        settings(target=target, **given)


@pytest.mark.parametrize("given", [{"preset": ["demo"]}, {"cache": Path("clips")}, {"processes": 2}])
def test_settings_of_generated_clips_are_refused_with_a_cache(given: dict[str, object]):
    said = f"--{next(iter(given))} would change nothing but with generated clips; leave it out, or --data"
    with pytest.raises(ValidationError, match=said):
        settings(precision="int8", data=Path("cache"), **given)


def test_int8_is_judged_on_so_many_clips_that_its_limit_means_something():
    """No changed verdict of n leaves 3/n open."""
    assert 3 / LEAST_JUDGED <= MOST_FLIPS
    with pytest.raises(ValidationError, match="greater than or equal to 600"):
        settings(precision="int8", validation_clips=599)


def test_several_are_named_at_once():
    with pytest.raises(ValidationError, match="--usual-batch, --builder-level would change nothing"):
        settings(usual_batch=4, builder_level=2)


def test_batches_that_do_not_rise_are_refused():
    assert settings(target="tensorrt", usual_batch=4, largest_batch=4).usual_batch == 4
    with pytest.raises(ValidationError, match="--usual-batch 8 is more than --largest-batch 4"):
        settings(target="tensorrt", largest_batch=4)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--precision", "fp16"], "--precision fp16 is for GPUs (--target tensorrt): a CPU computes fp32 or int8"),
        (["--builder-level", "5"], "--builder-level would change nothing but with --target tensorrt"),
        (["--target", "tensorrt", "--builder-level", "9"], "--builder-level (STALL_BUILD_BUILDER_LEVEL) = '9'"),
        (["--target", "vulkan"], "--target (STALL_BUILD_TARGET) = 'vulkan'"),
        (["--target", "tensorrt"], "a TensorRT engine needs a GPU: "),
    ],
)
def test_what_can_not_be_done_is_one_line_before_anything_is_done(flags, said, tmp_path, monkeypatch):
    """The checkpoint isn't there, which would be said next."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    refused = run("--checkpoint", tmp_path / "absent", "--out", tmp_path / "out", *flags)
    assert refused.returncode == 2
    line = refused.stderr.strip().splitlines()[-1]
    assert line.startswith(f"python -m trt_build: {said}")
    assert "Traceback" not in refused.stderr
    assert list(tmp_path.iterdir()) == []
