"""`fit` and `evaluate` as a user types them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from stream.terminal.cli import main
from training.__main__ import COMMANDS
from training.checkpoint import load_checkpoint
from training.measures.coverage import Limits
from training.networks import build
from training.networks.average import Average
from training.synthetic.folder import synthesize

ALONE = ("--processes", 1, "--threads", 1)
FEW = (*ALONE, "--clips", 12, "--validation-clips", 12, "--recipe", "debug", "--change", "batch=4")


def run(*argv):
    return main("python -m training", COMMANDS, [str(word) for word in argv])


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("cache")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory, cache):
    out = tmp_path_factory.mktemp("fit") / "checkpoint"
    assert run("fit", "--out", out, "--steps", 2, *FEW, "--seed", 4, "--cache", cache) == 0
    return out


def test_debug_shows_in_seconds_that_all_parts_work(tmp_path, cache, capsys):
    out = tmp_path / "checkpoint"
    began = time.process_time()
    assert run("fit", "--out", out, "--recipe", "debug", *ALONE, "--cache", cache) == 0
    assert time.process_time() - began < 60
    assert load_checkpoint(out)[1].training.steps == 24
    assert run("fit", "--out", out, "--recipe", "debug", *ALONE, "--cache", cache, "--resume") == 0
    assert "is finished" in capsys.readouterr().err
    other = ("--recipe", "debug", *ALONE, "--cache", cache, "--resume", "--steps", 30)
    assert run("fit", "--out", out, *other) == 2
    assert "was begun with another budget: 24 steps, now 30 steps; without --resume" in capsys.readouterr().err


def weights(folder: Path) -> list[torch.Tensor]:
    return list(load_checkpoint(folder)[0].state_dict().values())


def same(first: Path, second: Path) -> bool:
    return all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def test_fit_writes_a_checkpoint_that_says_how_it_came_to_be(checkpoint):
    network, card = load_checkpoint(checkpoint)
    assert (card.training.steps, card.training.seed, card.training.members) == (2, 4, 1)
    assert card.training.recipe is not None
    assert card.training.recipe.batch == 4
    assert "12 generated clips" in card.dataset
    assert card.rule.prevalence == 0.3
    assert network.config == card.network
    assert [path.name for path in (checkpoint / "run" / "member-0").iterdir()] == [
        next(path.name for path in (checkpoint / "run" / "member-0").glob("events.out.tfevents.*"))
    ]


def test_passes_are_over_the_clips_that_each_network_trains_on(tmp_path, cache):
    out = tmp_path / "checkpoint"
    few = (*ALONE, "--clips", 40, "--recipe", "debug", "--change", "batch=4", "--cache", cache)
    assert run("fit", "--out", out, "--passes", 0.3, *few, "--folds", 2) == 0
    assert load_checkpoint(out)[1].training.steps == 2 * 2  # 0.3 of 20 clips, in batches of 4, by either fold's network


def test_several_seeds_and_views_become_one_network(tmp_path, cache, checkpoint):
    out = tmp_path / "checkpoint"
    more = ("--members", 2, "--views", 2)
    assert run("fit", "--out", out, "--steps", 2, *FEW, *more, "--seed", 4, "--cache", cache) == 0
    network, card = load_checkpoint(out)
    assert card.training.members == 2
    clips = torch.randint(0, 256, (3, 2, 16, 64, 64), dtype=torch.uint8)
    first = load_checkpoint(checkpoint)[0]
    assert isinstance(network, Average)
    alone = [member(view) for member in (first, *network.members[1:]) for view in (clips, clips.flip(4))]
    torch.testing.assert_close(network(clips), torch.stack(alone).mean(0))


def test_another_training_begins_from_the_checkpoint(tmp_path, cache, checkpoint, capsys):
    assert run("fit", "--out", tmp_path, "--steps", 1, *FEW, "--cache", cache, "--init", checkpoint) == 0
    assert "begun from checkpoint (weights " in " ".join(capsys.readouterr().err.split())
    begun_from = load_checkpoint(tmp_path)[1].training.begun_from
    assert begun_from is not None
    assert load_checkpoint(checkpoint)[1].weights_sha256[:16] in begun_from


def test_a_mistake_leaves_no_run_that_stands_in_the_way(tmp_path, cache, capsys):
    out, nothing = tmp_path / "checkpoint", tmp_path / "nothing.pyth"
    few = ("fit", "--out", out, "--steps", 1, *ALONE, "--clips", 12, "--recipe", "debug", "--change", "batch=4")
    unused = tmp_path / "unused"
    assert run(*few, "--cache", unused, "--init", nothing) == 2
    assert not unused.exists(), "clips were generated for weights that can't be read"
    assert run(*few, "--cache", cache, "--folds", 19) == 2
    assert "can't fill 19 folds: give fewer folds" in capsys.readouterr().err
    assert not (out / "run").exists()
    assert run(*few, "--cache", cache, "--validation-clips", 12) == 0


def test_folds_judge_each_clip_by_a_network_that_has_not_seen_it(tmp_path, cache):
    out = tmp_path / "checkpoint"
    few = (*ALONE, "--clips", 40, "--recipe", "debug", "--change", "batch=4", "--cache", cache)
    assert run("fit", "--out", out, "--steps", 1, *few, "--folds", 2) == 0
    card = load_checkpoint(out)[1]
    assert card.training.members == 2
    assert card.training.validation is not None
    assert card.training.validation.clips == 40


def fit(out: Path, cache: Path, *more: object, before: tuple[str, ...] = ()) -> list[str]:
    words = ("fit", "--out", out, "--steps", 6, *FEW, "--cache", cache, "--save-every-s", 0, *more)
    return [sys.executable, *before, "-m", "training", *map(str, words)]


def test_killed_it_goes_on_to_the_same_bits(tmp_path, cache, capsys):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(fit(whole, cache), check=True, capture_output=True)
    process = subprocess.Popen(fit(killed, cache), stderr=subprocess.DEVNULL)
    state = killed / "run" / "member-0" / "state.pt"
    while not state.exists():
        assert process.poll() is None
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (killed / "checkpoint.json").exists()
    assert run(*fit(killed, cache)[3:]) == 2
    assert "holds an unfinished run; go on with it by --resume" in capsys.readouterr().err
    assert run(*fit(killed, cache, "--resume", "--seed", 1)[3:]) == 2
    assert "was begun with another seed: 0, now 1" in capsys.readouterr().err
    assert run(*fit(killed, cache, "--resume", "--views", 2)[3:]) == 2
    assert "another members: 1 network, now 1 network, 2 views" in capsys.readouterr().err
    subprocess.run(fit(killed, cache, "--resume"), check=True, capture_output=True)
    assert same(whole, killed)


def test_interrupted_it_keeps_where_it_was(tmp_path, cache):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    subprocess.run(fit(whole, cache), check=True, capture_output=True)
    process = subprocess.Popen(fit(stopped, cache, "--save-every-s", 1000), stderr=subprocess.PIPE, text=True)
    while not list(stopped.glob("run/member-0/events*")):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "of member-0; the same command with --resume goes on" in said
    assert "Traceback" not in said
    subprocess.run(fit(stopped, cache, "--save-every-s", 1000, "--resume"), check=True, capture_output=True)
    assert same(whole, stopped)


NOTHING_DRAWN = [
    f"--change=augmentation.{part}"
    for part in ("turns=0", "reversal=0", "warped=0", "gain=0", "gamma=0", "noise=0", "frames_lost=0", "shrink_px=0")
]


def test_two_processes_step_as_one_that_takes_each_batch_in_two_parts(tmp_path, cache):
    """As torchrun starts them, with gloo between them; each writes nothing but the first."""
    shared, alone = tmp_path / "shared", tmp_path / "alone"
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    plain = ("--steps", 2, *NOTHING_DRAWN, "--network", "mosaic", "--precision", "fp32")  # it has no dropout
    done = subprocess.run(fit(shared, cache, *plain, before=torchrun), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    subprocess.run(fit(alone, cache, *plain, "--change=accumulate=2"), check=True, capture_output=True)
    torch.manual_seed(0)
    untrained = build(load_checkpoint(alone)[1].network)
    together, apart = (load_checkpoint(out)[0] for out in (shared, alone))
    for first, second, before in zip(*(each.parameters() for each in (together, apart, untrained)), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-3, atol=1e-4)
        assert not torch.equal(first, before)


def test_evaluate_prints_a_line_of_json_for_each_set(checkpoint, cache, capsys):
    small = ("--clips", 6, *ALONE, "--stalled-share", 0.5, "--cache", cache)
    assert run("evaluate", "--checkpoint", checkpoint, *small, "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["set"], line["clips"], line["prevalence"]) for line in lines] == [("demo", 6, 0.5), ("field", 6, 0.5)]
    for line in lines:
        assert [point["prevalence"] for point in line["at"]] == [0.003, 0.01, 0.05, 0.3]
        assert line["decided"]["prevalence"] == 0.3
        assert 0 <= line["decided"]["share"]["value"] <= 1
    assert run("evaluate", "--checkpoint", checkpoint, *small, "--preset", "field") == 0
    table = capsys.readouterr().out
    assert "field" in table
    assert "demo" not in table


def test_recorded_clips_serve_as_well_once_they_are_prepared(tmp_path, capsys):
    clips, cache = tmp_path / "clips", tmp_path / "cache"
    synthesize(clips, clips=9, bad=1, seed=2, stalled_share=0.5, processes=1)
    assert run("prepare", "--source", clips, "--out", cache, "--processes", 1) == 0
    assert "1 clips of the metadata have no label" in " ".join(capsys.readouterr().out.split())
    data = ("--data", cache, *ALONE)
    fitted: tuple[object, ...] = (
        "--validation-share",
        0.5,
        "--out",
        tmp_path / "checkpoint",
        "--steps",
        1,
        "--change",
        "batch=2",
    )
    assert run("fit", *data, *fitted) == 2
    assert "--prevalence is missing" in capsys.readouterr().err
    fitted += ("--prevalence", 0.01)
    assert run("fit", *data, *fitted, "--spec.size", 96) == 2
    assert "size" in capsys.readouterr().err
    assert run("fit", *data, *fitted, "--projects", "K", "--projects", "C") == 2
    apart = r"the \d validation clips are all of one class; kept apart is project [KC]: give more projects, another"
    assert re.search(apart, capsys.readouterr().err)
    assert run("fit", *data, *fitted) == 0
    said = " ".join(capsys.readouterr().err.split())
    before, told, after = said.partition(
        "none will be called stalled: at 1 % stalled --error 0.01 takes at least 9,800 "
    )
    assert told
    assert "steps in" not in before, "it was known before anything was trained"
    assert "none will be called flowing: " in after
    card = load_checkpoint(tmp_path / "checkpoint")[1]
    assert "of cache" in card.dataset
    assert "clips kept apart" in str(card.chosen_on)
    assert card.training.generated
    assert card.training.projects
    again = ("--out", tmp_path / "again", "--steps", 1, "--prevalence", 0.01, "--init", tmp_path / "checkpoint")
    assert run("fit", *data, *again, "--folds", 2) == 2
    assert f"trained on clips of project {', '.join(card.training.projects)}, and" in capsys.readouterr().err
    assert run("evaluate", *data, "--checkpoint", tmp_path / "checkpoint", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["clips"] == 8
    assert f"of projects that it was trained on ({', '.join(card.training.projects)})" in " ".join(said.err.split())
    without = [word for name in card.training.projects for word in ("--without", name)]
    assert run("evaluate", *data, *without, "--checkpoint", tmp_path / "checkpoint", "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["clips"] < 8
    assert f"of cache (without {' and '.join(card.training.projects)})" in " ".join(said.err.split())
    rule = ("calibrate", *data, "--checkpoint", tmp_path / "checkpoint", "--prevalence", 0.3)
    assert run(*rule) == 2
    assert f"--data cache: the network was trained on clips of project {', '.join(card.training.projects)}, and" in (
        capsys.readouterr().err
    )
    assert load_checkpoint(tmp_path / "checkpoint")[1] == card
    assert run(*rule, *without) == 0
    chosen_on = load_checkpoint(tmp_path / "checkpoint")[1].chosen_on
    assert str(chosen_on).endswith(f"of cache (without {' and '.join(card.training.projects)})")
    assert run("evaluate", "--data", clips, "--checkpoint", tmp_path / "checkpoint") == 2
    assert f"python -m training prepare --source {clips} --out {clips}.cache" in capsys.readouterr().err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four clips, the last of which can't be read."""
    clips = tmp_path_factory.mktemp("folder") / "clips"
    synthesize(clips, clips=4, seed=2, stalled_share=0.5, processes=1)
    (clips / "100003.mp4").write_bytes(b"no video")
    return clips


