"""Commands of `python -m training`, a module each: here parts are built and joined, and nowhere else.

Each module imports what its command uses, and is itself imported only when the command runs: `synthesize` and
`contact-sheet` need neither torch nor polars.
"""
