"""Which mistakes are shown, and what of them."""

import numpy as np

from tests.test_pictures import crop
from tests.training.data.made import facts
from training.data.clips import Clips
from training.page.strips import worst_mistakes


def test_the_surest_mistakes_come_first():
    stalled = np.array([1, 1, 1, 0, 0], bool)
    probabilities = np.array([0.3, 0.1, 0.9, 0.6, 0.2])
    clips = Clips.of(np.stack([crop()] * 5), facts(stalled, project_ids="AACCC"))
    called = probabilities >= 0.5
    missed = worst_mistakes(clips, probabilities, called, stalled=True, count=5)
    assert [each.clip_id for each in missed] == ["clip1", "clip0"]
    assert [each.probability for each in missed] == [0.1, 0.3]
    false = worst_mistakes(clips, probabilities, called, stalled=False, count=5)
    assert [(each.clip_id, each.project_id) for each in false] == [("clip3", "C")]
    assert [each.clip_id for each in worst_mistakes(clips, probabilities, called, stalled=True, count=1)] == ["clip1"]


def test_no_more_frames_are_shown_than_there_is_room_for():
    clips = Clips.of(np.stack([crop(40)]), facts([True], project_ids="A"))
    shown = worst_mistakes(clips, np.zeros(1), np.zeros(1, bool), stalled=True, count=1)[0]
    assert len(shown.frames) == 16
    assert (shown.frames[0], shown.frames[-1]) == (0, 39)
