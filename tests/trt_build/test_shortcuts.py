"""Shortcuts as convolutions: the same function, and int8 sums that are part of one."""

import numpy as np
import pytest
import torch

from stream.clip.spec import ClipSpec
from stream.engine.quiet import ov
from tests.training.networks.made import TINY, clips_of, disturb
from training.networks import AverageConfig, NetworkConfig, build
from training.networks.mosaic import MosaicConfig
from training.networks.slowfast import SLIM, SlowFastConfig
from trt_build.cpu.int8 import quantise
from trt_build.cpu.shortcuts import convolve_shortcuts
from trt_build.export import export_onnx

BOTTLENECKS = SlowFastConfig(frames=8, depths=(2, 1, 2, 1), slow_channels=(8,) * 5, fast_channels=(2,) * 5)
CONFIGS: dict[str, tuple[NetworkConfig, int | None]] = {
    "slim": (SLIM.variant(frames=8), 1),
    "bottlenecks": (BOTTLENECKS, 4),
    "narrow": (SLIM.variant(frames=8, fast_channels=(4, 4, 4, 8, 8)), 1),
    "average": (AverageConfig(members=(TINY, TINY.variant(alpha=2)), views=2), None),
    "mosaic": (MosaicConfig(frames=4), 5),
}
LONG = {"average", "narrow"}


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in CONFIGS]
)
def exported(request, tmp_path_factory):
    """A network, clips and its ONNX file, with how many of its blocks have a plain shortcut (None: any number)."""
    config, plain = CONFIGS[request.param]
    torch.manual_seed(0)
    network = disturb(build(config), clips_of(8, config, size=32))
    file = tmp_path_factory.mktemp("shortcuts") / "model.onnx"
    export_onnx(network, ClipSpec(frames=config.frames, size=32, extra="distance"), file)
    return network, clips_of(3, config, size=32, seed=1), file, plain


def compiled(model):
    return ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def test_the_function_stays_the_networks(exported):
    network, clips, file, plain = exported
    model = ov.Core().read_model(file)
    before = sum(op.get_type_name() == "Convolution" for op in model.get_ordered_ops())
    found = convolve_shortcuts(model)
    after = sum(op.get_type_name() == "Convolution" for op in model.get_ordered_ops())
    assert after - before == found
    assert plain is None or found == plain
    with torch.inference_mode():
        expected = network(clips)
    assert expected.std() > 1e-2
    for batch in (1, 3):
        logits = torch.from_numpy(compiled(model)([clips[:batch].numpy()])[0])
        torch.testing.assert_close(logits, expected[:batch], rtol=1e-4, atol=1e-4)


def test_in_int8_no_sum_is_left_alone(tmp_path):
    torch.manual_seed(0)
    config = SLIM.variant(frames=8)
    network = disturb(build(config), clips_of(8, config, size=32))
    export_onnx(network, ClipSpec(frames=8, size=32, extra="distance"), tmp_path / "model.onnx")
    clips = clips_of(8, config, size=32, seed=1).numpy()
    exact = compiled(ov.convert_model(tmp_path / "model.onnx"))([clips[:3]])[0]
    engine = compiled(quantise(ov.convert_model(tmp_path / "model.onnx"), clips))
    told = [op.get_rt_info() for op in engine.get_runtime_model().get_ordered_ops()]
    of = {
        name: each["layerType"].astype(str)
        for each in told
        for name in each["originalLayersNames"].astype(str).split(",")
    }
    sums = {kind for name, kind in of.items() if name.startswith("node_add")}
    assert sums == {"Convolution"}
    assert np.corrcoef(engine([clips[:3]])[0], exact)[0, 1] > 0.9
