"""Commands as a user types them: what can be said to them, and how mistakes, interrupts and closed pipes end."""

import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field
from pydantic_settings import CliPositionalArg, SettingsConfigDict

import stream.__main__
import training.__main__
from stream.errors import UserError
from stream.terminal.cli import Command, CommandSettings, Names, main
from trt_build.settings import BuildSettings

ROOT = Path(__file__).resolve().parent.parent.parent


class Leaves(BaseModel):
    """What goes into the pot."""

    grams: int = Field(default=8, ge=1, description="of them")


class PourSettings(CommandSettings):
    """Pour tea."""

    passed_through = {"STALL_KETTLE_": "the kettle's own settings"}  # noqa: RUF012 - not to be changed

    cups: int = Field(3, ge=1, description="how many")
    strength: Literal["weak", "strong"] = Field("weak", description="of the tea")
    guests: Names = Field([], description="who drinks")
    note: str | None = Field(None, description="left on the table")
    leaves: Leaves = Field(Leaves(), description="what goes in")
    log_format: Literal["text", "json"] = Field("text", description="of the log")


class WashSettings(CommandSettings):
    """Wash up."""

    model_config = SettingsConfigDict(cli_shortcuts={"hot-water": "hot"})

    sink: Path = Field(description="where")
    hot_water: bool = Field(False, description="else cold")
    pieces: CliPositionalArg[Names] = Field([], description="what is dirty")


class Kitchen:
    """A program of two commands that keep what they were told."""

    def __init__(self) -> None:
        self.told: list[CommandSettings] = []
        self.outcome: int | BaseException = 0
        self.commands = {
            "pour": Command("make tea", PourSettings, self.note),
            "wash": Command("make room", WashSettings, self.note),
        }

    def note(self, settings: CommandSettings) -> int:
        self.told.append(settings)
        if isinstance(self.outcome, BaseException):
            raise self.outcome
        return self.outcome

    def run(self, *argv: str, default: str | None = None) -> int:
        """Its exit code, also where the parser of flags ends it."""
        try:
            return main("tea", self.commands, list(argv), default=default, foreign=("STALL_GARDEN_",))
        except SystemExit as ended:
            return int(ended.code or 0)

    def pour(self, *argv: str) -> PourSettings:
        assert self.run("pour", *argv) == 0
        settings = self.told.pop()
        assert isinstance(settings, PourSettings)
        return settings


@pytest.fixture
def kitchen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kitchen:
    """In an empty folder, with none of our names in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.upper().startswith("STALL_")]:
        monkeypatch.delenv(name)
    return Kitchen()


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that was said of the user's mistake."""
    printed = capsys.readouterr()
    assert printed.out == ""
    (line,) = printed.err.splitlines()
    assert line.startswith("tea: ")
    return line


# Help.


@pytest.mark.parametrize(("argv", "code"), [(["--help"], 0), (["-h"], 0), ([], 2)])
def test_the_commands_are_listed_with_what_they_are_for(kitchen: Kitchen, capsys, argv: list[str], code: int):
    assert kitchen.run(*argv) == code
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    assert ["pour", "make tea"] in lines
    assert ["wash", "make room"] in lines


