"""`fit` and `evaluate` as a user types them."""

import json

import pytest

from stream.cli import main
from training.__main__ import COMMANDS
from training.checkpoint import load_checkpoint
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


def test_recorded_clips_serve_as_well_once_they_are_prepared(tmp_path, capsys):
    clips, cache = tmp_path / "clips", tmp_path / "cache"
    synthesize(clips, clips=9, bad=1, seed=2, stalled_share=0.5, processes=1)
    assert run("prepare", "--source", clips, "--out", cache, "--processes", 1) == 0
    assert "1 clips of the metadata have no label" in " ".join(capsys.readouterr().out.split())
    data = ("--data", cache, "--processes", 1, "--threads", 1)
    share = ("--validation-share", 0.5)
    assert run("fit", *data, *share, "--out", tmp_path / "checkpoint", "--steps", 1, "--batch", 2) == 0
    assert run("evaluate", *data, "--checkpoint", tmp_path / "checkpoint", "--json") == 0
    assert json.loads(capsys.readouterr().out)["clips"] == 8
    assert "of cache" in load_checkpoint(tmp_path / "checkpoint")[1].dataset
    assert run("evaluate", "--data", clips, "--checkpoint", tmp_path / "checkpoint") == 2
    assert f"python -m training prepare --source {clips} --out {clips}.cache" in capsys.readouterr().err


def test_a_users_mistake_is_one_line_and_exit_code_2(checkpoint, tmp_path, capsys):
    assert run("evaluate", "--checkpoint", tmp_path) == 2
    assert run("fit", "--out", checkpoint, "--network", "r50-8x8", "--steps", 1) == 2
    assert run("fit", "--out", tmp_path, "--preset", "martian", "--steps", 1) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m training: ")]
    assert len(lines) == 3
    assert "checkpoint.json can't be read" in lines[0]
    assert "another network or clip spec" in lines[1]
    assert "--preset martian: no such preset" in lines[2]
