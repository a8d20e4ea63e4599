"""A worker serves only if it sees and scores the golden clips as the build did."""

import io
import shutil
import zipfile
from contextlib import closing
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from stream.clip.spec import ClipSpec
from stream.engine.artifact import Artifact, load_artifact, seal
from stream.engine.golden import Golden, GoldenCheck, check_golden, difference, hold_logits
from stream.engine.open import open_engine
from stream.errors import UserError


def an_empty_archive() -> bytes:
    """An archive without arrays."""
    made = io.BytesIO()
    zipfile.ZipFile(made, "w").close()
    return made.getvalue()


@pytest.fixture
def copy(tmp_path: Path, tiny_artifact: Artifact) -> Artifact:
    return load_artifact(Path(shutil.copytree(tiny_artifact.path, tmp_path / "copy")))


def check(artifact: Artifact) -> GoldenCheck:
    engine = open_engine(load_artifact(artifact.path), threads=1)
    try:
        return check_golden(artifact, engine)
    finally:
        engine.close()


def refusal(artifact: Artifact) -> str:
    with pytest.raises(UserError) as refused:
        check(artifact)
    message = str(refused.value)
    assert "\n" not in message
    assert artifact.digest in message
    assert "python -m trt_build" in message, "the way out"
    return message


def reseal(artifact: Artifact, golden: Golden, spec: ClipSpec | None = None) -> Artifact:
    golden.save(artifact.path)
    spec = spec or artifact.manifest.spec
    return seal(artifact.path, artifact.manifest.model_copy(update={"spec": spec}))


def test_an_artifact_passes_where_it_was_built_and_says_by_how_much(tiny_artifact: Artifact):
    found = check(tiny_artifact)
    assert (found.pixels.difference, found.pixels.limit) == (0, 2)
    assert 0 <= found.logits.difference < found.logits.limit == 1e-3


def test_the_golden_clips_are_told_apart(tiny_artifact: Artifact):
    golden = Golden.load(tiny_artifact.path)
    assert golden.clips.shape == (4, *tiny_artifact.manifest.spec.shape)
    assert len(set(golden.logits)) == 4


@pytest.mark.parametrize("wrong", [0.01, -0.01, float("nan"), float("inf")])
def test_a_clip_that_scores_otherwise_is_named(copy: Artifact, wrong: float):
    golden = Golden.load(copy.path)
    logits = golden.logits.copy()
    logits[2] += wrong * max(1, abs(logits[2]))
    assert "golden clip 2" in refusal(reseal(copy, replace(golden, logits=logits)))


def test_a_difference_within_the_tolerance_passes(copy: Artifact):
    golden = Golden.load(copy.path)
    near = golden.logits + 5e-4 * np.maximum(1, np.abs(golden.logits))
    check(reseal(copy, replace(golden, logits=near.astype(np.float32))))


def test_a_video_that_is_seen_otherwise_is_refused(copy: Artifact):
    golden = Golden.load(copy.path)
    crop = golden.crop.copy()
    crop[0, 3, 30, 30] ^= 0x40
    assert "golden.mp4 is read 64 grey levels off" in refusal(reseal(copy, replace(golden, crop=crop)))


def test_a_video_that_can_no_longer_be_read_is_refused(copy: Artifact):
    golden = Golden.load(copy.path)
    message = refusal(reseal(copy, replace(golden, video=golden.video[:5000])))
    assert "golden.mp4 can't be read" in message


@pytest.mark.parametrize("change", [{"outside": "keep"}, {"sampling": "whole"}, {"extra": "mask"}])
def test_another_spec_of_the_same_shape_is_noticed(copy: Artifact, change):
    spec = copy.manifest.spec.model_copy(update=change)
    assert "golden.mp4" in refusal(reseal(copy, Golden.load(copy.path), spec))


def test_another_spec_of_another_shape_is_refused(copy: Artifact):
    spec = copy.manifest.spec.model_copy(update={"size": 96})
    resealed = reseal(copy, Golden.load(copy.path), spec)
    with pytest.raises(UserError, match="the manifest's spec gives"):
        open_engine(resealed)


def test_a_refusal_names_the_libraries_that_are_others_here(copy: Artifact):
    builder = copy.manifest.builder | {"openvino": "2020.1"}
    aged = seal(copy.path, copy.manifest.model_copy(update={"builder": builder}))
    golden = Golden.load(copy.path)
    message = refusal(reseal(aged, replace(golden, logits=golden.logits + 1)))
    assert f"built on {copy.manifest.device.name} with" in message
    assert f"openvino 2020.1 (here {version('openvino')})" in message
    assert f"av {version('av')}, " in message, "which is the same here"
    assert "torch" not in message, "which serves nobody"


@pytest.mark.parametrize("content", [b"junk", b"", an_empty_archive()])
def test_golden_clips_that_are_none_get_one_line(copy: Artifact, content: bytes):
    (copy.path / "golden.npz").write_bytes(content)
    with pytest.raises(UserError, match="holds no golden clips; build it again"):
        check(seal(copy.path, copy.manifest))


def test_differences_are_relative_for_large_logits_only():
    off = difference(np.array([0.1, 10.1, -20.2], np.float32), np.array([0, 10, -20], np.float32))
    np.testing.assert_allclose(off, [0.1, 0.01, 0.01], rtol=1e-3)


@pytest.mark.parametrize(
    "change",
    [
        lambda golden: {"clips": golden.clips.astype(np.float32)},
        lambda golden: {"logits": golden.logits.astype(np.float64)},
        lambda golden: {"logits": golden.logits[:2]},
        lambda golden: {"logits": golden.logits[:, None]},
        lambda golden: {"clips": golden.clips[:0], "logits": golden.logits[:0]},
        lambda golden: {"crop": golden.crop[:, :1]},
    ],
)
def test_golden_clips_of_other_types_or_shapes_get_one_line(copy: Artifact, change):
    golden = Golden.load(copy.path)
    resealed = reseal(copy, replace(golden, **change(golden)))
    with pytest.raises(UserError, match="holds no golden clips; build it again"):
        Golden.load(resealed.path)


def test_golden_clips_of_another_spec_do_not_hold(copy: Artifact):
    golden = Golden.load(copy.path)
    cut = replace(golden, clips=golden.clips[..., :32], crop=golden.crop[..., :32])
    with closing(open_engine(copy, threads=1)) as engine:
        held = hold_logits(cut, copy, engine, batch_size=1)
    assert not held.holds
    assert "golden clips are (2, " in held.found