COMMANDS = {**stream.__main__.COMMANDS, **training.__main__.COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_tells_each_flag_with_what_it_is_for_and_its_default(
    name: str, capsys, monkeypatch: pytest.MonkeyPatch, kitchen: Kitchen
):
    monkeypatch.setenv("COLUMNS", "1000")
    kitchen.commands = COMMANDS
    assert kitchen.run(name, "--help") == 0
    told = " ".join(capsys.readouterr().out.split())
    settings = COMMANDS[name].settings
    for field_name, field in settings.model_fields.items():
        assert field.description
        if isinstance(field.default, BaseModel):
            for name_within, within in type(field.default).model_fields.items():
                assert within.description
                flag = f" --{field_name}.{name_within}".replace("_", "-")
                assert re.search(
                    rf"{flag} (NUMBER|TEXT|{{[a-z,]+}}) {re.escape(within.description)} \(default: {within.default}\)",
                    told,
                )
        elif any("Positional" in str(each) for each in field.metadata):
            assert f" {field_name.upper()} {field.description}" in told
        else:
            default = "none" if field.default is None else field.default
            if field.default_factory is not None:
                default = "one for each CPU"
            otherwise = "required" if field.is_required() else f"default: {default}"
            told_twice = field.default is None and "by default" in field.description
            assert f" --{field_name.replace('_', '-')}" in told
            assert f" {field.description} {'' if told_twice else f'({otherwise}) '}[env: " in told
            assert f"[env: {settings.model_config['env_prefix']}{field_name.upper()}]" in told


def test_a_commands_help_says_types_as_a_user_would_and_what_is_passed_through(kitchen: Kitchen, capsys):
    assert kitchen.run("pour", "--help") == 0
    told = capsys.readouterr().out
    for said in ("--cups NUMBER", "--guests TEXT", "--note TEXT", "--strength {weak,strong}"):
        assert said in told
    assert told.endswith("STALL_KETTLE_<NAME> in the environment or .env: the kettle's own settings\n")
    assert kitchen.run("wash", "--help") == 0
    told = capsys.readouterr().out
    assert "--sink PATH" in told
    assert "<NAME>" not in told


@pytest.mark.parametrize("settings", [*(each.settings for each in COMMANDS.values()), BuildSettings])
def test_no_setting_can_be_given_that_nobody_reads(settings: type[CommandSettings]):
    package = Path(str(sys.modules[settings.__module__.split(".")[0]].__file__)).parent
    code = "".join(path.read_text() for path in package.rglob("*.py"))
    assert [name for name in settings.model_fields if not re.search(rf"settings\.{name}\b", code)] == []


# Where a value comes from.


def test_a_flag_goes_before_the_environment_that_before_the_file_and_that_before_the_default(
    kitchen: Kitchen, monkeypatch: pytest.MonkeyPatch
):
    assert kitchen.pour().cups == 3
    Path(".env").write_text("STALL_CUPS=4\n")
    assert kitchen.pour().cups == 4
    monkeypatch.setenv("STALL_CUPS", "5")
    assert kitchen.pour().cups == 5
    assert kitchen.pour("--cups", "6").cups == 6


def test_several_values_are_the_flag_repeated_or_commas_in_the_environment(kitchen: Kitchen, monkeypatch):
    assert kitchen.pour().guests == []
    assert kitchen.pour("--guests", "Ann", "--guests", "Bo").guests == ["Ann", "Bo"]
    monkeypatch.setenv("STALL_GUESTS", "Ann, Bo,")
    assert kitchen.pour().guests == ["Ann", "Bo"]


@pytest.mark.parametrize(
    "name", ["[red]x:smile:.mp4", "[x]", "[", "{a}", '"q".mp4', "a,b.mp4", "a\\", " a ", "true", "1e3"]
)
def test_a_name_that_is_typed_is_taken_as_it_is(kitchen: Kitchen, name: str):
    assert kitchen.pour("--guests", name, "--guests", "Bo").guests == [name, "Bo"]
    assert kitchen.run("wash", "--sink", "left", name, "b.mp4") == 0
    told = kitchen.told[-1]
    assert isinstance(told, WashSettings)
    assert told.pieces == [name, "b.mp4"]


@pytest.mark.parametrize(("flags", "hot"), [([], False), (["--hot"], True), (["--hot-water"], True)])
def test_a_switch_needs_no_value_and_may_have_a_short_name(kitchen: Kitchen, flags: list[str], hot: bool):  # noqa: FBT001
    assert kitchen.run("wash", "--sink", "a", *flags) == 0
    assert kitchen.told == [WashSettings.model_validate({"sink": "a", "hot_water": hot})]


def test_a_default_command_is_meant_where_none_is_named(kitchen: Kitchen, capsys):
    assert kitchen.run("--cups", "9", default="pour") == 0
    assert kitchen.run(default="pour") == 0
    assert kitchen.told == [PourSettings.model_validate({"cups": cups}) for cups in (9, 3)]
    assert kitchen.run("--help", default="pour") == 0
    told = capsys.readouterr().out
    assert told.startswith("usage: tea [-h]")
    assert told.endswith("usage: tea COMMAND [--help] ...\n\n  wash  make room\n"), "the others are told, too"
    assert kitchen.run("pour", "--help", default="pour") == 0
    assert "make room" not in capsys.readouterr().out
    assert kitchen.run("puor", default="pour") == 2
    assert "did you mean pour?" in refused(capsys)


# Mistakes.


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["puor"], "unknown command 'puor' (did you mean pour?)"),
        (["zzz"], "unknown command 'zzz'; `tea --help` lists them"),
        (["-x"], "unknown command '-x'; `tea --help` lists them"),
        (["pour", "--cups", "many"], "--cups (STALL_CUPS) = 'many': Input should be a valid integer"),
        (["pour", "--cups", "0"], "--cups (STALL_CUPS) = '0': Input should be greater than or equal to 1"),
        (["pour", "--strength", "tea"], "--strength (STALL_STRENGTH) = 'tea': Input should be 'weak' or 'strong'"),
        (["pour", "--leaves.grams", "0"], "--leaves.grams (STALL_LEAVES) = '0': Input should be greater than or equal"),
        (["pour", "--cups", "a\nb"], r"= 'a\nb'"),
        (["pour", "--cups", "x", "--strength", "y"], "'x': Input should be a valid integer, unable to parse string"),
        (["pour", "--cups", "x", "--strength", "y"], "; --strength (STALL_STRENGTH) = 'y'"),
        (["wash"], "--sink (STALL_SINK) is missing: give it"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_value_and_the_rule(kitchen: Kitchen, capsys, argv: list[str], said: str):
    assert kitchen.run(*argv) == 2
    assert said in refused(capsys)
    assert kitchen.told == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["pour", "--cpus", "3"], "--cpus"),
        (["pour", "green"], "green"),
        (["pour", "--cup", "4"], "--cup"),
        (["pour", "--cups"], "--cups: expected one argument"),
    ],
)
def test_a_word_that_means_nothing_there_is_named_and_nothing_is_done(
    kitchen: Kitchen, capsys, argv: list[str], said: str
):
    assert kitchen.run(*argv) == 2
    assert said in capsys.readouterr().err.splitlines()[-1]
    assert kitchen.told == []


