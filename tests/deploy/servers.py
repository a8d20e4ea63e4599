"""Prometheus and its like, as Debian packs them."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def server(*words: object, log: Path) -> Iterator[None]:
    """A program of Debian's, ended in the end."""
    with log.open("w") as told, subprocess.Popen(list(map(str, words)), stdout=told, stderr=told) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def prometheus(config: Path, *, port: int, data: Path) -> Iterator[str]:
    """Its address."""
    words = (
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=30y",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with server("prometheus", *words, log=data.with_suffix(".log")):
        yield f"http://127.0.0.1:{port}"


def ask(url: str, expression: str, **more: float) -> list[dict[str, Any]]:
    """What Prometheus answers, from `start` to `end` if these are given; nothing while it isn't there yet."""
    path = "query_range" if "start" in more else "query"
    words = urllib.parse.urlencode({"query": expression, **more})
    try:
        with urllib.request.urlopen(f"{url}/api/v1/{path}?{words}") as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
            return found
    except urllib.error.HTTPError as error:
        if error.code == 503:  # it starts
            return []
        raise
    except OSError:
        return []
