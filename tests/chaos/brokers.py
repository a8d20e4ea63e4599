"""Three real brokers on this machine that make one cluster, each of which can be killed, frozen and started again."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stream.local.embedded import EmbeddedKafka, Seat, new_cluster_id
from stream.local.ports import free_ports

COPIES = 3


class Brokers:
    """Nodes of one cluster; `bootstrap` names all of them."""

    def __init__(self, folder: Path) -> None:
        ports = free_ports("127.0.0.1", 2 * COPIES)
        voters = dict(enumerate(ports[COPIES:], 1))
        cluster_id = new_cluster_id()
        self.nodes = [
            EmbeddedKafka(folder / f"broker-{number}", port=port, seat=Seat(number, voters, cluster_id))
            for number, port in enumerate(ports[:COPIES], 1)
        ]

    @property
    def bootstrap(self) -> str:
        return ",".join(node.bootstrap for node in self.nodes)


@contextmanager
def started_brokers(folder: Path) -> Iterator[Brokers]:
    """Three brokers that serve; ended in the end."""
    brokers = Brokers(folder)
    with ExitStack() as stack:
        for node in brokers.nodes:
            stack.callback(node.kill)  # their data are of no use afterwards
            node.launch()
        for node in brokers.nodes:
            node.await_ready()
        yield brokers


def listens(node: EmbeddedKafka) -> bool:
    """Whether clients can connect; `await_ready` would wait for it."""
    host, _, port = node.bootstrap.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True


def freeze(node: EmbeddedKafka) -> None:
    """Stands still until it is thawed; its connections stay open."""
    os.kill(_pid(node), signal.SIGSTOP)


def thaw(node: EmbeddedKafka) -> None:
    os.kill(_pid(node), signal.SIGCONT)


def _pid(node: EmbeddedKafka) -> int:
    assert node.pid is not None, "the node doesn't run"
    return node.pid
