"""Errors become one line or a short list with a remedy, never a traceback, unless one is asked for."""

import pytest
from pydantic import ValidationError

from migperf.cli import catalogue
from migperf.cli.problems import InvalidRequestError, present
from migperf.client import FieldProblem, RequestRefusedError
from migperf.client.models import Problem
from migperf.errors import ConfigurationError, ConflictError
from migperf.store.requests import RunRequest
from tests.cli.conftest import Cli


def _refused(**request: object) -> InvalidRequestError:
    with pytest.raises(ValidationError) as caught:
        RunRequest.model_validate({"workload": "resnet18", "scenario": "offline", **request})
    return InvalidRequestError.of(caught.value, "resnet18")


def test_each_bad_field_gets_a_line_with_what_was_given() -> None:
    said = present(_refused(parameters={"batch_size": 0, "optimizer": "lion"}))
    assert said.status == 2
    assert said.details == (
        "parameters.batch_size = 0: input should be greater than or equal to 1",
        "parameters.optimizer = lion: input should be 'adamw' or 'sgd'",
    )
    assert "migperf workloads resnet18" in said.remedies[0]


@pytest.mark.parametrize(
    ("request_", "line"),
    [
        ({"parameters": {"batchsize": 1}}, "parameters.batchsize: there is no such field; did you mean batch_size?"),
        ({"method": {"mins": 1}}, "method.mins: there is no such field; did you mean min_s?"),
        ({"where": {"knd": "cpu"}}, "where.knd: there is no such field; did you mean kind?"),
        ({"prioritty": 1}, "prioritty: there is no such field; did you mean priority?"),
        (
            {"where": {"zzz": 1}},
            "where.zzz: there is no such field; there are kind, profile, gpu_model, node, partition, simulated",
        ),
    ],
)
def test_a_misspelt_field_brings_the_nearest_one_to_mind(request_: dict[str, object], line: str) -> None:
    assert present(_refused(**request_)).details == (line,)


def test_a_rule_about_several_fields_does_not_repeat_them_all() -> None:
    said = present(_refused(method={"min_s": 9, "max_s": 1}))
    assert said.details == ("method: min_s (9) is more than max_s (1); lower one or raise the other",)


def test_the_refusal_of_a_service_reads_the_same() -> None:
    fields = (FieldProblem(field="seed", detail="Input should be greater than or equal to 0", given=-1),)
    said = present(RequestRefusedError(422, Problem(title="Invalid", errors=fields)))
    assert said.details == ("seed = -1: input should be greater than or equal to 0",)
    assert said.status == 2


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ConfigurationError("MIGPERF_PORT: no"), 2),
        (ConflictError("it has ended"), 1),
        (RequestRefusedError(415, Problem(detail="not JSON")), 2),
        (FileNotFoundError(2, "No such file or directory", "nowhere.json"), 1),
    ],
)
def test_other_errors_are_one_line(error: Exception, status: int) -> None:
    said = present(error)
    assert said.status == status
    assert not said.details
    assert "\n" not in said.headline


def test_a_defect_of_ours_is_called_one_and_shown_in_full_only_with_debug(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(catalogue, "_installed", broken)
    said = cli("workloads")
    assert said.status == 1
    assert said.out == ""
    assert "ZeroDivisionError: a defect" in said.err
    assert "Traceback" not in said.err
    assert "--debug" in said.err
    from migperf.cli.main import main

    with pytest.raises(ZeroDivisionError):
        main(["--debug", "workloads"])
