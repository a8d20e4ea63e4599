"""All there is in one run: brokers, store, clock, the seats in which processes sit, and the book that is kept.

A process may be interrupted at any of its calls to Kafka: it may die there, or stand still past its session while the
others go on.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from kafka import TopicPartition

from stream.errors import UserError
from stream.records import ClipReference
from stream.worker.rejections import TooManyRejectionsError
from tests.simulation.brokers import Brokers
from tests.simulation.checks import TRACE, Book, Given, check_bounds, check_ownership
from tests.simulation.log import Transaction
from tests.simulation.machines import Store, Time
from tests.simulation.process import (
    CLIPS,
    DEAD_LETTERS,
    MESSAGE_LIMIT_BYTES,
    VERDICTS,
    Limits,
    Parts,
    Process,
)

STRICT = Limits(clips=24, clips_per_partition=10, rejections_in_a_row=4)
SESSIONS_S, TRANSACTIONS_S = (6.0, 10.0, 20.0), (10.0, 30.0)
BEYOND_SESSION_S = (-3.0, 3.0, 3.0, 20.0)
KINDS = {"good": 70, "missing": 6, "cursed": 10, "damaged": 7, "malformed": 5, "huge": 2}
BAD_DAY = {**KINDS, "good": 15, "missing": 40}


SLICES = 6
"""Others have so many turns while one stands still."""


class Killed(BaseException):
    """A SIGKILL in the middle of a turn."""


@dataclass(eq=False)
class Seat:
    """Where a supervisor keeps a process running."""

    slot: str | None
    process: Process | None = None
    starts: int = 0
    limited: bool = False
    """The last one stopped because of too many rejections."""


class World:
    """A run's state, and what processes do in it."""

    def __init__(self, seed: int, parts: Parts, *, tell: Callable[[str], None] = lambda line: None) -> None:
        self.rng = random.Random(seed)
        self.parts = parts
        self.time, self.store = Time(), Store()
        self.brokers = Brokers(
            self.time,
            CLIPS,
            {VERDICTS: 2, DEAD_LETTERS: 1},
            max_message_bytes=MESSAGE_LIMIT_BYTES,
            session_s=self.rng.choice(SESSIONS_S),
            transaction_s=self.rng.choice(TRANSACTIONS_S),
        )
        for _ in range(3):
            self.brokers.add_partition(start=self.rng.choice((0, 0, 7)))
        self.brokers.known = self.brokers.partitions()
        self.brokers.committed = self._committed
        self.limits = STRICT
        self.book = Book(self.brokers, rejections_in_a_row=STRICT.rejections_in_a_row)
        self.happened: Counter[str] = Counter()
        self.chosen: Process | None = None
        """Whom the action that is under way befalls."""
        self.numbers = 0
        """Of references so far."""
        self.trace: list[str] = []
        self._tell = tell
        self._kinds = list((BAD_DAY if self.rng.random() < 0.2 else KINDS).values())
        static = self.rng.random() < 0.3
        self.seats = [Seat(f"slot-{index}" if static else None) for index in range(self.rng.choice((1, 2, 2, 3)))]

    def say(self, line: str) -> None:
        self.trace.append(f"{self.time.now:8.2f}  {line}")
        self._tell(self.trace[-1])

    def _committed(self, transaction: Transaction) -> None:
        positions = ", ".join(f"{each.partition}@{at.offset}" for each, at in transaction.offsets.items())
        self.say(f"    visible: {len(transaction.entries)} outcomes up to {positions}")
        self.book.committed(transaction)

    @property
    def processes(self) -> list[Process]:
        return [seat.process for seat in self.seats if seat.process]

    def check(self) -> None:
        processes = self.processes
        check_ownership(self.brokers, processes)
        for process in processes:
            check_bounds(process)
            if process.watchdog.late and not process.line.frozen and not process.busy:
                self.end(process, f"ended by its watchdog: {process.watchdog.late}")

    # References.

    def append(self, partition: TopicPartition, kind: str | None = None) -> None:
        """One more; by default of any kind."""
        if kind is None:
            (kind,) = self.rng.choices(list(KINDS), self._kinds)
        given = Given(self.numbers, kind)
        self.numbers += 1
        reference = ClipReference(schema=1, clip_id=given.clip_id, uri=f"/clips/{given.clip_id}").to_json()
        value = {"malformed": b"{}", "huge": b"{" * (MESSAGE_LIMIT_BYTES + 1)}.get(kind, reference)
        log = self.brokers.logs[partition]
        entry = log.append(given.clip_id.encode(), value, (TRACE,), timestamp_ms=self.brokers.now_ms())
        self.book.append(partition, entry.offset, given)

    # The life of a process.

    def start(self, seat: Seat) -> bool:
        seat.starts += 1
        name = f"{chr(ord('A') + self.seats.index(seat))}{seat.starts}"
        try:
            seat.process = Process(
                name,
                seat.slot,
                brokers=self.brokers,
                store=self.store,
                time=self.time,
                rng=self.rng,
                limits=self.limits,
                parts=self.parts,
                between=self._between,
                wait=self._wait,
            )
        except UserError as error:
            self.say(f"{name} doesn't start: {error}")
            return False
        self.say(f"{name} starts")
        return True

    def turn(self, process: Process) -> None:
        """One turn of the worker, unless the process can't have one."""
        if not (process.busy or process.line.frozen):
            self._run(process, self._turn_of(process))

    def _turn_of(self, process: Process) -> Callable[[], None]:
        def turn() -> None:
            try:
                process.worker.step()
            except UserError:  # as its run() does
                process.dies_at = process.freezes_at = None
                process.broker.close()
                raise

        return turn

    def drain(self, process: Process, *, aborted: bool = False) -> None:
        """A stop in order; it may be cut short by a second request."""
        process.aborted = aborted
        process.draining = True
        process.worker.request_stop()
        code = self._run(process, process.worker.run)
        assert code in (None, 0) or (aborted and code == 130), f"{process.name} ends with {code}"
        self.end(process, "has drained")

    def _run(self, process: Process, turn: Callable[[], int | None]) -> int | None:
        process.busy = True
        try:
            return turn()
        except Killed:
            self.end(process, "is killed in mid-turn")
        except UserError as error:
            self._stopped(process, error)
        finally:
            process.busy = False
        return None

    def _stopped(self, process: Process, error: UserError) -> None:
        """It says what an operator should look at, and leaves."""
        if isinstance(error, TooManyRejectionsError):
            self.happened["too_many_rejections"] += 1
            process.limited = True
        else:
            assert "is used by another process" in str(error), f"{process.name} stops: {error}"
            self.happened["fenced"] += 1
        self.end(process, f"stops: {str(error)[:80]}")

    def end(self, process: Process, how: str) -> None:
        """The process is no more."""
        for seat in self.seats:
            if seat.process is process:
                self.say(f"{process.name} {how}")
                seat.process = None
                if process.limited:
                    seat.limited = True
        process.kill()

    # What happens while a process is in the middle of something.

    def _between(self, process: Process, call: str) -> None:
        if process.dies_at == call:
            self.say(f"    {process.name} dies at {call}")
            raise Killed
        if process.freezes_at == call:
            process.freezes_at = None
            self._freeze(process, call)
        if process.draining and call == "poll":
            self._meanwhile(process)

    def _freeze(self, process: Process, call: str) -> None:
        self.say(f"    {process.name} freezes at {call}")
        process.line.frozen = True
        self._wait(process, self.brokers.group.session_s + self.rng.choice(BEYOND_SESSION_S))
        self.thaw(process)

    def _wait(self, process: Process, seconds: float) -> None:
        for _ in range(SLICES):
            self.brokers.pass_time(seconds / SLICES)
            self.others_go_on(process)

    def thaw(self, process: Process) -> None:
        process.line.frozen = False
        if self.rng.random() < 0.5:  # its client's thread may be the first to run again
            process.broker._consumer._beat()

    def others_go_on(self, process: Process) -> None:
        for other in self.processes:
            if other is not process and not other.line.frozen and self.rng.random() < 0.7:
                self.turn(other)
                other.machines.work.finish_all()

    def _meanwhile(self, process: Process) -> None:
        """Machines go on working while a worker drains; a second request may cut it short."""
        self.brokers.pass_time(0.2)
        if process.machines.work.todo:
            process.machines.work.finish(self.rng.randrange(len(process.machines.work.todo)))
        if process.aborted and self.rng.random() < 0.3:
            process.worker.request_stop()
        if self.rng.random() < 0.2:
            self.others_go_on(process)
