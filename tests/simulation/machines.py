"""What stands around a worker, turned by hand: its clock, the store, fetcher, readers and engine, and who judges.

Machines do nothing by themselves: what they are asked for waits in `Work` until it is told to finish, in any order.
"""

import random
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream.backoff import Backoff
from stream.clip import Clip, Quality
from stream.errors import ClipFault, Outage, Reason
from stream.metrics import Metrics
from stream.readers import ReadRequest
from stream.scoring.outcomes import Judge
from stream.scoring.scorer import Scorer, ScorerOptions
from stream.verdict import DecisionRule
from stream.worker.clock import Clock
from stream.worker.window import Token

EPOCH_S = 1_700_000_000.0


class Time:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    @property
    def clock(self) -> Clock:
        return Clock(monotonic=self, wall=lambda: EPOCH_S + self.now)


@dataclass
class Work:
    """What machines have been asked to do, and do when they are told to."""

    todo: list[Callable[[], None]] = field(default_factory=list)

    def ask(self, answer: Callable[[], object]) -> Future[Any]:
        """A future that will hold what `answer` returns or raises."""
        future: Future[Any] = Future()

        def settle() -> None:
            try:
                result = answer()
            except Exception as error:  # noqa: BLE001 - what it is, is for whoever waits for it
                future.set_exception(error)
            else:
                future.set_result(result)

        self.todo.append(settle)
        return future

    def finish(self, index: int = 0) -> None:
        self.todo.pop(index)()

    def finish_all(self) -> None:
        while self.todo:
            self.finish()


@dataclass
class Store:
    """Where clips lie. Their names say what is wrong with them: `7.missing`, `8.cursed`, `9.damaged`, `10.good`."""

    down: bool = False
    curse: bool = True
    """The cursed can't be had, while all others are served."""
    empty: bool = False
    """Nothing is found: it is the wrong one."""

    def get(self, uri: str) -> bytes:
        if self.down or (self.curse and uri.endswith("cursed")):
            raise Outage("503 Slow Down")
        if self.empty or uri.endswith("missing"):
            raise ClipFault(Reason.NOT_FOUND, "no such clip")
        return uri.encode()


class FakeFetcher:
    def __init__(self, work: Work, store: Store) -> None:
        self._work, self._store = work, store
        self.asked: list[str] = []
        self.digests: list[str | None] = []

    def submit(self, uri: str, *, sha256: str | None) -> Future[bytes]:
        self.asked.append(uri)
        self.digests.append(sha256)
        return self._work.ask(lambda: self._store.get(uri))

    def store_of(self, uri: str) -> str:
        return uri.rpartition("/")[0]


class FakeReaders:
    def __init__(self, work: Work, size: int) -> None:
        self._work, self._size, self._busy = work, size, 0
        self.requests: list[ReadRequest] = []

    @property
    def free(self) -> int:
        return self._size - self._busy

    def submit(self, request: ReadRequest) -> Future[Clip]:
        assert self.free > 0, "readers are asked only when one is free"
        self._busy += 1
        self.requests.append(request)
        return self._work.ask(lambda: self._read(request.data))

    def _read(self, data: bytes) -> Clip:
        self._busy -= 1
        if data.endswith(b"damaged"):
            raise ClipFault(Reason.DAMAGED, "3 frames are missing")
        number = int(data.partition(b".")[0].rpartition(b"/")[2])
        pixels = np.full((1, 2, 2, 2), number % 256, np.uint8)
        return Clip(pixels, roi=(0, 0, 2, 2), frames=48, quality=Quality(ring=True, mean_grey=9.0))


class FakeEngine:
    """Odd clips are stalled, even ones are flowing."""

    runtime = "simulation"

    def __init__(self, work: Work, *, slots: int, largest: int) -> None:
        self._work, self.slots, self.batch_sizes = work, slots, (1, largest)
        self.batches: list[int] = []

    def submit(self, clips: NDArray[np.uint8]) -> Future[NDArray[np.float32]]:
        assert len(clips) <= self.batch_sizes[-1]
        self.batches.append(len(clips))
        return self._work.ask(lambda: self.judge(clips))

    def judge(self, clips: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.where(clips[:, 0, 0, 0, 0] % 2 == 1, 3.0, -3.0).astype(np.float32)

    def close(self) -> None:
        pass


JUDGE = Judge(DecisionRule(), artifact="a" * 64, spec="b" * 16)
SCORER_OPTIONS = ScorerOptions(fetches=3, held_bytes=60, own_failures=2)


class Machines:
    """One worker's, small enough for every limit to be met."""

    def __init__(self, time: Time, store: Store, rng: random.Random) -> None:
        self._time, self._rng = time, rng
        self.work = Work()
        self.fetcher = FakeFetcher(self.work, store)
        self.readers = FakeReaders(self.work, size=2)
        self.engine = FakeEngine(self.work, slots=2, largest=3)

    def scorer(self, metrics: Metrics, make: Callable[..., Scorer[Token]] = Scorer) -> Scorer[Token]:
        return make(
            self.fetcher,
            self.readers,
            self.engine,
            JUDGE,
            backoff=Backoff(random=self._rng.random, first_s=0.5, longest_s=8.0),
            clock=self._time,
            observe=metrics.stage,
            options=SCORER_OPTIONS,
        )
