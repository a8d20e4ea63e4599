"""Labels and expected rejections come from files of the user's; what is none is refused with its line."""

from pathlib import Path

import pytest

from stream.errors import Reason, UserError
from stream.results.expectations import Expectations, read_expectations


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_files_nothing_is_expected():
    assert read_expectations(None, None) == Expectations(stalled={}, rejections={})


def test_other_columns_are_passed_over(tmp_path):
    labels = written(tmp_path / "labels.csv", "project_id,stalled,filename\nF,1,a.mp4\nF,0,b.mp4\n")
    assert read_expectations(labels, None) == Expectations(stalled={"a.mp4": True, "b.mp4": False}, rejections={})


@pytest.mark.parametrize("reason", list(Reason))
def test_each_reason_can_be_expected(tmp_path, reason):
    bad = written(tmp_path / "bad.csv", f"filename,expected_reason\na.mp4,{reason}\n")
    assert read_expectations(None, bad).rejections == {"a.mp4": reason}


@pytest.mark.parametrize("text", ["", "true", "1.0", " 1", "2"])
def test_a_label_is_0_or_1_and_nothing_like_it(tmp_path, text):
    labels = written(tmp_path / "labels.csv", f"filename,stalled\na.mp4,1\nb.mp4,{text}\n")
    with pytest.raises(UserError, match=rf"labels\.csv:3: stalled = '{text}' must be 0 or 1"):
        read_expectations(labels, None)


def test_a_reason_that_does_not_exist_is_answered_with_those_that_do(tmp_path):
    bad = written(tmp_path / "bad.csv", "filename,expected_reason\na.mp4,too_long\n")
    with pytest.raises(UserError, match=r"bad\.csv:2: 'too_long' is no reason") as refused:
        read_expectations(None, bad)
    assert all(reason in str(refused.value) for reason in Reason)


def test_one_file_in_the_place_of_the_other_is_noticed(tmp_path):
    labels = written(tmp_path / "labels.csv", "filename,stalled\na.mp4,1\n")
    with pytest.raises(UserError, match=r"labels\.csv: no column 'expected_reason' \(it has filename, stalled\)"):
        read_expectations(None, labels)
