"""What is built already, of the same, is not built again; what differs in anything that counts is."""

import shutil
from pathlib import Path
from types import ModuleType

import pytest

import stream.clip.sample
import stream.verdict
import training.checkpoint
import training.data.generated
import training.synthetic.scene
from stream.engine import golden
from stream.engine.artifact import Artifact, load_artifact, seal
from stream.errors import UserError
from training.checkpoint import load_checkpoint, save_checkpoint
from training.own_code import digest_of, places_of
from trt_build.build import STAGES, build
from trt_build.inputs import SOURCES, find_built, inputs_of
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


def recalibrated(checkpoint: Path, folder: Path) -> Path:
    """The same weights with another rule."""
    network, card = load_checkpoint(checkpoint)
    rule = card.rule.model_copy(update={"decide": 0.6})
    save_checkpoint(folder, network, card.model_copy(update={"rule": rule}))
    return folder


def test_another_rule_is_another_artifact_and_what_differs_is_told(out: Path, tiny_checkpoint: Path, tmp_path: Path):
    other = recalibrated(tiny_checkpoint, tmp_path / "other")
    with pytest.raises(UserError, match=r"differs in rule.decide \(0.5, not 0.6\); give another folder, or --force"):
        build(settings(other, out), begin=looked_at)


def test_other_settings_are_another_artifact(out: Path, tiny_artifact: Artifact):
    draft = tiny_artifact.manifest.model_copy(update={"inputs": "0" * 64, "proof": None})
    with pytest.raises(UserError, match="differs in its settings, its clips, or the code that built it; give another"):
        find_built(out, draft)


def test_a_damaged_artifact_is_not_taken_for_built(out: Path, tiny_checkpoint: Path):
    (out / "golden.mp4").write_bytes(b"")
    with pytest.raises(UserError, match=r"golden\.mp4 has sha256 .* build it with python -m trt_build --force"):
        build(settings(tiny_checkpoint, out), begin=looked_at)


def test_a_manifest_that_was_edited_and_sealed_is_not_taken_for_built(out: Path, tiny_checkpoint: Path):
    """It still holds the digest of what it was built of."""
    manifest = load_artifact(out).manifest
    seal(out, manifest.model_copy(update={"rule": manifest.rule.model_copy(update={"low": 0.25})}))
    with pytest.raises(UserError, match=r"differs in rule.low \(0.25, not 0.5\)"):
        build(settings(tiny_checkpoint, out), begin=looked_at)


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_artifact_is_said_to_be_none_whatever_is_asked(tiny_checkpoint: Path, tmp_path: Path, force: bool):  # noqa: FBT001 - a case
    (tmp_path / "cat.jpg").touch()
    with pytest.raises(UserError, match=r"holds no artifact, so it is not replaced; give another folder$"):
        build(settings(tiny_checkpoint, tmp_path, force=force), begin=looked_at)


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
    with pytest.raises(UserError, match="is not what would be built"):
        find_built(tiny_artifact.path, unrecorded)
    assert find_built(tiny_artifact.path, manifest.model_copy(update={"proof": None})) is not None


@pytest.mark.parametrize(
    "module",
    [
        training.synthetic.scene,
        training.data.generated,
        stream.clip.sample,
        golden,
        stream.verdict,
        training.checkpoint,
    ],
)
def test_what_makes_golden_clips_and_calibration_and_what_judges_counts(module: ModuleType):
    assert any(Path(str(module.__file__)).is_relative_to(each) for each in places_of(SOURCES))
    assert all(each.exists() for each in places_of(SOURCES))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"data": Path("/nope")}, "/nope is no cache of clips"),
        ({"preset": ["nosuch"]}, "--preset nosuch: no such preset"),
    ],
)
def test_clips_that_there_are_not_are_refused_before_anything_is_done(
    tiny_checkpoint: Path, tmp_path: Path, asked, told
):
    with pytest.raises(UserError, match=told):
        build(settings(tiny_checkpoint, tmp_path / "new", precision="int8", **asked), begin=looked_at)


def test_sources_count_by_their_names_and_texts(tmp_path: Path, tiny_artifact: Artifact, monkeypatch):
    """A build of other code is another artifact, whatever the version says."""
    here, found = settings(Path("checkpoint"), Path("out")), set()
    monkeypatch.setattr("trt_build.inputs.places_of", lambda _names: [tmp_path])
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
