"""One way to run a command: settings from flags, environment and .env, errors as one line, exit codes.

Exit codes: 0 done, 1 a defect (with traceback), 2 the user's input can't be honoured, 130 interrupted, 143 terminated.
"""

import argparse
import difflib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from dotenv import dotenv_values
from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    CliApp,
    CliSettingsSource,
    NoDecode,
    SettingsConfigDict,
    SettingsError,
)

from stream.errors import UserError
from stream.files.textfiles import reading
from stream.logs import LogFormat, last_line
from stream.processes.interrupts import end_waits
from stream.validation import rule


def _split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


_EXTRAS = {
    **dict.fromkeys(
        ("jinja2", "lightning_fabric", "matplotlib", "polars", "safetensors", "tensorboard", "torch", "torchvision"),
        "train",
    ),
    **dict.fromkeys(("nncf", "onnx", "onnxruntime", "onnxscript"), "build"),
}
"""Libraries that not every user needs, and the extra of our package that brings each."""
_T = TypeVar("_T")
Several = Annotated[list[_T], NoDecode, BeforeValidator(_split)]
"""Several values: the flag repeated, each taken as it is, or commas in the environment."""
Names = Several[str]


class CommandSettings(BaseSettings):
    """Base of each command's settings; a subclass sets its package's `env_prefix`."""

    model_config = SettingsConfigDict(
        env_prefix="STALL_",
        env_file=".env",
        env_file_encoding="utf-8-sig",  # as dotenv_texts reads it
        extra="ignore",  # foreign names in .env are nobody's business; ours are checked by unknown_names
        frozen=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_exit_on_error=False,  # argparse would print the whole usage
        cli_show_env_vars=True,
        env_parse_none_str="none",
    )
    passed_through: ClassVar[Mapping[str, str]] = {}
    """Prefixes of environment names that are handed on as they are, each with what they are."""


def dotenv_texts() -> dict[str, str]:
    """What `.env` in this folder holds, ours or not; nothing where there is none.

    Raises:
        UserError: it can't be read, or is no text.
    """
    path = Path(".env")
    if not path.is_file():
        return {}
    with reading(path) as file:
        return {name: text or "" for name, text in dotenv_values(stream=file).items()}


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: what it is for, its settings, and the function that wires and runs it."""

    purpose: str
    settings: type[CommandSettings]
    run: Callable[[Any], int]


def functions_of(package: str) -> Callable[[str], Callable[[Any], int]]:
    """Commands' functions by `MODULE`, whose `run` is meant, or `MODULE:FUNCTION`, each module in that package.

    A module is imported when its function is called, for most of them bring large libraries.
    """

    def named(name: str) -> Callable[[Any], int]:
        module, _, function = name.partition(":")

        def run(settings: Any) -> int:
            command = getattr(import_module(f"{package}.{module}"), function or "run")
            end_waits()
            code: int = command(settings)
            return code

        return run

    return named


def main(
    prog: str,
    commands: Mapping[str, Command],
    argv: list[str],
    *,
    default: str | None = None,
    foreign: tuple[str, ...] = (),
) -> int:
    """Runs `prog COMMAND FLAGS` and returns its exit code.

    Args:
        prog: as the user types it.
        commands: by name.
        argv: what follows `prog`.
        default: the command meant where none is named.
        foreign: prefixes of environment names that belong to sister programs.
    """

    def refused(said: object) -> int:
        print(last_line(f"{prog}: {said}", form=_log_format(commands, argv)), file=sys.stderr)  # noqa: T201
        return 2

    try:
        if default is None and (not argv or argv[0] in ("-h", "--help")):
            print(_overview(prog, commands))  # noqa: T201
            return 0 if argv else 2
        named, command, flags = _choose(prog, commands, argv, default)
        _refuse_unknown_names(commands, foreign)
        others = {name: each for name, each in commands.items() if name != default} if named == prog else {}
        code = command.run(_parse(named, command, flags, others))
        sys.stdout.flush()  # or a reader that went away would be noticed only by the interpreter's own end
    except UserError as error:
        return refused(error)
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        return refused(f"{error.name} is needed, and not installed: make install, or pip install '.[{extra}]'")
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    else:
        return code


def _choose(
    prog: str, commands: Mapping[str, Command], argv: list[str], default: str | None
) -> tuple[str, Command, list[str]]:
    """What the user typed to name the command, the command, and its flags."""
    if default and (not argv or argv[0].startswith("-")):
        return prog, commands[default], argv
    words = 2 if " ".join(argv[:2]) in commands else 1  # `dlq show` is one of two words
    name, flags = " ".join(argv[:words]), argv[words:]
    command = commands.get(name)
    if command is None:
        typed = " ".join(argv[:2]) if any(each.startswith(f"{name} ") for each in commands) else name
        raise UserError(f"unknown command {typed!r}{_nearest(typed, commands)}; `{prog} --help` lists them")
    return f"{prog} {name}", command, flags


class _Help(argparse.RawDescriptionHelpFormatter):
    """Says types in a user's words, and no default twice."""

    _WORDS: ClassVar = {
        "str": "TEXT",
        "list[str]": "TEXT",
        "Path": "PATH",
        "int": "NUMBER",
        "float": "NUMBER",
        "AwareDatetime": "TIME",
    }

    def _metavar_formatter(self, action: argparse.Action, default_metavar: str) -> Callable[[int], tuple[str, ...]]:
        shown = super()._metavar_formatter(action, default_metavar)
        return lambda size: tuple(map(self._word, shown(size)))

    def _word(self, kind: str) -> str:
        return "WORD" if kind.startswith("list[{") else self._WORDS.get(kind, kind)

    def _get_help_string(self, action: argparse.Action) -> str:
        told = action.help or ""
        told = told.replace("(default factory: usable_cpus)", "(default: one for each CPU)")
        return told.replace(" (default: none)", "") if "by default" in told else told


