"""Fetch, read, score: takes references and gives outcomes, one for each; it knows no broker.

    submit ─► unfetched ─► fetcher ─► unread ─► readers ─► unscored ─► engine ─► Finished
                  ▲           │
                  └─ outage ──┘

Fetcher, readers and engine work on threads and processes of their own and answer by futures. A future's callback
does nothing but put what comes next into the inbox, and `poll` does it. So all state belongs to the one thread that
calls `submit`, `poll` and `cancel`, and needs no lock. Whatever can start is started at once: nothing waits for a
batch to fill.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from queue import Empty, Queue
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.backoff import Backoff
from stream.clip import Clip
from stream.engine.contract import Engine
from stream.errors import ClipFault, Outage, Reason, blaming
from stream.readers import ReadRequest
from stream.records import ClipReference, Outcome, Source
from stream.scoring.job import Job, Stage, TokenT
from stream.scoring.outcomes import Judge, reject
from stream.scoring.parts import Fetcher, Readers
from stream.scoring.stores import Store, Stores

AnswerT = TypeVar("AnswerT")


@dataclass(frozen=True, slots=True)
class Finished(Generic[TokenT]):
    """A clip's way has ended."""

    token: TokenT
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorerOptions:
    """How much is done at a time, and for how long a clip is tried."""

    fetches: int = 16
    """Clips that are fetched at a time."""
    held_bytes: int = 256 * 2**20
    """No fetch begins while clips in memory (videos to be read, pixels to be scored) take this or more. What has begun
    still comes in, so at most this plus `fetches` videos are held."""
    own_failures: int = 5
    """A clip is unreachable when so many of its fetches failed while its store answered for other clips."""


