"""The network that comes with the package, of the slim preset, and clips to calibrate, to judge and to score with."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stream.engine.artifact import default_artifact_path, load_artifact
from trt_build.nvidia.fp16 import write_fp16
from trt_build.nvidia.int8 import write_int8
from trt_build.verify import sample_clips

CLIPS = 32
"""To calibrate int8 on, and as many to judge it."""


@pytest.fixture(scope="session")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """Settings under which clips are generated once."""
    return {"precision": "int8", "processes": 1, "cache": tmp_path_factory.mktemp("few") / "clips"}


@pytest.fixture(scope="session")
def fp32() -> Path:
    """As `export_onnx` wrote it."""
    return default_artifact_path() / "model.onnx"


@pytest.fixture(scope="session")
def clips() -> NDArray[np.uint8]:
    """`[16, C, T, S, S]`."""
    return sample_clips(load_artifact(default_artifact_path()).manifest.spec)


@pytest.fixture(scope="session")
def fp16(fp32: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fp16") / "model.onnx"
    write_fp16(fp32, path)
    return path


@pytest.fixture(scope="session")
def int8(fp32: Path, clips: NDArray[np.uint8], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Calibrated on the first half of the clips."""
    path = tmp_path_factory.mktemp("int8") / "model.onnx"
    write_int8(fp32, path, clips=clips[: len(clips) // 2])
    return path
