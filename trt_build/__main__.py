"""`python -m trt_build [COMMAND]`: which commands there are; without one it builds."""

from stream.processes.interrupts import end_in_order, end_silently

if __name__ == "__main__":
    end_silently()

import sys

from stream.terminal.cli import Command, functions_of, main
from trt_build.bench.settings import BenchSettings
from trt_build.settings import BuildSettings
from trt_build.tool_settings import DiffSettings, InspectSettings, VerifySettings

_of = functions_of("trt_build.commands")

COMMANDS = {
    "build": Command("checkpoint to artifact", BuildSettings, _of("build")),
    "inspect": Command("what an artifact is", InspectSettings, _of("inspect")),
    "verify": Command("an artifact's proof again, on this machine", VerifySettings, _of("verify")),
    "diff": Command("what differs between two artifacts, and which verdicts", DiffSettings, _of("diff")),
    "bench": Command("how fast artifacts are, beside PyTorch and ONNX Runtime", BenchSettings, _of("bench")),
}

if __name__ == "__main__":
    end_in_order()
    sys.exit(main("python -m trt_build", COMMANDS, sys.argv[1:], default="build"))
