"""One run, from a seed: faults at random, then all is healed and the work has to end.

AssertionError, or any error of the code under test, where something does not hold.
"""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.actions import ACTIONS, REFERENCES
from tests.simulation.checks import check_rest
from tests.simulation.process import Parts
from tests.simulation.world import STRICT, World

TURNS_S = 0.4
MOST_TURNS = 500
LENIENT = replace(STRICT, rejections_in_a_row=70)
"""What an operator sets to get past clips that really are that bad: more than the window holds."""


def run(
    seed: int, parts: Parts | None = None, *, actions: int = 300, tell: Callable[[str], None] = lambda line: None
) -> World:
    """A whole run.

    Args:
        seed: all that happens follows from it.
        parts: what is put to the test; by default all is as it should be.
        actions: that happen before all is healed.
        tell: is given what happens, line by line.

    Raises:
        AssertionError: something does not hold; other errors come from the code under test.
    """
    world = World(seed, parts or Parts(), tell=tell)
    try:
        for _ in range(actions):
            _act(world)
            world.check()
        _heal(world)
        _finish(world)
        for partition in world.brokers.partitions():  # nobody may be left out
            world.append(partition, "good")
        _finish(world)
        _rest(world)
    except BaseException as error:
        world.say(f"failed: {type(error).__name__}: {error}")
        error.add_note(f"python -m tests.simulation --seed {seed}")
        raise
    return world


def _act(world: World) -> None:
    (action,) = world.rng.choices(list(ACTIONS), list(ACTIONS.values()))
    world.chosen = None
    if action(world) is not False:
        world.happened[action.__name__] += 1
        world.say(f"{action.__name__} {world.chosen.name if world.chosen else ''}")


def _heal(world: World) -> None:
    """Nothing goes wrong from now on, and all that was to come is there."""
    world.say("all is healed")
    world.brokers.down = world.store.down = world.store.empty = world.store.curse = False
    used: set[str] = set()
    for seat in list(world.seats):
        if seat.slot in used:
            if seat.process:
                world.end(seat.process, "is taken away")
            world.seats.remove(seat)
        elif seat.slot:
            used.add(seat.slot)
    for process in world.processes:
        process.line.cut = process.line.frozen = False
        process.line.mishaps.clear()
        process.dies_at = process.freezes_at = None
    while world.numbers < REFERENCES:
        world.append(world.rng.choice(world.brokers.partitions()))


def _turn(world: World) -> None:
    for seat in list(world.seats):
        if seat.process is None:
            if seat.limited and world.limits != LENIENT:
                world.say("the limit is raised")
                world.limits, world.book.rejections_in_a_row = LENIENT, None
            world.start(seat)
        else:
            world.turn(seat.process)
    for process in world.processes:
        process.machines.work.finish_all()
    world.brokers.pass_time(TURNS_S)
    world.check()


def _finish(world: World) -> None:
    for _ in range(MOST_TURNS):
        if not world.book.missing:
            return
        _turn(world)
    raise AssertionError(f"the work doesn't end: {world.book.missing} references have no outcome")


def _rest(world: World) -> None:
    for _ in range(50):
        _turn(world)
    for process in world.processes:
        check_rest(process)
    for process in list(world.processes):
        world.drain(process)
    world.check()
