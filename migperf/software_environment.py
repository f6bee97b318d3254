"""The software environments that a node's settings name: an interpreter, and variables for what it starts.

What is installed in one, its helper says (``migperf/measure/software.py``).
"""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

DEFAULT = "default"
"""The name of the worker's own environment."""
EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError(f"{path} is not an absolute path; name the interpreter, such as /opt/torch-2.12/bin/python")
    return path


def _not_reserved(name: str) -> str:
    if name == DEFAULT:
        raise ValueError(f"{DEFAULT!r} is the name of the worker's own environment; choose another")
    return name


FurtherName = Annotated[EnvironmentName, AfterValidator(_not_reserved)]
"""The name of an environment beside the worker's own."""
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
VariableValue = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]


class SoftwareEnvironment(BaseModel):
    """With what a helper is started; it does not say that this can be started, nor what is found there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    python: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        default=None, description="The interpreter, as an absolute path; left out: the worker's own."
    )
    variables: dict[VariableName, VariableValue] = Field(
        default_factory=dict,
        description="Variables of its processes, beside those of the worker; another interpreter does not get the "
        "worker's PYTHONPATH and PYTHONHOME.",
    )
