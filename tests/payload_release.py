"""Another release of the tests' payloads in a folder of its own, and software environments that have it."""

import os
from collections.abc import Mapping
from pathlib import Path

from migperf.software_environment import SoftwareEnvironment

PAYLOADS = Path(__file__).parent / "payloads"
PACKAGE = "migperf-test-payloads"


def release(folder: Path, version: str, changes: Mapping[str, str]) -> SoftwareEnvironment:
    """Write the release, its source changed as told, and return the environment in which it comes before the other."""
    information = folder / f"migperf_test_payloads-{version}.dist-info"
    information.mkdir(parents=True)
    for module in PAYLOADS.glob("*.py"):
        source = module.read_text()
        if module.stem == "migperf_test_payloads":
            for old, new in changes.items():
                assert old in source, f"{old!r} is not in {module.name}"
                source = source.replace(old, new)
        (folder / module.name).write_text(source)
    (described,) = PAYLOADS.glob("*.dist-info")
    for file in described.iterdir():
        (information / file.name).write_text(file.read_text().replace("Version: 0.1", f"Version: {version}"))
    return before(folder)


def before(folder: Path) -> SoftwareEnvironment:
    """Return the environment in which modules of the folder come before all others of their names."""
    path = os.pathsep.join((str(folder), os.environ["PYTHONPATH"]))
    return SoftwareEnvironment(variables={"PYTHONPATH": path})
