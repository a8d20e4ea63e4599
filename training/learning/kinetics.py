"""Fine-tuning from Kinetics: published SlowFast weights, read safely, under our names, for a grey clip.

The weights come as files that the user has: from PyTorchVideo's model zoo, from PySlowFast's zoo of networks of
PyTorchVideo, or as PySlowFast's own training saved them. The published networks (arXiv 1812.03982) see RGB with one
mean and one deviation for all three channels, so a grey clip gives three equal channels, and a stem whose weights are
summed over them answers to the grey clip alone as the published one does to the three. The extra channel of a clip
(mask or distance) starts with zero weights: the network begins as one that sees grey alone, and learns to use the rest.
The 400 classes are of no use here, so the head is new.
"""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stream.errors import UserError
from training.networks import PRESETS, Network
from training.networks.published_names import NAMINGS, Naming
from training.networks.slowfast import SlowFast, SlowFastConfig

MEAN, STD = 0.45, 0.225
"""Of each of the three channels in all published networks, as a share of 255."""

_STEMS = ("stem.slow.stem.weight", "stem.fast.stem.weight")
_HEAD = ("head.weight", "head.bias")
_COUNT = "num_batches_tracked"
"""Batch norm's count of batches has no part in the result, and not all checkpoints have it."""

_PICKLE = b"\x80"
"""What torch saves begins with, where it is not a zip archive."""

State = dict[str, Tensor]
Shapes = Mapping[str, torch.Size]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What became of a checkpoint's tensors; names are ours."""

    path: Path
    naming: str
    """Whose names the file uses."""
    loaded: tuple[str, ...]
    """As they are in the file."""
    adapted: tuple[str, ...]
    """Stems that were folded to grey."""
    fresh: tuple[str, ...]
    """Tensors of the network that keep their own start: the head."""

    def __str__(self) -> str:
        new = [name for name in self.fresh if not name.endswith(_COUNT)]
        return (
            f"{self.path.name} ({self.naming}): {len(self.loaded)} tensors loaded as they are; folded to grey: "
            f"{', '.join(self.adapted) or 'none'}; new: {', '.join(new)}"
        )


def load_pretrained(network: Network, path: Path) -> Loaded:
    """Gives a network the weights of a published SlowFast, all but the head's; on an error it is left as it was.

    Raises:
        UserError: the network is no SlowFast or doesn't see grey as the published ones do; the file can't be read
            without running code, or holds no SlowFast, or one that doesn't fit, and then which preset it fits is said.
    """
    if not isinstance(network, SlowFast):
        raise UserError(f"{path}: only a SlowFast can start from published weights; give --network r50-8x8 or r50-4x16")
    _check_normalisation(network.config, path)
    naming, published = rename(_read(path), path)
    own = network.state_dict()
    if fault := _misfit(published, {name: tensor.shape for name, tensor in own.items()}):
        raise UserError(f"{path} doesn't fit the network: {fault}; {_advice(published)}")
    folded = {name: fold(published[name], network.config.channels) for name in _STEMS}
    adapted = tuple(name for name in _STEMS if folded[name].shape != published[name].shape)
    taken = {name: tensor for name, tensor in published.items() if name not in _HEAD} | folded
    network.load_state_dict({**own, **taken})
    return Loaded(
        path=path,
        naming=naming.name,
        loaded=tuple(name for name in own if name in taken and name not in adapted),
        adapted=adapted,
        fresh=tuple(name for name in own if name not in taken),
    )


def rename(state: Mapping[str, Tensor], path: Path) -> tuple[Naming, State]:
    """A published network's tensors under our names, with their own shapes; `path` is for messages.

    Raises:
        UserError: some tensor is none of a SlowFast's.
    """
    state = {name: tensor for name, tensor in state.items() if ".split_bn." not in name}
    naming = max(NAMINGS, key=lambda naming: sum(naming.ours(name) is not None for name in state))
    ours = {name: naming.ours(name) for name in state}
    if unknown := [name for name, our in ours.items() if our is None]:
        raise UserError(
            f"{path}: {len(unknown)} of {len(state)} tensors are none of a SlowFast in {naming.name}'s naming, the "
            f"first is {unknown[0]}; give the checkpoint of a SlowFast for classification"
        )
    return naming, {our: _flat_norm(our, state[name]) for name, our in ours.items() if our is not None}


