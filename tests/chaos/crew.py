"""The workers of a run, each started again when it ends, as a supervisor would; what became of each is kept."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from stream.broker.cluster import Cluster
from stream.broker.topics import FOR_EVER_MS, Topic, create_topics
from stream.processes.interrupts import TERMINATED
from stream.processes.lifeline import dying_with_us
from stream.results.audit import Topics
from tests.chaos.plans import Plan, Point, Post
from tests.chaos.stores import ClipStore
from tests.chaos.worker import FROZE

ROOT = Path(__file__).resolve().parent.parent.parent
SESSION_S = 6.0
EXCUSES = (
    "there is no such folder",  # it was started while its store was away
    "is used by another process",  # it took its slot over, and the coordinator that knew so was restarted
)
"""Last words of workers that end with exit code 2 and are only to be started again."""
QUICK_S = 3.0
"""One that ends sooner waits as long before it is started again."""


def new_topics(cluster: Cluster, *, partitions: int) -> Topics:
    """Topics and a group that nobody has used."""
    name = uuid.uuid4().hex[:8]
    topics = Topics(clips=f"clips-{name}", verdicts=f"verdicts-{name}", dead_letters=f"letters-{name}", group=name)
    create_topics(cluster, [Topic(each, partitions, -1, FOR_EVER_MS) for each in (topics.clips, *topics.outcomes)])
    return topics


def worker_words(bootstrap: str, topics: Topics, store: ClipStore) -> list[str]:
    """What `python -m stream worker` is told; one reader and one thread each, for there are several."""
    flags = {
        "bootstrap": bootstrap,
        "group": topics.group,
        "clips-topic": topics.clips,
        "verdicts-topic": topics.verdicts,
        "dead-letters-topic": topics.dead_letters,
        "session-timeout-s": SESSION_S,
        "readers": 1,
        "engine-threads": 1,
        "ops-host": "127.0.0.1",
        "ops-port": 0,
    }
    return [*store.words, *(str(word) for name, value in flags.items() for word in (f"--{name}", value))]


@dataclass(slots=True, eq=False)
class Man:
    """A process at its post."""

    post: Post
    process: subprocess.Popen[bytes]
    log: Path
    plan: Plan | None
    began: float = field(default_factory=time.monotonic)
    told_to_end: bool = False

    @property
    def has_worked(self) -> bool:
        """Whether it has had partitions."""
        return b"INFO partitions: [" in self.log.read_bytes()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)


class Crew:
    """All posts are manned from `start` on, as long as `tend` is called often.

    Args:
        posts: of the workers.
        words: what each is told, for `python -m stream worker`.
        chaos: what each is told, for `python -m tests.chaos.worker`.
        folder: of their logs.
        plans: of their deaths; one that couldn't be carried out comes up again.
    """

    def __init__(
        self, posts: Iterable[Post], words: list[str], *, chaos: list[str], folder: Path, plans: Iterable[Plan]
    ) -> None:
        self._posts = list(posts)
        self._words, self._chaos, self._folder = words, chaos, folder
        self._plans = deque(plans)
        self._not_before: dict[Post, float] = {}
        self._starts = 0
        self.men: dict[Post, Man] = {}
        self.kills: Counter[Point] = Counter()
        self.exits: Counter[str] = Counter()
        self.unexpected: list[str] = []

    @property
    def busy_dying(self) -> bool:
        """Whether a plan is still to be carried out."""
        return bool(self._plans) or any(man.plan for man in self.men.values())

    def tend(self) -> None:
        """Buries the dead, mans the posts, and kills those whose time has come."""
        now = time.monotonic()
        for post in self._posts:
            man = self.men.get(post)
            if man and man.process.poll() is not None:
                self._bury(man)
                man = None
            if man is None and now >= self._not_before.get(post, now):
                self._man(post)
            elif man and man.plan and man.plan.at == "any-moment" and now >= man.began + man.plan.seconds:
                man.signal(signal.SIGKILL)

    def _man(self, post: Post) -> None:
        self._starts += 1
        plan = self._plans.popleft() if self._plans else None
        log = self._folder / f"worker-{post.name}-{self._starts:04d}.log"
        slot = ["--slot", post.slot] if post.slot else []
        chaos = [*self._chaos, *(plan.words if plan else [])]
        with log.open("wb") as said:
            said.write(f"{plan}\n".encode())
            said.flush()
            command = [sys.executable, "-m", "tests.chaos.worker", *chaos, "--", "worker", *self._words, *slot]
            process = subprocess.Popen(
                dying_with_us(command),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=ROOT,
                env={name: text for name, text in os.environ.items() if not name.startswith("STALL_")},
                start_new_session=True,
            )
        self.men[post] = Man(post, process, log, plan)

    def _bury(self, man: Man) -> None:
        del self.men[man.post]
        code = man.process.returncode
        if code == -signal.SIGKILL and man.plan:
            self.kills[man.plan.at] += 1
        elif man.plan:
            self._plans.append(man.plan)
        self.exits[_kind(code)] += 1
        died = code == -signal.SIGKILL and man.plan is not None
        ended = man.told_to_end and code in (0, TERMINATED, -signal.SIGTERM)
        if not (died or ended or any(words in _last_line(man.log) for words in EXCUSES)):
            self.unexpected.append(f"{man.log.name} ended with {code}: {_last_line(man.log)}")
        lived_s = time.monotonic() - man.began
        if code != -signal.SIGKILL and lived_s < QUICK_S:
            self._not_before[man.post] = time.monotonic() + QUICK_S

    def end(self, *, within_s: float) -> None:
        """Drains them all; the posts stay empty."""
        self._posts = []
        for man in self.men.values():
            man.told_to_end = True
            man.signal(signal.SIGTERM)
        deadline = time.monotonic() + within_s
        for man in list(self.men.values()):
            try:
                man.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.unexpected.append(f"{man.log.name} did not end when it was told to")
                man.process.kill()
                man.process.wait()
            self._bury(man)

    def close(self) -> None:
        """Kills whatever is left."""
        for man in self.men.values():
            man.process.kill()
            man.process.wait()

    def said(self, pattern: str) -> int:
        """How many lines of all logs match."""
        logs = self._folder.glob("worker-*.log")
        return sum(len(re.findall(pattern, log.read_text(errors="replace"))) for log in logs)

    @property
    def frozen(self) -> int:
        """How often one of them stopped itself."""
        return self.said(f"(?m)^{FROZE}")


def _kind(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else str(code)


def _last_line(log: Path) -> str:
    return (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
