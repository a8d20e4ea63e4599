"""Networks that have learnt nothing, but in which no tensor could be swapped or left out unseen."""

import torch
from torch import nn

from training.networks.slowfast import SlowFastConfig

TINY = SlowFastConfig(
    frames=8,
    block="basic",
    depths=(1, 1, 1, 1),
    slow_channels=(4, 4, 4, 4, 4),
    fast_channels=(2, 2, 2, 2, 2),
    stem_pool=False,
)


def clips_of(count, config, *, size, seed=0):
    """Random bytes `uint8 [count, C, T, size, size]`; frames differ in brightness, so that clips do in their logits."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count, config.channels, config.frames, size, size)
    brightness = torch.rand((*shape[:3], 1, 1), generator=generator)
    return (256 * brightness * torch.rand(shape, generator=generator)).byte()


@torch.no_grad()
def disturb(network, *inputs):
    """Gives every batch norm and linear layer values of its own, under which signals keep their size.

    Batch norms measure the inputs, and are then moved a little.
    """
    norms = [each for each in network.modules() if isinstance(each, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
        norm.weight.uniform_(0.3, 0.9)
        norm.bias.normal_(0, 0.2)
    for linear in network.modules():
        if isinstance(linear, nn.Linear):
            linear.weight.normal_(0, 2 / linear.in_features**0.5)
            linear.bias.normal_(0, 0.5)
    network.train()(*inputs)
    for norm in norms:
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.add_(norm.running_var.sqrt(), alpha=0.1)
        norm.running_var.mul_(1.2)
    return network.eval()
