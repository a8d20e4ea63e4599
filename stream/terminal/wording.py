"""How counts are said."""


def noun(count: int, one: str, more: str | None = None) -> str:
    """The noun alone, as it follows a count; the plural is named where an s doesn't make it."""
    return one if count == 1 else more or f"{one}s"


def counted(count: int, one: str, more: str | None = None) -> str:
    """`1, "clip"` -> `1 clip`; `2, "clip"` -> `2 clips`."""
    return f"{count} {noun(count, one, more)}"
