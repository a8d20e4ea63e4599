"""How a command ends when it is told to, and when it is told again."""

import signal
import subprocess
import sys
import time

import pytest

SCRIPT = """
import os, sys, time
import stream.processes.interrupts
stream.processes.interrupts.GRACE_S = 0.3
stops = []
def end(reason):
    print(reason, len(stops), flush=True)
    os._exit(70)
stream.processes.interrupts.drain_on_signals(lambda: stops.append(1), drain_s=float(sys.argv[1]), end=end)
print("up", flush=True)
time.sleep(float(sys.argv[2]))
"""


def started(*, drain_s: float, works_s: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(drain_s), str(works_s)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    return process


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_ends_in_time_is_left_alone(asked: signal.Signals):
    with started(drain_s=30, works_s=0.5) as process:
        process.send_signal(asked)
        assert process.wait(10) == 0


def test_a_stop_that_hangs_is_cut_short_after_the_drain():
    with started(drain_s=0.2, works_s=30) as process:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 70
        assert time.monotonic() - began >= 0.5
        assert process.stdout is not None
        assert process.stdout.read() == "the stop hung for 0.5 s; nothing is lost by that 1\n"


def test_a_second_signal_leaves_no_time_to_drain():
    with started(drain_s=30, works_s=30) as process:
        for _ in range(2):
            process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
        assert process.wait(10) == 70
        assert process.stdout is not None
        assert process.stdout.read().endswith(" 2\n")


UNINTERRUPTED = """
import signal, sys, time
from stream.processes.interrupts import end_in_order, uninterrupted
end_in_order()
try:
    with uninterrupted():
        print("up", flush=True)
        time.sleep(0.5)
        print("whole", flush=True)
    print("too far", flush=True)
except (KeyboardInterrupt, SystemExit) as error:
    print(type(error).__name__, flush=True)
"""


@pytest.mark.parametrize(("asked", "raised"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "SystemExit")])
def test_a_signal_waits_for_what_is_done_as_a_whole(asked: signal.Signals, raised: str):
    with subprocess.Popen([sys.executable, "-c", UNINTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(asked)
        assert process.stdout.read() == f"whole\n{raised}\n"