def give(where: str, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if where == ".env":
        Path(".env").write_text(f"{name}={value}\n")
    else:
        monkeypatch.setenv(name, value)


WHERE = pytest.mark.parametrize("where", ["environment", ".env"])


@WHERE
def test_a_value_of_the_wrong_type_is_refused_wherever_it_stands(kitchen: Kitchen, capsys, monkeypatch, where: str):
    give(where, "STALL_CUPS", "many", monkeypatch)
    assert kitchen.run("pour") == 2
    assert "--cups (STALL_CUPS) = 'many': Input should be a valid integer" in refused(capsys)


@WHERE
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("STALL_CPUS", "unknown setting STALL_CPUS in the environment or .env (did you mean STALL_CUPS?)"),
        ("stall_guest", "unknown setting stall_guest in the environment or .env (did you mean STALL_GUESTS?)"),
        ("STALL_SINKS", "(did you mean STALL_SINK?)"),
        ("STALL_QQQQQQQ", "unknown setting STALL_QQQQQQQ in the environment or .env"),
        ("STALL_KETTL_X", "unknown setting STALL_KETTL_X"),
    ],
)
def test_a_name_of_ours_that_no_command_knows_is_refused_with_the_nearest_right_one(
    kitchen: Kitchen, capsys, monkeypatch, where: str, name: str, said: str
):
    give(where, name, "5", monkeypatch)
    assert kitchen.run("pour") == 2
    assert said in refused(capsys)
    assert kitchen.told == []


@WHERE
@pytest.mark.parametrize("name", ["CUPS", "PATH_TO_TEA", "STALLED", "STALL_KETTLE_VOLTS", "STALL_GARDEN_CUPS"])
def test_names_of_others_and_those_passed_through_are_no_mistake(kitchen: Kitchen, monkeypatch, where: str, name: str):
    give(where, name, "not a number", monkeypatch)
    assert kitchen.pour() == PourSettings.model_validate({"cups": 3})


