"""One name means one thing in all commands; Kafka's own settings pass through, and what is secret stays so."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import training.__main__
import trt_build.__main__
from stream.__main__ import COMMANDS, SISTERS
from stream.broker.cluster import Cluster, parse_options
from stream.settings import (
    AuditSettings,
    ConnectionSettings,
    KafkaSettings,
    StreamSettings,
    TopicsSettings,
    WorkerSettings,
    kafka_texts,
)
from stream.terminal.cli import main

SECRET = "correct horse battery staple"


@pytest.fixture(autouse=True)
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder, and none of our names in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("STALL_")]:
        monkeypatch.delenv(name)


# Names.


def test_a_name_that_several_commands_have_means_the_same_in_each():
    meanings = defaultdict(set)
    for command in COMMANDS.values():
        for name, field in command.settings.model_fields.items():
            meanings[name].add(f"{field.annotation} {field.metadata}, by default {field.default}")
    assert {name: meant for name, meant in meanings.items() if len(meant) > 1} == {}


def test_no_name_is_taken_for_one_that_is_passed_through_or_a_sister_programs():
    names = {f"STALL_{name}".upper() for command in COMMANDS.values() for name in command.settings.model_fields}
    assert [name for name in names if name.startswith(("STALL_KAFKA_", *SISTERS))] == []


def test_the_sister_programs_names_are_known_to_be_theirs():
    theirs = (*training.__main__.COMMANDS.values(), *trt_build.__main__.COMMANDS.values())
    assert {str(command.settings.model_config["env_prefix"]) for command in theirs} == set(SISTERS)


def test_what_one_command_writes_to_others_read_from_by_default():
    worker, topics, audit = (
        WorkerSettings.model_validate({}),
        TopicsSettings.model_validate({}),
        AuditSettings.model_validate({}),
    )
    for name in ("clips_topic", "verdicts_topic", "dead_letters_topic", "bootstrap"):
        assert len({getattr(each, name) for each in (worker, topics, audit)}) == 1
    assert worker.group == audit.group
    assert worker.bootstrap == f"localhost:{KafkaSettings.model_validate({}).port}"


# Kafka's own settings.


def test_kafkas_settings_are_taken_by_kafka_pythons_names():
    environment = {
        "STALL_KAFKA_SECURITY_PROTOCOL": "SSL",
        "stall_kafka_ssl_cafile": "ca",
        "PATH": "/",
        "STALL_KAF": "x",
    }
    assert kafka_texts(environment) == {"security_protocol": "SSL", "ssl_cafile": "ca"}


@given(st.dictionaries(st.text("abcdefgh_", min_size=1), st.text()), st.dictionaries(st.text(max_size=9), st.text()))
def test_any_text_is_passed_through_as_it_is_and_nothing_else(texts: dict[str, str], others: dict[str, str]):
    ours = {f"STALL_KAFKA_{name.upper()}": text for name, text in texts.items()}
    assert kafka_texts({**others, **ours}) == texts


def test_they_come_from_the_file_too_and_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch):
    assert ConnectionSettings.model_validate({}).kafka_texts() == {}
    Path(".env").write_text(
        "STALL_KAFKA_SASL_MECHANISM=PLAIN\nSTALL_KAFKA_RETRIES=3\nOTHER=x\nSTALL_KAFKA_SSL_CRLFILE\n"
    )
    monkeypatch.setenv("STALL_KAFKA_RETRIES", "4")
    assert ConnectionSettings.model_validate({}).kafka_texts() == {
        "sasl_mechanism": "PLAIN",
        "retries": "4",
        "ssl_crlfile": "",
    }


def test_they_come_from_a_folder_too_and_all_else_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    folder = tmp_path / "secrets"
    folder.mkdir()
    for name in ("SSL_PASSWORD", "RETRIES", "CLIENT_RACK"):
        (folder / f"STALL_KAFKA_{name}").write_text(f"of the folder: {name}\n")
    Path(".env").write_text("STALL_KAFKA_CLIENT_RACK=of .env\n")
    monkeypatch.setenv("STALL_KAFKA_RETRIES", "4")
    settings = ConnectionSettings.model_validate({"secrets_dir": folder})
    assert settings.kafka_texts() == {
        "ssl_password": "of the folder: SSL_PASSWORD",
        "retries": "4",
        "client_rack": "of .env",
    }
    assert settings.secrets == ("of the folder: SSL_PASSWORD",)


NEVER = ("audit", "--bootstrap", "127.0.0.1:1", "--connect-timeout-s", "0.1")
ROOT = Path(__file__).resolve().parent.parent


def audited(**environment: str) -> "subprocess.CompletedProcess[str]":
    """What comes of an audit of a Kafka that isn't there."""
    return subprocess.run(
        [sys.executable, "-m", "stream", *NEVER],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("STALL_KAFKA_SASL_PLAIN_PASSWRD", "PASSWRD: did you mean STALL_KAFKA_SASL_PLAIN_PASSWORD?"),
        ("STALL_KAFKA_QUITE_ANOTHER", "no setting STALL_KAFKA_QUITE_ANOTHER: take it out"),
        ("STALL_KAFKA_GROUP_ID", "'group_id' can't be set from outside"),
    ],
)
def test_one_that_cannot_be_set_is_refused_in_one_line_without_its_value(name: str, said: str):
    ended = audited(**{name: SECRET})
    assert ended.returncode == 2
    line = ended.stderr.splitlines()[-1]
    assert line.startswith("python -m stream: ")
    assert said in line
    assert "Traceback" not in ended.stderr
    assert SECRET not in ended.stdout + ended.stderr


