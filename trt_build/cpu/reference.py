"""What OpenVINO makes of a model on this CPU, in the precision that the model is written in; NNCF is not needed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream.engine.artifact import INPUT
from stream.engine.cpu import core
from stream.engine.quiet import ov
from trt_build.target import Outputs


def logits(model: "ov.Model | Path", clips: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores clips `uint8 [N, C, T, S, S]` one by one: `float32 [N]`."""
    compiled = _compiled(model)
    return np.concatenate([compiled({INPUT: clip[None]})[0] for clip in clips])


def layers(model: "ov.Model") -> list["ov.Node"]:
    """The convolutions and linear layers, in the order in which they are computed."""
    return [op for op in model.get_ordered_ops() if op.get_type_name() in ("Convolution", "MatMul")]


def outputs_of_layers(file: Path, clips: NDArray[np.uint8]) -> Outputs:
    """What each convolution and linear layer of a file gives for clips `[N, C, T, S, S]`."""
    model = core().read_model(file)
    found = layers(model)
    shown = model.add_outputs([op.output(0) for op in found])
    compiled = _compiled(model)
    scored = [compiled({INPUT: clip[None]}) for clip in clips]
    names = [op.get_friendly_name().removesuffix("/WithoutBiases") for op in found]
    return {
        name: np.concatenate([each[number] for each in scored])
        for number, name in enumerate(names, start=len(model.outputs) - len(shown))
    }


def _compiled(model: "ov.Model | Path") -> "ov.CompiledModel":
    return core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
