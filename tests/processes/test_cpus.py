"""A container's share of the machine is what counts."""

import os

import pytest

from stream.processes.cpus import usable_cpus


def system(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    "files",
    [
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"},
        {"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/cpu.max": "100000 100000\n"},
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/docker/x\n0::/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "90000\n",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    ],
    ids=["version 2, in a container", "version 2, an outer group's limit", "version 1"],
)
def test_a_quota_counts_rounded_up(tmp_path, files):
    assert usable_cpus(system(tmp_path, files)) == 1


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9900000 100000\n"},
        {"proc/self/cgroup": "4:cpu:/\n", "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"},
    ],
)
def test_without_a_quota_below_it_the_affinity_counts(tmp_path, files):
    assert usable_cpus(system(tmp_path, files)) == len(os.sched_getaffinity(0))


def test_this_machine_has_at_least_one():
    assert 1 <= usable_cpus() <= (os.cpu_count() or 1)
