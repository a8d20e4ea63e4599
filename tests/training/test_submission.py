"""The competition's file, from logits."""

import csv

import pytest

from stream.errors import UserError
from stream.verdict import DecisionRule
from training.submission import Prediction, check_read, predict, read_order, write_probabilities, write_submission

RULE = DecisionRule(low=0.2, decide=0.4, high=0.9)


def test_the_file_holds_whole_numbers_in_the_order_asked_for(tmp_path):
    path = tmp_path / "submission.csv"
    write_submission(path, predict(["c.mp4", "a.mp4"], {"a.mp4": 0.0, "b.mp4": 9.0, "c.mp4": -3.0}, RULE))
    assert path.read_text() == "filename,stalled\nc.mp4,0\na.mp4,1\n"


def test_the_second_file_holds_what_it_rests_on(tmp_path):
    path = tmp_path / "probabilities.csv"
    write_probabilities(path, predict(['"a,b".mp4', "gone.mp4"], {'"a,b".mp4': 0.0}, RULE))
    rows = list(csv.DictReader(path.open()))
    assert rows[0] == {
        "filename": '"a,b".mp4',
        "logit": "0.0",
        "probability": "0.5",
        "verdict": "uncertain",
        "stalled": "1",
    }
    assert rows[1] == {"filename": "gone.mp4", "logit": "", "probability": "", "verdict": "", "stalled": "0"}


def test_two_classes_are_told_apart_by_decide_and_three_by_the_others():
    assert Prediction.of("a", 5.0, RULE).verdict == "stalled"
    assert Prediction.of("a", -5.0, RULE) == Prediction("a", False, -5.0, RULE.probability(-5.0), "flowing")


def test_a_clip_that_could_not_be_read_is_named():
    unread = {"b.mp4": "damaged: 3 frames are missing"}
    with pytest.raises(UserError, match=r"^b\.mp4 could not be read \(damaged: 3 frames.* 1 such clips of 2.*--unread"):
        check_read(["a.mp4", "b.mp4"], unread)
    check_read(["a.mp4"], unread)  # nobody asks for it


def test_a_submission_format_gives_the_order_and_names_no_clip_twice(tmp_path):
    path = tmp_path / "submission_format.csv"
    path.write_text("filename,stalled\nb.mp4,0\na.mp4,0\n")
    assert read_order(path) == ["b.mp4", "a.mp4"]
    path.write_text("filename,stalled\nb.mp4,0\nb.mp4,0\n")
    with pytest.raises(UserError, match=r"submission_format.csv:3: b\.mp4 .* twice"):
        read_order(path)
    path.write_text("filename\nb.mp4\n")
    with pytest.raises(UserError, match="no column 'stalled'"):
        read_order(path)
