"""Ports for servers that can't take port 0 because their address is told before they listen."""

import socket


def free_ports(host: str, count: int) -> list[int]:
    """So many ports that nobody listens at now, each another; somebody else may be faster than the caller."""
    sockets = [socket.create_server((host, 0)) for _ in range(count)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
