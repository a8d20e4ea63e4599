"""The reference of settings: it is what the code makes of its settings, and tells of each what `--help` does."""

import re

import pytest

from deploy.settings import PATH, PROGRAMS, text
from stream.terminal.cli import main

SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PATH.read_text(), re.MULTILINE | re.DOTALL))


def test_the_file_is_what_the_code_says():
    assert PATH.read_text() == text(), "run: python -m deploy.settings"


@pytest.mark.parametrize(("program", "name"), [(program, name) for program in PROGRAMS for name in PROGRAMS[program]])
def test_each_command_is_told_with_all_that_its_help_tells(program: str, name: str, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        main(f"python -m {program}", PROGRAMS[program], [*name.split(), "--help"])
    helped = set(re.findall(r"\[env: (\w+)\]", capsys.readouterr().out))
    told = SECTIONS[f"`python -m {program} {name}`"]
    if program == "stream":
        told += SECTIONS["Every command of `python -m stream`"]
    if "talks to Kafka" in told:
        told += SECTIONS["Every command that talks to Kafka"]
    positional = set(re.findall(r"^\| `[A-Z]+` \| `(\w+)`", told, re.MULTILINE))
    assert set(re.findall(r"^\| `[^|]*` \| `(\w+)` \|", told, re.MULTILINE)) - positional == helped - positional
