"""A hang ends the process, with a reason."""

import subprocess
import sys
import threading
import time

from stream.broker.watchdog import EXIT_STUCK, Watchdog


def test_what_ends_in_time_is_let_be():
    acts: list[str] = []
    watchdog = Watchdog(acts.append)
    with watchdog.limit("a delivery hung", 0.2):
        pass
    watchdog.arm("the group did not settle", 0.2)
    watchdog.disarm("the group did not settle")
    time.sleep(0.4)
    watchdog.close()
    assert acts == []


def test_what_hangs_is_acted_upon_although_it_is_armed_again():
    acted = threading.Event()
    reasons: list[str] = []

    def act(reason: str) -> None:
        reasons.append(reason)
        acted.set()

    watchdog = Watchdog(act)
    began = time.monotonic()
    while not acted.wait(0.05):
        watchdog.arm("the group did not settle", 0.3)
        assert time.monotonic() - began < 10
    watchdog.close()
    assert reasons == ["the group did not settle"]


def test_the_process_ends_with_its_code_and_says_where_it_was_even_if_the_main_thread_hangs():
    code = (
        "import threading; from stream.broker.watchdog import Watchdog\n"
        "with Watchdog().limit('a delivery hung', 0.1): threading.Event().wait()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == EXIT_STUCK
    assert done.stderr.startswith("stall-stream: a delivery hung; the process ends\n")
    assert 'File "<string>", line 2' in done.stderr, "where the main thread was"
