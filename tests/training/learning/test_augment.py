"""Augmentation changes what must not matter, and nothing else."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from stream.clip.spec import ClipSpec
from training.learning.augment import augment, seeded
from training.recipe import RECIPES, Augmentation

SPEC = ClipSpec(frames=8, size=32)
NONE = Augmentation(turns=False, reversal=False, gain=0, gamma=0, noise=0)
STRONG = Augmentation(warped=1.0, noise=20.0, noise_dashes=1.0, frames_lost=0.5, shrink_px=2.0)


def made(count: int = 6, *, spec: ClipSpec = SPEC) -> torch.Tensor:
    """Clips with a disc in the middle: grey 60 to 199 and the distance within, nothing without."""
    size = spec.size
    axis = torch.arange(size) - (size - 1) / 2
    distance = (size / 3 - torch.hypot(axis[:, None], axis[None, :])).clamp(min=0)
    grey = torch.randint(60, 200, (count, 1, spec.frames, size, size), generator=seeded(3)) * (distance > 0)
    clips = [grey]
    if spec.extra != "none":
        second = distance * 510 / size if spec.extra == "distance" else 255.0 * (distance > 0)
        clips.append(second.round().expand_as(grey))
    return torch.cat(clips, dim=1).to(torch.uint8)


def varied(clips: torch.Tensor, how: Augmentation, *, seed: int = 1, spec: ClipSpec = SPEC) -> torch.Tensor:
    return augment(clips, how, spec, seeded(seed))


def test_with_everything_off_nothing_changes():
    assert torch.equal(varied(made(), NONE), made())


@pytest.mark.parametrize("how", [*(recipe.augmentation for recipe in RECIPES.values()), STRONG])
@pytest.mark.parametrize("outside", ["zero", "keep"])
@pytest.mark.parametrize("extra", ["distance", "mask", "none"])
def test_clips_keep_their_form_and_are_left_alone(how: Augmentation, extra: str, outside: str):
    spec = ClipSpec.model_validate({"frames": 8, "size": 32, "extra": extra, "outside": outside})
    clips = made(spec=spec)
    before = clips.clone()
    after = varied(clips, how, spec=spec)
    assert torch.equal(clips, before)
    assert (after.shape, after.dtype) == (clips.shape, torch.uint8)
    assert not torch.equal(after, clips)


@given(st.integers(0, 10_000))
def test_the_outside_stays_black_and_the_second_channel_the_same_in_each_frame(seed: int):
    after = varied(made(3), STRONG, seed=seed)
    assert (after[:, 0][after[:, 1] == 0] == 0).all()
    assert (after[:, 1] == after[:, 1, :1]).all()


def test_the_same_seed_gives_the_same_clips_and_each_clip_is_varied_on_its_own():
    same = made(1).expand(6, -1, -1, -1, -1)
    first, again, other = (varied(same, STRONG, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({clip.numpy().tobytes() for clip in first}) == 6


def test_surroundings_that_are_kept_stay():
    spec = ClipSpec(frames=8, size=32, outside="keep")
    clips = made(30)
    clips[:, 0] = 100
    after = varied(clips, STRONG.variant(warped=0.0), spec=spec)
    assert (after[:, 0] > 0).float().mean() > 0.95


def test_turns_reach_all_eight_symmetries_and_move_both_channels_alike():
    corner = torch.zeros((1, 2, 1, 32, 32), dtype=torch.uint8)
    corner[..., 2, 7] = 99
    after = varied(corner.expand(400, -1, -1, -1, -1), NONE.variant(turns=True))
    assert torch.equal(after[:, 0], after[:, 1])
    assert len({int(clip[0, 0].argmax()) for clip in after}) == 8


def test_reversed_time_is_the_same_frames_backwards():
    clips = made(40)
    after = varied(clips, NONE.variant(reversal=True))
    backwards = [torch.equal(b, a.flip(1)) for a, b in zip(clips, after, strict=True)]
    forwards = [torch.equal(b, a) for a, b in zip(clips, after, strict=True)]
    assert all(a or b for a, b in zip(backwards, forwards, strict=True))
    assert 10 < sum(backwards) < 30


def test_a_lost_frame_shows_the_one_before():
    clips = made(40)
    after = varied(clips, NONE.variant(frames_lost=0.6))
    assert torch.equal(after[:, :, 0], clips[:, :, 0])
    repeated = 0
    for before, clip in zip(clips, after, strict=True):
        for frame in range(1, 8):
            own, last = torch.equal(clip[:, frame], before[:, frame]), torch.equal(clip[:, frame], clip[:, frame - 1])
            assert own or last
            repeated += last
    assert 40 * 7 * 0.15 < repeated < 40 * 7 * 0.45  # 0.3 on average


def test_a_thicker_stroke_leaves_less_inside_and_never_more():
    clips = made(40)
    after = varied(clips, NONE.variant(shrink_px=3.0))
    inside, left = ((each[:, 1, 0] > 0).sum((1, 2)) for each in (clips, after))
    assert (left <= inside).all()
    assert (left < 0.8 * inside).any()
    kept = after[:, 1] > 0
    assert torch.equal(after[:, 0][kept], clips[:, 0][kept])


def test_a_warped_clip_turns_about_its_middle_and_its_distances_grow_with_it():
    clips = made(60)
    after = varied(clips, NONE.variant(warped=1.0, rotate_deg=0.0, scale=0.3))
    area = (after[:, 1, 0] > 0).sum((1, 2)) / (clips[:, 1, 0] > 0).sum((1, 2))
    deepest = after[:, 1, 0].amax((1, 2)) / clips[:, 1, 0].amax((1, 2))
    torch.testing.assert_close(deepest, area.sqrt(), rtol=0.12, atol=0.0)
    assert area.min() < 0.7
    assert area.max() > 1.3


def test_noise_in_dashes_is_correlated_along_one_axis_as_measured():
    flat = torch.full((60, 2, 8, 32, 32), 128, dtype=torch.uint8)
    noise = varied(flat, NONE.variant(noise=40.0, noise_dashes=1.0))[:, 0].float() - 128
    noise = noise[noise.std((1, 2, 3)) > 5]

    def correlation(axis: int, clip: torch.Tensor) -> float:
        first, second = clip.narrow(axis, 0, 31), clip.narrow(axis, 1, 31)
        return float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])

    found = torch.tensor([[correlation(1, clip), correlation(2, clip)] for clip in noise])
    assert (found.min(dim=1).values.abs() < 0.1).all()
    assert found.max() > 0.7
    assert found.max(dim=1).values.min() < 0.3


def every_level(count: int = 60) -> torch.Tensor:
    """Clips of one frame that hold each grey level, row after row; their second channel is full."""
    grey = torch.arange(256).view(1, 1, 1, 16, 16).expand(count, -1, -1, -1, -1)
    return torch.cat([grey, torch.full_like(grey, 255)], dim=1).to(torch.uint8)


def test_gain_is_a_factor_of_each_clip_up_to_its_limit():
    clips = every_level()
    after = varied(clips, NONE.variant(gain=0.5))[:, 0].flatten(1).double()
    factor = after[:, 100] / 100
    expected = (factor[:, None] * torch.arange(256)).clamp(max=255)
    torch.testing.assert_close(after, expected, rtol=0, atol=2)  # the factor is known to half a level in 100
    logs = factor.log()
    assert logs.abs().max() <= 0.51
    assert logs.min() < -0.4
    assert logs.max() > 0.4


def test_gamma_is_an_exponent_of_each_clip_up_to_its_limit():
    after = varied(every_level(), NONE.variant(gamma=0.5))[:, 0].flatten(1).double()
    light = torch.arange(256, dtype=torch.float64) / 255
    exponent = (after[:, 100] / 255).log() / light[100].log()
    torch.testing.assert_close(after, 255 * light ** exponent[:, None], rtol=0, atol=2)
    logs = exponent.log()
    assert logs.abs().max() <= 0.52
    assert logs.min() < -0.4
    assert logs.max() > 0.4


def test_added_noise_follows_the_root_of_the_light():
    dark, bright = (torch.full((8, 2, 4, 32, 32), level, dtype=torch.uint8) for level in (50, 200))
    noise = [varied(each, NONE.variant(noise=10.0))[:, 0].float() - each[:, 0] for each in (dark, bright)]
    torch.testing.assert_close(noise[1], 2 * noise[0], rtol=0, atol=1.6)  # 200 is 4 times 50; both are rounded
    assert 6 < noise[1].std((1, 2, 3)).max() * (255 / 200) ** 0.5 <= 10.2  # levels at full brightness


def test_a_warped_clip_is_turned_up_to_the_limit_either_way():
    clips = torch.zeros((60, 2, 1, 33, 33), dtype=torch.uint8)
    clips[..., 15:18, 27:30] = 200  # 12 px right of the middle
    after = varied(clips, NONE.variant(warped=1.0, rotate_deg=30.0, scale=0.0))
    axis = torch.arange(33.0) - 16
    light = after[:, 0, 0].float() / after[:, 0, 0].sum((1, 2), keepdim=True)
    x, y = (light * axis).sum((1, 2)), (light * axis[:, None]).sum((1, 2))
    torch.testing.assert_close(torch.hypot(x, y), torch.full((60,), 12.0), rtol=0, atol=0.3)
    degrees = torch.rad2deg(torch.atan2(y, x))
    assert degrees.abs().max() <= 31
    assert degrees.min() < -24
    assert degrees.max() > 24


def test_a_mask_is_a_mask_after_a_warp():
    spec = ClipSpec(frames=8, size=32, extra="mask")
    after = varied(made(12, spec=spec), NONE.variant(warped=1.0), spec=spec)
    assert set(after[:, 1].unique().tolist()) == {0, 255}
