"""One reader as its parent sees it: a number, a socket and a slot."""

import os
import socket
from contextlib import suppress

from stream.clip import Clip
from stream.errors import ClipFault
from stream.readers import wire
from stream.readers.forkserver import ForkServer
from stream.readers.slot import create_slot


class ReaderHandle:
    """Starts a reader, and speaks with it. Calls never block; death is told by the fork server alone."""

    def __init__(self, number: int, server: ForkServer, *, slot_bytes: int, shape: tuple[int, int, int, int]) -> None:
        self.number = number
        self.clips_given = 0
        self._owes_answer = False
        self._shape = shape
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        descriptor, self._slot = create_slot(slot_bytes)
        with theirs, os.fdopen(descriptor):  # closed afterwards: the reader has its own
            server.start(number, theirs, descriptor)

    def fileno(self) -> int:
        """Readable when there is something to `take`."""
        return self._socket.fileno()

    def give(self, request: wire.ReadRequest) -> None:
        """Hands over a clip. A reader that has just died takes it, too: its burial is on its way."""
        self.clips_given += 1
        self._owes_answer = True
        self._slot[: len(request.data)] = request.data
        with suppress(BrokenPipeError):
            self._socket.send(wire.pack_request(self.clips_given, request))

    def take(self) -> Clip | ClipFault | None:
        """The answer to the last request, or None where the reader's end is closed.

        Raises:
            GarbledReply: see there.
        """
        try:
            message = self._socket.recv(wire.MAX_MESSAGE_BYTES)
        except ConnectionResetError:  # it died with a request unread
            return None
        if not message:
            return None
        if not self._owes_answer:
            raise wire.GarbledReply("a reply that nobody asked for")
        self._owes_answer = False
        return wire.unpack_reply(message, number=self.clips_given, slot=self._slot, shape=self._shape)

    def close(self) -> None:
        """Frees socket and slot."""
        self._socket.close()
        self._slot.close()
