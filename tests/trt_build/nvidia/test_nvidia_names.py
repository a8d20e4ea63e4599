"""Every name and signature of NVIDIA's that our code uses is held against the real bindings: mypy reads both."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cuda.bindings import runtime as cudart

from tests.trt_build.bindings import VERSIONS, environment, rtx_stubs, stubs

ROOT = Path(__file__).resolve().parents[3]
BUILDER = [*sorted((ROOT / "trt_build" / "nvidia").glob("*.py")), ROOT / "stream" / "engine" / "nvlog.py"]
SERVER = ROOT / "stream" / "engine" / "gpu.py"


def complaints(folder: Path, files: list[Path]) -> list[str]:
    """What mypy says of the files, given the stubs in the folder and no other library."""
    written = sorted(folder.glob("*.pyi"))
    words = ["--follow-imports=skip", "--ignore-missing-imports", "--check-untyped-defs", "--config-file="]
    said = subprocess.run(
        [sys.executable, "-m", "mypy", *words, f"--cache-dir={folder / 'cache'}", *written, *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode in (0, 1), said.stderr
    return [line for line in said.stdout.splitlines() if ".py:" in line and ": error:" in line]


WRONG = {
    "nv.BuilderFlag.FP17": "a member that never was",
    "nv.Builder(nv.Logger()).create_engine()": "a method that never was",
    "nv.Builder(nv.Logger()).create_network('explicit')": "an argument of another type",
    "nv.Builder(nv.Logger()).build_serialized_network()": "arguments that are missing",
    "nv.Runtime(nv.Logger()).deserialize_cuda_engine(b'', 1)": "an argument too many",
    "nv.OnnxParser": None,
}
GONE_WITH_11 = ["nv.BuilderFlag.FP16", "nv.NetworkDefinitionCreationFlag.EXPLICIT_BATCH", "nv.IInt8EntropyCalibrator2"]


@dataclass(frozen=True)
class Read:
    """What mypy says of our code, and of some that is wrong, given the stubs of one version."""

    version: str
    folder: Path
    said: list[str]

    def of(self, files: list[Path]) -> list[str]:
        """The lines on these files; mypy tells them from the folder that it was run in."""
        return [line for line in self.said if (ROOT / line.partition(":")[0]).resolve() in files]


@pytest.fixture(scope="module", params=VERSIONS)
def tensorrt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Read:
    folder = tmp_path_factory.mktemp(f"tensorrt-{request.param}")
    stubs(request.param, folder)
    rtx_stubs(folder, name="tensorrt_rtx")
    (folder / "wrong.py").write_text("\n".join(["import tensorrt as nv", *WRONG]))
    (folder / "old.py").write_text("\n".join(["import tensorrt as nv", *GONE_WITH_11]))
    files = [*BUILDER, SERVER, folder / "wrong.py", folder / "old.py"]
    return Read(request.param, folder, complaints(folder, files))


def test_tensorrt_has_all_that_builds_and_serves(tensorrt: Read):
    assert tensorrt.of([*BUILDER, SERVER]) == []


def test_tensorrt_rtx_has_all_that_builds(tmp_path: Path):
    rtx_stubs(tmp_path, name="tensorrt")
    rtx_stubs(tmp_path, name="tensorrt_rtx")
    assert complaints(tmp_path, BUILDER) == []


def test_what_no_binding_has_is_found(tensorrt: Read):
    said = tensorrt.of([tensorrt.folder / "wrong.py"])
    for number, (line, fault) in enumerate(WRONG.items(), start=2):
        assert any(f"wrong.py:{number}:" in each for each in said) == (fault is not None), (line, said)


def test_what_went_with_version_11_is_found(tensorrt: Read):
    said = tensorrt.of([tensorrt.folder / "old.py"])
    assert len(said) == (len(GONE_WITH_11) if tensorrt.version.startswith("11.") else 0)


HANDLE = """
import json
from types import SimpleNamespace
import tensorrt_bindings as nv
from trt_build.nvidia.handle import Handle
handle = Handle(nv)
config, told = SimpleNamespace(), []
for hardware in ("same-capability", "ampere-or-later"):
    handle.aim(config, hardware)
    told.append(config.hardware_compatibility_level.name)
print(json.dumps([str(handle), handle.network_flags, told]))
"""


def test_the_handle_of_each_version(tensorrt: Read):
    version = tensorrt.version
    env = environment(version, tensorrt.folder)
    env["PYTHONPATH"] += f":{ROOT}"
    told = subprocess.run([sys.executable, "-c", HANDLE], env=env, capture_output=True, text=True, check=True)
    strongly_typed = 2 if version.startswith("10.") else 0
    levels = ["SAME_COMPUTE_CAPABILITY", "AMPERE_PLUS"]
    assert json.loads(told.stdout) == [f"TensorRT {version}", strongly_typed, levels]


def test_cuda_has_all_that_serves():
    """Its bindings are compiled and have no stubs: names alone."""
    used = set()
    for node in ast.walk(ast.parse(SERVER.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "cudart":
            used.add(node.attr)
    assert {"cudaMemcpyAsync", "cudaMallocHost", "cudaStreamCreateWithFlags"} <= used
    assert [name for name in sorted(used) if not hasattr(cudart, name)] == []
