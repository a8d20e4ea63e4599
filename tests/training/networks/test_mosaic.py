"""The mosaic shows each frame once, in reading order, to the ResNet-18 that is published."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.models import ResNet18_Weights

from training.networks.cost import gflops, parameters
from training.networks.mosaic import MosaicConfig, tile

PICTURE = MosaicConfig(frames=1, mean=(0.45,) * 3, std=(0.225,) * 3, outputs=1000)


def test_the_grid_is_as_square_as_it_can_be():
    grids = {frames: MosaicConfig(frames=frames).grid for frames in (1, 7, 8, 16, 32, 36, 48, 64)}
    assert grids == {
        1: (1, 1), 7: (1, 7), 8: (2, 4), 16: (4, 4), 32: (4, 8), 36: (6, 6), 48: (6, 8), 64: (8, 8)
    }  # fmt: skip


@given(frames=st.integers(1, 40), size=st.integers(1, 5), channels=st.integers(1, 3), clips=st.integers(1, 3))
def test_each_frame_has_the_tile_of_its_number(frames, size, channels, clips):
    rows, columns = MosaicConfig(frames=frames).grid
    given = torch.rand(clips, channels, frames, size, size)
    picture = tile(given, (rows, columns))
    assert picture.shape == (clips, channels, rows * size, columns * size)
    for frame in range(frames):
        top, left = size * (frame // columns), size * (frame % columns)
        assert torch.equal(picture[:, :, top : top + size, left : left + size], given[:, :, frame])


def test_one_colour_frame_makes_it_the_published_network():
    published = ResNet18_Weights.IMAGENET1K_V1.meta
    assert parameters(PICTURE) == published["num_params"] == 11_689_512
    assert abs(gflops(PICTURE, (3, 1, 224, 224)) / 2 - published["_ops"]) < 0.01