def fold(stem: Tensor, channels: int) -> Tensor:
    """A stem's weights `[out, 3 or 1, k, k, k]` for clips of grey and extra channels, `[out, channels, k, k, k]`.

    Grey gets the sum, as all its weights met the same pixel; the extra channels get zeros.
    """
    if stem.shape[1] == channels:
        return stem
    grey = stem.sum(1, keepdim=True)
    return torch.cat([grey, torch.zeros_like(grey).expand(-1, channels - 1, -1, -1, -1)], dim=1)


def _read(path: Path) -> State:
    """The state of a checkpoint; nothing but tensors and plain values is unpickled."""
    if path.suffix == ".pkl":
        raise UserError(
            f"{path} is a Caffe2 pickle, which could run any code when read; "
            "take the network's .pyth from PyTorchVideo's model zoo, it has the same weights"
        )
    try:
        _check_whole(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(
            f"{path} can't be read ({error.strerror}); give a .pyth of PySlowFast or PyTorchVideo, or a checkpoint's "
            "folder"
        ) from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path} is not tensors and plain values alone, and reading anything else could run any code; where you "
            "trust it, save its weights by torch.save({'model_state': network.state_dict()}, file) and give that file"
        ) from None
    except Exception:  # noqa: BLE001 - a damaged pickle may raise whatever its reader stumbles over
        raise UserError(
            f"{path} is damaged or no checkpoint; copy it again, or give a .pyth of PySlowFast or PyTorchVideo"
        ) from None
    return _state(content, path)


def _check_whole(path: Path) -> None:
    """Refuses what torch never wrote, and compares the checksums of its zip format, which torch does not."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if archive.testzip() is not None:
                raise zipfile.BadZipFile
        return
    with path.open("rb") as file:
        if file.read(len(_PICKLE)) != _PICKLE:
            raise ValueError


def _state(content: Any, path: Path) -> State:
    state = content.get("model_state", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not state or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise UserError(f"{path} has no weights under model_state; give a .pyth of PySlowFast or PyTorchVideo")
    return state


def _check_normalisation(config: SlowFastConfig, path: Path) -> None:
    """Folding holds only where grey is normalised as each of the three channels was."""
    if (config.mean[0], config.std[0]) != (MEAN, STD):
        raise UserError(
            f"{path}: published weights need pixels of mean {MEAN} and deviation {STD}, the network has "
            f"{config.mean[0]} and {config.std[0]}; leave them as in its preset"
        )


def _flat_norm(name: str, tensor: Tensor) -> Tensor:
    """Split batch norms once kept their weights as `[C, 1, 1, 1]`."""
    return tensor.flatten() if "_bn." in name and tensor.ndim > 1 else tensor


def _misfit(published: State, own: Shapes) -> str | None:
    """The first tensor that only one of them has, or in another shape; heads and channels of stems may differ."""
    for name in own:
        if name not in published and name not in _HEAD and not name.endswith(_COUNT):
            return f"it has no {name}"
    for name, tensor in published.items():
        if name in _HEAD:
            continue
        if name not in own:
            return f"its {name} has no place there"
        if not (tensor.shape == own[name] or (name in _STEMS and _folds(tensor.shape, own[name]))):
            return f"{name} is {list(tensor.shape)} in the file and {list(own[name])} in the network"
    return None


def _folds(published: torch.Size, own: torch.Size) -> bool:
    """Whether a stem of grey or RGB becomes one of grey, and perhaps an extra channel, and is the same otherwise."""
    return published[1:2] in ((1,), (3,)) and own[1] <= 2 and published[:1] + published[2:] == own[:1] + own[2:]


def _advice(published: State) -> str:
    fitting = [
        name for name, config in PRESETS.items() if isinstance(config, SlowFastConfig) and _fits(published, config)
    ]
    return f"give --network {' or '.join(fitting)}" if fitting else "it fits no preset, so it can't be used"


def _fits(published: State, config: SlowFastConfig) -> bool:
    with torch.device("meta"):
        own = SlowFast(config).state_dict()
    return _misfit(published, {name: tensor.shape for name, tensor in own.items()}) is None