def _overview(prog: str, commands: Mapping[str, Command]) -> str:
    width = max(map(len, commands))
    rows = (f"  {name:<{width}}  {command.purpose}" for name, command in commands.items())
    return "\n".join([f"usage: {prog} COMMAND [--help] ...", "", *rows])


def _take_as_typed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """What was typed several times stays so: pydantic-settings would look for JSON and commas in lists."""
    found = parser.parse_args(words)
    for name, value in vars(found).items():
        if isinstance(value, list):
            setattr(found, name, tuple(value))
    return found


def _parse(prog: str, command: Command, argv: list[str], others: Mapping[str, Command]) -> CommandSettings:
    """The settings that flags and environment give; the help of a default command tells of the others, too."""
    prefix = str(command.settings.model_config["env_prefix"])
    flags: CliSettingsSource[Any] = CliSettingsSource(
        command.settings, cli_prog_name=prog, formatter_class=_Help, parse_args_method=_take_as_typed
    )
    passed = (
        f"{start}<NAME> in the environment or .env: {what}" for start, what in command.settings.passed_through.items()
    )
    flags.root_parser.epilog = "\n".join([*passed, *([_overview(prog, others)] if others else [])])
    try:
        return CliApp.run(command.settings, cli_args=argv, cli_settings_source=flags)
    except SettingsError as error:
        said = str(error).removeprefix("error parsing CLI: ")
        known = {f"--{name.replace('_', '-')}" for name in command.settings.model_fields}
        unknown = next((word for word in said.split() if word.startswith("--") and "unrecognized" in said), "")
        raise UserError(f"{said}{_nearest(unknown, known)}; `{prog} --help` lists the flags") from None
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise UserError("; ".join(_sentence(command.settings, prefix, each) for each in found)) from None


class _Form(CommandSettings):
    """What a log should look like, whatever else was said or is wrong."""

    model_config = SettingsConfigDict(cli_ignore_unknown_args=True)

    log_format: LogFormat = "text"


def _log_format(commands: Mapping[str, Command], argv: list[str]) -> LogFormat:
    """As the user wants it; text for programs that have no such setting, and where it can't be told."""
    if not any("log_format" in command.settings.model_fields for command in commands.values()):
        return "text"
    try:
        flags = [word for word in argv if word not in ("-h", "--help")]  # which would end us here
        return CliApp.run(_Form, cli_args=flags).log_format
    except (SettingsError, ValueError, OSError):  # also a wrong value, and a .env that can't be read
        return "text"


def _sentence(settings: type[CommandSettings], prefix: str, error: ErrorDetails) -> str:
    if not error["loc"]:  # a rule that several values break together names them itself
        return rule(error)
    name = str(error["loc"][0])
    kind = settings.model_fields[name].annotation
    nested = isinstance(kind, type) and issubclass(kind, BaseModel)
    flag = ".".join(map(str, error["loc"])) if nested else name
    where = f"--{flag.replace('_', '-')} ({prefix}{name.upper()})"
    if error["type"] == "missing":
        return f"{where} is missing: give it"
    return f"{where} = {error['input']!r}: {rule(error)}"


def _refuse_unknown_names(commands: Mapping[str, Command], foreign: tuple[str, ...]) -> None:
    """A misspelt STALL_ name would silently leave a default in force."""
    settings = {command.settings for command in commands.values()}
    prefixes = {str(each.model_config["env_prefix"]) for each in settings}
    known = {f"{each.model_config['env_prefix']}{name}".upper() for each in settings for name in each.model_fields}
    passed = tuple(prefix for each in settings for prefix in each.passed_through)
    for name in sorted({*os.environ, *dotenv_texts()}):
        ours = name.upper().startswith(tuple(prefixes)) and not name.upper().startswith((*foreign, *passed))
        if ours and name.upper() not in known:
            raise UserError(f"unknown setting {name} in the environment or .env{_nearest(name.upper(), known)}")


def _nearest(name: str, known: "Mapping[str, object] | set[str]") -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
