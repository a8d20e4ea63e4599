"""A place that can't be written is said before the work that is for it."""

from pathlib import Path

import pytest

from stream.errors import UserError
from stream.terminal.cli import main
from training.__main__ import COMMANDS
from training.outfile import check_folder_writable, check_writable


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


def test_a_folder_is_not_made_to_see_whether_it_can_be(tmp_path: Path):
    check_folder_writable(tmp_path)
    check_folder_writable(tmp_path / "new" / "one")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["of-text/folder", "of-text"])
def test_a_folder_below_a_file_is_refused_with_the_reason(name: str, tmp_path: Path):
    (tmp_path / "of-text").write_text("")
    with pytest.raises(UserError, match=rf"{name} can't be written \(Not a directory\); make room, or give another"):
        check_folder_writable(tmp_path / name)


def test_a_link_that_leads_nowhere_is_no_place_for_a_folder(tmp_path: Path):
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for folder in (tmp_path / "link", tmp_path / "link" / "folder"):
        with pytest.raises(UserError, match=r"can't be written \(No such file or directory\)"):
            check_folder_writable(folder)


@pytest.mark.parametrize("command", ["fit", "compare", "ablate"])
@pytest.mark.parametrize(
    ("place", "reason"), [("/proc/nowhere", "No such file or directory"), (300 * "n", "File name too long")]
)
def test_hours_of_work_begin_only_where_what_comes_of_them_can_be_kept(
    command: str, place: str, reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main("python -m training", COMMANDS, [command, "--out", str(tmp_path / place)]) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert f"{place} can't be" in line
    assert f"({reason})" in line
