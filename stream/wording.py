"""How counts are said."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """`1, "clip"` -> `1 clip`; `2, "clip"` -> `2 clips`; the plural is named where an s doesn't make it."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"
