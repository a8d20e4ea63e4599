"""Numbers as a person reads them."""

from stream.terminal.wording import noun


def many(count: int, one: str, more: str | None = None) -> str:
    """`1 worker`, `2,000 references`."""
    return f"{count:,} {noun(count, one, more)}"


def span(seconds: float) -> str:
    """A time to wait: `40 s`, `7 min`, `3 h 20 min`, `2 days`; without end, `for ever`."""
    if seconds == float("inf"):
        return "for ever"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours < 48 else f"{hours // 24} days"