def test_evaluate_writes_a_page_and_a_card(checkpoint, cache, tmp_path):
    few = ("--clips", 12, "--processes", 1, "--threads", 1, "--stalled-share", 0.5, "--preset", "demo")
    out = ("--cache", cache, "--out", tmp_path / "page.html", "--card", tmp_path / "c.md")
    assert run("evaluate", "--checkpoint", checkpoint, *few, *out, "--error", 0.02) == 0
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


def test_calibrate_replaces_the_rule_and_nothing_else(checkpoint, cache, tmp_path):
    shutil.copytree(checkpoint, tmp_path / "c")
    before = load_checkpoint(tmp_path / "c")[1]
    few = ("--clips", 12, "--processes", 1, "--threads", 1, "--cache", cache)
    assert run("calibrate", "--checkpoint", tmp_path / "c", "--prevalence", 0.01, "--missed", 0.3, *few) == 0
    after = load_checkpoint(tmp_path / "c")[1]
    assert after.rule.prevalence == 0.01
    assert after.rule.prior == before.rule.prior
    assert after.training.limits == Limits(error=0.01, missed=0.3)
    assert after.training.validation is not None
    assert after.training.validation.clips == 12
    assert "12 generated clips" in str(after.chosen_on)
    assert "chosen on" not in after.dataset
    same = {"weights_sha256", "spec", "network", "dataset"}
    assert after.model_dump(include=same) == before.model_dump(include=same)


