"""`python -m tests.gpu`: every test that needs a GPU, and a report; one line where there is none."""

import sys

import pytest

from stream.engine.driver import require_gpu
from stream.errors import UserError
from tests.gpu.report import Report


def main(words: list[str]) -> int:
    """Exit codes are pytest's, and 2 where there is no GPU; with `--look` it only looks for one."""
    try:
        gpu = require_gpu()
    except UserError as error:
        print(f"nothing was tested: {error}", file=sys.stderr)
        return 2
    if words == ["--look"]:
        return 0
    report = Report()
    code = pytest.main(["-m", "gpu", *words], plugins=[report])
    print(f"\n{report.text(gpu)}")
    return code if report.passed or report.failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
