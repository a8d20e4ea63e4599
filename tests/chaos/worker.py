"""`python -m tests.chaos.worker [--kill-at POINT --after N] [--break GUARD] ... -- worker FLAGS`: a worker that dies.

It is the real command, with wrappers around its parts: the product knows nothing of all this.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from stream.__main__ import COMMANDS
from stream.engine.cpu import OpenVinoEngine
from stream.fetch import Fetcher
from stream.processes.interrupts import end_in_order
from stream.readers import Readers
from stream.terminal.cli import main
from tests.chaos.broken import BROKEN
from tests.chaos.plans import Point

ON_THE_WAY_S = 0.02
"""What was sent reaches the broker within this, as a rule."""
LEAK_BYTES = 64 * 1024
FROZE = "chaos: this process stops itself for"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_stopped(seconds: float) -> None:
    """Stops this process; another one wakes it."""
    print(f"{FROZE} {seconds:.1f} s", file=sys.stderr, flush=True)
    subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -CONT {os.getpid()}"])
    os.kill(os.getpid(), signal.SIGSTOP)


def countdown(count: int, then: Callable[[], None]) -> Callable[[], None]:
    """A function whose `count`-th call calls `then`; calls come from one thread at a time."""
    left = count

    def pass_by() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            then()

    return pass_by


def around(owner: Any, name: str, wrapper: Callable[..., Any]) -> None:
    """Puts `wrapper(call, *args, **kwargs)` in the place of `owner.name`."""
    call = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return wrapper(call, *args, **kwargs)

    setattr(owner, name, wrapped)


PassBy = Callable[[], None]


def _answered(pass_by: PassBy, call: Callable[..., Future[Any]], *args: Any, **kwargs: Any) -> Future[Any]:
    """The answer passes by before anybody hears it."""
    future = call(*args, **kwargs)
    future.add_done_callback(lambda _: pass_by())
    return future


def _before(pass_by: PassBy, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    pass_by()
    return call(*args, **kwargs)


def _behind(pass_by: PassBy, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    result = call(*args, **kwargs)
    pass_by()
    return result


WHERE: dict[Point, tuple[type, str, Callable[..., Any]]] = {
    "after-fetch": (Fetcher, "submit", _answered),
    "after-read": (Readers, "submit", _answered),
    "after-infer": (OpenVinoEngine, "submit", _answered),
    "in-transaction": (KafkaProducer, "send_offsets_to_transaction", _before),  # all was sent, nothing waited for
    "after-offsets": (KafkaProducer, "send_offsets_to_transaction", _behind),
    "before-commit": (KafkaProducer, "commit_transaction", _before),
    "in-commit": (KafkaProducer, "commit_transaction", _before),
    "after-commit": (KafkaProducer, "commit_transaction", _behind),  # and before the worker hears of it
    "before-plain-commit": (KafkaConsumer, "commit", _before),
    "after-plain-commit": (KafkaConsumer, "commit", _behind),
}


def arm(point: Point, after: int, then: Callable[[], None], chance: random.Random) -> None:
    """At the process's `after`-th passing of the point this happens."""

    def meanwhile() -> None:
        threading.Timer(chance.uniform(0.0, ON_THE_WAY_S), then).start()

    def on_its_way() -> None:
        time.sleep(chance.uniform(0.0, ON_THE_WAY_S))
        then()

    owner, name, how = WHERE[point]
    act = {"in-transaction": on_its_way, "in-commit": meanwhile}.get(point, then)
    around(owner, name, partial(how, countdown(after, act)))


def lose_answers(every: int) -> None:
    """Every so often a commit goes through and its answer is lost."""
    passed = 0

    def commit(call: Callable[..., Any], producer: KafkaProducer) -> None:
        nonlocal passed
        call(producer)
        passed += 1
        if passed % every == 0:
            raise KafkaError("the answer was lost")

    around(KafkaProducer, "commit_transaction", commit)


def slow_down(while_there: Path) -> None:
    """Each fetch takes longer, as from a store under load, while a file is there that says how many seconds."""

    def fetch(call: Callable[..., bytes], *args: Any) -> bytes:
        with suppress(FileNotFoundError):
            time.sleep(float(while_there.read_text()))
        return call(*args)

    around(Fetcher, "_fetch", fetch)


def leak(every: int, size_bytes: int) -> None:
    """Every so many fetches some memory and a file descriptor are never given back."""
    kept: list[Any] = []
    passed = 0

    def fetch(call: Callable[..., bytes], *args: Any) -> bytes:
        nonlocal passed
        passed += 1
        if passed % every == 0:
            kept.append((bytearray(os.urandom(1024) * (size_bytes // 1024)), os.dup(0)))
        return call(*args)

    around(Fetcher, "_fetch", fetch)


def parse(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.worker")
    parser.add_argument("--kill-at", choices=WHERE)
    parser.add_argument("--after", type=int, default=1)
    parser.add_argument("--freeze-at", nargs=3, metavar=("POINT", "AFTER", "SECONDS"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--break", dest="broken", choices=BROKEN)
    parser.add_argument("--lose-answer-every", type=int)
    parser.add_argument("--slow-while", type=Path)
    parser.add_argument("--leak-every", type=int)
    parser.add_argument("worker", nargs=argparse.REMAINDER)
    return parser.parse_args(words)


def prepare(given: argparse.Namespace) -> None:
    """Puts in what is wanted, what is nearest to the call last."""
    chance = random.Random(given.seed)
    if given.broken:
        BROKEN[given.broken]()
    if given.lose_answer_every:
        lose_answers(given.lose_answer_every)
    if given.slow_while:
        slow_down(given.slow_while)
    if given.leak_every:
        leak(given.leak_every, LEAK_BYTES)
    if given.freeze_at:
        point, after, seconds = given.freeze_at
        arm(point, int(after), lambda: sleep_stopped(float(seconds)), chance)
    if given.kill_at:
        arm(given.kill_at, given.after, die, chance)


if __name__ == "__main__":
    given = parse(sys.argv[1:])
    prepare(given)
    end_in_order()
    sys.exit(main("python -m stream", COMMANDS, given.worker[given.worker[:1] == ["--"] :]))
