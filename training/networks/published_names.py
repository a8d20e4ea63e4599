"""The names that two code bases give to the tensors of a SlowFast, and ours for the same tensors.

PySlowFast (facebookresearch/SlowFast) counts levels s1 to s5, PyTorchVideo blocks 0 to 4; both call the slow path 0 and
the fast one 1. Each rule maps one kind of tensor; together they are one to one on the published networks.
"""

import re
from dataclasses import dataclass

_WRAPPERS = r"(?:module\.|model\.)*"
"""What data parallelism, and PySlowFast around a network of PyTorchVideo, put before each name."""
_LEAF = r"(?:\.bn)?\.(?P<leaf>weight|bias|running_mean|running_var|num_batches_tracked)"
"""`bn` stands in between where batch norm was split for multigrid training (SubBatchNorm3d) and never merged."""
_PATHS = ("slow", "fast")
_PARTS = {"a": "a", "b": "b", "c": "last"}

_SF_STEM = r"s1\.pathway(?P<path>[01])_stem"
_SF_FUSE = r"s(?P<level>[1-4])_fuse"
_SF_BLOCK = r"s(?P<level>[2-5])\.pathway(?P<path>[01])_res(?P<block>\d+)"
_PTV_STEM = r"blocks\.0\.multipathway_blocks\.(?P<path>[01])"
_PTV_FUSE = r"blocks\.(?P<level>[0-3])\.multipathway_fusion"
_PTV_BLOCK = r"blocks\.(?P<level>[1-4])\.multipathway_blocks\.(?P<path>[01])\.res_blocks\.(?P<block>\d+)"
_BLOCK = "{level}.{path}.{block}"


@dataclass(frozen=True, slots=True)
class Naming:
    """How one code base names the tensors of a SlowFast."""

    name: str
    first_level: int
    """The number of the stem's level."""
    rules: tuple[tuple[str, str], ...]
    """Patterns of a module's name, and ours for it."""

    def ours(self, name: str) -> str | None:
        """Our name of a tensor, or None where no rule knows it."""
        for pattern, template in self.rules:
            if match := re.fullmatch(_WRAPPERS + pattern + _LEAF, name):
                return self._fill(template, match.groupdict()) + "." + match["leaf"]
        return None

    def _fill(self, template: str, found: dict[str, str]) -> str:
        stage = int(found.get("level") or self.first_level) - self.first_level
        return template.format(
            level=f"stages.{stage - 1}" if stage else "stem",
            path=_PATHS[int(found.get("path") or 0)],
            block=found.get("block"),
            part=_PARTS.get(found.get("part") or ""),
        )


PYSLOWFAST = Naming(
    "PySlowFast",
    1,
    (
        (rf"{_SF_STEM}\.conv", "stem.{path}.stem"),
        (rf"{_SF_STEM}\.bn", "stem.{path}.stem_bn"),
        (rf"{_SF_FUSE}\.conv_f2s", "{level}.lateral.lateral"),
        (rf"{_SF_FUSE}\.bn", "{level}.lateral.lateral_bn"),
        (rf"{_SF_BLOCK}\.branch1", f"{_BLOCK}.shortcut.shortcut"),
        (rf"{_SF_BLOCK}\.branch1_bn", f"{_BLOCK}.shortcut.shortcut_bn"),
        (rf"{_SF_BLOCK}\.branch2\.(?P<part>[abc])", f"{_BLOCK}.branch.{{part}}"),
        (rf"{_SF_BLOCK}\.branch2\.(?P<part>[abc])_bn", f"{_BLOCK}.branch.{{part}}_bn"),
        (r"head\.projection", "head"),
    ),
)
PYTORCHVIDEO = Naming(
    "PyTorchVideo",
    0,
    (
        (rf"{_PTV_STEM}\.conv", "stem.{path}.stem"),
        (rf"{_PTV_STEM}\.norm", "stem.{path}.stem_bn"),
        (rf"{_PTV_FUSE}\.conv_fast_to_slow", "{level}.lateral.lateral"),
        (rf"{_PTV_FUSE}\.norm", "{level}.lateral.lateral_bn"),
        (rf"{_PTV_BLOCK}\.branch1_conv", f"{_BLOCK}.shortcut.shortcut"),
        (rf"{_PTV_BLOCK}\.branch1_norm", f"{_BLOCK}.shortcut.shortcut_bn"),
        (rf"{_PTV_BLOCK}\.branch2\.conv_(?P<part>[abc])", f"{_BLOCK}.branch.{{part}}"),
        (rf"{_PTV_BLOCK}\.branch2\.norm_(?P<part>[abc])", f"{_BLOCK}.branch.{{part}}_bn"),
        (r"blocks\.6\.proj", "head"),
    ),
)
NAMINGS = (PYSLOWFAST, PYTORCHVIDEO)
