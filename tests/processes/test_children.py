"""The processes of a script: what they are given, how their end is told, and that none is left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stream.processes.children import ChildFailedError, Children, Interrupts
from tests.processes.ended import ends, runs

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
WITH_CHILD = "import subprocess; print(subprocess.Popen(['sleep', '60']).pid, flush=True); "


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    with Interrupts() as counted:
        yield counted


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def _hangups_are_heard() -> Iterator[None]:
    """Also where nohup started the tests."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def children(interrupts: Interrupts, said: list[str], tmp_path: Path) -> Iterator[Children]:
    with Children(interrupts, tmp_path, say=said.append) as all_of_them:
        yield all_of_them


def first_line(log: Path) -> str:
    """As soon as it is there."""
    deadline = time.monotonic() + 10
    while not (log.exists() and "\n" in log.read_text()):
        assert time.monotonic() < deadline, f"nothing came into {log}"
        time.sleep(0.01)
    return log.read_text().splitlines()[0]


# What they are given.


def test_a_child_in_the_background_has_its_log_its_own_session_and_none_of_our_settings(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("STALL_GROUP", "of-the-user")
    monkeypatch.setenv("OF_NO_CONCERN", "1")
    told = "os.getsid(0) == os.getpid(), 'STALL_GROUP' in os.environ, 'OF_NO_CONCERN' in os.environ"
    children.start("one", "-c", f"import os, time; print({told}, flush=True); time.sleep(60)")
    assert first_line(tmp_path / "one.log") == "True False True"


def test_each_command_is_said_as_a_user_would_type_it(children: Children, said: list[str]):
    child = children.start("one", "-c", "import time; time.sleep(60)", "$HOME")
    children.run("two", "-c", "pass")
    children.kill(child)
    assert said == [
        "$ python -c 'import time; time.sleep(60)' '$HOME' &",
        "$ python -c pass",
        f"$ kill -KILL {child.process.pid}   # one",
    ]


def test_a_command_begins_a_line_of_its_own_where_another_draws_its_progress(children: Children, said: list[str]):
    drawing = children.begin("one", "-c", "import time; time.sleep(0.2)")
    children.start("two", "-c", "import time; time.sleep(60)")
    children.finish(drawing)
    assert said[1] == "\n$ python -c 'import time; time.sleep(60)' &"


# How their end is told.

ENDINGS = [("sys.exit(3)", "exit code 3"), ("os.kill(os.getpid(), 9)", "SIGKILL"), ("1 / 0", "exit code 1")]


@pytest.mark.parametrize(("code", "how"), ENDINGS)
def test_a_command_that_fails_is_told_by_its_name_and_how(children: Children, code: str, how: str):
    with pytest.raises(ChildFailedError, match=f"^one ended with {how}$"):
        children.run("one", "-c", f"import os, sys; {code}")


@pytest.mark.parametrize(("code", "how"), [*ENDINGS, ("pass", "exit code 0")])
def test_a_child_in_the_background_may_not_end_at_all(children: Children, code: str, how: str):
    children.start("one", "-c", f"import os, sys; {code}")
    with pytest.raises(ChildFailedError, match=f"^one ended with {how}"):
        children.pause(10)


def test_the_end_of_its_log_is_shown(children: Children):
    children.start("one", "-c", "for i in range(100): print(f'line {i}')")
    with pytest.raises(ChildFailedError) as failed:
        children.pause(10)
    assert [line.strip() for line in str(failed.value).splitlines()[1:]] == [f"line {i}" for i in range(85, 100)]


def test_a_command_may_end_before_it_is_waited_for(children: Children):
    child = children.begin("one", "-c", "pass")
    children.wait_until("its end", lambda: child.ended, timeout_s=10)
    children.pause(0.1)
    children.finish(child)


def test_what_is_waited_for_in_vain_is_named(children: Children):
    with pytest.raises(ChildFailedError, match="waited 0 s in vain for the moon"):
        children.wait_until("the moon", lambda: False, timeout_s=0.1)


def test_a_child_that_was_killed_is_missed_by_nobody(children: Children, tmp_path: Path):
    child = children.start("one", "-c", SLEEP)
    first_line(tmp_path / "one.log")
    children.kill(child)
    assert child.process.returncode == -signal.SIGKILL
    children.pause(0.1)


# Interrupts.


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "wait",
    [
        lambda children: children.pause(60),
        lambda children: children.wait_until("the moon", lambda: False, timeout_s=60),
        lambda children: children.run("one", "-c", SLEEP),
    ],
    ids=["pause", "wait_until", "run"],
)
def test_whatever_waits_is_interrupted(children: Children, wait: Callable[[Children], None], sent: signal.Signals):
    os.kill(os.getpid(), sent)
    with pytest.raises(KeyboardInterrupt):
        wait(children)


