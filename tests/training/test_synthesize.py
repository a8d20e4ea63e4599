"""`synthesize` as a user types it, on a machine without torch: a folder in the competition's layout."""

import csv
import signal
from pathlib import Path

from stream.results.expectations import read_expectations
from tests.bare import run_without
from tests.system.commands import adopting, running, until

ABSENT = {"torch", "torchvision", "safetensors", "onnx", "onnxscript", "openvino", "kafka"}


def synthesized(folder: Path, *flags: str):
    return run_without(ABSENT, folder, "-m", "training", "synthesize", "--out", "clips", "--processes", "1", *flags)


def test_it_writes_the_competitions_layout_without_torch(tmp_path: Path):
    ended = synthesized(tmp_path, "--clips", "3", "--bad", "1", "--stalled-share", "0.5", "--seed", "7")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    assert "wrote 3 clips (1 of them bad), metadata and labels to clips" in " ".join(ended.stderr.split())

    clips = tmp_path / "clips"
    names = ["100000.mp4", "100001.mp4", "100002.mp4"]
    assert sorted(each.name for each in clips.iterdir()) == [
        *names,
        "bad.csv",
        "train_labels.csv",
        "train_metadata.csv",
    ]
    assert all(b"ftyp" in (clips / name).read_bytes()[:16] for name in names)

    with (clips / "train_metadata.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["filename", "url", "project_id", "num_frames", "crowd_score", "tier1", "micro", "nano"]
    assert [row["filename"] for row in rows] == names
    assert all(int(row["num_frames"]) > 0 and row["url"].endswith(f"/{row['filename']}") for row in rows)

    known = read_expectations(clips / "train_labels.csv", clips / "bad.csv")
    assert sorted([*known.stalled, *known.rejections]) == names
    assert sorted(known.stalled.values()) == [False, True]


def test_a_folder_that_holds_something_is_refused_before_anything_is_drawn(tmp_path: Path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "mine.txt").write_text("kept")
    ended = synthesized(tmp_path, "--clips", "3")
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == "python -m training: --out clips: is not empty; give a new or empty folder"
    assert [each.name for each in (tmp_path / "clips").iterdir()] == ["mine.txt"]


def test_a_synthesis_that_is_killed_leaves_no_process_behind(tmp_path: Path):
    words = ("synthesize", "--out", tmp_path / "clips", "--clips", 400, "--processes", 2)
    with adopting() as left, running("-m", "training", *words) as process:
        until(lambda: len(list((tmp_path / "clips").glob("*.mp4"))) > 0, timeout_s=30)
        assert len(left()) > 2
        process.end(signal.SIGKILL)
        until(lambda: left() == [])
