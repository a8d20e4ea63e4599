"""The console that tables and progress are printed on: rich's, but names of clips stay what they are."""

from typing import Any

from rich import console


class Console(console.Console):
    """Rich's own would make an emoji of `:x:`; what it would take for markup, callers escape, or turn off."""

    def __init__(self, **options: Any) -> None:
        super().__init__(emoji=False, **options)
