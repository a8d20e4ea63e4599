"""A folder that is watched: each clip is taken once, when it is whole, wherever and however it comes."""

import itertools
import logging
import os
from pathlib import Path

import pytest

from stream.sending.follow import STEADY_S, Folder, follow


class Watched:
    """A folder, and a clock that is turned by hand."""

    def __init__(self, base: Path) -> None:
        self.base, self.now = base, 100.0
        self.taken: set[str] = set()
        self.folder = Folder(base, self.taken, clock=lambda: self.now)

    def put(self, name: str, data: bytes = b"clip") -> Path:
        path = self.base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def look(self, *, after_s: float = 0.0) -> list[str]:
        self.now += after_s
        found = [each.clip_id for each in self.folder.look()]
        self.taken.update(found)
        return found


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_a_file_is_taken_once_when_it_has_been_steady(watched):
    assert watched.look() == [], "an empty folder is none to complain of"
    watched.put("b.mp4")
    watched.put("below/it/a.MP4")
    watched.put("notes.txt")
    watched.put("c.mp4.part")
    assert watched.look() == []
    assert watched.look(after_s=STEADY_S - 0.1) == []
    assert watched.look(after_s=0.1) == ["b.mp4", "below/it/a.MP4"]
    assert watched.look(after_s=10) == []


def test_a_file_that_grows_slowly_is_left_until_it_has_stopped(watched):
    path = watched.put("a.mp4", b"")
    for number in range(1, 10):
        assert watched.look(after_s=STEADY_S - 0.5) == []
        path.write_bytes(b"x" * number)
    assert watched.look() == []
    assert watched.look(after_s=STEADY_S) == ["a.mp4"]


def test_a_file_that_is_rewritten_in_the_same_size_has_changed(watched):
    path = watched.put("a.mp4")
    watched.look()
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    assert watched.look(after_s=STEADY_S) == []
    assert watched.look(after_s=STEADY_S) == ["a.mp4"]


def test_a_file_that_is_renamed_in_is_waited_for_like_any_other(watched):
    path = watched.put("a.mp4.part")
    watched.look(after_s=10)
    path.rename(watched.base / "a.mp4")
    assert watched.look(after_s=10) == []
    assert watched.look(after_s=STEADY_S) == ["a.mp4"]


def test_a_file_that_vanishes_is_forgotten(watched):
    watched.put("a.mp4").unlink()
    assert watched.look() == []
    path = watched.put("a.mp4")
    watched.look()
    path.unlink()
    assert watched.look(after_s=STEADY_S) == []
    watched.put("a.mp4")
    assert watched.look() == [], "another file of that name is waited for anew"
    assert watched.look(after_s=STEADY_S) == ["a.mp4"]


def test_what_is_no_file_is_no_clip(watched):
    (watched.base / "folder.mp4").mkdir()
    os.mkfifo(watched.base / "pipe.mp4")
    (watched.base / "nowhere.mp4").symlink_to("gone")
    watched.look()
    assert watched.look(after_s=STEADY_S) == []


def test_a_name_that_makes_no_reference_is_said_once_and_left_out(watched, caplog):
    Path(f"{watched.base}/\udcff.mp4").write_bytes(b"")
    watched.put("b.mp4")
    watched.look()
    assert watched.look(after_s=STEADY_S) == ["b.mp4"]
    assert watched.look(after_s=STEADY_S) == []
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert ".mp4 is left out: " in caplog.text


def test_a_folder_that_goes_away_is_waited_for(tmp_path, caplog):
    watched = Watched(tmp_path / "mount")
    assert watched.look() == watched.look() == []
    watched.put("a.mp4")
    watched.look()
    assert watched.look(after_s=STEADY_S) == ["a.mp4"]
    assert [each.message.removeprefix(str(watched.base)) for each in caplog.records] == [
        " is not there; it is waited for",
        " is there again",
    ]


def test_it_rests_longer_where_looking_takes_long(tmp_path):
    ticks = itertools.count(step=3.0)
    rests: list[float] = []
    looks = follow(Folder(tmp_path, ()), clock=lambda: next(ticks), sleep=rests.append)
    for _ in range(3):
        assert list(next(looks)) == []
    assert rests == [30.0, 30.0]
