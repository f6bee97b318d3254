"""Gives the tests a PostgreSQL and a Redis: those that answer already, else private ones started for this run.

Missing servers are installed where apt-get may be used. Prints shell assignments of the URLs; the private servers end
with the process whose id is given.
"""

import argparse
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STANDARD_POSTGRESQL = ("127.0.0.1", 5432)
STANDARD_REDIS = ("127.0.0.1", 6379)
PACKAGES = {"postgres": "postgresql", "redis-server": "redis-server"}
START_TIMEOUT_S = 30.0


def main() -> None:
    """Find or start both servers and print where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--until-ends", type=int, required=True, metavar="PID", help="stop private servers after it")
    pid = parser.parse_args().until_ends
    print(f"export MIGPERF_TEST_POSTGRESQL_URL={postgresql(pid)}")
    print(f"export MIGPERF_TEST_REDIS_URL={redis(pid)}")
    print("export MIGPERF_TEST_REQUIRE_SERVICES=1")


def postgresql(pid: int) -> str:
    """Return the URL of a PostgreSQL server that lets us create databases."""
    if "MIGPERF_TEST_POSTGRESQL_URL" in os.environ:
        return os.environ["MIGPERF_TEST_POSTGRESQL_URL"]
    standard = "postgresql://postgres@127.0.0.1:5432/postgres"
    if answers(STANDARD_POSTGRESQL) and lets_us_in(standard):
        return standard
    postgres = program("postgres")
    folder, port = Path(tempfile.mkdtemp(prefix="migperf-postgresql-")), free_port()
    user = unprivileged_user(folder)
    initdb = [
        str(postgres.parent / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "postgres",
        "-A",
        "trust",
        "-N",
        "-E",
        "UTF8",
    ]
    subprocess.run([*user, *initdb], check=True, stdout=subprocess.DEVNULL)
    options = ["-D", str(folder / "data"), "-p", str(port), "-k", str(folder), "-h", "127.0.0.1", "-c", "fsync=off"]
    start([*user, str(postgres), *options], port, pid, folder)
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def redis(pid: int) -> str:
    """Return the URL of a Redis database that tests may empty."""
    if "MIGPERF_TEST_REDIS_URL" in os.environ:
        return os.environ["MIGPERF_TEST_REDIS_URL"]
    if answers(STANDARD_REDIS):
        return "redis://127.0.0.1:6379/15"
    server, port = program("redis-server"), free_port()
    folder = Path(tempfile.mkdtemp(prefix="migperf-redis-"))
    start(
        [str(server), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)], port, pid, folder
    )
    return f"redis://127.0.0.1:{port}/0"


def program(name: str) -> Path:
    """Return the server's program, installing its package if need be."""
    if found := find(name):
        return found
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(
            f"the tests need {name}; install {PACKAGES[name]}, or name servers in MIGPERF_TEST_POSTGRESQL_URL and "
            "MIGPERF_TEST_REDIS_URL"
        )
    say(f"installing {PACKAGES[name]}")
    subprocess.run(["apt-get", "update", "-qq"], check=True, stdout=sys.stderr)
    subprocess.run(["apt-get", "install", "-y", "-qq", PACKAGES[name]], check=True, stdout=sys.stderr)
    found = find(name)
    if found is None:
        sys.exit(f"{PACKAGES[name]} was installed, but {name} is not to be found")
    return found


def find(name: str) -> Path | None:
    """Look for a program on the path and where Debian keeps PostgreSQL's."""
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return versions[-1] if versions else None


def unprivileged_user(folder: Path) -> list[str]:
    """Return the prefix that runs a command as somebody other than root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return []
    name = next(n for n in ("postgres", "nobody") if n in {entry.pw_name for entry in pwd.getpwall()})
    shutil.chown(folder, name)
    return ["runuser", "-u", name, "--"]


def start(command: list[str], port: int, pid: int, folder: Path) -> None:
    """Start a server, wait until it answers, and leave a watcher that ends it after ``pid`` has ended."""
    say(f"starting a private server on port {port}: {' '.join(command)}")
    log = (folder / "log").open("wb")
    server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    watch = f"while kill -0 {pid} 2>/dev/null; do sleep 1; done; kill -INT -{server.pid}; sleep 2; rm -rf '{folder}'"
    subprocess.Popen(["sh", "-c", watch], start_new_session=True, stdout=log, stderr=log)
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers(("127.0.0.1", port)):
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"{command[0]} does not start: {(folder / 'log').read_text()[-2000:]}")
        time.sleep(0.1)


def answers(address: tuple[str, int]) -> bool:
    """Tell whether somebody listens."""
    try:
        with socket.create_connection(address, timeout=1):
            return True
    except OSError:
        return False


def lets_us_in(url: str) -> bool:
    """Tell whether a PostgreSQL server takes us without a password."""
    import psycopg

    try:
        with psycopg.connect(url, connect_timeout=3):
            return True
    except psycopg.OperationalError:
        return False


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def say(message: str) -> None:
    """Say what happens, on standard error: standard output is for the shell."""
    print(f"[migperf] {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
