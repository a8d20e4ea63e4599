"""Shortcuts that carry what a block was given past it, as convolutions: OpenVINO adds them without a pass of their own.

Where both sides of a residual sum are convolutions, the sum becomes part of one of them. An identity is none, and its
sum is computed apart; in int8 such a sum of the slim network's eight fast channels took 0.2 ms of a clip's 1.7, more
than the convolutions before it. In fp32 it takes no longer than a convolution would, so there it stays.
"""

import numpy as np

from stream.engine.quiet import ov


def convolve_shortcuts(model: "ov.Model") -> int:
    """Puts a convolution by the identity matrix into each shortcut that has none; it multiplies by ones and zeros.

    Of the slim network, int8 took 9 to 12 % less CPU time for a clip by it with AVX512-VNNI, 4 % with AMX.

    Returns:
        How many there were.
    """
    found = [each for each in model.get_ordered_ops() if each.get_type_name() == "Add" and _sums_two_branches(each)]
    for add in found:
        for side in add.inputs():
            source = side.get_source_output()
            if source.get_node().get_type_name() in _ENDS_A_BLOCK:
                side.replace_source_output(_identity(source).output(0))
    model.validate_nodes_and_infer_types()
    return len(found)


_ENDS_A_BLOCK = {"Concat", "MaxPool", "Relu"}


def _sums_two_branches(add: "ov.Node") -> bool:
    """Of one a convolution (with its bias) is the end, of the other a block."""
    ends = {side.get_source_output().get_node().get_type_name() for side in add.inputs()}
    shaped = all(len(side.get_partial_shape()) in (4, 5) for side in add.inputs())
    return shaped and "Add" in ends and bool(ends & _ENDS_A_BLOCK)


def _identity(source: "ov.Output") -> "ov.Node":
    shape = source.get_partial_shape()
    channels, space = shape[1].get_length(), len(shape) - 2
    kernel = np.eye(channels, dtype=np.float32).reshape(channels, channels, *[1] * space)
    ones, zeros = [1] * space, [0] * space
    return ov.opset13.convolution(source, ov.opset13.constant(kernel), ones, zeros, zeros, ones)
