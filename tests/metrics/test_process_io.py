"""The I/O of a process tree is what its processes read from storage and wrote to it."""

import math
import os
import subprocess
import time
from pathlib import Path

import pytest

from migperf.metrics.absence import AbsenceState
from migperf.metrics.metric import Kind, Scope
from migperf.metrics.process_io import ProcessIoSource
from migperf.metrics.source import SourceEndedError
from tests.metrics.somebody import python_without_rights
from tests.metrics.test_process_tree import python

MIB = 1 << 20
WRITE = """
import os
file = os.open({path!r}, os.O_CREAT | os.O_WRONLY)
os.write(file, os.urandom(8 << 20))
os.fsync(file)
"""
READ = """
import os
file = os.open({path!r}, os.O_RDONLY)
os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
while os.read(file, 1 << 20): pass
"""
ONE_BY_ONE = """
import subprocess, sys
for code in {codes!r}:
    input()
    subprocess.run([sys.executable, '-c', code], check=True)
    print('done', flush=True)
input()
"""
LEAVE_AN_ORPHAN = """
import subprocess, sys
input()
middle = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r} + '; import time; time.sleep(60)'])"
subprocess.run([sys.executable, '-c', middle], check=True)
print('done', flush=True)
input()
"""
AS_SOMEBODY_ELSE = """
from migperf.metrics.process_io import ProcessIoSource
source = ProcessIoSource(1)
row = source.read(1)
print(*row, source.why_not(0).state, source.why_not(1).reason)
"""


def let_it(process: subprocess.Popen[str]) -> None:
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()


def mib_of_steps(source: ProcessIoSource, process: subprocess.Popen[str], steps: int) -> list[tuple[float, float]]:
    """What was read and written in each step, MiB, from the rates."""
    told, before_ns = [], time.monotonic_ns()
    assert all(math.isnan(value) for value in source.read(before_ns))
    assert source.why_not(0) is None, "it is merely too early"
    for _ in range(steps):
        let_it(process)
        now_ns = time.monotonic_ns()
        read, written = source.read(now_ns) * (now_ns - before_ns) / 1e9
        told.append((read, written))
        before_ns = now_ns
    return told


def test_what_descendants_wrote_and_read_counts_even_when_they_have_ended(tmp_path: Path) -> None:
    path = str(tmp_path / "data")
    codes = [WRITE.format(path=path), "pass", READ.format(path=path)]
    with python(ONE_BY_ONE.format(codes=codes)) as process:
        wrote, rested, read = mib_of_steps(ProcessIoSource(process.pid), process, steps=3)
    assert 7.99 < wrote[1] < 9
    assert rested[1] < 1
    assert 7.99 < read[0] < 40, "the file was dropped from the page cache, so it had to be fetched"


def test_a_process_that_leaves_the_tree_makes_no_negative_rate(tmp_path: Path) -> None:
    code = WRITE.format(path=str(tmp_path / "data")).strip().replace("\n", "; ")
    with python(LEAVE_AN_ORPHAN.format(code=code)) as process:
        source = ProcessIoSource(process.pid)
        source.read(time.monotonic_ns())
        let_it(process)
        rows = [source.read(time.monotonic_ns()).copy() for _ in range(5) if time.sleep(0.1) is None]
    assert all(math.isnan(value) or value >= 0 for row in rows for value in row)


def test_a_process_of_somebody_else_is_absent_for_want_of_a_right() -> None:
    read, written, state, *reason = python_without_rights(AS_SOMEBODY_ELSE, Path("/")).split()
    assert (read, written, state) == ("nan", "nan", AbsenceState.NO_PERMISSION)
    assert "/proc/1/io" in reason
    assert "CAP_SYS_PTRACE" in reason


def test_a_process_that_has_ended_makes_the_source_say_so() -> None:
    for read_before in (True, False):
        with python("input()") as process:
            source = ProcessIoSource(process.pid)
            if read_before:
                source.read(time.monotonic_ns())
            process.kill()
            process.wait()
            with pytest.raises(SourceEndedError, match="ended"):
                source.read(time.monotonic_ns())


def test_it_is_read_once_a_second_and_is_about_the_process_tree() -> None:
    source = ProcessIoSource(os.getpid())
    assert source.period_ns == 1_000_000_000
    assert {(m.name, m.unit, m.kind, m.scope) for m in source.metrics} == {
        ("io_read", "MiB/s", Kind.AVERAGE, Scope.PROCESS_TREE),
        ("io_written", "MiB/s", Kind.AVERAGE, Scope.PROCESS_TREE),
    }
