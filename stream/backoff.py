"""How long to wait before the same call is made again."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Exponential backoff with full jitter (Brooker 2015, "Exponential Backoff And Jitter", AWS Architecture Blog).

    Up to `first_s`, `2 * first_s`, `4 * first_s`, ... and at most `longest_s`; the wait is drawn evenly between 0
    and that, so that workers which failed together don't come back together.
    """

    random: Callable[[], float]
    """Uniform in [0, 1)."""
    first_s: float = 0.5
    longest_s: float = 30.0

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        doublings = min(failures - 1, 30)  # far beyond any longest_s, and no float overflows
        return self.random() * min(self.longest_s, self.first_s * 2.0**doublings)
