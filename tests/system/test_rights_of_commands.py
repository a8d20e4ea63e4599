"""Each command with the rights that the guide tells and no others, with one of them less, and without a log-in."""

import re
import signal
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import get_args

import pytest

from tests.conftest import ROOT
from tests.guarded_kafka import GuardedKafka, User, Way
from tests.system.commands import run, running
from tests.system.doctored import Doctored, rejection
from tests.system.load import small_clips

_OF_A_COMMAND = re.compile(r"\|(?P<commands>[^|]*`[^|]*)\|(?P<rights>(?:[^|]*\|){5})")
_LEAST = {
    command: [cell.strip() for cell in row["rights"].split("|")[:-1]]
    for row in _OF_A_COMMAND.finditer(
        (ROOT / "deploy" / "README.md").read_text().split("## Rights")[1].split("\n## ")[0]
    )
    for command in re.findall(r"`([^`]*)`", row["commands"])
    if not command.startswith("stall-")
}
"""The guide's table: by command what it needs on clips, verdicts, dead letters, group, and transactional id."""


@pytest.fixture
def topics(guarded: GuardedKafka) -> Doctored:
    return Doctored(guarded.bootstrap)


def least(command: str, topics: Doctored) -> list[str]:
    """What a command needs, for these topics."""
    *cells, transactional = _LEAST[command]
    resources = f"topic {topics.clips}", f"topic {topics.verdicts}", f"topic {topics.letters}", f"group {topics.group}"
    rights = [
        f"{operation} {resource}"
        for resource, cell in zip(resources, cells, strict=True)
        for operation in filter(None, cell.split(", "))
    ]
    if transactional:
        operation, name = transactional.strip("`").split(": `")
        name = name.replace("stall-workers", topics.group).replace("stall-dead-letters", topics.letters)
        rights.append(f"{operation} transactional-id {name}")
    return rights


def words(command: str, topics: Doctored, *flags: object) -> list[object]:
    """The command as it is typed, but for what its user brings by the environment."""
    named = {
        "--clips-topic": topics.clips,
        "--verdicts-topic": topics.verdicts,
        "--dead-letters-topic": topics.letters,
        "--group": topics.group,
    }
    unknown = {
        "topics": ["--group"],
        "produce": ["--verdicts-topic", "--dead-letters-topic", "--group"],
        "export": ["--group"],
        "show": ["--group"],
        "dlq show": ["--clips-topic", "--verdicts-topic", "--group"],
        "requeue": ["--group"],
        "skip": ["--verdicts-topic", "--dead-letters-topic"],
    }
    given = (word for flag, name in named.items() if flag not in unknown.get(command, []) for word in (flag, name))
    return ["-m", "stream", *command.split(), *given, *flags]


def done(user: User, *command: object) -> str:
    """What a command prints that does what it should."""
    ended = run(*command, environment=user.environment, timeout_s=150)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def refused(user: User, *command: object) -> str:
    """What a command says that can't."""
    ended = run(*command, environment=user.environment, timeout_s=60)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_the_rights_that_the_guide_tells_are_enough_and_a_worker_that_loses_one_ends(
    guarded: GuardedKafka, topics: Doctored, tmp_path: Path
):
    def user(command: str) -> User:
        return guarded.newcomer(*least(command, topics), by=next(ways))

    ways = cycle(get_args(Way))

    clips = small_clips(tmp_path / "clips", good=2)
    produced = done(user("produce"), *words("produce", topics, clips))
    assert "4 references acknowledged" in produced
    worker = words("worker", topics, "--allow", clips, "--readers", 1, "--ops-host", "127.0.0.1", "--ops-port", 0)
    judge = user("worker")
    with running(*worker, environment=judge.environment) as alive:
        alive.await_words("/metrics", timeout_s=150)
        done(user("audit"), *words("audit", topics, "--wait-s", 120))
        guarded.withdraw(judge, f"Read topic {topics.clips}")
        assert alive.end(signal.SIGCONT) == 2  # a signal that does nothing
    assert f"python -m stream: user '{judge.name}' may not READ the topic '{topics.clips}'" in alive.said
    assert "Traceback" not in alive.said
    assert "no_outline" in done(user("report"), *words("report", topics))
    assert "no_outline" in done(user("dlq show"), *words("dlq show", topics))
    assert "no_outline" in done(user("export"), *words("export", topics, "--offsets", "0:0-"))
    done(user("show"), *words("show", topics, "good-0.mp4", "--allow", clips, "--out", tmp_path / "page.html"))
    doctor = done(user("worker"), *words("doctor", topics, "--allow", clips, "--watch-s", 1))
    assert "this user may do all that a worker does" in doctor
    assert "2 dead letters sent back" in done(user("requeue"), *words("requeue", topics, "--all"))
    assert "will be a dead letter" in done(user("skip"), *words("skip", topics, 0, 5))


