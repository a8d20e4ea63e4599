"""Which processes and devices take part: in training this one alone or all that torchrun started; else this one."""

import os

import torch
from lightning_fabric import Fabric

from training.learning.loop import Precision
from training.networks import Network


def join_processes(precision: Precision, *, threads: int) -> Fabric:
    """Takes the GPUs if there are any, else the CPU; under torchrun, one device for each of its processes.

    With several processes each takes its part of a batch, and gradients are averaged (DistributedDataParallel). On one
    machine they share the threads.
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    torch.set_num_threads(max(1, threads // here))
    fabric = Fabric(
        devices=here,
        num_nodes=processes // here,
        strategy="ddp" if processes > 1 else "auto",
        precision=precision,
    )
    fabric.launch()
    return fabric


def placed(network: Network, *, threads: int) -> Network:
    """A network that only scores, on the first GPU if there is one; else the CPU computes with so many threads."""
    torch.set_num_threads(threads)
    return network.to("cuda") if torch.cuda.is_available() else network
