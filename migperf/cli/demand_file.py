"""Files with a question to the advisor: YAML or JSON."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migperf.cli.problems import InvalidRequestError, UsageProblem

if TYPE_CHECKING:
    from migperf.analysis.advisor.demand import Demand


def read_demand(path: Path) -> "Demand":
    """Read a demand, or standard input for ``-``. Raises UsageProblem, InvalidRequestError and OSError."""
    import yaml
    from pydantic import ValidationError

    from migperf.analysis.advisor.demand import Demand

    name = "standard input" if str(path) == "-" else str(path)
    content = sys.stdin.read() if str(path) == "-" else path.read_bytes()
    try:
        return Demand.model_validate(yaml.safe_load(content))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageProblem(f"{name}{place}: this is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise UsageProblem(f"{name}: this is not YAML: {error}") from error
    except ValidationError as error:
        raise InvalidRequestError.of(error, None) from error
