"""Files of lines: what was appended is there whatever happened after, and nobody else's file is touched."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream.errors import UserError
from stream.files.linefile import LineFile

WAY_OUT = "give another place"
LINES = st.lists(st.binary(max_size=30).map(lambda data: data.replace(b"\n", b"")), max_size=8)
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def opened(path: Path) -> LineFile:
    return LineFile(path, otherwise=WAY_OUT)


@in_one_folder
@given(LINES, LINES, st.data())
def test_cut_at_any_byte_it_holds_the_lines_that_were_whole_and_goes_on(tmp_path, before, after, data):
    path = tmp_path / "lines"
    path.unlink(missing_ok=True)
    with opened(path) as file:
        for line in before:
            file.append(line)
    whole = path.read_bytes()
    size = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:size])
    kept = before[: whole[:size].count(b"\n")]
    with opened(path) as file:
        assert list(file.lines()) == kept
        assert file.torn == whole[:size].rpartition(b"\n")[2]
        assert path.read_bytes() == whole[:size], "what is only read stays as it was"
        for line in after:
            file.append(line)
        assert list(file.lines()) == kept + after
    with opened(path) as file:
        assert list(file.lines()) == kept + after


def test_the_last_of_many_line_ends_is_found(tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"first\n" + b"x" * 300_000)
    with opened(path) as file:
        assert list(file.lines()) == [b"first"]
        file.append(b"second")
    assert path.read_bytes() == b"first\nsecond\n"


def test_one_process_at_a_time(tmp_path):
    path = tmp_path / "lines"
    script = """
import sys
from pathlib import Path
from stream.files.linefile import LineFile
LineFile(Path(sys.argv[1]), otherwise="")
"""
    with opened(path):
        other = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=False)
        assert f"another process writes to {path}" in other.stderr
        with pytest.raises(UserError, match=f"let it end, or {WAY_OUT}"):
            opened(path)
    opened(path).close()


@pytest.mark.parametrize("where", ["no-folder/lines", "file/lines", ".", "/dev/null"])
def test_a_place_that_takes_no_lines_is_named_with_the_way_out(tmp_path, where):
    (tmp_path / "file").write_text("")
    path = tmp_path / where
    with pytest.raises(UserError, match=f"{path}.*: {WAY_OUT}"):
        opened(path)


def test_a_full_disk_is_said_and_what_was_there_stays():
    """`/dev/full` is no regular file, so the limit on a file's size plays the full disk."""
    script = """
import resource, signal, sys, tempfile
from pathlib import Path
from stream.errors import UserError
from stream.files.linefile import LineFile
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(tempfile.mkdtemp(), "lines")
with LineFile(path, otherwise="give another place") as file:
    file.append(b"first")
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
    try:
        file.append(b"second")
    except UserError as error:
        print(error)
    file.append(b"3rd")
print(path.read_bytes())
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "(File too large): give another place" in run.stdout, run.stderr
    assert r"b'first\n3rd\n'" in run.stdout
