"""Every network exports whole: OpenVINO gives torch's logits at any batch size."""

import pytest
import torch

from stream.clip.spec import ClipSpec
from stream.engine.quiet import ov
from tests.training.networks.made import TINY, clips_of, disturb
from training.networks import AverageConfig, build
from training.networks.mosaic import MosaicConfig
from training.networks.slowfast import SlowFastConfig
from training.networks.video_resnet import VideoResNetConfig
from trt_build.export import export_onnx

SHALLOW = SlowFastConfig(frames=8, depths=(1, 1, 1, 1), slow_channels=(8, 8, 8, 8, 8), fast_channels=(2, 2, 2, 2, 2))
"""Bottlenecks and a pool behind the stem, like the published networks."""
CONFIGS = {
    "mosaic": MosaicConfig(frames=4),
    "mosaic, grey": MosaicConfig(frames=4, mean=(0.45,), std=(0.225,)),
    "average": AverageConfig(members=(TINY, TINY.variant(alpha=2)), views=8),
    "bottlenecks": SHALLOW,
    "r2plus1d_18": VideoResNetConfig(architecture="r2plus1d_18", frames=8),
    "mc3_18": VideoResNetConfig(architecture="mc3_18", frames=8),
    "r3d_18": VideoResNetConfig(architecture="r3d_18", frames=8),
}
LONG = {"mosaic, grey", "bottlenecks", "r2plus1d_18", "r3d_18"}


def scores(onnx_file, clips):
    """OpenVINO's logits, in fp32 also where the CPU has bf16."""
    compiled = ov.Core().compile_model(onnx_file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return torch.from_numpy(compiled([clips.numpy()])[0])


@pytest.mark.parametrize(
    "config",
    [pytest.param(config, id=name, marks=[pytest.mark.long] * (name in LONG)) for name, config in CONFIGS.items()],
)
def test_openvino_gives_torchs_logits_at_any_batch_size(config, tmp_path):
    torch.manual_seed(0)
    spec = ClipSpec(frames=config.frames, size=32, extra="distance" if config.channels == 2 else "none")
    network = disturb(build(config), clips_of(8, config, size=32))
    clips = clips_of(3, config, size=32, seed=1)
    with torch.inference_mode():
        expected = network(clips)
    assert expected.std() > 1e-2  # clips are told apart
    export_onnx(network, spec, tmp_path / "model.onnx")
    for batch in (1, 3):
        torch.testing.assert_close(
            scores(tmp_path / "model.onnx", clips[:batch]), expected[:batch], rtol=1e-4, atol=1e-4
        )
