"""What the NVIDIA driver is asked, and what is said where it has no good answer.

`ctypes` of the child process that asks is replaced by a driver that answers as the test wants.
"""

from pathlib import Path

import pytest

from stream.engine import driver
from stream.engine.driver import Gpu, require_gpu
from stream.errors import UserError

DRIVER = """
import time
class c_int:
    def __init__(self): self.value = 0
class create_string_buffer:
    def __init__(self, size): self.size, self.value = size, b""
    def __len__(self): return self.size
def byref(what): return what
class CDLL:
    def __init__(self, name):
        assert name == "libcuda.so.1"
        {load}
    def cuInit(self, flags):
        {init}
        return 0
    def cuDeviceGetCount(self, count):
        count.value = {count}
        return 0
    def cuDeviceGet(self, device, ordinal):
        device.value = 17
        return ordinal
    def cuDeviceGetName(self, name, size, device):
        name.value = b"NVIDIA GeForce RTX 4090"[:size - 1]
        return {named} if device.value == 17 else 101
    def cuDeviceGetAttribute(self, number, attribute, device):
        number.value = {{75: 8, 76: 9}}[attribute]
        return 0
    def cuDriverGetVersion(self, number):
        number.value = {version}
        return 0
"""
WELL = {"load": "pass", "init": "pass", "count": 2, "named": 0, "version": 13020}


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def answering(**answers: object) -> None:
        (tmp_path / "ctypes.py").write_text(DRIVER.format(**{**WELL, **answers}))

    monkeypatch.setenv("PYTHONPATH", str(tmp_path))  # before the standard library
    return answering


@pytest.mark.parametrize(("version", "cuda"), [(13020, "13.2"), (14010, "14.1"), (13000, "13.0")])
def test_the_first_gpu_is_told(answering, version: int, cuda: str):
    answering(version=version)
    assert require_gpu() == Gpu(name="NVIDIA GeForce RTX 4090", capability="8.9", cuda=cuda)


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"load": "raise OSError('no such file')"}, r"there is no NVIDIA driver \(libcuda\.so\.1\)"),
        ({"init": "return 999"}, r"the NVIDIA driver doesn't start \(cuInit says 999\)"),
        ({"count": 0}, "the NVIDIA driver shows no GPU"),
        ({"version": 12090}, r"the NVIDIA driver serves CUDA 12\.9, and 13 is needed: install driver 580 or later"),
        ({"named": 3}, r"the NVIDIA driver doesn't say what GPU it has \(3\)"),
        ({"init": "import os; os.kill(os.getpid(), 11)"}, "asking the NVIDIA driver ended with -11"),
    ],
)
def test_what_is_absent_is_one_line(answering, answers: dict[str, object], said: str):
    answering(**answers)
    with pytest.raises(UserError, match=f"^a TensorRT engine needs a GPU: {said}; use OpenVINO here"):
        require_gpu()


def test_a_driver_that_hangs_is_not_waited_for(answering, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(driver, "_DEADLINE_S", 0.5)
    answering(init="time.sleep(60)")
    with pytest.raises(UserError, match=r"doesn't answer within 0\.5 s"):
        require_gpu()
