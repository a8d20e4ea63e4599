"""One run of chaos: three brokers, a crew of workers, a feeder, and things that go wrong, all drawn from a seed."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.local.embedded import EmbeddedKafka
from stream.results.audit import audit
from stream.results.ledger import Audit
from tests.chaos.brokers import freeze, listens, thaw
from tests.chaos.crew import Crew, Man, new_topics, worker_words
from tests.chaos.feeder import Feeder
from tests.chaos.outcomes import undeserved
from tests.chaos.plans import ASLEEP_S, Event, Point, Script
from tests.chaos.stores import ClipStore, endless

TICK_S = 0.05
PARTITIONS = 8


@dataclass(slots=True)
class Result:
    """What a run was, and what came of it."""

    script: Script
    kills: Counter[Point]
    events: Counter[str]
    exits: Counter[str]
    unexpected: list[str]
    frozen: int
    refused: int
    """Deliveries that were refused and made again."""
    least_backlog: int
    wrong: list[str]
    """Outcomes that their clips don't deserve."""
    audit: Audit
    seconds: float

    @property
    def faults(self) -> list[str]:
        """Why the run isn't clean."""
        found = [f"{kind}: {number} ({self.audit.examples[kind]})" for kind, number in self.audit.faults.items()]
        if not self.audit.complete:
            found.append(f"{self.audit.pending} pending, {self.audit.unproven} unproven")
        if self.least_backlog <= 0:
            found.append("the workers ran out of references")
        return [*found, *self.unexpected, *self.wrong[:10]]


class Run:
    """Does what goes wrong, sees to the rest, and judges what came of it.

    Args:
        bootstrap: of the cluster.
        nodes: the brokers that events may happen to.
        store: of the clips.
        folder: for logs; must be there.
        script: of what goes wrong.
        say: is told of each event.
    """

    def __init__(
        self,
        bootstrap: str,
        nodes: Sequence[EmbeddedKafka],
        store: ClipStore,
        folder: Path,
        script: Script,
        *,
        say: Callable[[str], None] = print,
    ) -> None:
        self._nodes, self._store, self._script, self._tell = nodes, store, script, say
        self._chance = random.Random(script.seed)
        self._slow = folder / "slow"
        self._cluster = Cluster(bootstrap)
        self._topics = new_topics(self._cluster, partitions=PARTITIONS)
        self._began = time.monotonic()
        self._events: Counter[str] = Counter()
        self._crew, self._feeder = self._make_crew(folder), self._make_feeder()

    def play(self) -> Result:
        """All of it, then healing, draining and the audit."""
        with self._feeder, closing(self._crew):
            self._disturb()
            self._heal()
        return self._judge()

    def _make_feeder(self) -> Feeder:
        return Feeder(
            self._cluster,
            topic=self._topics.clips,
            group=self._topics.group,
            partitions=PARTITIONS,
            given=endless(self._store),
            ahead=self._script.ahead,
        )

    def _make_crew(self, folder: Path) -> Crew:
        words = [*worker_words(self._cluster.bootstrap, self._topics, self._store), *self._script.words]
        chaos = ["--slow-while", str(self._slow), "--lose-answer-every", str(self._script.lose_answer_every)]
        chaos += ["--break", self._script.broken] if self._script.broken else []
        return Crew(self._script.posts, words, chaos=chaos, folder=folder, plans=self._script.plans)

    # What goes wrong.

    def _disturb(self) -> None:
        happen: dict[Event, Callable[[], None]] = {
            "worker frozen": self._freeze_a_worker,
            "worker terminated": self._terminate_a_worker,
            "broker killed": self._kill_a_broker,
            "broker frozen": self._freeze_a_broker,
            "broker killed while a worker is frozen": self._kill_a_broker_while_a_worker_is_frozen,
            "rolling restart of the brokers": self._restart_each_broker,
            "store away": self._take_the_store_away,
            "store slow": self._slow_the_store_down,
        }
        self._pass(5.0)
        for event in self._script.events:
            self._say(event)
            self._events[event] += 1
            happen[event]()
            self._pass(self._chance.uniform(0.5, 3.0))
        while self._crew.busy_dying or self._feeder.committed < self._script.at_least:
            self._pass(1.0)

    def _freeze_a_worker(self) -> None:
        man = self._freeze_one()
        self._pass(self._chance.uniform(*ASLEEP_S))
        man.signal(signal.SIGCONT)

    def _freeze_one(self) -> Man:
        man = self._anyone()
        man.signal(signal.SIGSTOP)
        return man

    def _terminate_a_worker(self) -> None:
        man = self._anyone()
        man.told_to_end = True
        man.signal(signal.SIGTERM)

    def _kill_a_broker(self) -> None:
        node = self._chance.choice(self._nodes)
        node.kill()
        self._pass(self._chance.uniform(0.0, 3.0))
        self._start(node)

    def _freeze_a_broker(self) -> None:
        node = self._chance.choice(self._nodes)
        freeze(node)
        self._pass(self._chance.uniform(2.0, 12.0))
        thaw(node)
        self._pass(self._chance.uniform(2.0, 5.0))

    def _kill_a_broker_while_a_worker_is_frozen(self) -> None:
        man = self._freeze_one()
        self._pass(1.0)
        self._kill_a_broker()
        self._pass(self._chance.uniform(0.0, 6.0))
        man.signal(signal.SIGCONT)

    def _restart_each_broker(self) -> None:
        for node in self._nodes:
            node.stop()
            self._start(node)

    def _take_the_store_away(self) -> None:
        self._store.go()
        self._pass(self._chance.uniform(3.0, 8.0))
        self._store.come_back()

    def _slow_the_store_down(self) -> None:
        self._slow.write_text("0.3")
        self._pass(self._chance.uniform(4.0, 8.0))
        self._slow.unlink()

    def _start(self, node: EmbeddedKafka) -> None:
        """Until it serves, and has caught up somewhat."""
        node.launch()
        while not listens(node):
            self._pass(0.2)
        self._pass(self._chance.uniform(3.0, 5.0))

    def _anyone(self) -> Man:
        """A worker that takes part."""
        while not (men := [man for man in self._crew.men.values() if man.has_worked and not man.told_to_end]):
            self._pass(0.5)
        return self._chance.choice(men)

    # What goes on meanwhile.

    def _pass(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            assert now < self._began + self._script.limit_s, f"not done after {self._script.limit_s:.0f} s"
            self._crew.tend()
            self._feeder.check()
            if now >= until:
                return
            time.sleep(min(TICK_S, until - now))

    def _heal(self) -> None:
        """Nothing goes wrong any more, and what is left is done."""
        self._say("healing")
        self._feeder.stop_feeding()
        while self._feeder.backlog > 0:
            self._pass(0.5)
        self._crew.end(within_s=60.0)

    def _say(self, what: str) -> None:
        seconds = time.monotonic() - self._began
        self._tell(f"{seconds:6.1f} s, {self._crew.kills.total()} kills, {self._feeder.committed} outcomes: {what}")

    # What came of it.

    def _judge(self) -> Result:
        return Result(
            script=self._script,
            kills=self._crew.kills,
            events=self._events,
            exits=self._crew.exits,
            unexpected=self._crew.unexpected,
            frozen=self._crew.frozen,
            refused=self._crew.said("outcomes were refused"),
            least_backlog=min(self._feeder.backlogs, default=0),
            wrong=undeserved(self._cluster, self._topics),
            audit=audit(self._cluster, self._topics),
            seconds=time.monotonic() - self._began,
        )
