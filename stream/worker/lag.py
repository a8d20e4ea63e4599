"""How far behind a worker is in each of its partitions: in references, and in seconds."""

from collections.abc import Mapping

from stream.metrics import Lag
from stream.records import Partition
from stream.worker.window import Window


class LagWatch:
    """Measures lags time after time; what it remembers is since when a partition's next reference may be there."""

    def __init__(self) -> None:
        self._since_s: dict[Partition, float] = {}

    def measure(self, window: Window, unread: Mapping[Partition, int], *, now_s: float) -> dict[Partition, Lag]:
        """The lag of each partition whose end is known.

        Args:
            window: what is in hand of each owned partition.
            unread: records of a partition after those that were read.
            now_s: seconds since 1970 UTC, as the records' own times.
        """
        lags: dict[Partition, Lag] = {}
        since_s: dict[Partition, float] = {}
        for partition in window.partitions & unread.keys():
            records, more = window.in_hand(partition), unread[partition]
            if records:
                since_s[partition] = records[0].timestamp_ms / 1000
            else:
                since_s[partition] = self._since_s.get(partition, now_s) if more else now_s
            lags[partition] = Lag(len(records) + more, max(0.0, now_s - since_s[partition]))
        self._since_s = since_s
        return lags
