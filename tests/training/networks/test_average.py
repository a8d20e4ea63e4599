"""An average is the mean of its members over the views of a clip, and no more than that."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.networks.made import TINY, clips_of, disturb
from training.networks import AverageConfig, build, join
from training.networks.average import views
from training.networks.mosaic import MosaicConfig

SYMMETRIES = {
    "none": lambda clips: clips,
    "mirror": lambda clips: clips.flip(4),
    "upside down": lambda clips: clips.flip(3),
    "half turn": lambda clips: clips.rot90(2, (3, 4)),
    "quarter turn": lambda clips: clips.rot90(1, (3, 4)),
    "three quarters": lambda clips: clips.rot90(3, (3, 4)),
    "transposed": lambda clips: clips.transpose(3, 4),
    "other diagonal": lambda clips: clips.rot90(2, (3, 4)).transpose(3, 4),
}
INVARIANT = {
    1: {"none"},
    2: {"none", "mirror"},
    4: {"none", "mirror", "upside down", "half turn"},
    8: set(SYMMETRIES),
}
"""By the number of views."""


@pytest.fixture(scope="module")
def members():
    torch.manual_seed(0)
    networks = [build(TINY), build(TINY), build(TINY.variant(alpha=2))]
    return [disturb(network, clips_of(8, TINY, size=32)) for network in networks]


def test_a_logit_is_the_mean_of_the_members_logits(members):
    clips = clips_of(3, TINY, size=32)
    average = join(members)
    expected = (members[0](clips) + members[1](clips) + members[2](clips)) / 3
    torch.testing.assert_close(average(clips), expected, rtol=1e-5, atol=1e-6)
    assert all((a(clips) - b(clips)).abs().max() > 1e-3 for a, b in pairwise(members))  # they are not alike


@pytest.mark.parametrize("count", INVARIANT)
def test_views_are_averaged_over(members, count):
    clips = clips_of(2, TINY, size=32)
    average = join(members[:1], views=count)
    expected = torch.stack([members[0](SYMMETRIES[name](clips)) for name in INVARIANT[count]]).mean(0)
    torch.testing.assert_close(average(clips), expected, rtol=1e-5, atol=1e-6)


@given(count=st.sampled_from([1, 2, 4, 8]), name=st.sampled_from(sorted(SYMMETRIES)))
def test_the_views_of_a_turned_clip_are_those_of_the_clip_if_and_only_if_the_turn_is_one_of_them(count, name):
    clip = torch.arange(2 * 3 * 3).reshape(1, 1, 2, 3, 3)
    seen = [view.numpy().tobytes() for view in views(clip, count)]
    turned = [view.numpy().tobytes() for view in views(SYMMETRIES[name](clip), count)]
    assert len(set(seen)) == count
    assert (set(seen) == set(turned)) == (name in INVARIANT[count])


def test_weights_stand_side_by_side_and_load_into_what_the_configuration_builds(members):
    joined = join(members, views=4)
    assert len(joined.state_dict()) == sum(len(member.state_dict()) for member in members)
    again = build(joined.config)
    again.load_state_dict(joined.state_dict(), strict=True)
    clips = clips_of(2, TINY, size=32)
    assert torch.equal(again.eval()(clips), joined(clips))


def test_members_of_different_kinds_go_together(members):
    mosaic = build(MosaicConfig(frames=TINY.frames)).eval()
    clips = clips_of(2, TINY, size=32)
    expected = (members[0](clips) + mosaic(clips)) / 2
    torch.testing.assert_close(join([members[0], mosaic])(clips), expected, rtol=1e-5, atol=1e-6)


def test_input_and_output_are_the_members():
    config = AverageConfig(members=(TINY,))
    assert (config.frames, config.mean, config.std, config.outputs) == (8, TINY.mean, TINY.std, 1)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"members": ()}, "members"),
        ({"members": (TINY, TINY.variant(frames=16))}, r"frames must be the same in all members and is \[8, 16\]"),
        ({"members": (TINY,), "frames": 16}, "frames must be the same"),
        ({"members": (TINY,), "views": 3}, "views"),
        ({"members": (AverageConfig(members=(TINY,)),)}, "members"),
    ],
)
def test_what_does_not_go_together_is_refused(fields, words):
    with pytest.raises(ValueError, match=words):
        AverageConfig.model_validate(fields)
