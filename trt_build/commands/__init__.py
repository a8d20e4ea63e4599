"""Commands of `python -m trt_build`, a module each: here parts are built and joined, and nowhere else.

Each module imports what its command uses, and is itself imported only when the command runs: of those that tell of
artifacts only `bench`, and `verify` with a checkpoint, bring PyTorch.
"""

from stream.terminal.console import Console


def console() -> Console:
    """For tables; wide enough for names with dots where the output is no terminal."""
    return Console(width=None if Console().is_terminal else 140, markup=False)