def test_predict_writes_the_competitions_file_in_its_order(checkpoint, folder, tmp_path, capsys):
    order = tmp_path / "submission_format.csv"
    order.write_text("filename,stalled\n100002.mp4,0\n100000.mp4,0\n")
    clips = ("--checkpoint", checkpoint, "--source", folder, *ALONE)
    files = ("--out", tmp_path / "s.csv", "--probabilities", tmp_path / "p.csv", "--submission-format", order)
    assert run("predict", *clips, *files) == 0
    rows = [line.split(",") for line in (tmp_path / "s.csv").read_text().splitlines()]
    assert [name for name, _ in rows] == ["filename", "100002.mp4", "100000.mp4"]
    assert all(stalled in ("0", "1") for _, stalled in rows[1:])
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 3
    assert "of 2 clips are called stalled, by a rule for 30 % stalled" in " ".join(capsys.readouterr().err.split())
    order.write_text("filename,stalled\n100002.mp4,0\n999999.mp4,0\n")
    assert run("predict", *clips, *files) == 2
    assert "999999.mp4 could not be read (not_found" in capsys.readouterr().err


def test_predict_drops_no_clip_that_it_could_not_read(checkpoint, folder, tmp_path, capsys):
    clips = ("--checkpoint", checkpoint, "--source", folder, *ALONE, "--out", tmp_path / "s.csv")
    assert run("predict", *clips) == 2
    said = capsys.readouterr().err
    assert "could not be read: 100003.mp4" in said
    assert "--unread-flowing" in said
    assert not (tmp_path / "s.csv").exists()
    assert len((tmp_path / "s.csv.logits").read_text().splitlines()) == 4, "the others need not be read again"
    assert run("predict", *clips, "--unread-flowing") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["s.csv"]
    assert "100003.mp4,0" in (tmp_path / "s.csv").read_text()
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 5
    assert run("predict", "--checkpoint", checkpoint, "--source", tmp_path, "--out", tmp_path / "s.csv") == 2
    assert "--submission-format is missing" in capsys.readouterr().err


