"""Which processes and devices take part in training: this one alone, or all that torchrun started."""

import os

from lightning_fabric import Fabric

from training.loop import Precision


def join(precision: Precision) -> Fabric:
    """Takes the GPUs if there are any, else the CPU; under torchrun, one device for each of its processes.

    With several processes each takes its part of a batch, and gradients are averaged (DistributedDataParallel).
    """
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fabric = Fabric(
        devices=here,
        num_nodes=processes // here,
        strategy="ddp" if processes > 1 else "auto",
        precision=precision,
    )
    fabric.launch()
    return fabric
