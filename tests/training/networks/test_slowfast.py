"""The network is the published one where it should be, and does inside itself what its input needs."""

import pytest
import torch

from training.networks.slowfast import R50_4X16, R50_8X8, R101_8X8, SLIM, SlowFast, SlowFastConfig

PUBLISHED = {"mean": (0.45,) * 3, "std": (0.225,) * 3, "outputs": 400}


def parameters(config: SlowFastConfig) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in SlowFast(config).parameters())


@pytest.mark.parametrize(("preset", "count"), [(R50_8X8, 34_566_488), (R50_4X16, 34_480_216), (R101_8X8, 62_826_968)])
def test_the_published_networks_have_the_published_number_of_parameters(preset, count):
    assert parameters(preset.variant(**PUBLISHED)) == count


def test_the_slim_network_is_small():
    assert parameters(SLIM) < 800_000


@pytest.mark.parametrize(
    ("frames", "alpha", "slow"), [(32, 4, [0, 4, 8, 13, 17, 22, 26, 31]), (32, 8, [0, 10, 20, 31])]
)
def test_the_slow_path_sees_frames_evenly_to_the_last(frames, alpha, slow):
    network = SlowFast(SLIM.variant(frames=frames, alpha=alpha))
    assert network.slow_frames.tolist() == slow


@pytest.mark.parametrize("config", [SLIM, R50_8X8.variant(frames=8, depths=(1, 1, 1, 1))])
def test_bytes_go_in_and_one_float32_logit_for_each_clip_comes_out(config):
    clips = torch.randint(0, 256, (2, config.channels, config.frames, 64, 64), dtype=torch.uint8)
    logits = SlowFast(config).eval()(clips)
    assert logits.shape == (2,)
    assert logits.dtype == torch.float32


def test_several_outputs_keep_their_axis():
    config = SLIM.variant(outputs=5)
    assert SlowFast(config).eval()(torch.zeros((2, 2, 16, 32, 32), dtype=torch.uint8)).shape == (2, 5)


def test_any_number_and_any_size_of_clips_will_do_and_a_clip_scores_the_same_in_any_batch():
    torch.manual_seed(1)
    network = SlowFast(SLIM).eval()
    clips = torch.randint(0, 256, (3, 2, 16, 48, 48), dtype=torch.uint8)
    alone = torch.cat([network(clip[None]) for clip in clips])
    torch.testing.assert_close(network(clips), alone, rtol=1e-4, atol=1e-5)


def test_each_residual_block_starts_as_its_shortcut():
    gammas = {name: value for name, value in SlowFast(SLIM).named_parameters() if name.endswith("last_bn.weight")}
    assert len(gammas) == 8
    assert all((gamma == 0).all() for gamma in gammas.values())


def test_the_state_holds_only_what_is_learned():
    """As many entries as the published R50 has, so that published weights can be mapped one to one."""
    with torch.device("meta"):
        assert len(SlowFast(R50_8X8).state_dict()) == 662


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"frames": 30}, "multiple of alpha"), ({"std": (0.2,)}, "one for each"), ({"lateral_kernel": 4}, "must be odd")],
)
def test_numbers_that_do_not_go_together_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        R50_8X8.variant(**changes)
