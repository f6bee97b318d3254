"""Protects the catalogue: what users pick payloads from, and what third parties extend."""

import json
import subprocess
import sys
from textwrap import dedent

import pytest
import torch
from pydantic import ValidationError

from workloads.base import (
    Card,
    Context,
    InferencePayload,
    Parameters,
    Task,
    TaskNotOfferedError,
    TrainingPayload,
    Workload,
)
from workloads.registry import (
    ENTRY_POINT_GROUP,
    DuplicateWorkloadError,
    UnknownWorkloadError,
    card,
    catalogue,
)

RESNETS = {f"resnet{depth}" for depth in (18, 34, 50, 101, 152)}
VITS = {f"vit-{stem}-{size}gf" for stem in "pc" for size in (1, 4, 18, 36, 72)}
SYNTHETIC = {"null", "known-service"}
MICRO = {"matrix-product", "memory-copy"}
TEXT = {"distilbert", "bert-base", "bert-large", "roberta-base", "xlnet-base"} | {
    f"{family}-tiny" for family in ("bert", "distilbert", "roberta", "xlnet")
}
CPU = Context(device=torch.device("cpu"), seed=0)


def every_card() -> list[Card]:
    return list(catalogue().values())


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Install a real distribution that offers one card: a module, its metadata and its entry point."""

    def install(card_name: str) -> None:
        (tmp_path / "thirdparty.py").write_text(
            dedent(f"""
            from workloads.base import Card, Parameters, Task
            CARD = Card(name={card_name!r}, title="T", summary="S", tasks=frozenset({{Task.TRAINING}}),
                        parameters=Parameters, implementation="thirdparty:None")
            """)
        )
        metadata = tmp_path / "thirdparty-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[{ENTRY_POINT_GROUP}]\ncard = thirdparty:CARD\n")
        monkeypatch.syspath_prepend(tmp_path)
        catalogue.cache_clear()

    yield install
    catalogue.cache_clear()
    sys.modules.pop("thirdparty", None)


def test_the_catalogue_names_every_shipped_payload_in_alphabetical_order():
    assert RESNETS | VITS | SYNTHETIC | MICRO | TEXT | {"vit-stem-stability"} <= set(catalogue())
    assert list(catalogue()) == sorted(catalogue())


@pytest.mark.parametrize("entry", every_card(), ids=lambda entry: entry.name)
def test_a_card_loads_to_a_workload_and_tells_what_it_is(entry):
    assert isinstance(entry.load(), Workload)
    assert entry.tasks
    assert entry.title
    assert entry.summary.endswith(".")


@pytest.mark.parametrize("entry", every_card(), ids=lambda entry: entry.name)
def test_defaults_validate_and_every_field_is_described_in_the_schema(entry):
    defaults = entry.parameters()
    assert entry.parameters.model_validate_json(defaults.model_dump_json()) == defaults
    schema = json.loads(json.dumps(entry.parameters.model_json_schema()))
    assert schema["additionalProperties"] is False
    assert schema["properties"]
    for name, field in schema["properties"].items():
        assert field.get("description", "").endswith("."), name
        assert "default" in field, name


@pytest.mark.parametrize("entry", every_card(), ids=lambda entry: entry.name)
def test_a_task_that_a_card_does_not_name_is_not_offered(entry):
    offered = {Task.INFERENCE: "inference", Task.TRAINING: "training"}
    for task in set(Task) - entry.tasks:
        with pytest.raises(TaskNotOfferedError, match=type(entry.load()).__name__):
            getattr(entry.load(), offered[task])(entry.parameters(), CPU)


def test_an_unknown_name_is_answered_with_the_nearest_ones():
    with pytest.raises(UnknownWorkloadError, match="resnet50") as caught:
        card("resnet-50")
    assert caught.value.nearest[0] == "resnet50"


def test_a_name_like_nothing_is_still_answered_with_names():
    with pytest.raises(UnknownWorkloadError) as caught:
        card("0000")
    assert set(caught.value.nearest) <= set(catalogue())
    assert caught.value.nearest


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("vit-c-1gf", {"image_size": 225}, "multiple of 16"),
        ("vit-c-1gf", {"image_size": 16}, "greater than or equal to 32"),
        ("resnet50", {"batch_size": 0}, "greater than or equal to 1"),
        ("resnet50", {"batch_size": 4097}, "less than or equal to 4096"),
        ("resnet50", {"classes": 1}, "greater than or equal to 2"),
        ("resnet50", {"learning_rate": 0}, "greater than 0"),
        ("resnet50", {"optimizer": "adagrad"}, "'adamw' or 'sgd'"),
        ("resnet50", {"batchsize": 3}, "Extra inputs"),
        ("resnet50", {"batch_size": 4096, "image_size": 1024}, "lower data_pool"),
        ("matrix-product", {"size": 63}, "greater than or equal to 64"),
        ("matrix-product", {"l2": "flushed", "repetitions": 2}, "set repetitions to 1"),
        ("memory-copy", {"mode": "move"}, "'copy', 'write' or 'read'"),
        ("memory-copy", {"direction": "up"}, "'device', 'host_to_device', 'device_to_host' or 'both'"),
        ("memory-copy", {"direction": "both", "mode": "write"}, "mode = write .* set mode to copy, or direction"),
        ("memory-copy", {"direction": "device_to_host", "mode": "read"}, "mode = read stays within the device"),
        ("vit-stem-stability", {"optimizers": []}, "at least 1 item"),
        ("vit-stem-stability", {"optimizers": ["sgd", "sgd"]}, "named once"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_with_the_reason(name, values, message):
    with pytest.raises(ValidationError, match=message):
        card(name).parameters.model_validate(values)


def test_a_resnet_takes_sides_that_are_no_whole_patches():
    assert card("resnet50").parameters.model_validate({"image_size": 225})


def test_resnets_train_with_sgd_and_transformers_with_adamw_unless_asked_otherwise():
    assert card("resnet50").parameters().model_dump()["optimizer"] == "sgd"
    assert card("vit-p-1gf").parameters().model_dump()["optimizer"] == "adamw"


def test_a_card_of_an_installed_package_is_found(package):
    package("third-party")
    found = card("third-party")
    assert (found.title, found.parameters) == ("T", Parameters)


def test_a_package_may_not_reuse_a_name(package):
    package("resnet50")
    with pytest.raises(DuplicateWorkloadError, match="resnet50"):
        catalogue()


def test_listing_and_validating_do_not_import_torch():
    """Importing it takes seconds; an API that only checks a submission must not pay for that."""
    script = (
        "import sys\n"
        "from workloads.registry import catalogue\n"
        "[card.parameters() for card in catalogue().values()]\n"
        "sys.exit('torch' in sys.modules or 'sklearn' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_payload_kinds_are_told_apart_by_their_classes():
    assert not issubclass(InferencePayload, TrainingPayload)
    assert TrainingPayload.total_steps is None