def test_the_rights_that_the_guide_tells_are_enough_to_create_the_topics(guarded: GuardedKafka):
    topics = Doctored(guarded.bootstrap, create=False)
    user = guarded.newcomer(*least("topics", topics), by="certificate")
    assert f"{topics.verdicts}: created with 4 partitions" in done(user, *words("topics", topics))
    assert f"{topics.verdicts}: exists with 4 partitions" in done(user, *words("topics", topics))


@pytest.mark.parametrize(
    ("command", "flags", "number", "missing"),
    [
        ("produce", ["CLIPS"], 0, "DESCRIBE the topic 'clips-"),
        ("worker", ["--allow", "/"], 4, "WRITE to transactional ids that begin with 'group-"),
        ("audit", [], 3, "DESCRIBE the group 'group-"),
        ("report", [], 1, "DESCRIBE the topic 'verdicts-"),
        ("export", ["--offsets", "0:0-"], 0, "DESCRIBE the topic 'clips-"),
        ("dlq show", [], 0, "DESCRIBE the topic 'letters-"),
        ("requeue", ["--all"], 1, "WRITE to the topic 'clips-"),
        ("skip", [0, 0], 1, "READ the group 'group-"),
    ],
)
def test_a_right_that_is_missing_is_named_in_one_line(
    command: str,
    flags: list[object],
    number: int,
    missing: str,
    guarded: GuardedKafka,
    topics: Doctored,
    tmp_path: Path,
):
    reference = topics.reference(0)
    topics.send([reference])
    topics.answer((reference, rejection(reference)))
    (tmp_path / "one.mp4").touch()
    rights = least(command, topics)
    gone = rights.pop(number)
    user = guarded.newcomer(*rights, *([gone.replace("Read", "Describe")] if command == "skip" else []))
    *_, line = refused(
        user, *words(command, topics, *(tmp_path if flag == "CLIPS" else flag for flag in flags))
    ).splitlines()
    assert f"python -m stream: user '{user.name}' may not {missing}" in line
    assert f"kafka-acls.sh --bootstrap-server {user.bootstrap} --add --allow-principal User:{user.name}" in line


def test_without_transactions_a_worker_needs_no_right_to_them(guarded: GuardedKafka, topics: Doctored, tmp_path: Path):
    user = guarded.newcomer(*(right for right in least("worker", topics) if "transactional-id" not in right))
    clips = small_clips(tmp_path / "clips", good=2)
    done(guarded.newcomer(*least("produce", topics)), *words("produce", topics, clips))
    flags = ["--allow", clips, "--ops-port", 0, "--delivery", "at-least-once"]
    with running(*words("worker", topics, *flags), environment=user.environment) as alive:
        done(guarded.newcomer(*least("audit", topics)), *words("audit", topics, "--wait-s", 120))
        assert alive.end(signal.SIGTERM) == 0


@pytest.mark.parametrize(("flags", "right"), [(["--slot", "a"], "{group}-a"), (["--delivery", "at-least-once"], None)])
def test_doctor_asks_for_no_more_than_a_worker_that_is_told_the_same(
    guarded: GuardedKafka, topics: Doctored, flags: list[str], right: str | None
):
    rights = [each for each in least("worker", topics) if "transactional-id" not in each]
    more = [f"Write transactional-id {right.format(group=topics.group)}"] if right else []
    user = guarded.newcomer(*rights, *more)
    told = run(*words("doctor", topics, *flags, "--watch-s", 1), environment=user.environment)
    assert "this user may do all that a worker does" in told.stdout, told.stderr


def test_topics_that_may_not_be_created_are_named(guarded: GuardedKafka):
    topics = Doctored(guarded.bootstrap, create=False)
    names = topics.clips, topics.verdicts, topics.letters
    user = guarded.newcomer()
    said = refused(user, *words("topics", topics))
    assert all(f"may not DESCRIBE the topic '{name}'" in said for name in names)
    guarded.allow(user, *(f"Describe topic {name}" for name in names))
    assert f"may not CREATE the topic '{topics.clips}'" in refused(user, *words("topics", topics))


@pytest.mark.parametrize("command", [["worker", "--allow", "/"], ["audit"]])
def test_a_wrong_password_ends_a_command_at_once_and_shows_nowhere(command: list[str], guarded: GuardedKafka):
    user = guarded.newcomer()
    user = replace(user, options={**user.options, "sasl_plain_password": "w\u00f6rong's \\ password"})
    said = refused(user, "-m", "stream", *command, "--log-level", "debug")
    assert "check the Kafka settings sasl_plain_username and sasl_plain_password" in said.splitlines()[-1]
    assert "rong" not in said
