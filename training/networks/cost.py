"""What a network costs: parameters, arithmetic, and the CPU time of one clip on this machine."""

import statistics
import time
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from stream.clip.spec import ClipSpec
from training.networks import NetworkConfig, build

Shape = tuple[int, int, int, int]
"""`(C, T, S, S)` of one clip."""

_WARM_UP = 2
_RUNS = 7


@dataclass(frozen=True, slots=True)
class Cost:
    """Of scoring one clip."""

    parameters: int
    gflops: float
    """1e9 additions and multiplications; twice the multiply-accumulates that papers and model zoos call FLOPs."""
    cpu_ms: float
    """CPU time of one clip alone, fp32 in torch, all threads together."""


def cost(config: NetworkConfig, spec: ClipSpec) -> Cost:
    """Counts and times a network of random weights on a clip of a spec that it takes.

    The time is torch's. An engine takes less, and by how much differs from network to network, so it tells networks
    apart and nothing more.
    """
    shape = spec.shape
    return Cost(parameters=parameters(config), gflops=gflops(config, shape), cpu_ms=cpu_ms(config, shape))


def parameters(config: NetworkConfig) -> int:
    """Numbers that are learned; batch norm's running statistics are not."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in build(config).parameters())


def gflops(config: NetworkConfig, shape: Shape) -> float:
    """1e9 floating-point operations for a clip, 2 for each multiply-accumulate.

    Those of convolutions and linear layers alone: batch norm is folded into them before a network serves, and the rest
    is below a hundredth. They are counted by shapes; nothing is computed.
    """
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        build(config).eval()(torch.zeros((1, *shape), dtype=torch.uint8))
    return float(counter.get_total_flops()) / 1e9


def cpu_ms(config: NetworkConfig, shape: Shape) -> float:
    """Median CPU time of one clip alone, in milliseconds, after some that are not counted.

    CPU time is what this process computed, so other work on the machine hardly changes it.
    """
    network = build(config).eval()
    clip = torch.randint(0, 256, (1, *shape), dtype=torch.uint8)
    times_ms = []
    with torch.inference_mode():
        for _ in range(_WARM_UP + _RUNS):
            start_s = time.process_time()
            network(clip)
            times_ms.append(1e3 * (time.process_time() - start_s))
    return statistics.median(times_ms[_WARM_UP:])
