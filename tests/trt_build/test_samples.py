"""Clips to calibrate int8 on and clips to judge it by: both of both classes, and none in both."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clip.spec import ClipSpec
from stream.errors import ClipFault, Reason, UserError
from tests.training.data.made import labelled
from tests.trt_build.test_comparison import facts
from training.data.cache import Origin
from training.data.cache_writer import CacheWriter
from training.data.clips import Clips
from training.data.journal import ReadClip
from trt_build.samples import check_source, split
from trt_build.settings import BuildSettings

SPEC = ClipSpec(frames=2, size=16, extra="none")


def clips(*, stalled: int, flowing: int) -> Clips:
    labels = [True] * stalled + [False] * flowing
    return Clips.of(np.zeros((len(labels), *SPEC.shape), np.uint8), facts(labels))


@given(stalled=st.integers(2, 40), flowing=st.integers(2, 40), wanted=st.integers(2, 20), most=st.integers(2, 60))
def test_each_part_has_both_classes_and_no_clip_is_in_both(stalled: int, flowing: int, wanted: int, most: int):
    calibration, validation = split(clips(stalled=stalled, flowing=flowing), calibration=wanted, validation=most)
    assert not set(calibration.rows) & set(validation.rows)
    assert len(calibration) == min(wanted, stalled // 2 + flowing // 2)
    assert len(validation) == min(most, stalled + flowing - len(calibration))
    for part in (calibration, validation):
        assert 0 < part.stalled.sum() < len(part)


def test_of_few_stalled_clips_one_half_calibrates_and_the_other_judges():
    """18 in a thousand, as is common."""
    calibration, validation = split(clips(stalled=18, flowing=982), calibration=300, validation=2000)
    assert (len(calibration), calibration.stalled.sum()) == (300, 9)
    assert (len(validation), validation.stalled.sum()) == (700, 9)


def test_where_there_are_enough_both_parts_are_even():
    parts = split(clips(stalled=500, flowing=2000), calibration=300, validation=600)
    assert [int(part.stalled.sum()) for part in parts] == [150, 300]


def kept(folder: Path, stalled: dict[int, bool], spec: ClipSpec = SPEC) -> Path:
    """A cache of dark clips by their numbers."""
    wanted = labelled(*(("A", stalled.get(number, False), 0.0, True) for number in range(max(stalled) + 1)))
    with CacheWriter(folder, spec, Origin(source="made", digests={})) as writer:
        for number in stalled:
            clip = ReadClip(clip_id=f"{100000 + number}.mp4", project_id="A", num_frames=30, box=(0, 0, 9, 9))
            writer.add(clip, np.zeros(spec.shape, np.uint8))
        for number in set(range(len(wanted))) - set(stalled):
            writer.fail(f"{100000 + number}.mp4", ClipFault(Reason.NOT_FOUND, "gone"))
        writer.finish(writer.find(wanted), digests={}, generated=False)
    return folder


@pytest.mark.parametrize(
    ("stalled", "clips", "calibration", "said"),
    [
        (18, 899, 300, "too few for --calibration-clips 300 and 600 to judge on; prepare more, or calibrate on fewer"),
        (18, 600, 32, "too few for --calibration-clips 32 and 600 to judge on; prepare more$"),
        (1, 900, 300, "int8 is calibrated on some of each class and judged on others; prepare more$"),
    ],
)
def test_what_a_cache_has_too_few_of_is_counted(stalled, clips, calibration, said, tmp_path: Path):
    folder = kept(tmp_path / "cache", {number: number < stalled for number in range(clips)})
    asked = {"checkpoint": "none", "out": "none", "precision": "int8", "data": folder}
    settings = BuildSettings.model_validate({**asked, "calibration_clips": calibration})
    with pytest.raises(UserError, match=f"holds {clips} clips, {stalled} of them stalled: {said}"):
        check_source(settings, SPEC)