def test_a_users_mistake_is_one_line_and_exit_code_2(checkpoint, tmp_path, capsys):
    assert run("evaluate", "--checkpoint", tmp_path) == 2
    assert run("fit", "--out", checkpoint, "--network", "r50-8x8", "--steps", 1) == 2
    assert run("fit", "--out", tmp_path, "--preset", "martian", "--steps", 1) == 2
    assert run("fit", "--out", tmp_path, "--change", "learning_rat=1", "--steps", 1) == 2
    assert run("fit", "--out", tmp_path, "--minutes", 1, "--steps", 1) == 2
    assert run("fit", "--out", tmp_path, "--passes", 1, "--steps", 1) == 2
    assert run("evaluate", "--checkpoint", checkpoint, "--data", tmp_path, "--clips", 5) == 2
    assert run("fit", "--out", tmp_path, "--validation-share", 0.1) == 2
    shrunk = ("--spec.extra", "mask", "--change", "augmentation.shrink_px=2")
    assert run("fit", "--out", tmp_path, *shrunk) == 2
    assert run("fit", "--out", tmp_path, "--prevalence", 30) == 2
    assert run("calibrate", "--checkpoint", checkpoint, "--prevalence", 0.003, "--error", 1) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("python -m training: ")]
    assert len(lines) == 11
    assert "checkpoint.json can't be read" in lines[0]
    assert "another network or clip spec" in lines[1]
    assert "--preset martian: no such preset" in lines[2]
    assert "did you mean learning_rate=...?" in lines[3]
    assert "--minutes and --steps exclude each other: give one of them" in lines[4]
    assert "--steps and --passes exclude each other: give one of them" in lines[5]
    assert "--clips says how clips are generated: leave it out with --data" in lines[6]
    assert "--validation-share counts only with --data" in lines[7]
    assert "--change augmentation.shrink_px=2 does nothing to clips of extra mask" in lines[8]
    assert "--prevalence (STALL_TRAINING_PREVALENCE) = '30': a share below 1 is wanted: 0.3 is 30 %" in lines[9]
    assert "--error (STALL_TRAINING_ERROR) = '1': a share below 1 is wanted: 0.01 is 1 %" in lines[10]
