"""A picture of clips side by side, with their labels where the folder has them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from stream.errors import UserError
from tests.clip.scenes import encode, outlined
from training.synthetic.contact_sheet import read_verdicts, write_contact_sheet


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of two clips, one of them broken."""
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "a.mp4").write_bytes(encode(outlined(7, frames=9).frames))
    (folder / "b.mp4").write_bytes(b"no video")
    return folder


def sheet_of(clips: Path) -> NDArray[np.uint8]:
    out = clips.parent / "sheet.png"
    assert write_contact_sheet([clips], out, rows=9, columns=3, width=64) == 2
    return np.asarray(cv2.imread(str(out)), np.uint8)


def test_each_clip_is_a_row_of_frames_labelled_or_not(clips: Path):
    bare = sheet_of(clips)
    assert bare.shape == (2 * (16 + 48), 3 * 64, 3)
    (clips / "train_labels.csv").write_text("filename,stalled\na.mp4,1\n")
    labelled = sheet_of(clips)
    assert (bare[:16] != labelled[:16]).any()
    assert (bare[16:] == labelled[16:]).all()


def test_verdicts_are_shown_beside_labels(clips: Path, tmp_path: Path):
    outcomes = tmp_path / "outcomes.jsonl"
    verdict = {
        "schema": 1,
        "kind": "verdict",
        "clip_id": "a.mp4",
        "verdict": "stalled",
        "probability": 0.9754,
        "thresholds": {"low": 0.1, "high": 0.9, "decide": 0.5, "prevalence": 0.3},
        "roi": [0, 0, 9, 9],
        "frames": 9,
        "artifact": "1",
        "spec": "2",
        "timings": {"fetch_s": 0, "read_s": 0, "score_s": 0},
        "source": {"file": "a.mp4"},
    }
    outcomes.write_text(f"{json.dumps(verdict)}\n")
    assert read_verdicts(outcomes) == {"a.mp4": "judged stalled, P(stalled) = 0.975"}
    shown = clips.parent / "shown.png"
    write_contact_sheet([clips], shown, outcomes=outcomes, rows=9, columns=3, width=64)
    assert (np.asarray(cv2.imread(str(shown)))[:16] != sheet_of(clips)[:16]).any()


@pytest.mark.parametrize("text", ["{}", "no json"])
def test_what_is_no_outcome_is_refused_in_one_line(tmp_path: Path, text: str):
    (tmp_path / "outcomes.jsonl").write_text(text)
    with pytest.raises(UserError, match=r"outcomes\.jsonl: .*; give what `score --json` printed"):
        read_verdicts(tmp_path / "outcomes.jsonl")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"\xff", "train_labels.csv is not the text"),
        (b"filename,label\n", "train_labels.csv: no column 'stalled'"),
        (b"filename,stalled\na.mp4,yes\n", "train_labels.csv:2: stalled = 'yes' must be 0 or 1"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_in_one_line(clips: Path, table: bytes, said: str):
    (clips / "train_labels.csv").write_bytes(table)
    with pytest.raises(UserError, match=said):
        sheet_of(clips)
