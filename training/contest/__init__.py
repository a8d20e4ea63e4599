"""Networks and recipes against each other: `entries` are the rows, trained by `trials` on the same `clips`.

`contest` goes through them, `answers` measures each row on the test sets, and `table` writes them down.
"""
