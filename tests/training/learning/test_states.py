"""A run's folder is gone on with by the same run only, and what is saved is there whole or not at all."""

import errno
from pathlib import Path

import pytest

from stream.clip.spec import ClipSpec
from stream.errors import UserError
from training.learning.loop import begin
from training.learning.states import MemberFolder, RunCard, check_finished, close_run, open_run
from training.networks import PRESETS, build
from training.outfile import write_whole
from training.recipe import RECIPES
from training.runs import is_open

CARD = RunCard(
    network=PRESETS["slim"],
    spec=ClipSpec(),
    recipe=RECIPES["plain"],
    seed=3,
    budget="9 steps",
    members="1 network",
    clips="abc",
    dataset="none",
    precision="32-true",
    processes=1,
)


def begun(folder: Path) -> None:
    """A run that has saved a state."""
    open_run(folder, CARD, resume=False)
    MemberFolder(folder / "member-0", every_s=0).save(begin(build(PRESETS["slim"]), RECIPES["plain"]))


def test_an_unfinished_run_is_gone_on_with_only_if_that_is_asked_for(tmp_path: Path):
    begun(tmp_path)
    with pytest.raises(UserError, match="holds an unfinished run; go on with it by --resume"):
        open_run(tmp_path, CARD, resume=False)
    open_run(tmp_path, CARD, resume=True)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"seed": 4}, "another seed: 3, now 4"),
        ({"recipe": RECIPES["plain"].variant(batch=4)}, "with another recipe.batch: 32, now 4; give"),
        ({"spec": ClipSpec(size=96)}, "another spec.size: 64, now 96"),
        ({"network": PRESETS["slim"].variant(frames=8), "seed": 4}, "network.frames: 16, now 8; seed: 3, now 4"),
        ({"dataset": "others"}, "another dataset: none, now others"),
        ({"processes": 2}, "another processes: 1, now 2"),
    ],
)
def test_another_run_is_refused_by_what_differs(tmp_path: Path, change: dict[str, object], named: str):
    begun(tmp_path)
    with pytest.raises(UserError, match=named):
        open_run(tmp_path, CARD.model_copy(update=change), resume=True)


def test_a_run_that_has_saved_nothing_yet_stands_in_no_others_way(tmp_path: Path):
    open_run(tmp_path, CARD, resume=False)
    other = CARD.model_copy(update={"seed": 4})
    open_run(tmp_path, other, resume=False)
    assert RunCard.model_validate_json((tmp_path / "run.json").read_bytes()) == other


def test_a_closed_run_leaves_its_card_and_what_tensorboard_shows(tmp_path: Path):
    begun(tmp_path)
    (tmp_path / "member-0" / "events.out.tfevents.1").touch()
    close_run(tmp_path)
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"finished.json", "events.out.tfevents.1"}
    check_finished(tmp_path, CARD)
    with pytest.raises(UserError, match="another budget: 9 steps, now 20 steps; without --resume it is begun again"):
        check_finished(tmp_path, CARD.model_copy(update={"budget": "20 steps"}))
    (tmp_path / "finished.json").unlink()
    check_finished(tmp_path, CARD.model_copy(update={"seed": 4}))  # of before there were such cards


def test_states_are_saved_no_more_often_than_asked(tmp_path: Path):
    now = 0.0
    state = begin(build(PRESETS["slim"]), RECIPES["plain"])
    member = MemberFolder(tmp_path, every_s=60, clock=lambda: now)
    member.save_if_due(state)
    assert not (tmp_path / "state.pt").exists()
    now = 61.0
    member.save_if_due(state)
    assert (tmp_path / "state.pt").exists()


def test_a_spoilt_state_is_named(tmp_path: Path):
    state = begin(build(PRESETS["slim"]), RECIPES["plain"])
    member = MemberFolder(tmp_path, every_s=0)
    member.load(state)
    assert state.step == 0
    member.save_if_due(state)
    (tmp_path / "state.pt").write_bytes((tmp_path / "state.pt").read_bytes()[:1000])
    with pytest.raises(UserError, match=r"state.pt can't be read .*; delete the run's folder"):
        member.load(state)


def test_a_full_disk_is_one_line_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write_whole(tmp_path / "file", b"before")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match=r"file can't be written \(No space left on device\); make room"):
        write_whole(tmp_path / "file", b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]
    with pytest.raises(UserError, match=r"state.pt can't be written .*; make room, and go on by --resume"):
        MemberFolder(tmp_path, every_s=0).save(begin(build(PRESETS["slim"]), RECIPES["plain"]))


def test_a_new_run_takes_nothing_from_one_that_ended_while_it_was_being_closed(tmp_path: Path):
    state = begin(build(PRESETS["slim"]), RECIPES["plain"])
    member = MemberFolder(tmp_path / "member-0", every_s=0)
    open_run(tmp_path, CARD, resume=False)
    member.finish(state.network.state_dict(), {"loss": 0.1})
    (tmp_path / "run.json").unlink()
    open_run(tmp_path, CARD, resume=False)
    assert member.finished() is None


def test_a_run_that_was_killed_while_it_was_being_closed_is_not_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def killed(_folder: Path) -> None:
        raise KeyboardInterrupt

    open_run(tmp_path, CARD, resume=False)
    monkeypatch.setattr("training.learning.states._drop_states", killed)
    with pytest.raises(KeyboardInterrupt):
        close_run(tmp_path)
    assert not is_open(tmp_path)


def test_a_state_of_another_network_is_named(tmp_path: Path):
    member = MemberFolder(tmp_path, every_s=0)
    member.save(begin(build(PRESETS["slim"]), RECIPES["plain"]))
    with pytest.raises(UserError, match="is of another network"):
        member.load(begin(build(PRESETS["slim"].variant(outputs=2)), RECIPES["plain"]))
