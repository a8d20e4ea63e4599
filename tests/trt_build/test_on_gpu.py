"""The build on a GPU, in every precision; `make test-gpu` runs it and prints what it measured."""

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from stream.engine.artifact import Artifact, load_artifact
from stream.engine.golden import check_golden
from stream.engine.open import open_engine
from tests.gpu.report import MEASURED
from tests.trt_build.test_build import run
from tests.trt_build.test_int8 import SHIPPED, clear, placed
from trt_build.build import Built, build
from trt_build.settings import BuildSettings

pytestmark = pytest.mark.gpu


def check_as_a_worker(artifact: Artifact) -> None:
    """A second look from the disk, as after a copy."""
    with closing(open_engine(load_artifact(artifact.path))) as engine:
        check_golden(artifact, engine)


def told(built: Built) -> str:
    manifest, speed = built.artifact.manifest, built.speed
    assert manifest.proof is not None
    assert speed is not None
    return (
        f"{manifest.precision}, batches {manifest.batch_sizes}: {speed.latency_ms:.2f} ms alone, "
        f"{speed.clips_per_s:.0f} clips/s, {manifest.proof.max_difference:.2g} off torch"
    )


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_each_precision_is_compiled_proved_and_served(precision: str, few, tmp_path: Path, record_property):
    asked = {"out": tmp_path / "out", "target": "tensorrt", "timing_cache": tmp_path / "timing"}
    if precision == "int8":
        settings = placed(tmp_path, {**few, **asked}, clear)
    else:
        settings = BuildSettings.model_validate({**asked, "checkpoint": SHIPPED, "precision": precision})
    built = build(settings, begin=lambda _: None)
    record_property(MEASURED, told(built))
    check_as_a_worker(built.artifact)
    assert json.loads((tmp_path / "out" / "layers.json").read_text())
    assert len(list((tmp_path / "timing").iterdir())) == 1


@pytest.mark.parametrize("hardware", ["same-capability", "ampere-or-later"])
def test_a_plan_for_more_than_this_gpu_serves_on_it(hardware: str, tiny_checkpoint: Path, tmp_path: Path):
    given = {"checkpoint": tiny_checkpoint, "out": tmp_path / "out", "target": "tensorrt", "largest_batch": 8}
    settings = BuildSettings.model_validate({**given, "hardware": hardware})
    check_as_a_worker(build(settings, begin=lambda _: None).artifact)


def test_the_commands_build_and_score(tiny_checkpoint: Path, tmp_path: Path):
    out = tmp_path / "artifact"
    built = run("--checkpoint", tiny_checkpoint, "--out", out, "--target", "tensorrt", "--precision", "fp16")
    assert built.returncode == 0, built.stderr
    score: list[str | Path] = [sys.executable, "-m", "stream", "score", "--json", "--artifact", out, out / "golden.mp4"]
    scored = subprocess.run(score, capture_output=True, text=True, timeout=120, check=False)
    assert scored.returncode == 0, scored.stderr
    assert json.loads(scored.stdout)["artifact"] == load_artifact(out).digest
