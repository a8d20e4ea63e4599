"""A store that takes its time: workers have plenty in hand and leave the processor to others, however many they are."""

import time
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from stream.records import SCHEMA, ClipReference
from tests.fetch.web import Visit, Web


class SlowStore:
    """A web server where each reference has a clip of its own: who fetches one is noted; a context manager.

    Args:
        folder: of `tests.system.load.small_clips`.
        takes_s: how long the server thinks over each request; it may be changed at any time.
    """

    def __init__(self, folder: Path, *, takes_s: float) -> None:
        self.takes_s = takes_s
        self._clip = (folder / "good-0.mp4").read_bytes()
        self._web = Web()
        self._web.everywhere(self._answer)
        self.words = ("--allow", self._web.url)

    def _answer(self, visit: Visit) -> None:
        time.sleep(self.takes_s)
        visit.answer(200, self._clip)

    @property
    def asked(self) -> int:
        """How many clips have been asked for."""
        return len(self._web.asked)

    @property
    def asked_again(self) -> list[str]:
        """Clips that were asked for more than once: somebody had begun with them, and others did it again."""
        return [path for path, times in Counter(self._web.asked).items() if times > 1]

    def uri(self, number: int) -> str:
        return f"{self._web.url}/{number}.mp4"

    def references(self) -> Iterator[ClipReference]:
        """Without end."""
        for number in count():
            yield ClipReference(schema=SCHEMA, clip_id=f"{number}.mp4", uri=self.uri(number))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._web.close()
