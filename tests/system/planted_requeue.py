"""`requeue` with two letters in each transaction, killed before or after it commits its second one.

python planted_requeue.py before|after COMMAND...
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

from kafka import KafkaProducer

import stream.letters.requeue
from stream.__main__ import COMMANDS
from stream.terminal.cli import main

WHEN, *ARGUMENTS = sys.argv[1:]
commit = KafkaProducer.commit_transaction
commits = 0


def commit_and_die(producer: KafkaProducer) -> None:
    global commits  # noqa: PLW0603 - there is one process, and it is about to end
    commits += 1
    if commits == 2 and WHEN == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    commit(producer)
    if commits == 2:
        os.kill(os.getpid(), signal.SIGKILL)


KafkaProducer.commit_transaction = commit_and_die
stream.letters.requeue._BATCH_LETTERS = 2
sys.exit(main("python -m stream", COMMANDS, ARGUMENTS))
