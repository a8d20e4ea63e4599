"""Whether processes that aren't children of the test have ended."""

import time

import psutil


def ends(pid: int, *, within_s: float = 5.0) -> bool:
    """Whether it ends in time; a zombie has ended, for it is its new parent's to reap."""
    deadline = time.monotonic() + within_s
    while runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
