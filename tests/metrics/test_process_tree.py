"""CPU and memory of a process tree agree with what the processes really did."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migperf.metrics.process_tree import ProcessTreeSource
from migperf.metrics.source import SourceError

SPIN_IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
HOLD_MEMORY = "import time; held = bytearray(b'x' * (200 << 20)); print('ready', flush=True); time.sleep(60)"


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.wait()
        process.stdout.close()


def test_the_work_of_descendants_counts() -> None:
    with python(SPIN_IN_A_CHILD) as process:
        source = ProcessTreeSource(process.pid)
        time.sleep(1.0)
        first = source.read(time.monotonic_ns())
        assert "cpu" not in first, "a rate needs two readings; the first is a gap"
        time.sleep(1.2)
        assert 0.2 < source.read(time.monotonic_ns())["cpu"] < 1.2


def test_resident_memory_is_what_the_process_holds() -> None:
    with python(HOLD_MEMORY) as process:
        process.stdout.readline()
        assert 200 < ProcessTreeSource(process.pid).read(time.monotonic_ns())["rss"] < 260


def test_a_process_that_has_ended_makes_the_source_say_so() -> None:
    with python("input()") as process:
        source = ProcessTreeSource(process.pid)
        source.read(time.monotonic_ns())
        process.kill()
        process.wait()
        with pytest.raises(SourceError, match="ended"):
            source.read(time.monotonic_ns())
