"""A place that can't be written is said before the work that is for it."""

from pathlib import Path

import pytest

from stream.errors import UserError
from training.outfile import check_writable


def test_a_place_that_can_be_written_is_left_as_it_was(tmp_path: Path):
    there = tmp_path / "figures.json"
    there.write_text("old")
    check_writable(there)
    check_writable(tmp_path / "new.json")
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("figures.json", "old")]


@pytest.mark.parametrize("name", ["", "nowhere/figures.json"])
def test_what_is_no_place_for_a_file_is_refused(name: str, tmp_path: Path):
    with pytest.raises(UserError, match="give a"):
        check_writable(tmp_path / name)


def test_a_folder_that_takes_no_file_is_refused_with_the_reason():
    """/proc takes none, not even from root."""
    with pytest.raises(
        UserError, match=r"^/proc/self/figures\.json can't be written \(.+\); make room, or give another"
    ):
        check_writable(Path("/proc/self/figures.json"))
