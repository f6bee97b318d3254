"""Runs a piece of Python as a user who has no rights: another one than this process's if it is root."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
GIVE_UP_RIGHTS = """
import os
import migperf.metrics.process_io, migperf.metrics.rapl
if os.geteuid() == 0:
    os.setgroups([])
    os.setuid(65534)
"""
"""After what is needed has been imported: somebody else may not even be able to read the interpreter's files."""


def python_without_rights(code: str, folder: Path) -> str:
    """Return what the code prints. It runs in a folder, whose parents it need not be able to enter."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, "-c", GIVE_UP_RIGHTS + code]
    env = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=True).stdout
