"""How a command ends when it is told to: without a traceback while it is still imported, tidied up afterwards.

Light, for it is imported first.
"""

import signal
import sys
from types import FrameType

TERMINATED = 128 + signal.SIGTERM


def end_silently() -> None:
    """From here on SIGINT ends the process at once, as SIGTERM does by itself."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def end_in_order() -> None:
    """From here on SIGINT raises KeyboardInterrupt and SIGTERM SystemExit, so that what is open is closed."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, _exit)


def _exit(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(TERMINATED)
