"""Passwords that are planted in files are looked for in all that commands leave behind."""

import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from stream.broker.cluster import Cluster
from stream.broker.reading import read_topic
from tests.guarded_kafka import GuardedKafka, User
from tests.system.commands import Running, run, running
from tests.system.doctored import Doctored
from tests.system.load import small_clips
from tests.system.test_rights_of_commands import least, words

PLANTED = "geheim"
PASSWORD, KEY_PASSWORD = f"a w\u00f6rd's \\ {PLANTED}", f'another "{PLANTED}"'
LOUD = ("--log-level", "debug")
DEFECT = """
import runpy, stream.results.audit
stream.results.audit.audit = None
runpy.run_module('stream', run_name='__main__')
"""


@pytest.fixture
def topics(guarded: GuardedKafka) -> Doctored:
    return Doctored(guarded.bootstrap)


def with_secret(user: User, folder: Path, **secret: str) -> Mapping[str, str]:
    """A user's environment without the secret, which lies in a folder."""
    folder.mkdir()
    names = [f"STALL_KAFKA_{name.upper()}" for name in secret]
    for name, text in zip(names, secret.values(), strict=True):
        (folder / name).write_text(f"{text}\n")
    environment = {name: text for name, text in user.environment.items() if name not in names}
    return {**environment, "STALL_SECRETS_DIR": str(folder)}


def seen_from_outside(alive: Running) -> Iterator[str]:
    """What a worker tells of itself to whoever asks, or looks at its processes."""
    url = alive.await_words(r"(http://127\.0\.0\.1:\d+)/metrics", timeout_s=150)[1]
    for path in ("/metrics", "/livez", "/readyz"):
        with urlopen(url + path, timeout=5) as answer:
            yield answer.read().decode()
    process = psutil.Process(alive.process.pid)
    for each in (process, *process.children(recursive=True)):
        yield f"{each.cmdline()} {each.environ()}"


def test_no_password_shows_in_logs_metrics_processes_records_or_crash_dumps(
    guarded: GuardedKafka, topics: Doctored, tmp_path: Path
):
    clips = small_clips(tmp_path / "clips", good=2)
    rights = (right for command in ("produce", "audit", "requeue") for right in least(command, topics))
    user = guarded.newcomer(*rights, by="SCRAM-SHA-512")
    guarded.set_password(user.name, "SCRAM-SHA-512", PASSWORD)
    outside = with_secret(user, tmp_path / "log-in", sasl_plain_password=PASSWORD)
    judge = guarded.newcomer(*least("worker", topics), by="certificate")
    guarded.authority.issue(Path(judge.options["ssl_certfile"]).stem, password=KEY_PASSWORD)
    inside = with_secret(judge, tmp_path / "key", ssl_password=KEY_PASSWORD)
    left: list[str] = []

    def done(*command: object, code: int = 0) -> None:
        ended = run(*command, environment=outside, timeout_s=150)
        assert ended.returncode == code, ended.stderr
        left.extend((ended.stdout, ended.stderr))

    done(*words("produce", topics, clips, *LOUD))
    few = ("--allow", clips, "--readers", 1, "--ops-host", "127.0.0.1", "--ops-port", 0, *LOUD)
    with running("-X", "faulthandler", *words("worker", topics, *few), environment=inside) as alive:
        done(*words("audit", topics, "--wait-s", 120, *LOUD))
        done(*words("requeue", topics, "--all", *LOUD))
        left.extend(seen_from_outside(alive))
        assert alive.end(signal.SIGABRT) == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in alive.said
    left.append(alive.said)
    _, _, *audit = words("audit", topics)
    done("-c", DEFECT, *audit, code=1)
    assert "Traceback" in left[-1]
    records = [each for name in (topics.verdicts, topics.letters) for each in read_topic(Cluster(topics.kafka), name)]
    assert len(records) >= 4
    left.extend(map(repr, records))
    assert not [each for each in left if PLANTED in each]
    assert "***" in "".join(left), "no log came near a password: look where it may now"
