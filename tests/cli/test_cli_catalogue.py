"""Workloads and partitions: of this host without a service, or as a service knows them; both in the same form."""

from migperf.gpus.inventory import discover
from migperf.store.database import Database
from tests.api import steps
from tests.cli.conftest import Cli
from workloads.registry import catalogue


def test_workloads_are_listed_by_name_in_natural_order(cli: Cli) -> None:
    said = cli("workloads")
    assert said.status == 0
    names = [line.split()[0] for line in said.out.splitlines()[1:]]
    assert set(names) == set(catalogue())
    assert names.index("resnet18") < names.index("resnet101")
    assert "migperf workloads NAME" in said.err


def test_a_workload_is_described_with_its_parameters_and_facts(cli: Cli) -> None:
    said = cli("workloads", "resnet18")
    for word in ("batch_size", "1 to 4096", "adamw | sgd", "11.7 M", "arXiv 1512.03385", "single_stream"):
        assert word in said.out
    assert "…" not in said.out


def test_a_workload_tells_its_engines_and_why_it_does_not_offer_the_others(cli: Cli) -> None:
    everything = cli("workloads", "resnet18").out
    assert "eager, compile, cuda_graph, onnx_runtime" in everything
    assert "fp32, tf32, bf16, fp16, channels last" in everything
    assert "not offered" not in everything
    said = " ".join(cli("workloads", "vit-stem-stability").out.split())
    assert "engines eager precisions fp32 not offered compile, cuda_graph, onnx_runtime, tf32, bf16" in said
    assert "its result is what they learn in fp32" in said
    refused = cli("workloads", "test-step", "--json").document["engines"]["refused"]
    assert set(refused) == {"compile", "cuda_graph", "onnx_runtime", "tf32", "bf16", "fp16", "channels_last"}


def test_an_unknown_workload_is_a_usage_error_with_the_nearest_names(cli: Cli) -> None:
    said = cli("workloads", "resnet19")
    assert (said.status, said.out) == (2, "")
    assert "resnet18" in said.err


def test_this_hosts_description_is_the_services(cli: Cli, service_url: str) -> None:
    here = cli("workloads", "resnet18", "--json").document
    there = cli("workloads", "resnet18", "--json", "--service", "--url", service_url).document
    assert {**there, "url": None} == here
    listed = cli("workloads", "--json").document
    assert {one["name"] for one in listed} == set(catalogue())
    assert "parameters" not in listed[0]


def test_the_partitions_of_this_host_can_be_seen_without_a_service(cli: Cli) -> None:
    (partition,) = discover(None).partitions
    assert partition.uuid in cli("partitions").out
    assert cli("partitions", "--json").document == [partition.model_dump(mode="json")]


def test_the_partitions_of_a_service_tell_their_run(cli: Cli, service_url: str, database: Database) -> None:
    assert "no worker" in cli("partitions", "--service", "--url", service_url).err
    run_id = steps.submitted(database)
    steps.begun(database, run_id, simulated=True)
    said = cli("partitions", "--service", "--url", service_url, "--json")
    assert [(p["run"], p["simulated"]) for p in said.document] == [(run_id, True)]
    table = cli("partitions", "--service", "--url", service_url).out
    assert f"CPU-{run_id}" in table
    assert "busy" in table
    assert "simulated" in "".join(table.split())