@WHERE
@pytest.mark.parametrize("name", ["STALL_SINK", "stall_hot_water"])
def test_a_setting_of_another_command_may_stand_there_for_it(kitchen: Kitchen, monkeypatch, where: str, name: str):
    give(where, name, "whatever", monkeypatch)
    assert kitchen.pour().cups == 3


def test_a_file_of_settings_that_is_no_text_is_named_with_the_way_out(kitchen: Kitchen, capsys):
    Path(".env").write_bytes(b"STALL_CUPS=\xff\n")
    assert kitchen.run("pour") == 2
    assert ".env is not the text that it should be: 'utf-8' codec" in (said := refused(capsys))
    assert "save it as UTF-8" in said


def test_a_file_of_settings_may_begin_with_the_mark_that_windows_editors_write(kitchen: Kitchen):
    Path(".env").write_text("STALL_CUPS=4\n", encoding="utf-8-sig")
    assert kitchen.pour().cups == 4


# How it ends.


def test_the_commands_exit_code_is_the_programs(kitchen: Kitchen):
    kitchen.outcome = 7
    assert kitchen.run("pour") == 7


def test_what_the_command_cannot_honour_is_one_line_too(kitchen: Kitchen, capsys):
    kitchen.outcome = UserError("no tea in the tin: buy some")
    assert kitchen.run("pour") == 2
    assert refused(capsys) == "tea: no tea in the tin: buy some"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["pour", "--log-format", "json"], "tea: no tea in the tin:\n  buy some"),
        (["pour", "--log-format=json", "--cups", "0"], "tea: --cups (STALL_CUPS) = '0'"),
        (["pour", "--log-format", "json", "--cpus", "3"], "tea: unrecognized arguments: --cpus"),
        (["puor", "--log-format", "json"], "tea: unknown command 'puor'"),
    ],
)
def test_where_logs_are_json_so_is_the_last_line(kitchen: Kitchen, capsys, argv: list[str], said: str):
    kitchen.outcome = UserError("no tea in the tin:\n  buy some")
    assert kitchen.run(*argv) == 2
    told = json.loads(capsys.readouterr().err)
    assert (told["level"], told["logger"]) == ("error", "stream")
    assert told["message"].startswith(said)


@WHERE
@pytest.mark.parametrize("argv", [["pour"], ["pour", "--help"]])
def test_nor_is_a_log_in_json_spoilt_by_a_mistake_in_its_environment(
    kitchen: Kitchen, capsys, monkeypatch, where: str, argv: list[str]
):
    give(where, "STALL_LOG_FORMAT", "json", monkeypatch)
    monkeypatch.setenv("STALL_CPUS", "5")
    assert kitchen.run(*argv) == 2
    assert "unknown setting STALL_CPUS" in json.loads(capsys.readouterr().err)["message"]


def test_a_program_whose_logs_have_one_form_keeps_to_it(kitchen: Kitchen, capsys, monkeypatch):
    monkeypatch.setenv("STALL_LOG_FORMAT", "json")
    del kitchen.commands["pour"]
    assert kitchen.run("puor") == 2
    assert refused(capsys).startswith("tea: unknown command 'puor'")


def test_a_form_of_logs_that_there_is_not_is_a_mistake_in_text(kitchen: Kitchen, capsys):
    assert kitchen.run("pour", "--log-format", "jsno") == 2
    assert refused(capsys).startswith("tea: --log-format (STALL_LOG_FORMAT) = 'jsno'")


def test_a_defect_is_not_hidden(kitchen: Kitchen):
    kitchen.outcome = ZeroDivisionError("a defect")
    with pytest.raises(ZeroDivisionError):
        kitchen.run("pour")


def test_an_interrupt_is_silent(kitchen: Kitchen, capsys):
    kitchen.outcome = KeyboardInterrupt()
    assert kitchen.run("pour") == 130
    assert capsys.readouterr() == ("", "")


# The real ones.

PLAIN = {name: value for name, value in os.environ.items() if not name.startswith(("STALL_", "PYTHON"))}
"""The environment of a user, whatever that of the tests is."""


