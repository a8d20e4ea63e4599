"""Guards of the delivery, each taken out by a name: what the harness must find then."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.structs import ConsumerGroupMetadata

from stream.broker.cluster import Cluster
from stream.broker.contract import Message, Position
from stream.broker.exactly_once import ExactlyOnce
from stream.broker.transactions import Transactions

Commit = Callable[[Transactions, Iterable[Message], Mapping[TopicPartition, Position], ConsumerGroupMetadata], None]


def _two_transactions(*, offsets_first: bool) -> None:
    """Outcomes and offsets no longer become visible together."""
    commit: Commit = Transactions.commit

    def in_two(
        self: Transactions,
        messages: Iterable[Message],
        positions: Mapping[TopicPartition, Position],
        identity: ConsumerGroupMetadata,
    ) -> None:
        halves = [(messages, {}), ((), positions)]
        for these, those in reversed(halves) if offsets_first else halves:
            commit(self, these, those, identity)

    Transactions.commit = in_two  # type: ignore[method-assign]


def _doubt_is_refusal() -> None:
    """A commit whose answer was lost counts as one that failed, and is not looked up."""

    def settle(self: ExactlyOnce) -> bool:
        self._transactions.settle()
        self._in_doubt = None
        return False

    ExactlyOnce._went_through = settle  # type: ignore[method-assign]


def _pending_offsets_ignored() -> None:
    """A partition's new owner doesn't wait for offsets that are pending in its old owner's transaction."""
    consumer = Cluster.consumer

    def read_uncommitted(self: Cluster, *topics: str, **fixed: Any) -> Any:
        return consumer(self, *topics, **{**fixed, "isolation_level": "read_uncommitted"})

    Cluster.consumer = read_uncommitted  # type: ignore[method-assign]


BROKEN: Mapping[str, Callable[[], None]] = {
    "offsets-after": lambda: _two_transactions(offsets_first=False),
    "offsets-first": lambda: _two_transactions(offsets_first=True),
    "doubt-is-refusal": _doubt_is_refusal,
    "pending-offsets-ignored": _pending_offsets_ignored,
}
