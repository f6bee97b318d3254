"""From the file of a demand to the form in which it stands."""

from pydantic import ValidationError

from api.demand_form import DemandForm, form_of
from migperf.analysis.advisor.demand import Demand
from migperf.errors import DocumentError
from migperf.strict_yaml import StrictYamlError, read_yaml


def form_of_file(text: str) -> DemandForm:
    """Return the form in which the demand of a file stands. Raises DocumentError with what is wrong in the file."""
    try:
        document = read_yaml(text)
        Demand.model_validate(document)
    except StrictYamlError as error:
        raise DocumentError([(error.place, error.problem)]) from error
    except ValidationError as error:
        raise DocumentError.of(error) from error
    if not isinstance(document, dict):
        raise AssertionError("a demand is a mapping")
    return form_of(document)
