"""How fast clips are fetched from files, from a real S3 server and from a web server, all on this machine.

    python tests/bench/fetch.py [--clips N] [--megabytes F] [--threads N] [--rounds N]

Server and client share the processors, so what is measured is both of them together: CPU time of this process is told
beside the rate. The sources take turns. At the end: how long it takes to notice a server that was stopped (its port
refuses connections), and one that is frozen (it takes them and says nothing). Nothing here fails on time: it reports.
"""

import argparse
import http.server
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))  # the S3 server belongs to the tests, which are no installed package

from stream.errors import Outage  # noqa: E402 - needs the path above
from stream.fetch import Fetcher, Patience, S3Access, SourceOptions, open_sources  # noqa: E402 - as above
from tests.s3_server import READER, S3Server  # noqa: E402 - as above


class Quiet(http.server.SimpleHTTPRequestHandler):
    """The standard library's own, in this process: its CPU time counts as ours."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """A request is no news."""


def fetch_all(fetcher: Fetcher, uris: list[str]) -> tuple[float, float]:
    """Seconds on the clock, and of CPU in this process."""
    usage, begun = resource.getrusage(resource.RUSAGE_SELF), time.monotonic()
    for future in [fetcher.submit(uri) for uri in uris]:
        future.result()
    spent = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = spent.ru_utime + spent.ru_stime - usage.ru_utime - usage.ru_stime
    return time.monotonic() - begun, cpu_s


def noticed_after_s(server: S3Server, uri: str, patience: Patience) -> float:
    options = SourceOptions(s3=S3Access(endpoint=server.endpoint), patience=patience)
    source = open_sources(["s3://clips"], options)["s3"]
    begun = time.monotonic()
    try:
        source.read(uri)
    except Outage as outage:
        print(f"  {outage}")
    return time.monotonic() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--megabytes", type=float, default=2.4, help="of each clip; real ones have 2.4")
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    settings = parser.parse_args()
    os.environ.update(READER.environment)
    size = int(settings.megabytes * 1e6)
    with tempfile.TemporaryDirectory() as made, S3Server(Path(made) / "s3") as server:
        folder = Path(made) / "clips"
        folder.mkdir()
        names = [f"{number}.mp4" for number in range(settings.clips)]
        for name in names:
            (folder / name).write_bytes(os.urandom(size))
        server.upload("clips", folder.iterdir(), below=folder)
        web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        threading.Thread(target=web.serve_forever, daemon=True).start()
        bases = {"files": str(folder), "s3": "s3://clips", "http": f"http://127.0.0.1:{web.server_address[1]}"}
        options = SourceOptions(s3=S3Access(endpoint=server.endpoint), connections=settings.threads)
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in bases}
        with Fetcher(open_sources(list(bases.values()), options), threads=settings.threads) as fetcher:
            for _ in range(settings.rounds):
                for kind, base in bases.items():
                    taken[kind].append(fetch_all(fetcher, [f"{base}/{name}" for name in names]))
        report(taken, clips=settings.clips, size_bytes=size, threads=settings.threads)
        uri = f"s3://clips/{names[0]}"
        server.freeze()
        print(f"a frozen server is noticed after {noticed_after_s(server, uri, Patience()):.2f} s")
        server.thaw()
        server.stop()
        print(f"a stopped server is noticed after {noticed_after_s(server, uri, Patience()):.3f} s")


def report(taken: dict[str, list[tuple[float, float]]], *, clips: int, size_bytes: int, threads: int) -> None:
    print(f"{clips} clips of {size_bytes / 1e6:g} MB, {threads} threads; medians of {len(taken['files'])} rounds")
    print(f"{'source':<8} {'clips/s':>8} {'MB/s':>8} {'CPU ms/clip':>12}")
    for kind, rounds in taken.items():
        wall_s = statistics.median(wall for wall, _ in rounds)
        cpu_ms = statistics.median(cpu for _, cpu in rounds) / clips * 1000
        print(f"{kind:<8} {clips / wall_s:>8.0f} {clips * size_bytes / wall_s / 1e6:>8.0f} {cpu_ms:>12.1f}")


if __name__ == "__main__":
    main()
