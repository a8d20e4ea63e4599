"""The structure of the code: which package may import which, and which module is the door to which library."""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("stream", "training", "trt_build")

ARROWS: dict[str, set[str]] = {
    # The longest prefix of a module's name rules; it may import these packages of ours, and itself.
    "stream": set(),
    "stream.commands": {"stream"},
    "stream.schema": {"stream.records", "stream.settings"},
    # What all may use.
    "stream.errors": set(),
    "stream.verdict": set(),
    "stream.measures": set(),
    "stream.validation": set(),
    "stream.backoff": set(),
    "stream.logs": set(),
    "stream.processes": set(),
    "stream.files": {"stream.errors"},
    "stream.terminal": {
        "stream.errors",
        "stream.files.textfiles",
        "stream.logs",
        "stream.processes.interrupts",
        "stream.validation",
    },
    "stream.terminal.console": set(),
    "stream.terminal.wording": set(),
    "stream.pictures": set(),
    "stream.settings": {"stream.errors", "stream.files.secretfiles", "stream.logs", "stream.terminal.cli"},
    "stream.records": {"stream.clip.spec", "stream.errors", "stream.validation", "stream.verdict"},
    "stream.messages": {"stream.broker.contract", "stream.records"},
    # A clip's way.
    "stream.clip": {"stream.errors"},
    "stream.fetch": {"stream.errors"},
    "stream.readers": {"stream.clip", "stream.errors"},
    "stream.engine": {"stream.clip", "stream.errors", "stream.validation", "stream.verdict"},
    "stream.broker": {"stream.errors", "stream.records"},
    "stream.scoring": {  # no Kafka
        "stream.clip",
        "stream.errors",
        "stream.fetch",
        "stream.files",
        "stream.readers",
        "stream.records",
        "stream.validation",
    },
    "stream.scoring.scorer": {
        "stream.backoff",
        "stream.clip",
        "stream.engine.contract",
        "stream.errors",
        "stream.readers",
        "stream.records",
        "stream.scoring.job",
        "stream.scoring.outcomes",
        "stream.scoring.parts",
        "stream.scoring.stores",
    },
    "stream.scoring.outcomes": {"stream.clip", "stream.errors", "stream.records", "stream.verdict"},
    "stream.scoring.stores": {"stream.backoff"},
    "stream.worker": {
        "stream.broker.contract",
        "stream.errors",
        "stream.logs",
        "stream.messages",
        "stream.metrics",
        "stream.records",
        "stream.scoring",
    },
    "stream.worker.window": {"stream.broker.contract", "stream.records"},
    "stream.worker.rejections": {
        "stream.broker.contract",
        "stream.errors",
        "stream.records",
        "stream.worker.notes",
        "stream.worker.window",
    },
    "stream.worker.lag": {"stream.metrics", "stream.records", "stream.worker.window"},
    "stream.worker.clock": set(),
    "stream.worker.notes": set(),
    "stream.worker.pacing": set(),
    # Beside it.
    "stream.metrics": {"stream.errors", "stream.records", "stream.verdict"},
    "stream.ops": {"stream.errors"},
    "stream.doctor": {
        "stream.broker",
        "stream.engine",
        "stream.errors",
        "stream.fetch",
        "stream.processes.cpus",
        "stream.records",
        "stream.terminal.wording",
    },
    # Before and after it.
    "stream.sending": {"stream.errors", "stream.files", "stream.processes.interrupts", "stream.records"},
    "stream.results": {
        "stream.broker",
        "stream.errors",
        "stream.files.textfiles",
        "stream.measures",
        "stream.messages",
        "stream.records",
        "stream.terminal",
        "stream.verdict",
    },
    "stream.results.extent": {"stream.broker", "stream.errors"},
    "stream.results.answers": {
        "stream.broker",
        "stream.errors",
        "stream.messages",
        "stream.records",
        "stream.validation",
    },
    "stream.results.latest": {"stream.errors", "stream.records", "stream.results.answers"},
    "stream.results.table": {"stream.records", "stream.results.answers"},
    "stream.results.parquet": {"stream.results.table"},
    "stream.results.examples": set(),
    "stream.results.tally": set(),
    "stream.results.ledger": {"stream.records", "stream.results.examples", "stream.results.tally"},
    "stream.letters": set(),
    "stream.letters.letter": {
        "stream.broker",
        "stream.errors",
        "stream.messages",
        "stream.records",
        "stream.results.examples",
        "stream.results.extent",
    },
    "stream.letters.requeue": {
        "stream.broker",
        "stream.errors",
        "stream.letters.letter",
        "stream.messages",
        "stream.records",
        "stream.terminal.wording",
    },
    "stream.letters.skip": {"stream.broker", "stream.errors", "stream.records", "stream.worker.notes"},
    "stream.letters.render": {"stream.errors", "stream.letters.letter", "stream.records"},
    "stream.page": {
        "stream.broker",
        "stream.clip",
        "stream.errors",
        "stream.fetch",
        "stream.messages",
        "stream.pictures",
        "stream.readers",
        "stream.records",
        "stream.results.answers",
        "stream.scoring.outcomefile",
    },
    "stream.local.ports": set(),
    "stream.local": {"stream.broker", "stream.errors", "stream.processes"},
    "training": {
        "stream.clip",
        "stream.errors",
        "stream.fetch",
        "stream.files.linefile",
        "stream.files.outfile",
        "stream.files.textfiles",
        "stream.processes.cpus",
        "stream.processes.interrupts",
        "stream.processes.lifeline",
        "stream.terminal.cli",
        "stream.terminal.console",
        "stream.validation",
        "stream.verdict",
    },
    "training.data": {
        "stream.backoff",
        "stream.clip",
        "stream.errors",
        "stream.fetch",
        "stream.files.linefile",
        "stream.files.outfile",
        "stream.files.textfiles",
        "stream.measures",
        "stream.readers",
        "stream.validation",
        "training.fields",
        "training.outfile",
        "training.pools",
        "training.synthetic",
    },
    "training.synthetic": {
        "stream.clip",
        "stream.errors",
        "stream.files.textfiles",
        "stream.records",
        "stream.validation",
        "training.pools",
    },
    "training.learning": {
        "stream.clip.spec",
        "stream.errors",
        "stream.files.outfile",
        "stream.processes.interrupts",
        "stream.validation",
        "training.checkpoint",
        "training.data",
        "training.fields",
        "training.measures",
        "training.networks",
        "training.outfile",
        "training.recipe",
        "training.runs",
        "training.scoring",
        "training.sources",
    },
    "training.contest": {
        "stream.clip.spec",
        "training.calibrate",
        "training.data",
        "training.learning",
        "training.measures",
        "training.networks",
        "training.outfile",
        "training.own_code",
        "training.pools",
        "training.progress",
        "training.recipe",
        "training.scoring",
        "training.settings",
        "training.sources",
        "training.words",
    },
    "training.measures": {"stream.measures", "stream.verdict", "training.data.clips", "training.data.splits"},
    "training.page": {
        "stream.clip.spec",
        "stream.pictures",
        "stream.verdict",
        "training.checkpoint",
        "training.data.clips",
        "training.measures",
        "training.words",
    },
    "training.networks": {"stream.clip.spec", "stream.errors", "stream.validation"},
    "training.probes": {
        "stream.clip",
        "training.data",
        "training.measures",
        "training.pools",
        "training.synthetic",
    },
    "training.settings": {
        "stream.clip.spec",
        "stream.processes.cpus",
        "stream.terminal.cli",
        "training.network_names",
        "training.recipe",
    },
    "trt_build": {
        "stream.clip",
        "stream.engine",
        "stream.errors",
        "stream.processes.cpus",
        "stream.processes.interrupts",
        "stream.terminal.cli",
        "stream.terminal.console",
        "stream.validation",
        "stream.verdict",
        "training.checkpoint",
        "training.data",
        "training.fields",
        "training.measures",
        "training.networks",
        "training.outfile",
        "training.own_code",
        "training.progress",
        "training.scoring",
        "training.settings",
        "training.sources",
        "training.synthetic",
        "training.words",
    },
    "trt_build.bench": {
        "stream.clip",
        "stream.engine",
        "stream.errors",
        "stream.processes.cpus",
        "stream.processes.lifeline",
        "stream.terminal.cli",
        "stream.validation",
        "training.checkpoint",
        "training.networks",
        "trt_build.arrays",
        "trt_build.verify",
    },
}

