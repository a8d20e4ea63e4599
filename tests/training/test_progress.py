"""What is said beside the bars: a text as it is, one line in a log, no time that isn't known, and how much of all."""

import numpy as np
import pytest
import torch

from stream.clip.spec import ClipSpec
from tests.training.data.made import facts
from tests.training.test_checkpoint import TINY
from training.data.clips import Clips
from training.learning.fitting import Member, Order, Task, out_of_fold
from training.learning.loop import Budget, Step
from training.networks import build
from training.progress import Bars
from training.recipe import RECIPES


def test_brackets_and_colons_in_paths_are_no_markup(capsys: pytest.CaptureFixture[str]):
    path = "F/m[/x]k/run[old]/:smile:/" + "long/" * 40
    with Bars() as bars:
        bars.say(path)
        bars.clips("score [/b]")(1, 2)
    assert path in capsys.readouterr().err.splitlines()


def test_time_that_is_left_is_told_once_it_is_known(capsys: pytest.CaptureFixture[str]):
    with Bars() as bars:
        told = bars.training("member-0")
        for number in (5, 6):  # as after a resume
            told(Step(number=number, share=number / 10, loss=0.5, learning_rate=0.1, clips_per_s=9.0))
    first, second = (line for line in capsys.readouterr().err.splitlines() if "%: step" in line)
    assert first.endswith("loss 0.500")
    assert second.endswith(" left")


def test_a_bar_shows_from_its_first_news_on(capsys: pytest.CaptureFixture[str]):
    with Bars() as bars:
        bars.clips("generate")
        bars.clips("other seeds")(0, 0)
        bars.training("member-0")
        bars.clips("read")(3, 4)
    bars_left = capsys.readouterr().err
    assert "3 of 4 clips" in bars_left
    assert not any(name in bars_left for name in ("generate", "other seeds", "member-0"))


def test_folds_are_told_of_as_parts_of_all_clips():
    spec, told = ClipSpec(frames=8, size=32), []
    order = Order(network=TINY, spec=spec, recipe=RECIPES["debug"], budget=Budget(steps=1), seed=0)
    members = []
    for count in (2, 3):
        clips = Clips.of(np.zeros((count, *spec.shape), np.uint8), facts([True] * count, project_ids="A" * count))
        task = Task("a fold", clips, clips, None, 0)
        members.append(Member(task, build(TINY).eval(), steps=1, loss=0.0, minutes=0.0))
    out_of_fold(members, order, lambda done, total: told.append((done, total)), device=torch.device("cpu"))
    assert told == [(2, 5), (5, 5)]
