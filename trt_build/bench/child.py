# ruff: noqa: PLC0415 - each process imports its own library alone
"""A process of one contender: `python -m trt_build.bench.child WAY` loads it, then runs a turn for each order.

Way, orders and answers are JSON (`trt_build.bench.contenders`), one a line; between two orders it sleeps.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from itertools import cycle
from pathlib import Path
from typing import Protocol, TextIO

import numpy as np
from numpy.typing import NDArray

from stream.errors import UserError
from trt_build.bench.contenders import Fact, Order, Ready, Refused, Turn, Way

Clips = NDArray[np.uint8]
Submit = Callable[[Clips], "Future[NDArray[np.float32]]"]


class Running(Protocol):
    """What is measured: `submit` scores clips `[N, C, T, S, S]`, as that of a `stream.engine.contract.Engine`."""

    def submit(self, clips: Clips) -> "Future[NDArray[np.float32]]":
        """Queues a batch."""

    def close(self) -> None:
        """Waits for what was submitted."""


def serve(way: Way, orders: TextIO, answers: TextIO) -> None:
    """Loads, says that it is ready (or why not), and answers orders until there are no more."""

    def answer(fact: Fact) -> None:
        print(fact.model_dump_json(), file=answers, flush=True)

    clips = np.load(way.clips)
    batches = list(_batches(clips, way.batch))
    bare_mb, start_s = _resident_mb(), time.perf_counter()
    try:
        running = _load(way)
    except (UserError, ModuleNotFoundError) as error:
        answer(Refused(reason=str(error)))
        return
    running.submit(batches[0]).result()
    load_s = time.perf_counter() - start_s
    logits = np.concatenate([running.submit(clips[i : i + 1]).result() for i in range(len(clips))])
    memory_mb = _resident_mb() - bare_mb
    answer(Ready(load_s=load_s, memory_mb=memory_mb, logits=tuple(map(float, logits))))
    for line in orders:
        order = Order.model_validate_json(line)
        if order.kind == "throughput":
            answer(keep_busy(running.submit, batches, lanes=way.lanes, seconds=order.seconds))
        else:
            answer(one_by_one(running.submit, clips, seconds=order.seconds))
    running.close()


def keep_busy(submit: Submit, batches: list[Clips], *, lanes: int, seconds: float) -> Turn:
    """Has `lanes` batches in hand for so long, and waits for the last of them; at least one is scored."""
    waiting: deque[Future[NDArray[np.float32]]] = deque()
    scored, source = 0, cycle(batches)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    while not scored or time.perf_counter() < wall_s + seconds:
        batch = next(source)
        waiting.append(submit(batch))
        scored += len(batch)
        if len(waiting) >= lanes:
            waiting.popleft().result()
    for each in waiting:
        each.result()
    return Turn(clips=scored, wall_s=time.perf_counter() - wall_s, cpu_s=time.process_time() - cpu_s)


def one_by_one(submit: Submit, clips: Clips, *, seconds: float) -> Turn:
    """Scores single clips, each alone, for so long; at least one."""
    latencies_ms: list[float] = []
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    for clip in cycle(clips):
        start_s = time.perf_counter()
        submit(clip[None]).result()
        latencies_ms.append(1e3 * (time.perf_counter() - start_s))
        if time.perf_counter() >= wall_s + seconds:
            break
    return Turn(
        clips=len(latencies_ms),
        wall_s=time.perf_counter() - wall_s,
        cpu_s=time.process_time() - cpu_s,
        latencies_ms=tuple(latencies_ms),
    )


def _load(way: Way) -> Running:
    """Imports the library that this way needs, and no other."""
    match way.runner:
        case "artifact":
            from stream.engine.artifact import load_artifact
            from stream.engine.open import open_engine

            return open_engine(load_artifact(way.source), threads=way.threads)
        case "torch":
            from trt_build.bench.in_torch import TorchRunner

            return TorchRunner(way)
        case "onnxruntime":
            from trt_build.bench.in_onnxruntime import OnnxRunner

            return OnnxRunner(way)
        case "peak":
            from trt_build.bench.peak import PeakRunner

            return PeakRunner(way)


def _batches(clips: Clips, size: int) -> Iterator[Clips]:
    """All clips in batches of one size; the first ones come again to fill the last."""
    filled = np.resize(clips, (-(-len(clips) // size) * size, *clips.shape[1:]))
    yield from filled.reshape(-1, size, *clips.shape[1:])


def _resident_mb() -> float:
    """Of this process (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


if __name__ == "__main__":
    # What libraries print must not come between the answers.
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as pipe:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        serve(Way.model_validate_json(sys.argv[1]), sys.stdin, pipe)
