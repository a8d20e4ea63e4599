"""PyTorch as a contender: as it comes, and in the ways that are known to be faster on CPUs."""

import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from stream.errors import UserError
from training.checkpoint import load_checkpoint
from trt_build.bench.contenders import Way


class TorchRunner:
    """A checkpoint's network; its lanes are threads that share the CPUs."""

    def __init__(self, way: Way) -> None:
        torch.set_num_threads(max(1, way.threads // way.lanes))  # of each lane
        self._score = WAYS[way.name](load_checkpoint(way.source)[0])
        self._lanes = ThreadPoolExecutor(way.lanes)

    def submit(self, clips: NDArray[np.uint8]) -> "Future[NDArray[np.float32]]":
        """Queues a batch for the next lane."""
        return self._lanes.submit(self._logits, clips)

    def close(self) -> None:
        """Waits for what was submitted."""
        self._lanes.shutdown()

    def _logits(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = self._score(torch.from_numpy(clips)).numpy()
            return logits


Score = Callable[[Tensor], Tensor]


def _eager(network: nn.Module) -> Score:
    return network


def _channels_last(network: nn.Module) -> Score:
    """Batch norms folded into the convolutions, whose weights lie in the order that vectorises over channels."""
    return fuse(network).to(memory_format=torch.channels_last_3d)


def _onednn(network: nn.Module) -> Score:
    """By oneDNN where PyTorch's own choice for a single clip is a slower convolution of its own (im2col and gemm)."""
    folded = fuse(network)
    for parent in list(folded.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.Conv3d):
                setattr(parent, name, _OneDnnConvolution(child))
    return folded


def _compiled(network: nn.Module) -> Score:
    """Compiled by Inductor with its weights frozen, which also lays them out for oneDNN; once for each batch size."""
    compiler = os.environ.get("CXX", "g++")
    if shutil.which(compiler) is None:
        raise UserError(f"torch.compile needs a C++ compiler at run time, and {compiler} is not there")
    return torch.compile(network, dynamic=False, options={"freezing": True, "compile_threads": 1})


WAYS: dict[str, Callable[[nn.Module], Score]] = {
    "eager": _eager,
    "channels_last_3d": _channels_last,
    "oneDNN convolutions": _onednn,
    "frozen torch.compile": _compiled,
}


class _OneDnnConvolution(nn.Module):
    def __init__(self, convolution: nn.Conv3d) -> None:
        super().__init__()
        self.convolution = convolution

    def forward(self, x: Tensor) -> Tensor:
        own = self.convolution
        assert not isinstance(own.padding, str)  # our networks give theirs in numbers
        return torch.mkldnn_convolution(x, own.weight, own.bias, own.padding, own.stride, own.dilation, own.groups)
