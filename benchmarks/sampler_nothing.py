"""Part of ``sampler.py``: a thread that sleeps until each turn and does nothing; prints what it cost as JSON."""

import argparse
import json
import statistics
import threading
import time

HZ = 100


def main() -> None:
    """Sleep, wake up, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--driver-library", help="not used: there is nothing to read")
    given = parser.parse_args()
    turns(1.0)
    late_ms: list[float] = []
    thread = threading.Thread(target=lambda: late_ms.extend(turns(given.seconds)))
    before_s = time.process_time()
    thread.start()
    thread.join()
    cpu_s = time.process_time() - before_s
    late_ms.sort()
    result = {
        "cpu_s": cpu_s,
        "turns_per_s": len(late_ms) / given.seconds,
        "metrics": 0.0,
        "samples_per_s": 0.0,
        "late_p50_ms": statistics.median(late_ms),
        "late_p99_ms": late_ms[int(0.99 * len(late_ms))],
    }
    print(json.dumps(result))


def turns(seconds: float) -> list[float]:
    """Return how late each turn of so many seconds began, ms."""
    late_ms = []
    begin = time.monotonic()
    for turn in range(1, round(seconds * HZ) + 1):
        due = begin + turn / HZ
        time.sleep(max(0.0, due - time.monotonic()))
        late_ms.append((time.monotonic() - due) * 1e3)
    return late_ms


if __name__ == "__main__":
    main()
