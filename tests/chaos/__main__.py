"""`python -m tests.chaos`: the long form, with a table of what was done and what came of it."""

import argparse
import random
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from stream.local.jars import KAFKA_VERSION
from tests.chaos.brokers import started_brokers
from tests.chaos.plans import long_script
from tests.chaos.run import Result, Run
from tests.chaos.stores import S3Store
from tests.chaos.table import table
from tests.s3_server import S3Server


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**31))
    parser.add_argument("--kills-each", type=int, default=24, help="worker kills at each named point")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of all other events")
    parser.add_argument("--references", type=int, default=10_000, help="done at least before the run ends")
    parser.add_argument("--limit-s", type=float, default=7200.0)
    parser.add_argument("--folder", type=Path, default=None, help="new folder for logs and the brokers' data")
    return parser.parse_args()


def say(line: str) -> None:
    print(line, flush=True)


def play(given: argparse.Namespace, folder: Path) -> Result:
    script = long_script(
        given.seed,
        kills_each=given.kills_each,
        rounds=given.rounds,
        at_least=given.references,
        limit_s=given.limit_s,
    )
    with S3Server(folder / "s3") as server, started_brokers(folder) as brokers:
        return Run(brokers.bootstrap, brokers.nodes, S3Store(folder, server), folder, script, say=say).play()


def main() -> int:
    given = parse()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="stall-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    say(f"seed {given.seed}; logs: {folder}")
    result = play(given, folder)
    say(f"\nApache Kafka {KAFKA_VERSION}, kafka-python {version('kafka-python')}\n\n{table(result)}")
    for fault in result.faults:
        say(f"FAULT: {fault}")
    if result.faults:
        say(f"seed {given.seed}; logs: {folder}")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
