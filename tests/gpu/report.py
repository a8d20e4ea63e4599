"""What a run on a GPU came to, as text to paste: where it ran, what passed, what failed, and what was measured."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from stream.engine.driver import Gpu

_PACKAGES = ("stall-stream", "tensorrt", "cuda-bindings", "torch", "onnx", "onnxruntime")
MEASURED = "measured"
"""The property under which a test tells what it measured."""


class Report:
    """A pytest plugin that keeps each test's end."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        self.skipped: list[str] = []
        self.failed: dict[str, str] = {}
        self.measured: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed[report.nodeid] = (crash.message if crash else report.longreprtext).strip().partition("\n")[0]
        elif report.skipped:
            self.skipped.append(report.nodeid)
        elif report.when == "call":
            self.passed.append(report.nodeid)
        if report.when == "call":
            self.measured += [str(what) for name, what in report.user_properties if name == MEASURED]

    def text(self, gpu: Gpu) -> str:
        """Lines for a bug report."""
        lines = [
            f"GPU       {gpu.name}, compute capability {gpu.capability}",
            f"driver    {_driver()}, serves CUDA {gpu.cuda}",
            f"versions  {', '.join(f'{name} {_version(name)}' for name in _PACKAGES)}",
            *(f"measured  {each}" for each in self.measured),
            *(f"failed    {name}: {why}" for name, why in self.failed.items()),
            f"{len(self.passed)} passed, {len(self.failed)} failed, {len(self.skipped)} skipped",
        ]
        return "\n".join(lines)


def _driver() -> str:
    try:
        return Path("/proc/driver/nvidia/version").read_text().partition("\n")[0].removeprefix("NVRM version: ").strip()
    except OSError:
        return "of a version that Linux doesn't tell"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
