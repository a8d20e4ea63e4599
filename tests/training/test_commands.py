"""`fit` and `evaluate` as a user types them."""

import json
import shutil

import pytest

from stream.cli import main
from training.__main__ import COMMANDS
from training.checkpoint import load_checkpoint
from training.measures.coverage import Limits
from training.synthetic.folder import synthesize


def run(*argv):
    return main("python -m training", COMMANDS, [str(word) for word in argv])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fit")
    few = (
        "--clips",
        12,
        "--validation-clips",
        12,
        "--batch",
        4,
        "--processes",
        1,
        "--threads",
        1,
        "--cache",
        folder / "cache",
    )
    assert run("fit", "--out", folder / "checkpoint", "--steps", 2, *few, "--seed", 4) == 0
    return folder / "checkpoint"


def test_fit_writes_a_checkpoint_that_says_how_it_came_to_be(checkpoint):
    network, card = load_checkpoint(checkpoint)
    assert card.training.steps == 2
    assert card.training.seed == 4
    assert "12 generated clips" in card.dataset
    assert card.rule.prevalence == 0.3
    assert network.config == card.network


def test_evaluate_prints_a_line_of_json_for_each_set(checkpoint, capsys):
    small = (
        "--clips",
        6,
        "--processes",
        1,
        "--threads",
        1,
        "--stalled-share",
        0.5,
        "--cache",
        checkpoint.parent / "cache",
    )
    assert run("evaluate", "--checkpoint", checkpoint, *small, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["set"], line["clips"], line["prevalence"]) for line in lines] == [("demo", 6, 0.5), ("field", 6, 0.5)]
    assert run("evaluate", "--checkpoint", checkpoint, *small, "--preset", "field") == 0
    table = capsys.readouterr().out
    assert "field" in table
    assert "demo" not in table


def test_a_folder_in_the_competitions_layout_serves_as_well(tmp_path, capsys):
    synthesize(tmp_path / "clips", clips=9, bad=1, seed=2, stalled_share=0.5, processes=1)
    data = ("--data", tmp_path / "clips", "--processes", 1, "--threads", 1)
    share = ("--validation-share", 0.5)
    assert run("fit", *data, *share, "--out", tmp_path / "checkpoint", "--steps", 1, "--batch", 2) == 0
    assert run("evaluate", *data, "--checkpoint", tmp_path / "checkpoint", "--json") == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["clips"] == 8
    assert "1 clips of" in printed.err
    assert "of the folder clips" in load_checkpoint(tmp_path / "checkpoint")[1].dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four clips, the last of which can't be read."""
    clips = tmp_path_factory.mktemp("folder") / "clips"
    synthesize(clips, clips=4, seed=2, stalled_share=0.5, processes=1)
    (clips / "100003.mp4").write_bytes(b"no video")
    return clips


def test_evaluate_writes_a_page_and_a_card(checkpoint, tmp_path):
    few = ("--clips", 12, "--processes", 1, "--threads", 1, "--stalled-share", 0.5, "--preset", "demo")
    cache, out = (
        ("--cache", checkpoint.parent / "cache"),
        ("--out", tmp_path / "page.html", "--card", tmp_path / "c.md"),
    )
    assert run("evaluate", "--checkpoint", checkpoint, *few, *cache, *out, "--error", 0.02) == 0
    page, card = (tmp_path / "page.html").read_text(), (tmp_path / "c.md").read_text()
    assert "12 generated clips" in page
    assert "at most 2 % flow" in page
    assert "never seen a real clip" in card
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.md", "page.html"]


def test_a_page_that_can_not_be_written_is_said_before_the_work(checkpoint, tmp_path, capsys):
    assert run("evaluate", "--checkpoint", checkpoint, "--out", tmp_path / "nowhere" / "page.html") == 2
    assert run("evaluate", "--checkpoint", checkpoint, "--card", tmp_path) == 2
    said = capsys.readouterr().err
    assert "there is no folder" in said
    assert "is a folder; give a file" in said
    assert "generate" not in said


def test_calibrate_replaces_the_rule_and_nothing_else(checkpoint, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "c")
    before = load_checkpoint(tmp_path / "c")[1]
    few = ("--clips", 12, "--processes", 1, "--threads", 1, "--cache", checkpoint.parent / "cache")
    assert run("calibrate", "--checkpoint", tmp_path / "c", "--prevalence", 0.01, "--missed", 0.3, *few) == 0
    after = load_checkpoint(tmp_path / "c")[1]
    assert after.rule.prevalence == 0.01
    assert after.rule.prior == before.rule.prior
    assert after.training.limits == Limits(error=0.01, missed=0.3)
    assert after.training.validation is not None
    assert after.training.validation.clips == 12
    same = {"weights_sha256", "spec", "network", "dataset"}
    assert after.model_dump(include=same) == before.model_dump(include=same)


def test_predict_writes_the_competitions_file_in_its_order(checkpoint, folder, tmp_path, capsys):
    order = tmp_path / "submission_format.csv"
    order.write_text("filename,stalled\n100002.mp4,0\n100000.mp4,0\n")
    data = ("--checkpoint", checkpoint, "--data", folder, "--processes", 1, "--threads", 1)
    files = ("--out", tmp_path / "s.csv", "--probabilities", tmp_path / "p.csv", "--submission-format", order)
    assert run("predict", *data, *files) == 0
    rows = [line.split(",") for line in (tmp_path / "s.csv").read_text().splitlines()]
    assert [name for name, _ in rows] == ["filename", "100002.mp4", "100000.mp4"]
    assert all(stalled in ("0", "1") for _, stalled in rows[1:])
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 3
    order.write_text("filename,stalled\n100002.mp4,0\n999999.mp4,0\n")
    assert run("predict", *data, *files) == 2
    assert "999999.mp4 is asked for by --submission-format" in capsys.readouterr().err


def test_predict_drops_no_clip_that_it_could_not_read(checkpoint, folder, tmp_path, capsys):
    data = ("--checkpoint", checkpoint, "--data", folder, "--processes", 1, "--threads", 1)
    assert run("predict", *data, "--out", tmp_path / "s.csv") == 2
    said = capsys.readouterr().err
    assert "could not be read: 100003.mp4" in said
    assert "--unread-flowing" in said
    assert not (tmp_path / "s.csv").exists()
    assert run("predict", *data, "--out", tmp_path / "s.csv", "--unread-flowing") == 0
    assert "100003.mp4,0" in (tmp_path / "s.csv").read_text()
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 5


def test_a_users_mistake_is_one_line_and_exit_code_2(checkpoint, tmp_path, capsys):
    assert run("evaluate", "--checkpoint", tmp_path) == 2
    assert run("fit", "--out", checkpoint, "--network", "r50-8x8", "--steps", 1) == 2
    assert run("fit", "--out", tmp_path, "--preset", "martian", "--steps", 1) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m training: ")]
    assert len(lines) == 3
    assert "checkpoint.json can't be read" in lines[0]
    assert "another network or clip spec" in lines[1]
    assert "--preset martian: no such preset" in lines[2]
