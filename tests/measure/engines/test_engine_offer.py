"""What cannot work is refused with the benchmark, before anything is stored, with its field and a remedy."""

import pytest
from pydantic import ValidationError

from migperf.measure.benchmark import Benchmark
from migperf.measure.engine import Engine, Precision, Runtime
from migperf.measure.engines.offer import refusals
from workloads.base import ALL_ENGINES, EAGER_ONLY, Card, EngineOffer
from workloads.registry import card, catalogue

CLASSIFIERS = sorted(name for name, entry in catalogue().items() if entry.engines == ALL_ENGINES)


@pytest.mark.parametrize(
    ("workload", "benchmark", "engine", "field", "remedy"),
    [
        ("test-step", {}, {"runtime": "compile"}, "runtime", "choose eager"),
        ("test-step", {}, {"precision": "bf16"}, "precision", "choose fp32"),
        ("test-step", {}, {"precision": "tf32"}, "precision", "choose fp32"),
        ("test-step", {}, {"channels_last": True}, "channels_last", "leave it out"),
        ("vit-stem-stability", {"scenario": "train"}, {"precision": "bf16"}, "precision", "what they learn in fp32"),
        ("resnet18", {"scenario": "train"}, {"runtime": "onnx_runtime"}, "runtime", "train with eager"),
        ("resnet18", {}, {"runtime": "onnx_runtime", "precision": "fp16"}, "precision", "choose fp32 or tf32"),
        ("resnet18", {}, {"runtime": "onnx_runtime", "precision": "bf16"}, "precision", "choose fp32 or tf32"),
        ("resnet18", {}, {"runtime": "onnx_runtime", "channels_last": True}, "channels_last", "leave it out"),
        (
            "resnet18",
            {"scenario": "multi_stream", "load": {"streams": 2}},
            {"runtime": "cuda_graph"},
            "runtime",
            "streams 1",
        ),
        (
            "resnet18",
            {"scenario": "server", "load": {"rate_per_s": 1, "max_batch": 2}},
            {"runtime": "cuda_graph"},
            "runtime",
            "max_batch 1",
        ),
    ],
)
def test_a_refusal_names_the_field_and_the_remedy(
    workload: str, benchmark: dict[str, object], engine: dict[str, object], field: str, remedy: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        Benchmark.model_validate({"workload": workload, "scenario": "offline", **benchmark, "engine": engine})
    (error,) = refusal.value.errors()
    assert error["loc"] == ("engine", field)
    assert remedy in error["msg"]


@pytest.mark.parametrize("scenario", ["offline", "single_stream", "train"])
@pytest.mark.parametrize("workload", CLASSIFIERS)
def test_the_classifiers_offer_every_engine_that_can_do_the_task(workload: str, scenario: str) -> None:
    refused = 0
    for runtime in Runtime:
        for precision in Precision:
            engine = {"runtime": runtime, "precision": precision}
            try:
                Benchmark.model_validate({"workload": workload, "scenario": scenario, "engine": engine})
            except ValidationError:
                refused += 1
                assert runtime is Runtime.ONNX_RUNTIME
    assert refused == (4 if scenario == "train" else 2)


def test_an_engine_makes_another_benchmark() -> None:
    def fingerprint(**engine: object) -> str:
        return Benchmark.model_validate({"workload": "resnet18", "scenario": "offline", "engine": engine}).fingerprint()

    made = [
        fingerprint(),
        fingerprint(runtime="compile"),
        fingerprint(precision="bf16"),
        fingerprint(channels_last=True),
    ]
    assert len(set(made)) == len(made)
    assert fingerprint(runtime="eager") == made[0]


@pytest.mark.parametrize("entry", catalogue().values(), ids=lambda entry: entry.name)
def test_every_card_names_engines_that_there_are_and_says_why_the_others_are_not_offered(entry: Card) -> None:
    assert set(entry.engines.runtimes) <= set(Runtime)
    assert set(entry.engines.precisions) <= set(Precision)
    assert {"eager", "fp32"} <= {*entry.engines.runtimes, *entry.engines.precisions}
    said = refusals(entry.engines)
    assert all(said.values())
    offered = {*entry.engines.runtimes, *entry.engines.precisions}
    assert offered | set(said) >= {*Runtime, *Precision}
    assert not offered & set(said)


def test_a_workload_that_says_nothing_offers_eager_in_fp32_alone() -> None:
    assert card("test-step").engines == EAGER_ONLY
    assert Benchmark.model_validate({"workload": "test-step", "scenario": "offline"}).engine == Engine()


def test_a_reason_of_its_own_goes_before_the_general_one() -> None:
    offer = EngineOffer(
        runtimes=("eager", "compile"), refused={"cuda_graph": "it waits for the device"}, otherwise="no"
    )
    assert refusals(offer)["cuda_graph"] == "it waits for the device"
    assert refusals(offer)["onnx_runtime"] == "no"
