"""A command needs only the libraries that it uses: the others may be missing, or slow to load."""

import json
from pathlib import Path

import pytest

from tests.bare import run_without

TRAINING = {"torch", "torchvision", "safetensors", "nncf", "onnx", "onnxruntime", "onnxscript"}
KAFKA, ENGINE, VIDEO = {"kafka", "crc32c"}, {"openvino", "tensorrt", "tensorrt_rtx", "cuda"}, {"av", "cv2"}


def test_what_is_meant_to_be_missing_is_missing(tmp_path: Path):
    assert "No module named 'kafka'" in run_without(KAFKA, tmp_path, "-c", "import kafka.errors").stderr


def test_schema_needs_none_of_them(tmp_path: Path):
    ended = run_without({*TRAINING, *KAFKA, *ENGINE, *VIDEO}, tmp_path, "-m", "stream", "schema")
    assert ended.stderr == ""
    assert set(json.loads(ended.stdout)) == {"reference", "verdict", "rejection"}


@pytest.mark.parametrize("command", ["topics", "produce", "audit", "report", "export"])
def test_what_only_talks_to_kafka_needs_no_engine_and_no_video(tmp_path: Path, command: str):
    (tmp_path / "m.csv").write_text("filename,url\na.mp4,file:///a.mp4\n")
    never = ("--bootstrap", "127.0.0.1:1", "--connect-timeout-s", "0.1")
    source = ("--metadata", "m.csv") if command == "produce" else ()
    ended = run_without({*TRAINING, *ENGINE, *VIDEO}, tmp_path, "-m", "stream", command, *never, *source)
    assert "Kafka at 127.0.0.1:1 did not answer" in ended.stderr
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("words", "missing"),
    [(("training", "fit", "--out", "x"), "torch"), (("trt_build", "--checkpoint", "x", "--out", "y"), "onnx")],
)
def test_what_is_missing_for_a_command_is_named_with_the_way_to_get_it(
    tmp_path: Path, words: tuple[str, ...], missing: str
):
    assert run_without(TRAINING, tmp_path, "-m", words[0], "--help").returncode == 0
    (tmp_path / "again").mkdir()
    ended = run_without(TRAINING, tmp_path / "again", "-m", *words)
    assert ended.returncode == 2
    assert "is needed, and not installed: make install, or pip install '.[" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_score_needs_nothing_of_training_or_kafka_or_nvidia(tmp_path: Path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    absent = {*TRAINING, *KAFKA, *ENGINE} - {"openvino"}
    ended = run_without(absent, tmp_path, "-m", "stream", "score", "--json", "--readers", "1", "empty.mp4")
    assert ended.returncode == 0, ended.stderr
    (outcome,) = map(json.loads, ended.stdout.splitlines())
    assert (outcome["clip_id"], outcome["reason"]) == ("empty.mp4", "undecodable")
