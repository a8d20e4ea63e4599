"""What is OpenVINO's own: requests that fail, threads, precision."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from stream.clip.spec import ClipSpec
from stream.engine.artifact import Artifact, Device, Manifest, seal
from stream.engine.cpu import OpenVinoEngine
from stream.engine.open import open_engine
from stream.engine.quiet import ov
from stream.errors import UserError
from stream.verdict import DecisionRule

op = ov.opset13

SPEC = ClipSpec(frames=2, size=16, extra="none")


def sealed(folder: Path, model: ov.Model) -> Artifact:
    ov.save_model(model, folder / "model.xml", compress_to_fp16=False)
    draft = Manifest(
        schema=1,
        kind="openvino",
        spec=SPEC,
        rule=DecisionRule(),
        labels=("flowing", "stalled"),
        precision="fp32",
        batch_sizes=(1,),
        device=Device(name="any"),
        builder={},
        training={},
        proof=None,
    )
    return seal(folder, draft)


def clips_input(shape: tuple[int, ...] = (-1, *SPEC.shape), dtype: ov.Type = ov.Type.u8) -> ov.op.Parameter:
    clips = op.parameter(ov.PartialShape(list(shape)), dtype, name="clips")
    clips.output(0).get_tensor().set_names({"clips"})
    return clips


@pytest.fixture
def fragile(tmp_path: Path) -> Artifact:
    """A network that arranges three numbers in as many rows as its brightest pixel says, or one: two fail."""
    clips = clips_input()
    rows = op.reduce_max(op.convert(clips, "i64"), op.constant([1, 2, 3, 4]), False)
    rows = op.maximum(rows, op.constant(np.array([1], np.int64)))
    table = op.reshape(op.constant(np.full(3, 7, np.float32)), op.concat([rows, op.constant([-1])], 0), False)
    logits = op.reduce_max(table, op.constant([1]), False)
    return sealed(tmp_path, ov.Model([logits], [clips], "fragile"))


def test_a_failure_is_in_its_future_and_in_all_that_follow(fragile: Artifact):
    """Otherwise the second of two failing batches is answered with the numbers of an earlier one."""
    engine = open_engine(fragile)
    good, bad = np.ones((1, *SPEC.shape), np.uint8), np.full((1, *SPEC.shape), 2, np.uint8)
    assert engine.submit(good).result() == [7.0]
    with pytest.raises(RuntimeError, match="Reshape"):
        engine.submit(bad).result()
    for clip in (bad, good):
        with pytest.raises(RuntimeError, match="the engine failed before"):
            engine.submit(clip).result()
    engine.close()


def test_threads_bound_the_slots(tiny_artifact: Artifact):
    engine = OpenVinoEngine(tiny_artifact, threads=1)
    assert engine.slots == 1
    engine.close()


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((-1, 1, 2, 16, 32), ov.Type.u8), ((-1, *SPEC.shape), ov.Type.f32), ((1, *SPEC.shape), ov.Type.u8)],
    ids=["another crop", "another type", "a frozen batch"],
)
def test_a_network_that_takes_other_clips_is_refused(tmp_path: Path, shape, dtype):
    clips = clips_input(shape, dtype)
    logits = op.reduce_mean(op.convert(clips, "f32"), op.constant([1, 2, 3, 4]), False)
    artifact = sealed(tmp_path, ov.Model([logits], [clips], "other"))
    with pytest.raises(UserError, match="the manifest's spec gives") as refusal:
        open_engine(artifact)
    assert "\n" not in str(refusal.value)


def test_a_network_with_two_inputs_is_refused(tmp_path: Path):
    clips, more = clips_input(), op.parameter([1], ov.Type.f32, name="more")
    logits = op.add(op.reduce_mean(op.convert(clips, "f32"), op.constant([1, 2, 3, 4]), False), more)
    artifact = sealed(tmp_path, ov.Model([logits], [clips, more], "two"))
    with pytest.raises(UserError, match="2 inputs"):
        open_engine(artifact)


@pytest.mark.parametrize("file", ["model.xml", "model.bin"])
def test_a_network_that_openvino_can_not_load_gets_one_line(tmp_path: Path, tiny_artifact: Artifact, file: str):
    """Another version's, or one that was sealed when it was damaged already."""
    folder = Path(shutil.copytree(tiny_artifact.path, tmp_path / "copy"))
    (folder / file).write_bytes((folder / file).read_bytes()[:1000])
    builder = {**tiny_artifact.manifest.builder, "openvino": "2030.1"}
    damaged = seal(folder, tiny_artifact.manifest.model_copy(update={"builder": builder}))
    with pytest.raises(UserError, match=r"written by OpenVINO 2030\.1, and OpenVINO \S+ can't load it here") as refused:
        open_engine(damaged)
    assert str(folder) in str(refused.value)
    assert "\n" not in str(refused.value)


OVERLAPPING = """
import gc, os, signal, sys
import subprocess
import sys
from pathlib import Path
from stream.engine.artifact import load_artifact
from stream.engine.open import open_engine
from stream.engine.quiet import ov

op = ov.opset13
artifact = load_artifact(Path(sys.argv[1]))
first, second = open_engine(artifact, threads=1), open_engine(artifact, threads=1)
for name in ("first", "second"):
    globals().pop(name).close()
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_process_takes_signals_after_engines_that_overlapped(tiny_artifact: Artifact):
    """Where the CPU has AMX, OpenVINO changes the stack that signals are taken on."""
    command = [sys.executable, "-X", "faulthandler", "-c", OVERLAPPING, str(tiny_artifact.path)]
    assert subprocess.run(command, timeout=60, check=False).returncode == 7