DOORS: dict[str, set[str]] = {
    # Heavy libraries and the modules that may import them.
    "av": {"stream.clip.decode", "training.synthetic"},
    "cv2": {"stream.clip.roi", "stream.clip.sample", "stream.pictures", "training.synthetic"},
    "kafka": {"stream.broker"},
    "rich.console.Console": set(),  # its emoji codes change names: stream.terminal.console has one without
    "prometheus_client": {"stream.doctor.sample", "stream.metrics"},
    "obstore": {"stream.fetch.s3"},
    "urllib3": {"stream.fetch.http"},
    "openvino": {"stream.engine.quiet"},
    "tensorrt": {"stream.engine.gpu", "stream.engine.nvlog", "trt_build.nvidia"},
    "tensorrt_rtx": set(),  # the tests compile by it
    "cuda": {"stream.engine.gpu"},
    "polars": {"stream.results.parquet", "training.data"},
    "jinja2": {"training.page.render"},
    "matplotlib": {"training.page.plots", "trt_build.bench.plot"},
    "torch": {"training", "trt_build.bench.in_torch", "trt_build.export", "trt_build.verify"},
    "torchvision": {"training.networks"},
    "onnx": {"trt_build.export", "trt_build.nvidia"},
    "onnxruntime": {"trt_build.bench.in_onnxruntime", "trt_build.nvidia"},
    "lightning_fabric": {
        "training.contest.trials",
        "training.learning.devices",
        "training.learning.fitting",
        "training.learning.loop",
    },
    "tensorboard": set(),  # by torch.utils.tensorboard, in training.learning.board
    "safetensors": {"training.checkpoint"},
    "nncf": {"trt_build.cpu.int8"},
}


