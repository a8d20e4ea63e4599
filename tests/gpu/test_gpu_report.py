"""What is printed for a bug report, and what where there is no GPU."""

import subprocess
import sys
from pathlib import Path

import pytest

from stream.engine.driver import Gpu
from tests.gpu.report import Report

L4 = Gpu(name="NVIDIA L4", capability="8.9", cuda="13.0")
TESTS = """
import pytest
@pytest.fixture
def broken():
    raise RuntimeError("no memory")
def test_good(record_property):
    record_property("measured", "fp16: 0.7 ms")
def test_bad():
    assert 1 == 2, "one is not two"
def test_never_begun(broken):
    pass
@pytest.mark.skip
def test_left_out():
    pass
def test_given_up():
    pytest.skip("no")
"""


def test_each_end_is_told_and_what_was_measured(tmp_path: Path):
    (tmp_path / "test_three.py").write_text(TESTS)
    report = Report()
    pytest.main([str(tmp_path / "test_three.py"), "-q", "--rootdir", str(tmp_path), "-p", "no:cacheprovider"], [report])
    text = report.text(L4)
    assert "GPU       NVIDIA L4, compute capability 8.9\n" in text
    assert ", serves CUDA 13.0\n" in text
    assert "measured  fp16: 0.7 ms\n" in text
    assert "failed    test_three.py::test_bad: AssertionError: one is not two\n" in text
    assert "failed    test_three.py::test_never_begun: RuntimeError: no memory\n" in text
    assert text.endswith("\n1 passed, 2 failed, 2 skipped")
    assert report.passed == ["test_three.py::test_good"]
    assert "torch 2" in text


def test_without_a_gpu_it_is_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    for words in (["--look"], []):
        ended = subprocess.run(
            [sys.executable, "-m", "tests.gpu", *words], capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert ended.stderr.startswith("nothing was tested: a TensorRT engine needs a GPU: ")
        assert ended.stderr.count("\n") == 1
