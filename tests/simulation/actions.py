"""What can happen: each action with its weight. Those that can't happen at the moment do nothing, and say so."""

from collections.abc import Callable

from tests.simulation.process import Process
from tests.simulation.world import Seat, World

MOST_WORKERS, MOST_PARTITIONS, REFERENCES = 4, 5, 60
CALLS = ("connect", "init", "poll", "committed", *("deliver", "send", "offsets", "flush", "commit", "commit") * 2)
COMMIT_MISHAPS = ("lost", "late", "halfway", "unanswered")
SPOILS = (("send", "lost"), ("offsets", "refused"), ("offsets", "refused"), ("offsets", "unanswered"))
Action = Callable[[World], bool | None]


def _awake(world: World) -> Process | None:
    """Somebody who runs."""
    awake = [process for process in world.processes if not process.line.frozen]
    world.chosen = world.rng.choice(awake) if awake else None
    return world.chosen


def step(world: World) -> bool:
    process = _awake(world)
    if process:
        world.turn(process)
    return process is not None


def answer(world: World) -> bool:
    """A machine is done with something."""
    asked = [process for process in world.processes if process.machines.work.todo and not process.line.frozen]
    if not asked:
        return False
    world.chosen = world.rng.choice(asked)
    work = world.chosen.machines.work
    work.finish(world.rng.randrange(len(work.todo)))
    return True


def append(world: World) -> bool:
    if world.numbers >= REFERENCES:
        return False
    partition = world.rng.choice(world.brokers.partitions())
    if world.rng.random() < 0.1:
        world.brokers.logs[partition].skip(world.rng.randint(1, 3))
    world.append(partition)
    return True


def pass_time(world: World) -> None:
    world.brokers.pass_time(world.rng.choice((0.01, 0.05, 0.2, 1.0, 3.0, 6.0)))


def start(world: World) -> bool:
    """The supervisor starts what has ended."""
    seat = next((seat for seat in world.seats if seat.process is None), None)
    return seat is not None and world.start(seat)


# Scaling and stopping.


def scale_up(world: World) -> bool:
    if len(world.seats) >= MOST_WORKERS:
        return False
    slot = None if world.seats[0].slot is None else f"slot-{len(world.seats)}-{world.time.now}"
    world.seats.append(Seat(slot))
    return world.start(world.seats[-1])


def scale_down(world: World) -> bool:
    seat = world.rng.choice(world.seats)
    if len(world.seats) == 1 or not (seat.process and not seat.process.line.frozen):
        return False
    world.drain(seat.process)
    world.seats.remove(seat)
    return True


def stop(world: World) -> bool:
    process = _awake(world)
    if process:
        world.drain(process, aborted=world.rng.random() < 0.3)
    return process is not None


def use_slot_twice(world: World) -> bool:
    """Somebody starts a process with a name that is in use."""
    seat = world.rng.choice(world.seats)
    if seat.slot is None or len(world.seats) >= MOST_WORKERS:
        return False
    world.seats.append(Seat(seat.slot))
    return world.start(world.seats[-1])


# Deaths and freezes.


def crash(world: World) -> bool:
    process = _awake(world)
    if process:
        world.end(process, "crashes")
    return process is not None


def crash_in_turn(world: World) -> bool:
    process = _awake(world)
    if process:
        process.dies_at = world.rng.choice(CALLS)
    return process is not None


def freeze_in_turn(world: World) -> bool:
    process = _awake(world)
    if process:
        process.freezes_at = world.rng.choice(CALLS)
    return process is not None


def freeze(world: World) -> bool:
    process = _awake(world)
    if process:
        process.line.frozen = True
    return process is not None


def thaw(world: World) -> bool:
    frozen = [process for process in world.processes if process.line.frozen]
    if frozen:
        world.thaw(world.rng.choice(frozen))
    return bool(frozen)


# The network, the brokers, the group.


def cut(world: World) -> bool:
    process = _awake(world)
    if process:
        process.line.cut = True
    return process is not None


def mend(world: World) -> bool:
    cut_off = [process for process in world.processes if process.line.cut]
    for process in cut_off:
        process.line.cut = False
    return bool(cut_off)


def brokers_fail(world: World) -> bool:
    happens, world.brokers.down = not world.brokers.down, True
    return happens


def brokers_serve(world: World) -> bool:
    happens, world.brokers.down = world.brokers.down, False
    return happens


def lose_commit(world: World) -> bool:
    """The next commits are not answered; they went through, or not, or will."""
    process = _awake(world)
    if process:
        mishap = world.rng.choice(COMMIT_MISHAPS)
        process.line.mishaps["commit"] = [mishap] * world.rng.randint(1, 2)
        process.line.breaks = "line" if mishap == "halfway" else world.rng.choice(("", "", "line", "brokers"))
    return process is not None


def spoil_transaction(world: World) -> bool:
    process = _awake(world)
    if process:
        call, mishap = world.rng.choice(SPOILS)
        process.line.mishaps[call] = [mishap]
    return process is not None


def rebalance(world: World) -> None:
    world.brokers.group.rebalance(now=world.time.now)


def expel(world: World) -> bool:
    """An operator removes a member from the group."""
    members = world.brokers.group.members
    if members:
        world.brokers.group.leave(world.rng.choice(members), now=world.time.now)
    return bool(members)


def add_partition(world: World) -> bool:
    if len(world.brokers.partitions()) >= MOST_PARTITIONS:
        return False
    world.brokers.add_partition()
    return True


# The store.


def store_fails(world: World) -> bool:
    happens, world.store.down = not world.store.down, True
    return happens


def store_serves(world: World) -> bool:
    happens, world.store.down = world.store.down, False
    return happens


def settings_are_wrong(world: World) -> bool:
    """Nothing is found where it should lie."""
    happens, world.store.empty = not world.store.empty, True
    return happens


def settings_are_right(world: World) -> bool:
    happens, world.store.empty = world.store.empty, False
    return happens


ACTIONS: dict[Action, float] = {
    step: 100,
    answer: 100,
    append: 30,
    pass_time: 20,
    start: 25,
    scale_up: 1,
    scale_down: 0.7,
    stop: 1,
    use_slot_twice: 0.7,
    crash: 1,
    crash_in_turn: 2,
    freeze_in_turn: 4,
    freeze: 1,
    thaw: 8,
    cut: 1,
    mend: 5,
    brokers_fail: 0.7,
    brokers_serve: 5,
    lose_commit: 4,
    spoil_transaction: 3,
    rebalance: 1.5,
    expel: 1,
    add_partition: 0.5,
    store_fails: 2,
    store_serves: 6,
    settings_are_wrong: 1,
    settings_are_right: 1.5,
}
