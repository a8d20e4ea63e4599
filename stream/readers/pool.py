"""The pool: hands clips to readers, replaces the dead, and judges whose fault a death was."""

import math
import os
import selectors
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from stream.clip import Clip, ClipSpec
from stream.errors import ClipFault, Reason
from stream.readers.forkserver import ForkServer, ReaderSettings
from stream.readers.handle import ReaderHandle
from stream.readers.wire import GarbledReply, ReadRequest

MIB = 1 << 20


@dataclass(eq=False, slots=True)
class _Job:
    request: ReadRequest
    future: Future[Clip] = field(default_factory=Future)
    first_death: str = ""
    """How a reader died of it, if one did: the clip is a suspect then, and gets its second try alone."""


@dataclass(eq=False, slots=True)
class _Seat:
    """A reader, and what is known of it beside its answers."""

    reader: ReaderHandle
    job: _Job | None = None
    deadline: float = math.inf
    doom: tuple[Reason, str] | None = None
    """Why the pool ended it."""


class Readers:
    """Reads clips in processes of their own; a context manager.

    A clip whose reader dies is tried once more, alone: in a fresh reader, while no other holds a clip. So a clip
    is rejected (`reader_crashed`, `reader_timeout`) only for a death that no neighbour can have caused.
    `submit`, `free` and `close` are for one thread; futures resolve on the pool's own.
    """

    def __init__(
        self,
        spec: ClipSpec,
        *,
        processes: int,
        deadline_s: float = 30.0,
        memory_limit_bytes: int = 1024 * MIB,
        clip_limit_bytes: int = 64 * MIB,
        work: str = "stream.clip:read_clip",
        restarted: Callable[[], None] = lambda: None,
    ) -> None:
        """Starts the readers; they are ready when this returns.

        Args:
            spec: how clips are read.
            processes: how many clips are read at a time.
            deadline_s: a reader that takes longer for a clip is killed.
            memory_limit_bytes: address space that a clip may take, beyond what the libraries have.
            clip_limit_bytes: a video with more is `too_large`.
            work: what a reader runs, as `module:function`, of type `stream.readers.child.Work`.
            restarted: called, on the pool's thread, for each reader that died or was killed and was replaced.
        """
        self.size = processes
        self.restarts = 0
        """Readers that died or were killed, and were replaced."""
        self._restarted = restarted
        self._spec = spec
        self._deadline_s = deadline_s
        self._clip_limit_bytes = clip_limit_bytes
        self._slot_bytes = max(clip_limit_bytes, math.prod(spec.shape))
        self._pending: deque[_Job] = deque()
        self._suspects: deque[_Job] = deque()
        self._submitted = 0  # written by the caller's thread only, and
        self._resolved = 0  # this by the pool's: neither needs a lock
        self._seats: dict[int, _Seat] = {}
        self._started = 0
        self._died_unused = 0
        self._open = True
        self._ended_by = ""
        self._door = threading.Lock()  # no job may enter a pool whose thread is past its last look
        self._waker = os.eventfd(0, os.EFD_CLOEXEC)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._waker, selectors.EVENT_READ)
        self._server = ForkServer(ReaderSettings(work, spec.model_dump_json(), self._slot_bytes, memory_limit_bytes))
        self._selector.register(self._server, selectors.EVENT_READ)
        for _ in range(processes):
            self._start_reader()
        self._thread = threading.Thread(target=self._run, name="readers", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def free(self) -> int:
        """How many clips can be submitted that need not wait for a reader."""
        return max(0, self.size - (self._submitted - self._resolved))

    def live(self) -> str | None:
        """None while clips can be read, else what ended that for good; may be asked from any thread, and is cheap."""
        return self._ended_by or None

    def submit(self, request: ReadRequest) -> Future[Clip]:
        """Has a clip read. The future holds it, or raises ClipFault: what read_clip raised, or a reader's death.

        Raises:
            RuntimeError: the pool was closed or its fork server has ended; pending futures raise that, too.
        """
        job = _Job(request)
        size, limit = len(request.data), self._clip_limit_bytes
        if size > limit:
            job.future.set_exception(ClipFault(Reason.TOO_LARGE, f"the video has {size} bytes, {limit} are allowed"))
            return job.future
        with self._door:
            if not self._open:
                raise RuntimeError("the pool of readers has ended")
            self._submitted += 1
            self._pending.append(job)
        os.eventfd_write(self._waker, 1)
        return job.future

    def close(self) -> None:
        """Ends all readers at once; futures that wait raise CancelledError."""
        if self._waker < 0:
            return
        with self._door:
            self._open = False
        os.eventfd_write(self._waker, 1)
        self._thread.join()
        self._server.close()
        for seat in self._seats.values():
            seat.reader.close()
        self._selector.close()
        os.close(self._waker)
        self._waker = -1

    # From here on all runs on the pool's thread (at the start, before there is one, on the caller's).

    def _run(self) -> None:
        failure: Exception = RuntimeError("the pool of readers failed")
        try:
            while self._open:
                self._turn()
            failure = CancelledError("the pool of readers was closed")
        except (RuntimeError, OSError) as error:
            failure = error
        finally:
            self._abandon(failure)

    def _turn(self) -> None:
        nearest = min(seat.deadline for seat in self._seats.values())
        events = self._selector.select(None if nearest == math.inf else max(0.0, nearest - time.monotonic()))
        # Deaths are looked at last: a reader that answered and then died did answer.
        for key, _ in sorted(events, key=lambda event: event[0].fileobj is self._server):
            if isinstance(key.data, _Seat):
                self._take_answer(key.data)
            elif key.fileobj is self._server:
                self._bury(*self._server.ended())
            else:
                os.eventfd_read(self._waker)
        now = time.monotonic()
        for seat in self._seats.values():
            if seat.deadline <= now:
                self._kill(seat, Reason.READER_TIMEOUT, f"took more than {self._deadline_s:g} s and was killed")
        self._hand_out()

    def _hand_out(self) -> None:
        in_hand = [seat.job for seat in self._seats.values() if seat.job]
        if self._suspects:
            if not in_hand:
                freshest = max(self._seats.values(), key=lambda seat: seat.reader.number)
                self._give(freshest, self._suspects.popleft())
            return
        if any(job.first_death for job in in_hand):
            return
        for seat in self._seats.values():
            if self._pending and seat.job is None and seat.doom is None:
                self._give(seat, self._pending.popleft())

    def _give(self, seat: _Seat, job: _Job) -> None:
        seat.job = job
        seat.deadline = time.monotonic() + self._deadline_s
        seat.reader.give(job.request)

    def _take_answer(self, seat: _Seat) -> None:
        try:
            answer = seat.reader.take()
        except GarbledReply as error:
            self._kill(seat, Reason.READER_CRASHED, f"sent {error} and was killed")
            return
        if answer is None:
            self._selector.unregister(seat.reader)
        elif isinstance(answer, ClipFault) and answer.reason is Reason.READER_CRASHED:
            self._kill(seat, answer.reason, answer.detail)  # these were its last words
        elif seat.job and not seat.doom:  # else it comes too late, the reader is being killed
            job, seat.job, seat.deadline = seat.job, None, math.inf
            self._died_unused = 0
            self._resolve(job, answer)

    def _kill(self, seat: _Seat, reason: Reason, cause: str) -> None:
        if not seat.doom:
            seat.doom, seat.deadline = (reason, cause), math.inf
            self._server.kill(seat.reader.number)

    def _bury(self, number: int, code: int) -> None:
        seat = self._seats.pop(number)
        with suppress(KeyError):  # unregistered already where its end of file was seen
            self._selector.unregister(seat.reader)
        seat.reader.close()
        self.restarts += 1
        self._restarted()
        self._died_unused += not seat.reader.clips_given
        if self._died_unused > 10 * self.size:
            raise RuntimeError("readers die before their first clip; standard error says why")
        self._start_reader()
        reason, cause = seat.doom or (Reason.READER_CRASHED, _how(code))
        job = seat.job
        if job is None:
            return
        if job.first_death:
            detail = f"the clip's reader {job.first_death}; tried once more, alone, it {cause}"
            self._resolve(job, ClipFault(reason, detail))
        else:
            job.first_death = cause
            self._suspects.append(job)

    def _start_reader(self) -> None:
        self._started += 1
        reader = ReaderHandle(self._started, self._server, slot_bytes=self._slot_bytes, shape=self._spec.shape)
        seat = self._seats[self._started] = _Seat(reader)
        self._selector.register(reader, selectors.EVENT_READ, seat)

    def _resolve(self, job: _Job, answer: Clip | Exception) -> None:
        self._resolved += 1
        if not job.future.set_running_or_notify_cancel():  # the caller wants it no more
            return
        if isinstance(answer, Exception):
            job.future.set_exception(answer)
        else:
            job.future.set_result(answer)

    def _abandon(self, failure: Exception) -> None:
        """Nobody may wait for a pool without a thread."""
        self._ended_by = str(failure)
        with self._door:
            self._open = False
        in_hand = [seat.job for seat in self._seats.values() if seat.job]
        for job in (*in_hand, *self._suspects, *self._pending):
            self._resolve(job, failure)


def _how(code: int) -> str:
    return f"died of signal {-code} ({signal.strsignal(-code)})" if code < 0 else f"ended with exit code {code}"
