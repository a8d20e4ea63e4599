"""A process's connections to the brokers: what may happen to a call on its way."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NoReturn

from kafka.errors import KafkaTimeoutError

from tests.simulation.brokers import Brokers


@dataclass(eq=False)
class Line:
    """All clients of one process use it."""

    brokers: Brokers
    between: Callable[[str], None] = lambda call: None
    """Told before each call; others may act meanwhile, and the process may die."""
    wait: Callable[[float], None] = lambda seconds: None
    """Lets time pass while the process waits for an answer in vain."""
    cut: bool = False
    """No answer comes for this process alone."""
    frozen: bool = False
    """The process doesn't run, its clients' threads neither; or it is dead."""
    mishaps: dict[str, list[str]] = field(default_factory=dict)
    """By call: what goes wrong with the next ones."""
    breaks: Literal["", "line", "brokers"] = ""
    """What fails altogether when the next thing goes wrong."""

    @property
    def dead(self) -> bool:
        return self.cut or self.brokers.down

    def call(self, name: str, *, timeout_s: float) -> str | None:
        """What goes wrong with the call, if anything does.

        Raises:
            KafkaTimeoutError: no answer came.
        """
        self.between(name)
        if self.dead:
            self.time_out(name, timeout_s)
        waiting = self.mishaps.get(name)
        if not waiting:
            return None
        self.cut |= self.breaks == "line"
        self.brokers.down |= self.breaks == "brokers"
        self.breaks = ""
        return waiting.pop(0)

    def time_out(self, name: str, timeout_s: float) -> NoReturn:
        self.wait(timeout_s)
        raise KafkaTimeoutError(name)
