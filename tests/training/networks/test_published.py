"""SlowFast is the published network: with its weights it gives its logits, and no name is left over."""

import pytest
import torch

from tests.training.networks.published import FRAMES, KINDS, SIZE, drawn, hollow, paths, pyslowfast_name
from training.networks import PRESETS, build
from training.networks.published_names import PYSLOWFAST, PYTORCHVIDEO

RGB = {"frames": FRAMES, "mean": (0.45,) * 3, "std": (0.225,) * 3, "outputs": 400}


@pytest.mark.parametrize("kind", ["r50-8x8", "r50-4x16", pytest.param("r101-8x8", marks=pytest.mark.long)])
@torch.inference_mode()
def test_published_weights_load_strictly_and_give_the_published_logits(kind):
    theirs = drawn(kind)
    ours = build(PRESETS[kind].variant(**RGB)).eval()
    state = {str(PYTORCHVIDEO.ours(name)): tensor for name, tensor in theirs.state_dict().items()}
    ours.load_state_dict(state, strict=True)
    clips = torch.randint(0, 256, (2, 3, FRAMES, SIZE, SIZE), dtype=torch.uint8)
    expected = theirs(paths(clips, KINDS[kind][2]))
    assert 0.3 < expected.std() < 30
    assert (expected[0] - expected[1]).abs().max() > 0.1  # it sees the clips
    torch.testing.assert_close(ours(clips), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "tensors"), [("r50-8x8", 662), ("r50-4x16", 662), ("r101-8x8", 1274)])
def test_names_are_one_to_one(kind, tensors):
    pytorchvideo = list(hollow(kind))
    pyslowfast = [pyslowfast_name(name) for name in pytorchvideo]
    with torch.device("meta"):
        ours = list(build(PRESETS[kind]).state_dict())
    assert len(ours) == tensors
    for naming, names in ((PYTORCHVIDEO, pytorchvideo), (PYSLOWFAST, pyslowfast)):
        mapped = [naming.ours(name) for name in names]
        assert sorted(map(str, mapped)) == sorted(ours)
    assert [PYTORCHVIDEO.ours(name) for name in pytorchvideo] == [PYSLOWFAST.ours(name) for name in pyslowfast]


@pytest.mark.parametrize("wrapper", ["module.", "model.", "module.model."])
def test_wrappers_are_looked_through(wrapper):
    assert PYSLOWFAST.ours(f"{wrapper}s2_fuse.bn.bias") == "stages.0.lateral.lateral_bn.bias"
    assert PYTORCHVIDEO.ours(f"{wrapper}blocks.6.proj.bias") == "head.bias"


@pytest.mark.parametrize(
    "name", ["s6.pathway0_res0.branch1.weight", "s5_fuse.bn.bias", "s1.pathway2_stem.conv.weight", ""]
)
def test_other_names_have_no_place(name):
    assert PYSLOWFAST.ours(name) is None
