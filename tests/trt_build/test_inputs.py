"""What is built already, of the same, is not built again; what differs in anything that counts is."""

import shutil
from pathlib import Path

import pytest

from stream.engine.artifact import Artifact
from stream.errors import UserError
from training.checkpoint import load_checkpoint, save_checkpoint
from trt_build.build import STAGES, build
from trt_build.inputs import digest_of, find_built, inputs_of
from trt_build.settings import BuildSettings


@pytest.fixture
def out(tmp_path: Path, tiny_artifact: Artifact) -> Path:
    return Path(shutil.copytree(tiny_artifact.path, tmp_path / "artifact"))


def settings(checkpoint: Path, out: Path, **others) -> BuildSettings:
    return BuildSettings.model_validate({"checkpoint": checkpoint, "out": out, **others})


def looked_at(stage: str) -> None:
    """Nothing is built: no other stage comes."""
    assert stage == STAGES[0]


def test_the_same_again_is_the_artifact_that_is_there(out: Path, tiny_checkpoint: Path, tiny_artifact: Artifact):
    stamps = {each: each.stat().st_mtime_ns for each in out.iterdir()}
    found = build(settings(tiny_checkpoint, out), begin=looked_at)
    assert (found.artifact.digest, found.speed) == (tiny_artifact.digest, None)
    assert stamps == {each: each.stat().st_mtime_ns for each in out.iterdir()}


def test_a_checkpoint_counts_by_what_it_is_wherever_it_lies(out: Path, tiny_checkpoint: Path, tmp_path: Path):
    moved = Path(shutil.copytree(tiny_checkpoint, tmp_path / "moved"))
    assert build(settings(moved, out), begin=looked_at).speed is None


def test_another_rule_is_another_artifact(out: Path, tiny_checkpoint: Path, tmp_path: Path):
    network, card = load_checkpoint(tiny_checkpoint)
    rule = card.rule.model_copy(update={"decide": 0.6})
    save_checkpoint(tmp_path / "other", network, card.model_copy(update={"rule": rule}))
    with pytest.raises(UserError, match="is not what would be built"):
        build(settings(tmp_path / "other", out), begin=looked_at)


def test_a_damaged_artifact_is_not_taken_for_built(out: Path, tiny_checkpoint: Path):
    (out / "golden.mp4").write_bytes(b"")
    with pytest.raises(UserError, match="is not what would be built"):
        build(settings(tiny_checkpoint, out), begin=looked_at)


@pytest.mark.parametrize(
    "change",
    [
        {"builder": {"openvino": "2020.1"}},
        {"device": {"name": "another CPU"}},
        {"precision": "int8"},
        {"batch_sizes": (1, 2)},
        {"training": {"weights_sha256": "0"}},
    ],
)
def test_each_part_of_the_draft_counts(tiny_artifact: Artifact, change):
    manifest = tiny_artifact.manifest
    here = settings(Path("checkpoint"), Path("out"))
    changed = type(manifest).model_validate({**dict(manifest), **change})
    assert inputs_of(changed, here) != inputs_of(manifest, here)
    results = manifest.model_copy(update={"files": {}, "proof": None, "inputs": None})
    assert inputs_of(results, here) == inputs_of(manifest, here)
    unrecorded = changed.model_copy(update={"inputs": inputs_of(changed, here)})
    assert find_built(tiny_artifact.path, unrecorded) is None
    assert find_built(tiny_artifact.path, manifest) is not None


def test_sources_count_by_their_names_and_texts(tmp_path: Path, tiny_artifact: Artifact, monkeypatch):
    """A build of other code is another artifact, whatever the version says."""
    here, found = settings(Path("checkpoint"), Path("out")), set()
    monkeypatch.setattr("trt_build.inputs.files", lambda _package: tmp_path)
    (tmp_path / "part").mkdir()
    for name, text in (("a.py", "1"), ("a.py", "2"), ("part/b.py", "2")):
        (tmp_path / name).write_text(text)
        (tmp_path / "notes.txt").write_text(text + name)
        found.add((digest_of(tmp_path), inputs_of(tiny_artifact.manifest, here)))
    assert len({digest for digest, _ in found}) == len({inputs for _, inputs in found}) == 3


def test_settings_count_but_for_places_and_speed(tiny_artifact: Artifact):
    def digest(**others) -> str:
        return inputs_of(tiny_artifact.manifest, settings(Path("a"), Path("b"), **{"precision": "int8", **others}))

    assert digest() == digest(cache="elsewhere", processes=3, force=True)
    assert len({digest(), digest(preset=["field"]), digest(calibration_clips=64), digest(precision="fp32")}) == 4