def typed(*argv: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**PLAIN, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["stream"], 2, ""),
        (["stream", "shcema"], 2, "python -m stream: unknown command 'shcema' (did you mean schema?)"),
        (["stream", "score", "gone.mp4"], 2, "python -m stream: no clip at gone.mp4"),
        (["training", "syntesize"], 2, "python -m training: unknown command 'syntesize' (did you mean synthesize?)"),
    ],
)
def test_the_process_ends_with_the_exit_code_and_at_most_a_line(
    kitchen: Kitchen, argv: list[str], code: int, said: str
):
    with typed("-m", *argv) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert err.startswith(said)
    assert len(err.splitlines()) == bool(said)


@pytest.mark.parametrize("argv", [["stream", "schema", "verdict"], ["training", "synthesize", "--help"]])
def test_sister_programs_can_be_told_by_the_same_environment(kitchen: Kitchen, argv: list[str]):
    theirs = {
        "STALL_TRAINING_CLIPS": "9",
        "STALL_BUILD_OUT": "a",
        "STALL_BENCH_ROUNDS": "3",
        "STALL_GROUP": "b",
        "STALL_KAFKA_RETRIES": "3",
    }
    with typed("-m", *argv, **theirs) as process:
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_ctrl_c_ends_a_command_with_130_and_no_traceback(kitchen: Kitchen):
    never = ("--bootstrap", "127.0.0.1:1", "--connect-timeout-s", "60", "--log-level", "debug")
    with typed("-m", "stream", "audit", *never) as process:
        assert process.stderr is not None
        assert "Starting KafkaAdminClient" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err


def test_ctrl_c_while_it_is_still_being_loaded_needs_no_traceback_either(kitchen: Kitchen):
    with typed("-X", "importtime", "-m", "stream", "schema") as process:
        assert process.stderr is not None
        assert any("pydantic" in line for line in process.stderr)  # read up to the first
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode in {-signal.SIGINT, 130}
    assert "Traceback" not in err


POURING = """
import sys
from stream.terminal.cli import Command, CommandSettings, main
def pour(_):
    while True:
        print("tea", flush=True)
sys.exit(main("tea", {"pour": Command("make tea", CommandSettings, pour)}, ["pour"]))
"""


@pytest.mark.parametrize(
    "argv",
    [["-m", "stream", "schema"], ["-m", "stream", "schema", "verdict"], ["-c", POURING]],
    ids=["more than a buffer", "less", "line by line"],
)
def test_a_reader_of_the_output_that_went_away_is_no_failure(kitchen: Kitchen, argv: list[str]):
    with typed(*argv) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


WAITING = {
    "a lock on a file": "fcntl.flock(os.open('held', os.O_RDONLY), fcntl.LOCK_EX)",
    "another process": "child.wait()",
    "another thread": "Future().result()",
}
COMMAND = """
import fcntl, os, subprocess
from concurrent.futures import Future
import polars
def run(settings):
    with subprocess.Popen(["sleep", "20"]) as child:
        try:
            print("waits", flush=True)
            {wait}
        finally:
            child.kill()
"""
PROGRAM = """
import sys
from stream.terminal.cli import Command, CommandSettings, functions_of, main
from stream.processes.interrupts import end_in_order
end_in_order()
sys.exit(main("prog", {"wait": Command("", CommandSettings, functions_of("commands")("waiting"))}, ["wait"]))
"""


@pytest.mark.parametrize("wait", WAITING.values(), ids=WAITING)
def test_an_interrupt_ends_a_command_that_waits_whatever_it_imports(wait: str, tmp_path: Path):
    """Polars takes SIGINT for itself, and has what waits in the kernel wait on."""
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands" / "waiting.py").write_text(COMMAND.format(wait=wait))
    with (tmp_path / "held").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        command = [sys.executable, "-c", PROGRAM]
        path = os.pathsep.join([str(tmp_path), str(ROOT)])
        with subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "waits\n"
            time.sleep(0.2)  # until it does
            process.send_signal(signal.SIGINT)
            try:
                assert process.wait(30) == 130
            finally:
                process.kill()