def test_what_the_caller_made_of_signals_is_restored_and_what_it_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup starts a command
    terminate = signal.getsignal(signal.SIGTERM)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interrupts.count == 0
            os.kill(os.getpid(), signal.SIGTERM)
            assert interrupts.count == 1
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is terminate
    finally:
        signal.signal(signal.SIGHUP, before)


# None is left behind.


def test_all_are_ended_in_order_the_last_one_first(interrupts: Interrupts, tmp_path: Path):
    ended = tmp_path / "ended"
    catch = (
        "import signal, sys, time; from pathlib import Path\n"
        "def note(number, _):\n"
        f"    with Path({str(ended)!r}).open('a') as file: print(sys.argv[1], signal.Signals(number).name, file=file)\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, note)\n"
        "Path(sys.argv[1]).write_text('up\\n'); time.sleep(60)"
    )
    with Children(interrupts, tmp_path, say=lambda _: None) as children:
        for name in ("broker", "worker"):
            children.start(name, "-c", catch, str(tmp_path / name))
        children.begin("command", "-c", catch, str(tmp_path / "command"))
        for name in ("broker", "worker", "command"):
            first_line(tmp_path / name)
    told = [(Path(name).name, how) for name, how in map(str.split, ended.read_text().splitlines())]
    assert told == [("command", "SIGTERM"), ("worker", "SIGTERM"), ("broker", "SIGTERM")]


def test_one_that_does_not_want_to_end_is_killed_at_the_second_interrupt(interrupts: Interrupts, tmp_path: Path):
    with Children(interrupts, tmp_path, say=lambda _: None) as children:
        child = children.start("one", "-c", STUBBORN)
        first_line(tmp_path / "one.log")
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        begin = time.monotonic()
    assert child.process.returncode == -signal.SIGKILL
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("then", ["time.sleep(60)", "sys.exit(1)", "os.kill(os.getpid(), 9)"])
def test_what_a_child_leaves_behind_is_ended_too(interrupts: Interrupts, tmp_path: Path, then: str):
    with Children(interrupts, tmp_path, say=lambda _: None) as children:
        children.start("one", "-c", f"import os, sys, time; {WITH_CHILD}{then}")
        grandchild = int(first_line(tmp_path / "one.log"))
        assert runs(grandchild)
    assert ends(grandchild)


SCRIPT = f"""
import sys
from pathlib import Path
from stream.processes.children import Children, Interrupts
with Interrupts() as interrupts, Children(interrupts, Path(sys.argv[1]), say=lambda _: None) as children:
    one, two = (children.start(name, "-c", {SLEEP!r}) for name in ("one", "two"))
    print(one.process.pid, two.process.pid, flush=True)
    children.pause(60)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_signal_to_the_script_leaves_a_process_behind(tmp_path: Path, sent: signal.Signals):
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as script:
        assert script.stdout is not None
        pids = [int(pid) for pid in script.stdout.readline().split()]
        assert all(map(runs, pids))
        script.send_signal(sent)
        script.wait(timeout=10)
        assert all(map(ends, pids))
