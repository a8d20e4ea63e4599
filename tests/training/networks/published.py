"""The published SlowFasts, from the pytorchvideo package at random weights, and their names in PySlowFast."""

import re
import warnings

import torch

from tests.training.networks.made import disturb

FRAMES, SIZE = 16, 64
KINDS = {"r50-8x8": (50, 7, 4), "r50-4x16": (50, 5, 8), "r101-8x8": (101, 5, 4)}
"""By our presets: depth, extent in time of the lateral convolutions, alpha."""


def published(depth, lateral, alpha, **changes):
    """As `pytorchvideo.models.hub` makes it, but for pools of the size that small clips leave."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package is older than this torch
        from pytorchvideo.models.slowfast import create_slowfast
    left = SIZE // 32
    return create_slowfast(
        **{
            "model_depth": depth,
            "slowfast_fusion_conv_kernel_size": (lateral, 1, 1),
            "slowfast_fusion_conv_stride": (alpha, 1, 1),
            "head_pool_kernel_sizes": ((FRAMES // alpha, left, left), (FRAMES, left, left)),
            **changes,
        }
    )


def paths(clips, alpha):
    """What the published networks are given, from uint8 RGB `[N, 3, T, S, S]`: slow and fast frames, normalised."""
    fast = (clips.float() / 255 - 0.45) / 0.225
    slow = fast.index_select(2, torch.linspace(0, clips.shape[2] - 1, clips.shape[2] // alpha).long())
    return [slow, fast]


def drawn(kind, **changes):
    """A published network in which every tensor matters, and its logits are about 1."""
    torch.manual_seed(0)
    depth, lateral, alpha = KINDS[kind]
    network = published(depth, lateral, alpha, **changes)
    clips = torch.randint(0, 256, (2, 3, FRAMES, SIZE, SIZE), dtype=torch.uint8)
    return disturb(network, paths(clips, alpha))


def hollow(kind, **changes):
    """The tensors of a published network at their full shapes, each of them one zero in memory and on disk."""
    with torch.device("meta"):
        state = published(*KINDS[kind], **changes).state_dict()
    return {name: torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) for name, tensor in state.items()}


PYSLOWFAST_RULES = (
    # facebookresearch/SlowFast: models/{stem,resnet,head}_helper.py and video_model_builder.py
    (r"blocks\.0\.multipathway_blocks\.(\d)\.conv\.", r"s1.pathway\1_stem.conv."),
    (r"blocks\.0\.multipathway_blocks\.(\d)\.norm\.", r"s1.pathway\1_stem.bn."),
    (r"blocks\.(\d)\.multipathway_fusion\.conv_fast_to_slow\.", lambda m: f"s{int(m[1]) + 1}_fuse.conv_f2s."),
    (r"blocks\.(\d)\.multipathway_fusion\.norm\.", lambda m: f"s{int(m[1]) + 1}_fuse.bn."),
    (
        r"blocks\.(\d)\.multipathway_blocks\.(\d)\.res_blocks\.(\d+)\.",
        lambda m: f"s{int(m[1]) + 1}.pathway{m[2]}_res{m[3]}.",
    ),
    (r"branch1_conv\.", "branch1."),
    (r"branch1_norm\.", "branch1_bn."),
    (r"branch2\.conv_([abc])\.", r"branch2.\1."),
    (r"branch2\.norm_([abc])\.", r"branch2.\1_bn."),
    (r"blocks\.6\.proj\.", "head.projection."),
)


def pyslowfast_name(name):
    """PySlowFast's name of the tensor that PyTorchVideo calls `name`."""
    for pattern, replacement in PYSLOWFAST_RULES:
        name = re.sub(pattern, replacement, name)
    return name
