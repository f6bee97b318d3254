"""What calibrates a partition is what a roofline looks for, in the precisions that the partition has."""

import pytest

from migperf.analysis.calibration import COPY, METHOD, calibration_of, precisions_of, product
from migperf.gpus.partition import PartitionKind
from migperf.measure.benchmark import Benchmark
from tests import builders
from workloads.micro.parameters import Precision


@pytest.mark.parametrize(
    "one", [COPY, *map(product, Precision)], ids=lambda one: one.parameters.get("precision", "copy")
)
def test_a_calibration_names_every_parameter_as_the_service_will_store_it(one) -> None:
    given = {"workload": one.workload, "scenario": one.scenario, "method": METHOD}
    assert Benchmark.model_validate({**given, "parameters": one.parameters}).parameters == one.parameters
    assert Benchmark.model_validate({**given, "parameters": one.parameters}).method.min_steps == 60


@pytest.mark.parametrize(
    ("kind", "more", "lacking"),
    [
        (PartitionKind.CPU, {}, {"tf32"}),
        (PartitionKind.GPU, {"architecture": "turing"}, {"tf32", "bf16"}),
        (PartitionKind.GPU, {"architecture": "volta"}, {"tf32", "bf16"}),
        (PartitionKind.GPU, {"architecture": "ampere"}, set()),
        (PartitionKind.MIG, {"architecture": "hopper"}, set()),
        (PartitionKind.MIG, {"architecture": "hopper", "simulated": True}, {"tf32"}),
        (PartitionKind.GPU, {"architecture": "unknown"}, set()),
        (PartitionKind.GPU, {}, set()),
    ],
)
def test_a_partition_is_calibrated_in_the_precisions_that_it_has(kind, more, lacking) -> None:
    partition = builders.partition("P-1", kind, **more)
    assert set(Precision) - set(precisions_of(partition)) == lacking
    *products, copy = calibration_of(partition)
    assert [one.parameters["precision"] for one in products] == list(precisions_of(partition))
    assert copy == COPY
