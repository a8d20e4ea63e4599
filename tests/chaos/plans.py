"""What is to go wrong in a run, drawn from a seed: how each worker process dies, and what happens around them."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from stream.results.ledger import Fault

Point = Literal[
    "any-moment",
    "after-fetch",
    "after-read",
    "after-infer",
    "in-transaction",
    "after-offsets",
    "before-commit",
    "in-commit",
    "after-commit",
    "before-plain-commit",
    "after-plain-commit",
]
PLAIN: tuple[Point, ...] = ("before-plain-commit", "after-plain-commit")
"""Passed by workers without transactions alone."""
POINTS: tuple[Point, ...] = tuple(each for each in get_args(Point) if each not in PLAIN)
CLIP_POINTS: tuple[Point, ...] = ("after-fetch", "after-read", "after-infer")
DELIVERY_POINTS: tuple[Point, ...] = tuple(each for each in POINTS if each not in (*CLIP_POINTS, "any-moment"))
FREEZING_POINTS: tuple[Point, ...] = ("in-transaction", "before-commit")


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """A process stops itself and is woken from outside."""

    at: Point
    after: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One process's end: SIGKILL at its `after`-th passing of a point; from outside after `seconds` at any moment."""

    at: Point
    after: int = 1
    seconds: float = 0.0
    freeze: Freeze | None = None
    seed: int = 0

    @property
    def words(self) -> list[str]:
        """For `tests.chaos.worker`."""
        kill = [] if self.at == "any-moment" else ["--kill-at", self.at, "--after", str(self.after)]
        freeze = self.freeze
        frozen = ["--freeze-at", freeze.at, str(freeze.after), str(freeze.seconds)] if freeze else []
        return [*kill, *frozen, "--seed", str(self.seed)]


Event = Literal[
    "worker frozen",
    "worker terminated",
    "broker killed",
    "broker frozen",
    "broker killed while a worker is frozen",
    "rolling restart of the brokers",
    "store away",
    "store slow",
]
EVENTS: tuple[Event, ...] = get_args(Event)
SHORT: tuple[Event, ...] = (
    "broker killed while a worker is frozen",
    "worker terminated",
    "store away",
    "store slow",
)
ASLEEP_S = (7.0, 14.0)
"""Past the session's end (6 s), and around the end of a transaction (10 s)."""


@dataclass(frozen=True, slots=True)
class Post:
    """A place of the crew that is always manned."""

    name: str
    slot: str | None = None
    """Of a static member."""


FOUR = (Post("a", "a"), Post("b", "b"), Post("c"), Post("d"))
TWO = (Post("a", "a"), Post("b", "b"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All that goes wrong in a run."""

    seed: int
    plans: tuple[Plan, ...]
    events: tuple[Event, ...] = ()
    posts: tuple[Post, ...] = FOUR
    lose_answer_every: int = 40
    """So often the answer to a commit is lost."""
    words: tuple[str, ...] = ()
    """More that the workers are told."""
    broken: str | None = None
    """A guard that is taken out, of `tests.chaos.broken`."""
    ahead: int
    """References that are unfinished at any time."""
    at_least: int
    """So many references are done before the run ends."""
    limit_s: float


def long_script(seed: int, *, kills_each: int, rounds: int, at_least: int, limit_s: float) -> Script:
    chance = random.Random(seed)
    plans = tuple(_plans(chance, each=kills_each))
    events = tuple(event for _ in range(rounds) for event in chance.sample(EVENTS, len(EVENTS)))
    return Script(seed=seed, plans=plans, events=events, ahead=2000, at_least=at_least, limit_s=limit_s)


def short_script(seed: int) -> Script:
    """One kill at each point, and what goes wrong around them in a minute."""
    chance = random.Random(seed)
    plans = tuple(_plans(chance, each=1))
    events = tuple(chance.sample(SHORT, len(SHORT)))
    return Script(seed=seed, plans=plans, events=events, ahead=600, at_least=2000, limit_s=600.0)


def _plans(chance: random.Random, *, each: int, freeze_every: int = 3) -> Iterator[Plan]:
    """So many plans for each point, shuffled.

    Of the processes that die in a delivery, every `freeze_every`-th freezes in one before; the others may die
    before they deliver anything.
    """
    delivering = 0
    for point in chance.sample(POINTS * each, len(POINTS) * each):
        delivers = point in DELIVERY_POINTS
        delivering += delivers
        freezes = delivers and delivering % freeze_every == 0
        where, asleep_s = chance.choice(FREEZING_POINTS), chance.uniform(*ASLEEP_S)
        yield Plan(
            at=point,
            after=chance.randint(1, 100) if point in CLIP_POINTS else chance.randint(2, 12),
            seconds=chance.uniform(0.5, 12.0),
            freeze=Freeze(at=where, after=1, seconds=asleep_s) if freezes else None,
            seed=chance.randrange(2**31),
        )


def at_least_once_script(seed: int) -> Script:
    """Kills of workers that use no transactions."""
    chance = random.Random(seed)
    points: tuple[Point, ...] = (*PLAIN, *PLAIN, *PLAIN, "after-infer", "any-moment")
    plans = tuple(
        Plan(at=point, after=chance.randint(3, 9), seconds=chance.uniform(1.0, 4.0), seed=chance.randrange(2**31))
        for point in chance.sample(points, len(points))
    )
    return Script(
        seed=seed,
        plans=plans,
        posts=TWO,
        words=("--delivery", "at-least-once"),
        ahead=200,
        at_least=600,
        limit_s=300.0,
    )


def _script(broken: str, *, plans: tuple[Plan, ...] = (), lose_answer_every: int = 1_000_000) -> Script:
    return Script(
        seed=0,
        plans=plans,
        posts=TWO,
        lose_answer_every=lose_answer_every,
        broken=broken,
        ahead=200,
        at_least=600,
        limit_s=300.0,
    )


EXPOSING: Mapping[str, tuple[Script, Fault]] = {
    "offsets-after": (_script("offsets-after", plans=(Plan(at="before-commit", after=6),)), "doubled"),
    "offsets-first": (_script("offsets-first", plans=(Plan(at="before-commit", after=6),)), "lost"),
    "doubt-is-refusal": (_script("doubt-is-refusal", lose_answer_every=5), "doubled"),
    "pending-offsets-ignored": (
        _script(
            "pending-offsets-ignored",
            plans=(Plan(at="any-moment", seconds=30.0, freeze=Freeze(at="before-commit", after=5, seconds=8.0)),),
        ),
        "doubled",
    ),
}
"""By the guard taken out: a script that brings it to light, and the fault that the audit must find then."""
