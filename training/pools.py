"""Pools: processes that share work out, end with their parent, and drop what waits when it gives up."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

from stream.processes.lifeline import serve_parent


@contextmanager
def pool(processes: int, *, ready: Callable[[], object]) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes, not forks: OpenCV's and PyTorch's threads don't survive a fork.

    Args:
        processes: how many at most.
        ready: readies each process; it is pickled.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_start, initargs=(ready,)) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


def _start(ready: Callable[[], object]) -> None:
    serve_parent()
    ready()
