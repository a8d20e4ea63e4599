"""The whole way on one machine: a script of the commands that a user would type, each shown before it is run."""

import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from stream.local.ports import free_ports
from stream.processes.children import Child, Children, Interrupts

_HOST = "127.0.0.1"
_BAD_SHARE = 0.15
_SENDING_S = 8.0
_JUDGED_BEFORE_THE_KILL = 3
_START_TIMEOUT_S = 90.0
_WAIT_S = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What is shown."""

    clips: int
    workers: int
    seed: int
    artifact: Path | None
    folder: Path | None
    """Keeps clips and logs; None takes a temporary one."""
    keep: bool
    """Leave Kafka and the workers running until an interrupt."""


@dataclass(frozen=True, slots=True)
class _Worker:
    name: str
    port: int
    arguments: tuple[str, ...]

    def answers(self, path: str) -> str | None:
        """What its operators' port says; None where it doesn't, or isn't ready."""
        try:
            with urllib.request.urlopen(f"http://{_HOST}:{self.port}{path}", timeout=2.0) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError):
            return None

    @property
    def is_ready(self) -> bool:
        return self.answers("/readyz") is not None

    @property
    def judged(self) -> int:
        """Clips it has finished."""
        lines = (self.answers("/metrics") or "").splitlines()
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith("stall_clips_total{"))


def run_demo(options: DemoOptions, *, say: Callable[[str], None]) -> None:
    """Runs the demo; leaves no process behind, however it ends.

    Args:
        options: what is shown.
        say: gets each command and remark.

    Raises:
        ChildFailedError: a command failed.
        KeyboardInterrupt: after SIGINT, SIGTERM or SIGHUP, once all is tidied up.
    """
    with ExitStack() as stack:
        interrupts = stack.enter_context(Interrupts())
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="stall-demo-")))
        logs = folder.resolve() / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        children = stack.enter_context(Children(interrupts, logs, say=say))
        _play(children, options, folder.resolve(), say)


def _play(children: Children, options: DemoOptions, folder: Path, say: Callable[[str], None]) -> None:
    clips = folder / "clips"
    kafka_port, *ports = free_ports(_HOST, 1 + options.workers)
    at = ("--bootstrap", f"{_HOST}:{kafka_port}")
    children.start("kafka", "-m", "stream", "kafka", "--port", str(kafka_port))
    _synthesize(children, options, clips)
    children.run("topics", "-m", "stream", "topics", *at, "--partitions", str(2 * options.workers))
    workers = [_worker(options, number, clips, port, at) for number, port in enumerate(ports, 1)]
    running = [children.start(each.name, *each.arguments) for each in workers]
    children.wait_until(
        "the workers to be ready", lambda: all(each.is_ready for each in workers), timeout_s=_START_TIMEOUT_S
    )
    _send_and_kill(children, options, clips, at, victim=workers[0], running=running[0])
    children.run("audit", "-m", "stream", "audit", *at, "--wait-s", str(_WAIT_S))
    truth = ("--labels", str(clips / "train_labels.csv"), "--expected-rejections", str(clips / "bad.csv"))
    children.run("report", "-m", "stream", "report", *at, *truth)
    say("(the slowest were the killed worker's: others took them over when its session had ended, 10 s later)")
    say("metrics: " + ", ".join(f"http://{_HOST}:{port}/metrics" for port in ports))
    if options.keep:
        say(f"Kafka at {_HOST}:{kafka_port} and the workers run on until Ctrl-C; clips and logs are in {folder}")
        while True:
            children.pause(3600)


def _synthesize(children: Children, options: DemoOptions, clips: Path) -> None:
    bad = max(3, round(_BAD_SHARE * options.clips))  # at least one truncated, without outline, missing
    drawn = ("--clips", str(options.clips), "--bad", str(bad), "--seed", str(options.seed))
    children.run("synthesize", "-m", "training", "synthesize", "--out", str(clips), *drawn)


def _worker(options: DemoOptions, number: int, clips: Path, port: int, at: tuple[str, ...]) -> _Worker:
    artifact = ("--artifact", str(options.artifact.resolve())) if options.artifact else ()
    ops = ("--ops-host", _HOST, "--ops-port", str(port))
    return _Worker(f"worker-{number}", port, ("-m", "stream", "worker", *at, "--allow", str(clips), *ops, *artifact))


def _send_and_kill(
    children: Children, options: DemoOptions, clips: Path, at: tuple[str, ...], *, victim: _Worker, running: Child
) -> None:
    """Sends the references at a pace that leaves time to kill a worker between two of them, and to start it again."""
    source = ("--metadata", str(clips / "train_metadata.csv"), "--root", str(clips))
    rate = ("--rate", f"{options.clips / _SENDING_S:g}")
    produce = children.begin("produce", "-m", "stream", "produce", *at, *source, *rate)
    children.wait_until(
        "the first verdicts", lambda: victim.judged >= _JUDGED_BEFORE_THE_KILL or produce.ended, timeout_s=_WAIT_S
    )
    children.kill(running)
    children.start(victim.name, *victim.arguments)
    children.finish(produce)
