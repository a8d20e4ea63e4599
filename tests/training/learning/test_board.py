"""Curves are written where they can be, and are no reason to end a training where they can't."""

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from training.learning.board import Board
from training.learning.loop import Step
from training.learning.watch import Point

ROOT = Path(__file__).parents[3]


def step(number: int) -> Step:
    return Step(number=number, share=0.1, loss=1 / number, learning_rate=0.1, clips_per_s=10.0)


def curves(folder: Path) -> dict[str, list[int]]:
    events = EventAccumulator(str(folder))
    events.Reload()
    return {tag: [each.step for each in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_run_that_goes_on_adds_to_its_curves_and_a_new_one_begins_anew(tmp_path: Path):
    for first, number in ((0, 1), (1, 2)):
        with Board(tmp_path, first_step=first, say=pytest.fail) as board:
            board.step(step(number))
            board.point(number, Point(loss=0.5, pr_auc=0.5))
    assert curves(tmp_path)["loss"] == curves(tmp_path)["validation_of_raw_weights/loss"] == [1, 2]
    with Board(tmp_path, first_step=0, say=pytest.fail) as board:
        board.step(step(1))
    assert curves(tmp_path)["loss"] == [1]


def run_out_of_disk(folder: Path) -> None:
    """In a process of its own, no file of which may grow beyond 2 kB; TensorBoard's thread ends with a traceback."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    with Board(folder, first_step=0, say=print) as board:
        for number in range(1, 5000):
            board.step(step(number))
    print("trained")


def test_on_a_full_disk_the_training_goes_on_without_curves(tmp_path: Path):
    called = f"from tests.training.learning.test_board import *; run_out_of_disk(Path({str(tmp_path)!r}))"
    done = subprocess.run([sys.executable, "-c", called], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"{tmp_path}: no more curves (File too large); the training goes on",
        "trained",
    ]
