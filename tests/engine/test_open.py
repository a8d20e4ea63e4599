"""Which engine opens, and what is said where it can't."""

import shutil
import subprocess
import sys
from pathlib import Path

from stream.engine.artifact import Artifact, seal
from tests.bare import run_without

OPEN = """
import sys
from pathlib import Path
from stream.engine.artifact import load_artifact
from stream.engine.open import open_engine
from stream.errors import UserError
try:
    open_engine(load_artifact(Path(sys.argv[1])))
except UserError as error:
    print(error)
"""


def test_a_plan_that_this_machine_cannot_run_gets_one_line(tmp_path: Path, tiny_artifact: Artifact):
    """In a process of its own: TensorRT without a driver ends its process, also later, at exit."""
    folder = Path(shutil.copytree(tiny_artifact.path, tmp_path / "plan"))
    (folder / "model.plan").write_bytes(b"no plan")
    device = tiny_artifact.manifest.device.model_copy(update={"compute_capability": "0.0"})
    seal(folder, tiny_artifact.manifest.model_copy(update={"kind": "tensorrt", "device": device}))
    opened = subprocess.run(
        [sys.executable, "-c", OPEN, folder], capture_output=True, text=True, timeout=120, check=False
    )
    assert opened.returncode == 0, opened.stderr
    assert len(opened.stdout.splitlines()) == 1
    assert "GPU" in opened.stdout or "TensorRT" in opened.stdout
    assert f"artifact {folder}" in opened.stdout


def test_the_cpu_engine_needs_nothing_of_the_gpus(tiny_artifact: Artifact):
    code = f"{OPEN}\nassert not {{'torch', 'tensorrt', 'cuda', 'stream.engine.gpu'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code, tiny_artifact.path], check=True, timeout=120)


def test_what_a_plan_needs_and_is_absent_is_named(tmp_path: Path):
    code = "from stream.engine.open import tensorrt_engine; tensorrt_engine()"
    ended = run_without({"tensorrt"}, tmp_path, "-c", code)
    assert "UserError: plans of TensorRT can't be run here: No module named 'tensorrt'" in ended.stderr
    assert "pip install -c constraints.txt '.[tensorrt]'" in ended.stderr
