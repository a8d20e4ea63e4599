"""The two clocks of a process, handed in so that a simulation can turn them."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`Clock()` is the machine's own."""

    monotonic: Callable[[], float] = time.monotonic
    """Seconds; for durations and deadlines."""
    wall: Callable[[], float] = time.time
    """Seconds since 1970-01-01 UTC; only to compare with instants that others wrote down."""
