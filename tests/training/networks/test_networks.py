"""What all networks have in common, whatever they are inside."""

from pathlib import Path
from typing import get_args

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

import stream
from stream.clip.spec import ClipSpec
from tests.training.networks.made import TINY, clips_of
from training.checkpoint import check_fit, load_checkpoint
from training.network_names import SUMMARIES, NetworkName
from training.networks import PRESETS, AverageConfig, NetworkConfig, build, network_named
from training.networks.mosaic import MosaicConfig
from training.networks.slowfast import SLIM, SlowFast
from training.networks.video_resnet import VideoResNetConfig

CONFIGS = {
    "slowfast": TINY,
    "mosaic": MosaicConfig(frames=4),
    "mc3_18, grey": VideoResNetConfig(architecture="mc3_18", frames=8, mean=(0.45,), std=(0.225,)),
    "average": AverageConfig(members=(TINY, TINY), views=8),
}
CARD: TypeAdapter[NetworkConfig] = TypeAdapter(NetworkConfig)
configs = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


@configs
def test_bytes_go_in_and_one_float32_logit_for_each_clip_comes_out(config):
    logits = build(config).eval()(clips_of(3, config, size=32))
    assert logits.shape == (3,)
    assert logits.dtype == torch.float32


@configs
def test_each_clip_is_scored_for_itself(config):
    network = build(config).eval()
    clips = clips_of(3, config, size=32)
    alone = torch.cat([network(clip[None]) for clip in clips])
    torch.testing.assert_close(network(clips), alone, rtol=1e-4, atol=1e-5)


@configs
def test_a_card_gives_back_the_configuration(config):
    assert CARD.validate_json(CARD.dump_json(config)) == config


@configs
def test_every_parameter_learns(config):
    network = build(config).train()
    network(clips_of(4, config, size=32)).sum().backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []


def test_a_card_without_architecture_is_a_slowfasts():
    old = SLIM.model_dump(mode="json", exclude={"architecture"})
    assert CARD.validate_python(old) == SLIM


def test_the_shipped_checkpoint_is_one():
    network, card = load_checkpoint(Path(stream.__file__).parent / "model" / "checkpoint")
    assert isinstance(network, SlowFast)
    assert card.network == network_named("slim", card.spec)


def test_a_card_of_an_unknown_architecture_is_refused():
    with pytest.raises(ValidationError, match="architecture"):
        CARD.validate_python({"architecture": "transformer"})


def test_each_preset_has_a_name_and_a_sentence():
    assert tuple(PRESETS) == get_args(NetworkName) == tuple(SUMMARIES)


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_takes_the_clips_of_a_spec(preset):
    spec = ClipSpec(frames=24, extra="none")
    config = PRESETS[preset].taking(spec)
    check_fit(config, spec)
    with torch.device("meta"):
        assert build(config)(torch.zeros((1, *spec.shape), dtype=torch.uint8)).shape == (1,)
