"""Where a run's clips lie: a folder, or a bucket of a real S3 server; either can be gone for a while."""

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

from stream.records import ClipReference
from tests.s3_server import S3Server
from tests.system.load import references, small_clips

_TURN = 1200
_BUCKET = "public"


class ClipStore(Protocol):
    """Serves the clips of `tests.system.load`."""

    originals: Path
    """A folder of the same clips that is always there."""
    words: list[str]
    """What a worker is told of it."""

    def uri(self, name: str) -> str:
        """Of a clip, whether it is there or not."""

    def go(self) -> None:
        """From here on it doesn't serve."""

    def come_back(self) -> None:
        """It serves again."""


class FolderStore:
    """A folder that is renamed while it is gone, as a file system that isn't mounted."""

    def __init__(self, folder: Path) -> None:
        self.originals = small_clips(folder / "originals")
        self._folder, self._away = folder / "clips", folder / "away"
        shutil.copytree(self.originals, self._folder)
        self.words = ["--allow", str(self._folder)]

    def uri(self, name: str) -> str:
        return (self._folder / name).as_uri()

    def go(self) -> None:
        self._folder.rename(self._away)

    def come_back(self) -> None:
        self._away.rename(self._folder)


class S3Store:
    """A bucket; the server is killed and started again."""

    def __init__(self, folder: Path, server: S3Server) -> None:
        self.originals = small_clips(folder / "originals")
        server.upload(_BUCKET, self.originals.iterdir(), below=self.originals)
        self.words = ["--allow", f"s3://{_BUCKET}", "--s3-endpoint", server.endpoint, "--s3-unsigned"]
        self._server = server

    def uri(self, name: str) -> str:
        return f"s3://{_BUCKET}/{name}"

    def go(self) -> None:
        self._server.kill()

    def come_back(self) -> None:
        self._server.start()


def endless(store: ClipStore) -> Iterator[ClipReference]:
    """References without end, each with a clip_id of its own that ends in the clip's name; 5 % of them are bad."""
    for turn in count():
        for each in references(store.originals, _TURN):
            uri = store.uri(each.uri.rpartition("/")[2])
            yield each.model_copy(update={"clip_id": f"{turn}-{each.clip_id}", "uri": uri})
