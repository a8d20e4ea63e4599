"""What a worker says of its own health to whoever restarts it."""

import json
import urllib.error
import urllib.request
import uuid

import psutil

from stream.broker.cluster import Cluster
from stream.broker.topics import Topic, create_topics
from tests.system.commands import running, until


def answer(url: str) -> tuple[int, dict[str, str]]:
    """Status, and what failed."""
    try:
        with urllib.request.urlopen(url, timeout=5) as found:
            return found.status, json.load(found)["failed"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["failed"]


def test_an_idle_worker_that_can_read_no_clip_any_more_wants_to_be_started_again(kafka: str, tmp_path):
    topics = {f"--{name}-topic": f"{name}-{uuid.uuid4().hex[:8]}" for name in ("clips", "verdicts", "dead-letters")}
    create_topics(Cluster(kafka), [Topic(name) for name in topics.values()])
    names = [word for pair in topics.items() for word in pair]
    at = ("--bootstrap", kafka, "--allow", tmp_path, "--ops-host", "127.0.0.1", "--ops-port", 0, "--readers", 1)
    with running("-m", "stream", "worker", *names, *at, "--group", topics["--clips-topic"]) as worker:
        url = worker.await_words(r"(http://127\.0\.0\.1:\d+)/metrics")[1]
        until(lambda: answer(f"{url}/readyz")[0] == 200)
        assert answer(f"{url}/livez") == (200, {})
        (fork_server,) = psutil.Process(worker.process.pid).children()
        fork_server.kill()
        until(lambda: answer(f"{url}/livez")[0] == 503)
        assert "readers" in answer(f"{url}/livez")[1]
        assert worker.process.poll() is None
