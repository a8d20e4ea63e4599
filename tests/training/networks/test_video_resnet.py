"""torchvision's networks are as published, but for the channels that go in and the logits that come out."""

import pytest
from torchvision.models import get_model_weights

from training.networks.cost import gflops, parameters
from training.networks.video_resnet import VideoResNetConfig

NAMES = ("r3d_18", "mc3_18", "r2plus1d_18")


@pytest.mark.parametrize("name", NAMES)
def test_with_three_channels_and_400_classes_it_has_the_published_size_and_cost(name):
    published = get_model_weights(name).KINETICS400_V1.meta
    config = VideoResNetConfig(architecture=name, mean=(0.45,) * 3, std=(0.225,) * 3, outputs=400)
    assert parameters(config) == published["num_params"]
    assert gflops(config, (3, 16, 112, 112)) / 2 == pytest.approx(published["_ops"], rel=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_stem_and_head_alone_depend_on_input_and_output(name):
    ours, grey = (VideoResNetConfig(architecture=name, mean=(0.4,) * n, std=(0.2,) * n) for n in (2, 1))
    stem_channels, taps = {"r2plus1d_18": (45, 49)}.get(name, (64, 3 * 49))
    assert parameters(ours) - parameters(grey) == stem_channels * taps