# Secrets.


@pytest.mark.parametrize("command", COMMANDS)
def test_no_settings_hold_a_secret_that_could_be_printed(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STALL_KAFKA_SASL_PLAIN_PASSWORD", SECRET)
    Path(".env").write_text(f"STALL_KAFKA_SSL_PASSWORD={SECRET}\n")
    given_by_hand = {
        "score": {"paths": ["a"]},
        "skip": {"partition": 0, "offset": 0},
        "show": {"names": ["a"], "out": "a.html"},
    }.get(command, {})
    settings = COMMANDS[command].settings.model_validate(given_by_hand)
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()}"


@pytest.mark.parametrize("command", ["worker", "score"])
def test_the_secrets_of_s3_are_known_as_such_beside_those_of_kafka(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STALL_KAFKA_SASL_PLAIN_PASSWORD", "of Kafka")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of today")
    settings = COMMANDS[command].settings.model_validate({"paths": ["a"]} if command == "score" else {})
    assert isinstance(settings, StreamSettings)
    assert {SECRET, "of today"} <= set(settings.secrets)
    assert ("of Kafka" in settings.secrets) == (command == "worker")
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump()}"


def test_a_cluster_keeps_the_secrets_that_it_needs_out_of_its_repr(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STALL_KAFKA_SASL_PLAIN_PASSWORD", SECRET)
    cluster = Cluster("localhost:9092", options=parse_options(ConnectionSettings.model_validate({}).kafka_texts()))
    assert cluster.options == {"sasl_plain_password": SECRET}
    assert SECRET not in f"{cluster!r} {cluster}"


def test_an_unreachable_kafka_is_told_without_them():
    log_in = {"SECURITY_PROTOCOL": "SASL_PLAINTEXT", "SASL_MECHANISM": "PLAIN", "SASL_PLAIN_USERNAME": "me"}
    given = {**log_in, "SASL_PLAIN_PASSWORD": SECRET}
    ended = audited(**{f"STALL_KAFKA_{name}": text for name, text in given.items()})
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].endswith("check the address, that the broker runs")
    assert SECRET not in ended.stdout + ended.stderr


# Limits.


def test_a_partitions_share_of_the_window_is_no_more_than_the_window(capsys):
    assert main("python -m stream", COMMANDS, ["worker", "--clips-in-window", "100"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--clips-per-partition 128 is more than --clips-in-window 100: lower the one or raise the other" in line


def test_so_many_rejections_as_an_operator_likes_may_be_taken_in_a_row():
    """That is the way out when a worker was stopped by them: it must be one, whatever the window holds."""
    assert WorkerSettings.model_validate({"rejections_in_a_row": 100_000}).clips_per_partition == 128


@pytest.mark.parametrize(
    ("argv", "rule"),
    [
        (["demo", "--workers", "1"], "greater than or equal to 2"),
        (["demo", "--clips", "7"], "greater than or equal to 8"),
        (["worker", "--prevalence", "0"], "greater than 0"),
        (["worker", "--prevalence", "1"], "less than 1"),
        (["worker", "--session-timeout-s", "2"], "greater than or equal to 3"),
        (["worker", "--group", ""], "at least 1 character"),
        (["report", "--group", ""], "at least 1 character"),
        (["produce", "--clips-topic", ""], "at least 1 character"),
        (["topics", "--partitions", "0"], "greater than or equal to 1"),
        (["produce", "--rate", "nan"], "greater than 0"),
        (["kafka", "--port", "65536"], "less than or equal to 65535"),
        (["schema", "outcome"], "'reference', 'verdict' or 'rejection'"),
    ],
)
def test_a_value_out_of_its_range_is_refused_with_the_rule(capsys, argv: list[str], rule: str):
    assert main("python -m stream", COMMANDS, argv) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert repr(argv[-1]) in line
    assert rule in line
