"""How large an outcome may be: what the topics take, so that none is tried again and again that never fits."""

from collections.abc import Iterable

from kafka.admin import ConfigResource, ConfigResourceType

from stream.broker.cluster import Cluster
from stream.errors import UserError

_LARGEST = "max.message.bytes"
_LEAST_BYTES = 65536
"""A verdict has room in it: a clip_id of 1,024 characters and an `extra` of 4 KiB, escaped as JSON may want it."""
_BATCH_BYTES = 100
"""More than the header of the batch that a message goes in."""


def message_limit_bytes(cluster: Cluster, topics: Iterable[str]) -> int | None:
    """The largest message that each of the topics takes, and the producer; None where this user may not ask.

    Raises:
        UserError: a topic, or the setting `max_request_size`, is too small for verdicts.
    """
    limits = [_usable(_LARGEST, size, f"of the topic {name!r}") for name, size in _sizes(cluster, topics)]
    if "max_request_size" in cluster.options:
        limits.append(_usable("max_request_size", cluster.options["max_request_size"], "among Kafka's settings"))
    return min(limits, default=None)


def _sizes(cluster: Cluster, topics: Iterable[str]) -> list[tuple[str, int]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, {_LARGEST: ""}) for name in topics]
    with cluster.admin() as admin:
        found = cluster.ask(lambda: admin.describe_configs(asked, config_filter="all")).get("topic", {})
    return [(name, int(configs[_LARGEST]["value"])) for name, configs in found.items() if _LARGEST in configs]


def _usable(name: str, size_bytes: int, where: str) -> int:
    if size_bytes < _LEAST_BYTES:
        raise UserError(f"{name} = {size_bytes} {where} is too small for outcomes: make it {_LEAST_BYTES} or more")
    return size_bytes - _BATCH_BYTES
