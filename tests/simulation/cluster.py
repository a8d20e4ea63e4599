"""The door by which the product's own code comes to the simulated clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka.admin import MemberToRemove
from kafka.errors import NoError, RetriableError

from stream.broker.cluster import Cluster
from stream.broker.watchdog import Watchdog
from stream.errors import UserError
from tests.simulation.consumer import SimulatedConsumer
from tests.simulation.line import Line
from tests.simulation.machines import Time
from tests.simulation.producer import SimulatedProducer

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class SimulatedCluster(Cluster):
    """`Cluster` whose clients talk to simulated brokers."""

    line: Line | None = None

    def _reached(self) -> Line:
        assert self.line is not None
        self.line.between("connect")
        if self.line.dead:
            self.line.wait(self.connect_timeout_s)
            raise UserError(f"Kafka at {self.bootstrap} did not answer")
        return self.line

    def ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Once: time has passed already where it isn't answered."""
        try:
            return question()
        except RetriableError as error:
            raise UserError(f"Kafka at {self.bootstrap} did not serve ({error})") from error

    @contextmanager
    def admin(self) -> Iterator["_Admin"]:
        yield _Admin(self._reached())

    def consumer(self, *topics: str, **fixed: Any) -> SimulatedConsumer:
        return SimulatedConsumer(self._reached(), **{"isolation_level": "read_committed", **fixed})

    def producer(self, **fixed: Any) -> SimulatedProducer:
        return SimulatedProducer(self._reached(), **fixed)


class _Admin:
    def __init__(self, line: Line) -> None:
        self._brokers = line.brokers

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [{"name": each, "error_code": 0} for each in names]

    def remove_group_members(self, _group: str, members: list[MemberToRemove]) -> dict[str, type[NoError]]:
        for member in members:
            self._brokers.group.leave(member.member_id, now=self._brokers.time.now)
        return {member.member_id: NoError for member in members}


class SimulatedWatchdog(Watchdog):
    """Deadlines on the simulated clock; whoever turns it asks for `late`."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._deadlines: dict[str, float] = {}

    def arm(self, reason: str, timeout_s: float) -> None:
        self._deadlines.setdefault(reason, self._time.now + timeout_s)

    def disarm(self, reason: str) -> None:
        self._deadlines.pop(reason, None)

    def close(self) -> None:
        pass

    @property
    def late(self) -> list[str]:
        return [reason for reason, deadline in self._deadlines.items() if deadline <= self._time.now]
