"""An artifact is used only if it is, byte for byte, what was built."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.engine.artifact import MANIFEST, SEAL, Artifact, default_artifact_path, load_artifact
from stream.errors import UserError


@pytest.fixture
def copy(tmp_path: Path, tiny_artifact: Artifact) -> Path:
    return Path(shutil.copytree(tiny_artifact.path, tmp_path / "copy"))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        load_artifact(path)
    message = str(refused.value)
    assert "\n" not in message
    assert str(path) in message
    assert "python -m trt_build" in message, "the way out"
    return message


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """As by somebody who seals it again."""
    manifest = json.loads((path / MANIFEST).read_text())
    change(manifest)
    text = json.dumps(manifest)
    (path / MANIFEST).write_text(text)
    (path / SEAL).write_text(f"{hashlib.sha256(text.encode()).hexdigest()}  {MANIFEST}\n")


def test_a_copy_is_the_same_artifact(copy: Path, tiny_artifact: Artifact):
    loaded = load_artifact(copy)
    assert loaded.manifest == tiny_artifact.manifest
    assert loaded.digest == tiny_artifact.digest == hashlib.sha256((copy / MANIFEST).read_bytes()).hexdigest()[:16]


def test_what_checks_digests_by_itself_agrees(copy: Path):
    subprocess.run(["sha256sum", "--check", "--strict", SEAL], cwd=copy, check=True, capture_output=True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_flipped_byte_is_refused(copy: Path, tiny_artifact: Artifact, data):
    file = copy / data.draw(st.sampled_from([MANIFEST, *tiny_artifact.manifest.files]))
    original = file.read_bytes()
    position = data.draw(st.integers(0, len(original) - 1))
    flipped = bytearray(original)
    flipped[position] ^= data.draw(st.integers(1, 255))
    file.write_bytes(flipped)
    try:
        refusal(copy)
    finally:
        file.write_bytes(original)


def test_a_rule_that_was_changed_by_hand_is_noticed(copy: Path):
    text = (copy / MANIFEST).read_text()
    (copy / MANIFEST).write_text(text.replace('"low": 0.5', '"low": 0.3'))
    assert "manifest.json was changed: it has sha256" in refusal(copy)


@pytest.mark.parametrize("sealed", ["", "0" * 64, "\0"])
def test_a_seal_that_says_something_else_is_refused(copy: Path, sealed: str):
    (copy / SEAL).write_text(sealed)
    assert "manifest.sha256 says" in refusal(copy)


def test_without_a_seal_the_digest_to_compare_is_told_and_how_to_make_one(copy: Path, tiny_artifact: Artifact):
    (copy / SEAL).unlink()
    said = refusal(copy)
    assert f"if {tiny_artifact.digest} is the digest that its build printed" in said
    command = "sha256sum manifest.json > manifest.sha256"
    assert command in said
    subprocess.run(command, shell=True, cwd=copy, check=True)
    assert load_artifact(copy).digest == tiny_artifact.digest


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "golden.npz", "golden.mp4", "model.onnx"])
def test_a_missing_file_is_named(copy: Path, name: str):
    (copy / name).unlink()
    assert f"{name} is missing" in refusal(copy)


def test_a_changed_file_is_named_with_both_digests(copy: Path):
    (copy / "model.bin").write_bytes(b"other weights")
    message = refusal(copy)
    assert "model.bin" in message
    assert hashlib.sha256(b"other weights").hexdigest()[:16] in message


def test_a_file_that_was_cut_short_is_named(copy: Path, tiny_artifact: Artifact):
    for name in tiny_artifact.manifest.files:
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole[: len(whole) // 2])
        assert f"{name} has sha256" in refusal(copy)
        (copy / name).write_bytes(whole)


def test_a_manifest_that_was_cut_short_is_refused(copy: Path):
    whole = (copy / MANIFEST).read_bytes()
    (copy / MANIFEST).write_bytes(whole[: len(whole) // 2])
    assert MANIFEST in refusal(copy)


def test_a_file_too_many_is_named(copy: Path):
    (copy / "model.so").write_bytes(b"")
    assert "model.so" in refusal(copy)


def test_a_folder_in_a_files_place_is_refused(copy: Path):
    (copy / "model.bin").unlink()
    (copy / "model.bin").mkdir()
    assert "model.bin" in refusal(copy)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda m: m.update(schema=2), "schema"),
        (lambda m: m.pop("schema"), "schema"),
        (lambda m: m.update(extra=1), "extra"),
        (lambda m: m["spec"].update(rotation=90), "spec.rotation"),
        (lambda m: m["spec"].update(outside="blur"), "spec.outside"),
        (lambda m: m["spec"].update(frames="16"), "spec.frames"),
        (lambda m: m["rule"].update(low=0.9, high=0.1), "low = 0.9"),
        (lambda m: m.update(kind="onnxruntime"), "kind"),
        (lambda m: m.update(batch_sizes=[4, 1]), "batch_sizes"),
        (lambda m: m.update(batch_sizes=[]), "batch_sizes"),
        (lambda m: m.update(proof=None), "not finished"),
        (lambda m: m.update(kind="tensorrt"), "model.plan"),
        (lambda m: m.update(inputs="of all sorts"), "inputs"),
        (lambda m: m["files"].pop("model.bin"), "model.bin"),
        (lambda m: m["files"].pop("golden.npz"), "golden.npz"),
        (lambda m: m["files"].update({"../model.bin": "0" * 64}), "../model.bin"),
        (lambda m: m["files"].update({"/etc/passwd": "0" * 64}), "/etc/passwd"),
        (lambda m: m["files"].update({"model.bin": "abc"}), "files.model.bin"),
        (lambda m: m["files"].update({MANIFEST: "0" * 64}), MANIFEST),
    ],
)
def test_a_manifest_that_breaks_a_rule_is_refused_by_name(copy: Path, change, named: str):
    edit(copy, change)
    assert named in refusal(copy)


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe"])
def test_what_is_no_manifest_is_refused(copy: Path, text: bytes):
    (copy / MANIFEST).write_bytes(text)
    refusal(copy)


def test_a_folder_without_a_manifest_is_refused(tmp_path: Path):
    assert "No such file" in refusal(tmp_path)
    assert "No such file" in refusal(tmp_path / "nowhere")


def test_the_packages_own_artifact_lies_in_the_package():
    assert default_artifact_path().parts[-3:] == ("stream", "model", "artifact")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda m: m.update(schema=2, hitherto_unknown=1), "it is of schema 2, and stall-stream 0.1.0 reads 1"),
        (lambda m: m["device"].update(driver="600"), "stall-stream 0.1.0 knows no device.driver"),
    ],
)
def test_a_manifest_of_another_version_is_read_by_that(copy: Path, change, told: str):
    edit(copy, change)
    said = refusal(copy)
    assert f"{told}; install the version that wrote it" in said
    assert "copy the folder anew" not in said


def test_a_manifest_of_something_else_is_of_no_other_version(copy: Path):
    edit(copy, lambda m: (m.pop("kind"), m.update(origin="a cache of clips")))
    assert "install the version" not in refusal(copy)
