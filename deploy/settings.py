"""All that commands can be told, as tables: `python -m deploy.settings` writes SETTINGS.md of the settings' classes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import stream.__main__
import training.__main__
import trt_build.__main__
from stream.settings import ConnectionSettings, StreamSettings
from stream.terminal.cli import Command, CommandSettings

PATH = Path(__file__).parent / "SETTINGS.md"
_TITLE = """\
# Settings

Made from the code by `python -m deploy.settings`; change the code, not this file.

A flag goes before its environment name, that before the same name in `.env`, and that before the default. Where several
values may be given, the flag is repeated; in the environment they are divided by commas. A switch is on by `--follow`,
off by `--no-follow`; in the environment it is `true` or `false`. A name that no command knows is an error.
"""
PROGRAMS: Mapping[str, Mapping[str, Command]] = {
    "stream": stream.__main__.COMMANDS,
    "training": training.__main__.COMMANDS,
    "trt_build": trt_build.__main__.COMMANDS,
}
_SHARED: Mapping[str, type[CommandSettings]] = {
    "Every command of `python -m stream`": StreamSettings,
    "Every command that talks to Kafka": ConnectionSettings,
}
"""Told once instead of by each command."""
_KAFKA = " It [talks to Kafka](#every-command-that-talks-to-kafka)."
_ESCAPED = str.maketrans({"|": r"\|", "<": r"\<"})


def text() -> str:
    """Of the file."""
    return "\n".join([_TITLE, *_lines()])


def _lines() -> Iterator[str]:
    for title, settings in _SHARED.items():
        yield f"## {title}\n"
        yield from _table(settings)
        for prefix, what in settings.passed_through.items():
            yield f"`{prefix}<NAME>`: {what}.\n"
    for program, commands in PROGRAMS.items():
        for name, command in commands.items():
            kafka = _KAFKA if issubclass(command.settings, ConnectionSettings) else ""
            yield f"## `python -m {program} {name}`\n"
            yield f"{command.purpose[0].upper()}{command.purpose[1:]}.{kafka}\n"
            yield from _table(command.settings)


def _table(settings: type[CommandSettings]) -> Iterator[str]:
    shared = [base for base in _SHARED.values() if base is not settings and issubclass(settings, base)]
    above = {name for base in shared for name in base.model_fields}
    own = ((name, field) for name, field in settings.model_fields.items() if name not in above)
    rows = [row for name, field in own for row in _rows(settings, name, field)]
    if rows:
        yield "| flag | environment | default | |\n|---|---|---|---|"
        yield from rows
        yield ""


def _rows(settings: type[CommandSettings], name: str, field: FieldInfo) -> Iterator[str]:
    environment = f"`{settings.model_config['env_prefix']}{name.upper()}`"
    if isinstance(field.default, BaseModel):
        for part, within in type(field.default).model_fields.items():
            yield _row(f"--{_kebab(f'{name}.{part}')}", f"{environment} as JSON", within)
    elif any("Positional" in str(each) for each in field.metadata):
        yield _row(name.upper(), environment, field)
    else:
        shortcuts: Any = settings.model_config.get("cli_shortcuts") or {}
        yield _row(f"--{shortcuts.get(_kebab(name), _kebab(name))}", environment, field)


def _row(flag: str, environment: str, field: FieldInfo) -> str:
    told = f"{field.description}".removesuffix(".").translate(_ESCAPED)
    return f"| `{flag}` | {environment} | {_default(field)} | {told}{_choices(field.annotation)} |"


def _kebab(name: str) -> str:
    return name.replace("_", "-")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:
        return "one for each CPU"
    if field.default is None or field.default == []:
        return ""
    if isinstance(field.default, bool):
        return "on" if field.default else "off"
    return f"`{','.join(map(str, field.default)) if isinstance(field.default, list) else field.default}`"


def _choices(annotation: Any) -> str:
    """The words among which one is chosen."""
    if get_origin(annotation) is Literal:
        return f" ({', '.join(f'`{each}`' for each in get_args(annotation))})"
    return "".join(map(_choices, get_args(annotation)))


if __name__ == "__main__":
    PATH.write_text(text())
