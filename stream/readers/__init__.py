"""Clips are read in processes of their own: a video can crash, hang or swell its reader, and nothing else.

    pool ──start, kill──► fork server ──fork──► reader, reader, ...
      └────────── a socket and a slot each ─────────┘

`forkserver` is one process that loads the libraries once, with an empty environment, and forks a reader in
milliseconds. A reader (`child`) has one clip in hand: the video's bytes and the crop's pixels stand in sealed
shared memory (`slot`), small messages go to and fro (`wire`), and its replies are checked as a stranger's.
`pool` holds the parent's side, and judges whose fault a dead reader is.
"""

from stream.readers.pool import Readers
from stream.readers.wire import ReadRequest

__all__ = ["ReadRequest", "Readers"]
