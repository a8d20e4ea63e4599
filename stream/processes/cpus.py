"""How many CPUs this process may use: what the machine has is not what a container gets."""

import math
import os
from pathlib import Path


def usable_cpus(root: Path = Path("/")) -> int:
    """CPUs by affinity (taskset, cpusets) and by the quota of the control groups that hold this process, rounded up.

    Args:
        root: what `/proc` and `/sys` lie below.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(root))]))


def _quotas(root: Path) -> list[float]:
    """CPUs' worth of time in each period; a group's limit also holds for the groups inside it."""
    groups = root / "sys/fs/cgroup"
    quotas = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        inside = Path(path.lstrip("/"))
        for group in (inside, *inside.parents):  # inside a container only the last, the root, can be seen
            if controllers == "":  # version 2
                quotas.append(_share(_read(groups / group / "cpu.max").split()))
            elif "cpu" in controllers.split(","):
                folder = groups / "cpu" / group
                quotas.append(_share([_read(folder / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]))
    return [quota for quota in quotas if quota > 0]


def _share(quota_and_period: list[str]) -> float:
    """`["150000", "100000"]` -> 1.5; without a limit ("max", or -1 in version 1) 0 or less."""
    try:
        quota, period = map(int, quota_and_period)
    except ValueError:
        return 0.0
    return quota / period if period else 0.0


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
