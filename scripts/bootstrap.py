"""Makes the virtual environment in .venv and installs migperf into it; needs nothing but Python 3.11 or later.

Does nothing when the environment is as pyproject.toml and constraints.txt want it, so a second call takes no time.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
OLDEST = (3, 11)


def main() -> None:
    """Bring the environment up to date, saying what is done and how long it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install what the tests need")
    dev = parser.parse_args().dev
    if sys.version_info < OLDEST:
        sys.exit(
            f"migperf needs Python 3.11 or later, this is {sys.version.split()[0]}; set PYTHON=/path/to/python3.11"
        )
    wanted, stamp = fingerprint(dev), VENV / ("migperf-dev.stamp" if dev else "migperf.stamp")
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    begun = time.monotonic()
    if not PYTHON.is_file():
        say(f"making a virtual environment in {VENV}")
        make_environment()
    say("installing migperf and its locked dependencies, PyTorch among them (some minutes the first time)")
    install(dev)
    stamp.write_text(wanted)
    say(f"installed in {time.monotonic() - begun:.0f} s")


def fingerprint(dev: bool) -> str:
    """What the environment depends on: what is declared and compiled, the interpreter, and where the checkout lies."""
    compiled = sorted((ROOT / "migperf" / "native").glob("*.[ch]"))
    parts = [
        path.read_bytes() for path in (ROOT / "pyproject.toml", ROOT / "constraints.txt", ROOT / "setup.py", *compiled)
    ]
    parts += [sys.version.encode(), str(ROOT).encode(), str(dev).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def make_environment() -> None:
    """Make the environment. Debian keeps part of Python's venv in a package of its own, fetched here if we may."""
    if subprocess.run([sys.executable, "-m", "venv", VENV], check=False, stdout=subprocess.DEVNULL).returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sys.exit(f"Python cannot make virtual environments here; install {package} (as root) and try again")
    say(f"installing {package}, which Debian's Python needs to make virtual environments")
    subprocess.run(["apt-get", "update", "-qq"], check=True)
    subprocess.run(["apt-get", "install", "-y", "-qq", package], check=True)
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)


def install(dev: bool) -> None:
    """Install this checkout, editable, with the versions of constraints.txt."""
    target = f"{ROOT}[dev,onnx,frameworks,notebook,browser]" if dev else str(ROOT)
    pip = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", ROOT / "constraints.txt", "--editable", target], check=True)


def say(message: str) -> None:
    """Say what happens, before the output of the commands that do it."""
    print(f"[migperf] {message}", flush=True)


if __name__ == "__main__":
    main()