class Scorer(Generic[TokenT]):
    """All clips on their way; a token names one.

    Call `poll` several times a second while anything is in hand: retries that fall due are started there.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        readers: Readers,
        engine: Engine,
        judge: Judge,
        *,
        backoff: Backoff,
        clock: Callable[[], float],
        observe: Callable[[Stage, float], None],
        options: ScorerOptions,
    ) -> None:
        """Joins the parts; none is started or closed here.

        Args:
            fetcher: gets bytes.
            readers: make pixels of them.
            engine: makes logits of those.
            judge: makes verdicts of those.
            backoff: between fetches that meet an outage.
            clock: seconds, monotonic; called from any thread.
            observe: is told what each stage took for each clip, waiting before it not included.
            options: limits.
        """
        self._fetcher = fetcher
        self._readers = readers
        self._engine = engine
        self._judge = judge
        self._clock = clock
        self._observe = observe
        self._options = options
        self._stores = Stores(backoff=backoff, clock=clock)
        # No SimpleQueue: before Python 3.13 its get() waits without end where a signal's handler outlasts the time-out,
        # so that a worker with nothing in hand would not hear that it is to stop.
        self._inbox: Queue[Callable[[], None]] = Queue()
        self._jobs: dict[TokenT, Job[TokenT]] = {}
        self._unfetched: list[Job[TokenT]] = []
        self._unread: deque[tuple[Job[TokenT], bytes]] = deque()
        self._unscored: deque[tuple[Job[TokenT], Clip]] = deque()
        self._finished: list[Finished[TokenT]] = []
        self._fetching = 0
        self._scoring = 0
        self._held_bytes = 0

    @property
    def in_hand(self) -> int:
        """Clips submitted and neither finished nor cancelled."""
        return len(self._jobs)

    @property
    def held_bytes(self) -> int:
        """What the clips take in memory."""
        return self._held_bytes

    @property
    def room(self) -> int:
        """How many more clips it can use now: as many wait as are fetched, so that no fetch slot idles between polls.

        Clips that wait for a reader count, too: a stop finishes all that is in hand, which must not be a window full.
        Clips that were put off take none of it: while they wait, others show whether their store serves.
        """
        fresh = sum(job.attempts.failures == 0 for job in self._unfetched)
        return max(0, 2 * self._options.fetches - self._fetching - fresh - len(self._unread))

    @property
    def outage(self) -> str | None:
        """What is being waited for, or None; where no clip waits nobody asks whether a store serves again."""
        return self._stores.outage if self._jobs else None

    @property
    def waiting(self) -> dict[Stage, int]:
        """Clips in hand that wait for each stage; those put off by an outage wait to be fetched."""
        return {"fetch": len(self._unfetched), "read": len(self._unread), "score": len(self._unscored)}

    def submit(self, token: TokenT, reference: ClipReference, source: Source) -> None:
        """Takes a clip; its outcome comes out of `poll` under this token."""
        if token in self._jobs:
            raise ValueError(f"{token} is in hand already")
        job = Job(token, reference, source, self._stores.attempts(self._fetcher.store_of(reference.uri)))
        self._jobs[token] = job
        self._unfetched.append(job)

    def cancel(self, unwanted: Callable[[TokenT], bool]) -> None:
        """Forgets clips; what is still made of them is ignored."""
        for token in [token for token in self._jobs if unwanted(token)]:
            self._jobs.pop(token).cancelled = True

    def poll(self, timeout_s: float) -> list[Finished[TokenT]]:
        """Does what can be done and returns what is finished; waits for the first of it, `timeout_s` at most.

        Raises:
            Exception: what fetcher, readers or engine raised, if it is neither a clip's fault nor an outage.
        """
        deadline = self._clock() + timeout_s
        self._start()
        while self._hear(0.0 if self._finished else deadline - self._clock()):
            self._start()
        finished, self._finished = self._finished, []
        return finished

    def _hear(self, timeout_s: float) -> bool:
        """Takes in all answers that are there, so that a batch gets all that is ready; False where none came."""
        try:
            take_in = self._inbox.get(timeout=max(0.0, timeout_s))
        except Empty:
            return False
        take_in()
        while not self._inbox.empty():
            self._inbox.get()()
        return True

    def _when_done(self, future: Future[AnswerT], then: Callable[[Future[AnswerT], float], None]) -> None:
        """Has `then` called by `poll`, with the future and the seconds it took."""
        begun = self._clock()

        def note(done: Future[AnswerT]) -> None:
            self._inbox.put(partial(then, done, self._clock() - begun))

        future.add_done_callback(note)

    def _start(self) -> None:
        self._start_fetches()
        self._start_reads()
        self._start_batches()

    def _start_fetches(self) -> None:
        not_yet = []
        for job in sorted(self._unfetched, key=lambda job: job.attempts.rank):
            if job.cancelled:
                continue
            if not (self._can_fetch and job.attempts.due):
                not_yet.append(job)
                continue
            store = job.attempts.store
            if store.fails and store.last_served not in (None, job.reference.uri):
                self._ask_again(store, store.last_served)
                not_yet.append(job)
                continue
            self._fetching += 1
            job.attempts.begin()
            future = self._fetcher.submit(job.reference.uri, sha256=job.reference.sha256)
            self._when_done(future, partial(self._fetched, job))
        self._unfetched = not_yet

    def _ask_again(self, store: Store, uri: str) -> None:
        """Asks a store that fails for a clip that it has served before."""
        self._fetching += 1
        begun_in = store.begin()
        self._when_done(self._fetcher.submit(uri, sha256=None), partial(self._asked_again, store, begun_in))

    def _asked_again(self, store: Store, begun_in: int, future: Future[bytes], _seconds: float) -> None:
        self._fetching -= 1
        try:
            with suppress(ClipFault):  # an answer, too
                future.result()
        except Outage as outage:
            store.failed(str(outage), begun_in=begun_in)
        else:
            store.answered()

    @property
    def _can_fetch(self) -> bool:
        return self._fetching < self._options.fetches and self._held_bytes < self._options.held_bytes

    def _fetched(self, job: Job[TokenT], future: Future[bytes], seconds: float) -> None:
        self._fetching -= 1
        try:
            with blaming(job.name):
                data = future.result()
        except Outage as outage:
            self._put_off(job, str(outage))
            return
        except ClipFault as fault:
            self._reject(job, fault)
        else:
            self._hold(job, len(data))
            self._unread.append((job, data))
            job.attempts.store.last_served = job.reference.uri
        job.attempts.answered()
        self._passed(job, "fetch", seconds)

    def _put_off(self, job: Job[TokenT], why: str) -> None:
        job.attempts.failed(why)
        failures, store = job.attempts.own_failures, job.attempts.store.name
        if failures < self._options.own_failures:
            self._unfetched.append(job)
        else:
            detail = f"{failures} fetches failed while {store} answered for other clips; the last: {why}"
            self._reject(job, ClipFault(Reason.UNREACHABLE, detail))

    def _start_reads(self) -> None:
        while self._unread and self._readers.free > 0:
            job, data = self._unread.popleft()
            if job.cancelled:
                self._hold(job, 0)
                continue
            request = ReadRequest(data, roi=job.reference.roi, num_frames=job.reference.num_frames)
            self._when_done(self._readers.submit(request), partial(self._read, job))

    def _read(self, job: Job[TokenT], future: Future[Clip], seconds: float) -> None:
        self._passed(job, "read", seconds)
        try:
            with blaming(job.name):
                clip = future.result()
        except ClipFault as fault:
            self._reject(job, fault)
        else:
            self._hold(job, clip.pixels.nbytes)
            self._unscored.append((job, clip))

    def _start_batches(self) -> None:
        while self._unscored and self._scoring < self._engine.slots:
            size = min(len(self._unscored), self._engine.batch_sizes[-1])
            batch = [self._unscored.popleft() for _ in range(size)]
            self._scoring += 1
            future = self._engine.submit(np.stack([clip.pixels for _, clip in batch]))
            self._when_done(future, partial(self._scored, batch))

    def _scored(
        self, batch: list[tuple[Job[TokenT], Clip]], future: Future[NDArray[np.float32]], seconds: float
    ) -> None:
        self._scoring -= 1
        with blaming(", ".join(job.name for job, _ in batch)):
            for (job, clip), logit in zip(batch, future.result(), strict=True):
                self._passed(job, "score", seconds)
                self._end(job, self._judge.verdict(float(logit), clip, job.timings(), job.reference, job.source))

    def _passed(self, job: Job[TokenT], stage: Stage, seconds: float) -> None:
        job.seconds[stage] = seconds
        self._observe(stage, seconds)

    def _hold(self, job: Job[TokenT], size_bytes: int) -> None:
        self._held_bytes += size_bytes - job.held_bytes
        job.held_bytes = size_bytes

    def _reject(self, job: Job[TokenT], fault: ClipFault) -> None:
        self._end(job, reject(fault, clip_id=job.reference.clip_id, source=job.source))

    def _end(self, job: Job[TokenT], outcome: Outcome) -> None:
        self._hold(job, 0)
        if not job.cancelled:
            del self._jobs[job.token]
            self._finished.append(Finished(job.token, outcome))
