"""Clips on S3 and on web servers, with the real worker command and a real Kafka: what is away is waited for."""

import json
import signal
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from stream.errors import Reason
from tests.fetch.web import Web
from tests.s3_server import READER, S3Server
from tests.system.commands import run, until
from tests.system.lab import PATIENCE_S, Lab, Worker


def judged(*workers: Worker) -> int:
    return sum(each.delivered for each in workers)


@pytest.fixture
def mortal(tmp_path: Path, small: Path) -> Iterator[S3Server]:
    """An S3 server that may die, with the clips on it."""
    with S3Server(tmp_path / "s3") as server:
        server.upload("clips", sorted(small.glob("good-*.mp4")), below=small)
        yield server


@pytest.mark.timeout(600)
def test_while_an_s3_server_is_away_workers_wait_and_nothing_is_rejected(kafka: str, mortal: S3Server, small: Path):
    lab = Lab(kafka, small, partitions=4)
    words = ("--allow", "s3://clips", "--s3-endpoint", mortal.endpoint, "--fetch-timeout-s", 3)
    with (
        lab.worker(*words, environment=READER.environment) as first,
        lab.worker(*words, environment=READER.environment) as second,
    ):
        workers = (first, second)
        until(lambda: all(each.owns > 0 for each in workers), timeout_s=PATIENCE_S)
        for go_away, come_back in ((mortal.stop, mortal.start), (mortal.freeze, mortal.thaw)):
            it_goes_and_comes(lab, workers, go_away, come_back)
        audit = lab.audit()
        for worker in workers:
            assert worker.process.end(signal.SIGTERM) == 0
            assert "s3://clips serves again" in worker.process.said
    assert (audit["references"], audit["outcomes"], audit["pending"]) == (lab.sent, lab.sent, 0)
    assert lab.rejections == []


def it_goes_and_comes(
    lab: Lab, workers: Sequence[Worker], go_away: Callable[[], None], come_back: Callable[[], None]
) -> None:
    """A backlog before, and more references while it is away."""
    uris = [f"s3://clips/{path.name}" for path in sorted(lab.clips.glob("good-*.mp4"))]
    done = judged(*workers)
    lab.send(*uris * 50)
    until(lambda: judged(*workers) > done + 10, timeout_s=PATIENCE_S)
    go_away()
    lab.send(*uris * 50)
    until(lambda: all("s3://clips does not serve" in each.waits_for for each in workers), timeout_s=PATIENCE_S)
    assert judged(*workers) < lab.sent, "it went away in the middle"
    come_back()
    until(lambda: judged(*workers) == lab.sent, timeout_s=PATIENCE_S)
    until(lambda: not any(each.waits_for for each in workers), timeout_s=PATIENCE_S)


@pytest.mark.timeout(600)
def test_one_clip_that_always_fails_is_unreachable_and_holds_up_nobody_for_ever(kafka: str, small: Path):
    with Web() as web:
        good = web.put("/clips/good.mp4", (small / "good-0.mp4").read_bytes())
        cursed = web.status("/clips/cursed.mp4", 503)
        lab = Lab(kafka, small, partitions=1)
        with lab.worker("--allow", f"{web.url}/clips", environment={}) as worker:
            until(lambda: worker.owns > 0, timeout_s=PATIENCE_S)
            lab.send(cursed + "?sig=s3cr3t")
            until(lambda: web.asked != [], timeout_s=PATIENCE_S)
            deadline = time.monotonic() + PATIENCE_S
            while not worker.sample("stall_clips_total").get(("rejected", "unreachable")):
                assert time.monotonic() < deadline, worker.process.said
                lab.send(good + "?sig=s3cr3t")
                time.sleep(0.2)
            audit = lab.audit()
            assert worker.process.end(signal.SIGTERM) == 0
            assert "s3cr3t" not in worker.process.said
    assert (audit["references"], audit["outcomes"], audit["pending"]) == (lab.sent, lab.sent, 0)
    (rejection,) = lab.rejections
    assert (rejection.clip_id, rejection.reason) == ("0-cursed.mp4", Reason.UNREACHABLE)
    assert f"5 fetches failed while {web.url} answered for other clips" in rejection.detail
    assert "the server says 503" in rejection.detail
    assert "s3cr3t" not in rejection.detail
    assert sum(path.startswith("/clips/cursed.mp4") for path in web.asked) >= 5


def test_score_takes_uris_and_paths_and_shows_no_signature(s3: S3Server, small: Path, tmp_path: Path):
    folder = uuid.uuid4().hex[:8]
    data = (small / "good-0.mp4").read_bytes()
    s3.put(f"clips/{folder}/a b.mp4", data)
    (tmp_path / "here.mp4").write_bytes(data)
    with Web() as web:
        signed = web.put("/a.mp4", data) + "?X-Amz-Signature=s3cr3t"
        missing = f"s3://clips/{folder}/missing.mp4"
        named = (f"s3://clips/{folder}/a%20b.mp4", signed, tmp_path / "here.mp4", missing, "ftp://host/a.mp4?s3cr3t")
        words = ("score", "--json", "--s3-endpoint", s3.endpoint)
        done = run("-m", "stream", *words, *named, environment=READER.environment)
    assert done.returncode == 0, done.stderr
    assert "s3cr3t" not in done.stdout + done.stderr
    outcomes = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["source"]["file"] for each in outcomes] == [str(name).partition("?")[0] for name in named]
    assert [each["clip_id"] for each in outcomes] == [each["source"]["file"] for each in outcomes]
    kinds = [each.get("reason", each["kind"]) for each in outcomes]
    assert kinds == ["verdict", "verdict", "verdict", "not_found", "forbidden"]
    assert len({each["probability"] for each in outcomes[:3]}) == 1
