"""CPU and memory of a process tree agree with what the processes really did."""

import math
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from migperf.metrics.process_tree import ProcessTreeSource, descendants
from migperf.metrics.source import Source, SourceEndedError

SPIN_IN_A_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
SPIN_IN_A_CHILD_THAT_ENDS = """
import subprocess, sys
input()
spin = 'import time\\nwhile time.process_time() < 0.5: pass'
subprocess.run([sys.executable, '-S', '-c', spin])
print('done', flush=True)
input()
"""
STEP_S = 0.01
HOLD_MEMORY = "import time; held = bytearray(b'x' * (200 << 20)); print('ready', flush=True); time.sleep(60)"
START_THREADS = """
import threading, time
for _ in range(5):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
print('ready', flush=True)
time.sleep(60)
"""


@contextmanager
def python(code: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        subprocess.run(["pkill", "-KILL", "-s", str(process.pid)], check=False)
        process.communicate()


def read(source: Source) -> dict[str, float]:
    row = source.read(time.monotonic_ns())
    return {metric.name: float(value) for metric, value in zip(source.metrics, row, strict=True)}


def cpu_of_an_unseen_descendant() -> list[tuple[int, float]]:
    """What is told, and when, while a descendant works half a second and ends before anybody looked for new ones."""
    with python(SPIN_IN_A_CHILD_THAT_ENDS) as process:
        source = ProcessTreeSource(process.pid)
        now_ns = before_ns = time.monotonic_ns()
        source.read(before_ns)
        process.stdin.write("\n")
        process.stdin.flush()
        told, until_ns = [(before_ns, 0.0)], None
        while until_ns is None or now_ns < until_ns:
            time.sleep(STEP_S)
            now_ns = source._scanned_ns = time.monotonic_ns()
            if not math.isnan(cores := float(source.read(now_ns)[0])):
                told.append((now_ns, cores))
            if until_ns is None and select.select([process.stdout], [], [], 0)[0]:
                until_ns = now_ns + 1_000_000_000
        source.close()
    return told


def test_the_work_of_descendants_counts() -> None:
    with python(SPIN_IN_A_CHILD) as process:
        source = ProcessTreeSource(process.pid)
        time.sleep(1.0)
        read(source)
        time.sleep(1.2)
        assert 0.2 < read(source)["cpu"] < 1.2
        source.close()


def test_a_rate_needs_two_readings_so_the_first_one_is_too_early_not_wrong() -> None:
    source = ProcessTreeSource(os.getpid())
    assert math.isnan(read(source)["cpu"])
    assert source.why_not(0) is None
    source.close()


def test_the_work_of_a_descendant_that_was_never_seen_counts_when_it_has_ended() -> None:
    told = cpu_of_an_unseen_descendant()
    used_s = sum(cores * (at_ns - before_ns) / 1e9 for (before_ns, _), (at_ns, cores) in pairwise(told))
    assert 0.45 < used_s < 1.0


def test_work_seen_late_is_not_told_as_more_than_the_processors_can_do() -> None:
    two_ticks = 2 / (os.sysconf("SC_CLK_TCK") * STEP_S)
    assert max(cores for _, cores in cpu_of_an_unseen_descendant()) <= (os.cpu_count() or 1) + two_ticks


def test_resident_memory_is_what_the_process_holds() -> None:
    with python(HOLD_MEMORY) as process:
        process.stdout.readline()
        assert 200 < read(ProcessTreeSource(process.pid))["rss"] < 260


def test_every_thread_counts() -> None:
    with python(START_THREADS) as process:
        process.stdout.readline()
        assert read(ProcessTreeSource(process.pid))["threads"] == 6


def test_parents_come_before_their_children() -> None:
    nested = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nested!r}])") as process:
        process.stdout.readline()
        child, grandchild = descendants(process.pid)
        assert list(descendants(child)) == [grandchild]


def test_a_process_that_has_ended_makes_the_source_say_so() -> None:
    for read_before in (True, False):
        with python("input()") as process:
            source = ProcessTreeSource(process.pid)
            if read_before:
                read(source)
            process.kill()
            process.wait()
            with pytest.raises(SourceEndedError, match="ended"):
                read(source)


def test_a_process_that_nobody_has_waited_for_yet_holds_no_memory_and_is_not_told_to_hold_none() -> None:
    with python("input()") as process:
        source = ProcessTreeSource(process.pid)
        read(source)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(SourceEndedError, match="ended"):
            read(source)
        source.close()
