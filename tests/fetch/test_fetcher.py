"""Fetching: schemes, digests, threads that hold nobody up; and what --allow takes."""

import hashlib
import os
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from stream.errors import ClipFault, Outage, Reason
from stream.fetch import Fetcher, Files, SourceOptions, open_sources

PATIENCE_S = 30


class Store:
    """A source whose clips are their own names, and which serves when it is told to."""

    def __init__(self) -> None:
        self.serves = threading.Event()
        self.reads = threading.Semaphore(0)

    def store_of(self, uri: str) -> str:
        return uri.partition("://")[2]

    def read(self, uri: str) -> bytes:
        self.reads.release()
        if uri.endswith("defect"):
            raise ZeroDivisionError
        if not self.serves.wait(PATIENCE_S):
            raise Outage("the store is down")
        return uri.encode()


def fault(fetcher: Fetcher, uri: str, *, sha256: str | None = None) -> ClipFault:
    error = fetcher.submit(uri, sha256=sha256).exception(PATIENCE_S)
    assert isinstance(error, ClipFault)
    return error


def test_a_clip_is_fetched_and_its_digest_checked(tmp_path: Path):
    clip = os.urandom(1000)
    (tmp_path / "a.mp4").write_bytes(clip)
    with Fetcher({"file": Files([tmp_path])}) as fetcher:
        for uri in (f"{tmp_path}/a.mp4", f"file://{tmp_path}/a.mp4"):
            assert fetcher.submit(uri).result(PATIENCE_S) == clip
            assert fetcher.submit(uri, sha256=hashlib.sha256(clip).hexdigest()).result(PATIENCE_S) == clip
            refused = fault(fetcher, uri, sha256="0" * 64)
            assert refused.reason is Reason.WRONG_SHA256
            assert hashlib.sha256(clip).hexdigest() in refused.detail
        assert fault(fetcher, f"{tmp_path}/b.mp4").reason is Reason.NOT_FOUND


def test_a_scheme_without_a_source_is_forbidden_and_the_others_are_named():
    with Fetcher({"file": Files([]), "s3": Store()}) as fetcher:
        for uri in ("http://host/a.mp4", "HTTPS://host/a.mp4", "concat:/a|/b", "C:\\a.mp4"):
            refused = fault(fetcher, uri)
            assert refused.reason is Reason.FORBIDDEN
            assert refused.detail.endswith("only file, s3")


@pytest.mark.parametrize("uri", ["a.mp4", "../a.mp4", "", "//", " /a.mp4", "1x:/a"])
def test_what_is_neither_an_absolute_path_nor_a_uri_is_refused(uri: str):
    with Fetcher({"file": Files([])}) as fetcher:
        assert fault(fetcher, uri).reason in (Reason.BAD_REFERENCE, Reason.FORBIDDEN)


def test_each_scheme_has_its_source_whatever_its_case():
    store = Store()
    store.serves.set()
    with Fetcher({"s3": store}) as fetcher:
        assert fetcher.submit("S3://bucket/a.mp4").result(PATIENCE_S) == b"S3://bucket/a.mp4"


def test_a_clips_source_names_the_store_that_it_lies_in(tmp_path: Path):
    with Fetcher({"file": Files([tmp_path]), "s3": Store()}) as fetcher:
        assert fetcher.store_of("S3://bucket") == "bucket"
        assert fetcher.store_of(f"{tmp_path}/a.mp4") == str(tmp_path)
        for uri in ("http://host/a.mp4", "a.mp4", "file://host/a.mp4", ""):
            assert fetcher.store_of(uri) == "nowhere"


def test_whatever_a_source_raises_reaches_the_one_who_waits_and_the_thread_lives_on():
    store = Store()
    store.serves.set()
    with Fetcher({"s3": store}, threads=1) as fetcher:
        for _ in range(3):
            assert isinstance(fetcher.submit("s3://defect").exception(PATIENCE_S), ZeroDivisionError)
        assert fetcher.submit("s3://a").result(PATIENCE_S) == b"s3://a"


def test_a_slow_store_leaves_the_others_their_threads():
    slow, quick = Store(), Store()
    quick.serves.set()
    with Fetcher({"slow": slow, "quick": quick}, threads=2) as fetcher:
        waiting = fetcher.submit("slow://a")
        assert fetcher.submit("quick://a").result(PATIENCE_S) == b"quick://a"
        assert not waiting.done()
        slow.serves.set()
        assert waiting.result(PATIENCE_S) == b"slow://a"


def test_close_waits_for_no_read_and_cancels_what_has_not_begun():
    store = Store()
    fetcher = Fetcher({"s3": store}, threads=2)
    futures = [fetcher.submit(f"s3://{number}") for number in range(5)]
    for _ in range(2):
        store.reads.acquire()
    started = time.monotonic()
    fetcher.close()
    assert time.monotonic() - started < PATIENCE_S / 2
    for future in futures[2:]:
        with pytest.raises(CancelledError):
            future.result(0)
    with pytest.raises(RuntimeError, match="closed"):
        fetcher.submit("s3://a")
    store.serves.set()
    assert [future.result(PATIENCE_S) for future in futures[:2]] == [b"s3://0", b"s3://1"]


def test_allow_takes_folders_as_paths_and_as_uris(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("a b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.mp4").write_bytes(name.encode())
    monkeypatch.chdir(tmp_path)
    source = open_sources([f"file://{tmp_path}/a%20b", "c"], SourceOptions())["file"]
    for name in ("a b", "c"):
        assert source.read(f"{tmp_path}/{name}/x.mp4") == name.encode()