def modules() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@cache
def imports(path: Path) -> tuple[str, ...]:
    return tuple(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, prefixes: set[str]) -> bool:
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def rule_for(module: str) -> tuple[str, set[str]]:
    prefix = max((p for p in ARROWS if within(module, {p})), key=len)
    return prefix, ARROWS[prefix] | {prefix}


@pytest.mark.parametrize(("module", "path"), list(modules()), ids=lambda value: str(value) if "." in str(value) else "")
def test_imports_point_one_way(module: str, path: Path):
    prefix, allowed = rule_for(module)
    wiring = path.name == "__main__.py"
    for name in imports(path):
        if name.split(".")[0] in PACKAGES:
            own = module.split(".", maxsplit=1)[0]
            allowed_here = allowed | ({own} if wiring else set())
            assert within(name, allowed_here), f"{module} (rule of {prefix}) must not import {name}"


def test_each_module_of_the_service_has_a_rule_of_its_own_or_of_its_room():
    assert [name for name, _ in modules() if rule_for(name)[0] == "stream"] == ["stream", "stream.__main__"]


@pytest.mark.parametrize("rule", ARROWS)
def test_each_arrow_is_one_that_is_used(rule: str):
    names = {name for module, path in modules() if rule_for(module)[0] == rule for name in imports(path)}
    assert [arrow for arrow in sorted(ARROWS[rule]) if not any(within(name, {arrow}) for name in names)] == []


@pytest.mark.parametrize("library", DOORS)
def test_each_heavy_library_has_its_door(library: str):
    for module, path in modules():
        if any(within(name, {library}) for name in imports(path)):
            assert within(module, DOORS[library]), f"{module} must not import {library}"


@pytest.mark.parametrize(("library", "door"), [(library, door) for library in DOORS for door in sorted(DOORS[library])])
def test_each_door_is_one_that_is_used(library: str, door: str):
    behind = [path for module, path in modules() if within(module, {door})]
    assert any(within(name, {library}) for path in behind for name in imports(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_only_the_list_of_commands_knows_them(package: str):
    commands = {f"{package}.commands"}
    for module, path in modules():
        if module != f"{package}.__main__" and not within(module, commands):
            assert not any(within(name, commands) for name in imports(path)), module


def test_clips_are_made_and_kept_without_torch():
    for module, path in modules():
        if within(module, {"training.data", "training.synthetic"}):
            assert not any(within(name, {"torch", "torchvision"}) for name in imports(path)), module


def test_clips_are_made_and_kept_and_answers_measured_without_torch():
    without = {
        "training.calibrate",
        "training.contest.answers",
        "training.data",
        "training.measures",
        "training.synthetic",
    }
    assert "torch" not in imported(name for name, _ in modules() if within(name, without))


def test_importing_the_service_leaves_torch_out():
    assert "torch" not in imported(name for name, _ in modules() if within(name, {"stream"}) and can_run(name))


def test_training_and_compiling_leave_kafka_out():
    assert "kafka" not in imported(name for name, _ in modules() if not within(name, {"stream"}) and can_run(name))


def can_run(module: str) -> bool:
    """Whether it can be imported without a GPU, and without beginning to work."""
    return module != "stream.engine.gpu" and not module.endswith("__main__")


def imported(names: Iterable[str]) -> set[str]:
    """All that a process has imported after these."""
    code = f"import importlib, sys; [importlib.import_module(n) for n in {[*names]}]; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    return set(
        subprocess.run(command, check=True, cwd=ROOT, timeout=120, capture_output=True, text=True).stdout.split()
    )
