"""The embedded Kafka: it serves, keeps its data, says what is wrong, and leaves no process behind."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from stream.broker.cluster import Cluster
from stream.broker.topics import Topic, create_topics
from stream.errors import UserError
from stream.local.embedded import EmbeddedKafka
from stream.local.jars import fetch_jars

RUN = """
import sys
from pathlib import Path
from stream.local.embedded import run_kafka
say = lambda line: print(line, flush=True)
sys.exit(run_kafka(folder=Path(sys.argv[1]), port=None, fetch_only=False, say=say))
"""


@contextmanager
def running(folder: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """The command in a process of its own, and the JVM that it started; ready when the body begins."""
    with subprocess.Popen([sys.executable, "-c", RUN, str(folder)], stdout=subprocess.PIPE, text=True) as command:
        try:
            assert command.stdout is not None
            assert "is ready at 127.0.0.1:" in command.stdout.readline()
            (java,) = psutil.Process(command.pid).children()
            yield command, java
        finally:
            command.kill()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize(("ending", "code"), [(signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)])
def test_no_signal_leaves_a_process_behind(tmp_path: Path, ending: signal.Signals, code: int):
    with running(tmp_path) as (command, java):
        command.send_signal(ending)
        assert command.wait(timeout=30) == code
        psutil.wait_procs([java], timeout=30)
        assert gone(java)


@pytest.mark.long
def test_a_folder_is_taken_up_again_after_a_crash(tmp_path: Path):
    with EmbeddedKafka(tmp_path) as node:
        create_topics(Cluster(node.bootstrap), [Topic("kept", 2)])
        node.kill()
    with EmbeddedKafka(tmp_path) as again:
        assert create_topics(Cluster(again.bootstrap), [Topic("kept", 2)]) == {"kept": "exists with 2 partitions"}


def test_topics_do_not_appear_by_themselves(kafka: str):
    with Cluster(kafka).admin() as admin:
        admin.describe_topics(["never-made"])
        assert "never-made" not in admin.list_topics()


def test_a_port_in_use_is_refused(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port} .* give another"):
            EmbeddedKafka(tmp_path, port=port).start()


@pytest.mark.parametrize(("folder", "why"), [("file", "File exists"), ("file/below", "Not a directory")])
def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, folder: str, why: str):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=rf"in {tmp_path / folder} \({why}\): give another"):
        EmbeddedKafka(tmp_path / folder).start()


def test_a_node_that_cannot_start_says_why_and_where_its_log_is(tmp_path: Path):
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(UserError, match=r"could not format .*its log: .*kafka\.log"):
        EmbeddedKafka(tmp_path).start()


def test_jars_come_from_the_cache_without_a_network(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    assert len(fetch_jars()) == 46


def test_jars_that_cannot_be_fetched_are_one_line_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with pytest.raises(UserError, match=r"could not fetch Apache Kafka .*--fetch-only") as refused:
        fetch_jars(tmp_path)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []
