"""How outcomes get to Kafka: one delivery at a time, and the very same again until it is known what became of it."""

import logging
import math
from dataclasses import dataclass

from stream.broker.contract import Broker, Delivery, DeliveryRefused
from stream.errors import Outage
from stream.metrics import DeliveryResult, Metrics
from stream.worker.clock import Clock
from stream.worker.window import Done

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Load:
    """A delivery and the entries that it is made of."""

    entries: list[Done]
    delivery: Delivery


class Deliveries:
    """Makes a worker's deliveries, and knows how they go; `outage` may be asked for by other threads."""

    def __init__(self, broker: Broker, clock: Clock, metrics: Metrics, *, wait_s: float, slow_s: float) -> None:
        """None is under way.

        Args:
            broker: takes them.
            clock: monotonic.
            metrics: are told what became of each.
            wait_s: after one that was refused, or not answered, the next one waits so long.
            slow_s: what takes longer is an outage.
        """
        self._broker = broker
        self._clock = clock
        self._metrics = metrics
        self._wait_s = wait_s
        self._slow_s = slow_s
        self._not_before_s = 0.0
        self._why_put_off = ""
        self._put_off_since_s = math.inf
        self._under_way_since_s = math.inf
        self.unanswered: Load | None = None
        """What has to be asked for again before anything else is delivered."""

    def may_begin(self, *, now: float) -> bool:
        """Whether the wait after the last one is over."""
        return now >= self._not_before_s

    def wait_no_longer(self) -> None:
        """What the last one was refused for may be over: there is a new generation of the group."""
        self._not_before_s = 0.0

    def forget_put_off(self) -> None:
        """What was put off is another worker's by now."""
        self._put_off_since_s = math.inf

    @property
    def outage(self) -> str | None:
        """What is wrong while Kafka doesn't answer a delivery, or takes none; None while all is well."""
        now = self._clock.monotonic()
        if now > self._under_way_since_s + self._slow_s:
            return f"Kafka hasn't answered a delivery for {now - self._under_way_since_s:.0f} s"
        if self.unanswered or now > self._put_off_since_s + self._slow_s:
            return f"Kafka hasn't taken a delivery for {now - self._put_off_since_s:.0f} s: {self._why_put_off}"
        return None

    def make(self, load: Load) -> bool:
        """Delivers; False where nothing of it may be taken for delivered: it was refused, or is now `unanswered`."""
        begun_s = self._under_way_since_s = self._clock.monotonic()
        try:
            self._broker.deliver(load.delivery)
        except DeliveryRefused as refusal:
            self.unanswered = None
            self._put_off(load, "refused", refusal)
            log.warning("%d outcomes were refused, and are sent again if still ours: %s", len(load.entries), refusal)
            return False
        except Outage as outage:
            if not self.unanswered:
                log.warning("Kafka doesn't answer a delivery, which is asked for until it is decided: %s", outage)
            self.unanswered = load
            self._put_off(load, "unanswered", outage)
            return False
        finally:
            self._under_way_since_s = math.inf
        if self.unanswered:
            log.info("Kafka takes deliveries again")
        self.unanswered, self._put_off_since_s = None, math.inf
        self._metrics.delivery("committed", len(load.entries))
        self._metrics.stage("deliver", self._clock.monotonic() - begun_s)
        return True

    def _put_off(self, load: Load, result: DeliveryResult, why: Exception) -> None:
        now = self._clock.monotonic()
        self._why_put_off, self._put_off_since_s = str(why), min(self._put_off_since_s, now)
        self._not_before_s = now + self._wait_s
        self._metrics.delivery(result, len(load.entries))
