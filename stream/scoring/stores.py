"""Which places that clips come from serve at the moment: an outage is told from a clip that alone can't be had."""

import logging
from collections.abc import Callable

from stream.backoff import Backoff

log = logging.getLogger("stream")


class Store:
    """One place that serves or fails as a whole: a host, a bucket, a folder that may be a mount.

    While it fails, clips are asked of it one at a time, after a wait that grows with each failed round. The first
    answer opens it again. One that it has served before is asked for, if there is any: then it is known whether the
    store fails or the clip, even where no other clip is left to ask for.
    """

    def __init__(self, name: str, *, backoff: Backoff, clock: Callable[[], float]) -> None:
        self.name = name
        self.answers = 0
        """How often it answered; that a clip doesn't exist is an answer, too."""
        self.last_failure = ""
        self.last_served: str | None = None
        """The uri of a clip that it had."""
        self._failed_rounds = 0
        self._closed_until = 0.0
        self._running = 0
        self._backoff = backoff
        self._clock = clock

    @property
    def open(self) -> bool:
        """Whether a fetch may begin now."""
        return not self.fails or (self._running == 0 and self._clock() >= self._closed_until)

    @property
    def fails(self) -> bool:
        """Whether it has not answered since a fetch failed."""
        return self._failed_rounds > 0

    @property
    def is_out(self) -> bool:
        """One failed round may be the clip's doing; when the next clip failed too, it is taken to be the store's."""
        return self._failed_rounds >= 2

    def begin(self) -> int:
        """A fetch begins; returns the round it belongs to. Those that are begun together fail together."""
        self._running += 1
        return self._failed_rounds

    def answered(self) -> None:
        """A fetch was served, or refused for the clip's own fault."""
        if self.is_out:
            log.info("%s serves again", self.name)
        self._running -= 1
        self._failed_rounds = 0
        self.answers += 1

    def failed(self, why: str, *, begun_in: int) -> None:
        """A fetch of the round `begun_in` was not answered."""
        self._running -= 1
        self.last_failure = why
        if begun_in == self._failed_rounds:
            self._failed_rounds += 1
            self._closed_until = self._clock() + self._backoff.wait_s(self._failed_rounds)
            if self._failed_rounds == 2:
                log.warning("%s does not serve (%s); it is waited for, and no clip is lost", self.name, why)


class Attempts:
    """The fetches of one clip.

    `failures` counts those that met an outage; `own_failures` those of them before which, since the clip's first
    fetch began or last failed, the store answered for other clips.
    """

    def __init__(self, store: Store, *, backoff: Backoff, clock: Callable[[], float]) -> None:
        self.store = store
        self.failures = 0
        self.own_failures = 0
        self._answers_before = 0
        self._not_before = 0.0
        self._round = 0
        self._backoff = backoff
        self._clock = clock

    @property
    def due(self) -> bool:
        """Whether the clip may be fetched now."""
        return self._clock() >= self._not_before and self.store.open

    @property
    def rank(self) -> int:
        """Clips of a lower one go first. While a store fails those go first that failed least: they are the ones to
        show whether it serves again.
        """
        return self.failures if self.store.fails else 0

    def begin(self) -> None:
        """The clip is being fetched."""
        self._round = self.store.begin()
        if self.failures == 0:
            self._answers_before = self.store.answers

    def answered(self) -> None:
        """The fetch was served, or refused for the clip's own fault."""
        self.store.answered()

    def failed(self, why: str) -> None:
        """The fetch met an outage; the next one is due after a while."""
        self.store.failed(why, begun_in=self._round)
        self.failures += 1
        self.own_failures += self.store.answers > self._answers_before
        self._answers_before = self.store.answers
        self._not_before = self._clock() + self._backoff.wait_s(self.failures)


class Stores:
    """All places that clips were asked of.

    Args:
        backoff: between fetches that fail.
        clock: seconds, monotonic.
    """

    def __init__(self, *, backoff: Backoff, clock: Callable[[], float]) -> None:
        self._backoff = backoff
        self._clock = clock
        self._by_name: dict[str, Store] = {}

    def attempts(self, name: str) -> Attempts:
        """For a clip that is to be fetched from the place of that name."""
        return Attempts(self.of(name), backoff=self._backoff, clock=self._clock)

    def of(self, name: str) -> Store:
        """The place of that name, which is one and the same each time."""
        if name not in self._by_name:
            self._by_name[name] = Store(name, backoff=self._backoff, clock=self._clock)
        return self._by_name[name]

    @property
    def outage(self) -> str | None:
        """What is being waited for, or None; may be asked from any thread."""
        stores = list(self._by_name.values())  # a copy, for the owner may add one meanwhile
        return "; ".join(f"{each.name} does not serve ({each.last_failure})" for each in stores if each.is_out) or None
