"""Files with a question to the advisor: YAML or JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

from migperf.cli.problems import InvalidRequestError
from migperf.cli.text_files import read_yaml_file

if TYPE_CHECKING:
    from migperf.analysis.advisor.demand import Demand


def read_demand(path: Path) -> "Demand":
    """Read a demand, or standard input for ``-``. Raises UsageProblem, InvalidRequestError and OSError."""
    from pydantic import ValidationError

    from migperf.analysis.advisor.demand import Demand

    try:
        return Demand.model_validate(read_yaml_file(path))
    except ValidationError as error:
        raise InvalidRequestError.of(error, None) from error
