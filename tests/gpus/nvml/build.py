"""Builds the C model of a driver (``fake/``) with the boards of ``migperf.gpus.simulation``, the only tables here."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from migperf.gpus.driver import Architecture
from migperf.gpus.simulation.board import Board, BoardProfile
from migperf.gpus.simulation.boards import BOARDS

SONAME = "libnvidia-ml.so.1"
SOURCES = Path(__file__).parent / "fake"
FLAGS = ("-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden")
MEDIA = {"+me.all": "MEDIA_ALL", "+me": "MEDIA_ONE_SET", "-me": "MEDIA_NONE"}


def build_library(folder: Path, *defines: str) -> Path:
    """Compile and link; ``defines`` such as ``OLD_DRIVER``. Skips the test where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the C model of a driver needs a C compiler (cc or gcc)")
    boards, library = folder / "boards.c", folder / SONAME
    boards.write_text(tables(BOARDS.values()))
    sources = [str(path) for path in (*sorted(SOURCES.glob("*.c")), boards)]
    options = [*FLAGS, *(f"-D{name}" for name in defines), f"-I{SOURCES}", f"-Wl,-soname,{SONAME},-Bsymbolic"]
    subprocess.run([compiler, *options, *sources, "-lpthread", "-o", str(library)], check=True)
    return library


def tables(boards: Iterable[Board]) -> str:
    """Return the tables as C."""
    listed = list(boards)
    lines = ['#include "model.h"', ""]
    for i, board in enumerate(listed):
        lines += [f"static const Profile profiles_{i}[] = {{", *map(_profile, board.profiles), "    {0}};"]
    lines += ["const Board boards[] = {", *(_board(i, board) for i, board in enumerate(listed)), "};"]
    return "\n".join([*lines, f"const unsigned board_count = {len(listed)};", ""])


def _profile(row: BoardProfile) -> str:
    media = next((name for suffix, name in MEDIA.items() if row.name.endswith(suffix)), "MEDIA_PLAIN")
    starts = f"{len(row.starts)}, (const unsigned[]){{{', '.join(map(str, row.starts))}}}"
    e = row.engines
    numbers = f"{row.slot}, {row.id}, {row.slices}, {row.max_count}, {row.sm_count}, {row.memory_mib}, {row.size}"
    return (
        f'    {{"{row.name}", {media}, {numbers}, {starts}, {e.copy}, {e.decoders}, {e.encoders}, {e.jpeg}, {e.ofa}}},'
    )


def _board(i: int, board: Board) -> str:
    major, minor = board.compute_capability
    numbers = f"{board.architecture:d}, {major}, {minor}, {board.sm_count}, {board.cores_per_sm}, {board.memory_mib}"
    grid = f"{board.pci_device_id}u, {board.compute_slices}, {board.memory_units}"
    rules = f"{board.resetless:d}, {board.architecture >= Architecture.HOPPER:d}, {len(board.profiles)}"
    return f'    {{"{board.key}", "{board.name}", {numbers}, {grid}, {rules}, profiles_{i}}},'
