"""`python -m tests.simulation --seeds 100000 --from 5000` looks for a seed that fails; `--seed N` tells its story."""

import argparse
import logging
import sys
import time
from collections import Counter

from tests.simulation.run import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=10_000, help="how many runs (10000)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first seed (0)")
    parser.add_argument("--seed", type=int, help="this run alone, each action in a line, and the worker's own log")
    options = parser.parse_args()
    if options.seed is not None:
        logging.basicConfig(
            level=logging.INFO, format="            %(levelname)s %(message)s", stream=sys.stdout, force=True
        )
        run(options.seed, tell=print)
        return 0
    logging.disable(logging.CRITICAL)
    begun_s = time.process_time()
    happened: Counter[str] = Counter()
    for seed in range(options.first, options.first + options.seeds):
        happened += run(seed).happened
    spent_s = time.process_time() - begun_s
    print(f"{options.seeds} runs hold; {happened.total() / spent_s:.0f} actions a second of CPU time, {spent_s:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
