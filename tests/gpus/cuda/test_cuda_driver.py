"""A device is divided into equal green contexts that share no multiprocessor; an old or absent driver says so."""

import shutil
import subprocess
from pathlib import Path

import pytest

from migperf.gpus.cuda_driver import CudaDriver, CudaDriverError

SOURCE = Path(__file__).parent / "driver.c"


def driver(folder: Path, sms: int = 132, grain: int = 8, mps: int = 0, *more: str) -> CudaDriver:
    """Return a driver of the tests. Skips where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("the C model of a driver needs a C compiler (cc or gcc)")
    library = folder / f"libcuda-{sms}-{grain}-{mps}{''.join(more)}.so"
    defines = [f"-DSMS={sms}", f"-DGRAIN={grain}", f"-DMPS=({mps})", *more]
    flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, *defines, str(SOURCE), "-o", str(library)], check=True)
    return CudaDriver(str(library))


@pytest.mark.parametrize("grain", [1, 2, 4, 8])
@pytest.mark.parametrize("sms", [16, 108, 132, 148])
def test_groups_are_equal_disjoint_and_as_large_as_can_be(tmp_path: Path, sms: int, grain: int) -> None:
    library = driver(tmp_path, sms, grain)
    for count in range(1, sms // grain + 1):
        split = library.split(count)
        sizes = {stream.sm_count for stream in split.streams}
        assert len(split.streams) == count
        assert sizes == {sms // count // grain * grain}
        first = [stream.handle - 1 for stream in split.streams]
        assert first == [i * sizes.copy().pop() for i in range(count)]
        assert split.unused_sms == sms - count * sizes.pop()


def test_more_contexts_than_groups_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match="16 multiprocessors cannot be divided among 3"):
        driver(tmp_path, sms=16, grain=8).split(3)


def test_a_driver_without_green_contexts_says_which_one_has_them(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match=r"cuDeviceGetDevResource.*CUDA 12.5 or later"):
        driver(tmp_path, 132, 8, 0, "-DOLD").split(2)


def test_no_driver_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match="there is no CUDA driver"):
        CudaDriver(str(tmp_path / "libcuda.so.1"))


def test_a_failing_call_is_named(tmp_path: Path) -> None:
    with pytest.raises(CudaDriverError, match=r"cuDeviceGet failed: CUDA_ERROR_OF_THE_TESTS \(101\)"):
        driver(tmp_path).split(2, ordinal=1)


@pytest.mark.parametrize(("mps", "told"), [(1, True), (0, False), (-1, None)])
def test_whether_mps_is_in_use_is_told_or_not_known(tmp_path: Path, mps: int, told: bool | None) -> None:
    assert driver(tmp_path, mps=mps).mps_enabled() is told
