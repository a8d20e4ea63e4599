"""Settings from a folder that holds a file for each, as Kubernetes and Docker mount secrets."""

from collections.abc import Mapping
from pathlib import Path

from stream.errors import UserError
from stream.files.textfiles import reading


def secret_texts(folder: Path, *, taken: str) -> Mapping[str, str]:
    """`STALL_KAFKA_SSL_PASSWORD` with a line in it -> `{"STALL_KAFKA_SSL_PASSWORD": "..."}`.

    Blanks and the line's end are left out, as pydantic-settings does with its `secrets_dir`. What isn't ours lies there
    unread, as certificates, or Kubernetes' own `..data`.

    Args:
        folder: the folder.
        taken: how the names of the settings begin that may lie there.

    Raises:
        UserError: the folder or a file can't be read, a file is no text, or it is a setting of ours that isn't taken
            from there.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"can't read the folder of secrets {folder}: {error.strerror}") from None
    texts = {}
    for path in paths:
        name = path.name.upper()
        if not name.startswith("STALL_"):
            continue
        if not name.startswith(taken):
            raise UserError(
                f"{path} isn't taken from a folder of secrets, only {taken}<NAME>: set it in the environment"
            )
        with reading(path) as file:
            texts[name] = file.read().strip()
    return texts
