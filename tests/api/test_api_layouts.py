"""The layouts that a GPU can have: all that are legal, each once, and none that is not."""

from pathlib import Path

import pytest

from migperf.gpus.geometry import Placed
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.placement import Placement
from migperf.gpus.simulation.boards import BOARDS
from migperf.store.database import Database
from tests.api.gpu_host import GpuHost, dry_run
from tests.api.serving import TestClient
from tests.api.steps import both_databases

GUIDE = (
    "7x1g.10gb",
    "2g.20gb+5x1g.10gb",
    "2x2g.20gb+3x1g.10gb",
    "3x2g.20gb+1g.10gb",
    "3g.40gb+4x1g.10gb",
    "3g.40gb+3x1g.10gb",
    "3g.40gb+2g.20gb+2x1g.10gb",
    "3g.40gb+2g.20gb+1g.10gb",
    "3g.40gb+2x2g.20gb",
    "2x3g.40gb",
    "4g.40gb+3x1g.10gb",
    "4g.40gb+2g.20gb+1g.10gb",
    "4g.40gb+3g.40gb",
    "7g.80gb",
)
"""The combinations of plain profiles that NVIDIA's MIG User Guide draws, without their places."""


def layouts(client: TestClient, gpu: str, **query: object) -> dict[str, dict[str, object]]:
    answer = client.get(f"{gpu}/layouts", params=query)
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    found = {item["layout"]: item for item in items}
    assert len(found) == len(items), "each layout comes once"
    return found


def test_the_full_layouts_of_an_h100_are_those_of_the_guide_and_its_further_profiles(
    client: TestClient, h100: str
) -> None:
    full, every = layouts(client, h100), layouts(client, h100, full="false")
    assert set(GUIDE) <= set(full)
    assert (len(full), len(every)) == (64, 127)
    assert {name for name, item in every.items() if item["full"]} == set(full)


@pytest.mark.no_cover
@pytest.mark.parametrize("board", [key for key, board in BOARDS.items() if board.has_mig])
def test_each_example_is_legal_and_full_only_if_nothing_can_be_added(
    client: TestClient, database: Database, tmp_path: Path, board: str
) -> None:
    host = GpuHost.registered(database, tmp_path, board)
    gpu = host.gpu()
    for item in layouts(client, f"/v1/gpus/{gpu.uuid}", full="false").values():
        placed = [
            Placed(Placement(i["placement"]["start"], i["placement"]["size"]), i["profile"]) for i in item["instances"]
        ]
        assert gpu.geometry.check(placed) is None
        assert item["full"] == (not gpu.geometry.fitting(placed))
        assert item["slices_left"] == gpu.geometry.slices - sum(i["slices"] for i in item["instances"]) >= 0


def test_an_example_can_be_asked_for_as_it_is_written(client: TestClient, h100: str) -> None:
    for name, item in layouts(client, h100, contains="3g.40gb").items():
        assert dry_run(client, h100, item["example"])["after"] == item["example"]
        assert dry_run(client, h100, name)["steps"]


@both_databases
def test_layouts_can_be_narrowed_to_those_with_certain_profiles(client: TestClient, h100: str) -> None:
    once = layouts(client, h100, contains="3g.40gb")
    assert once
    assert all("3g.40gb" in name for name in once)
    assert set(layouts(client, h100, contains=["3g.40gb", "3g.40gb"])) == {"2x3g.40gb"}
    both = layouts(client, h100, contains=["3g.40gb", "2g.20gb"])
    assert set(both) == {name for name in once if "2g.20gb" in name}


@both_databases
def test_what_fits_beside_the_present_instances_destroys_none_of_them(
    client: TestClient, host: GpuHost, h100: str
) -> None:
    present = host.cut("3g.40gb@0(1c+2c)+1g.10gb@5").layout
    beside = layouts(client, h100, beside="current", full="false")
    assert "3g.40gb(2c+1c)+1g.10gb" in beside
    assert all(name == str(Layout.parse(name)) for name in beside), "written as layouts are written everywhere"
    for name, item in beside.items():
        plan = dry_run(client, h100, name)
        assert (plan["destroys"], plan["runs"]) == ([], [])
        assert set(present.instances) <= set(Layout.parse(item["example"]).instances)
    written = layouts(client, h100, beside="1g.10gb@5+3g.40gb@0(1c+2c)", full="false")
    assert written == beside


def test_instances_that_differ_only_in_their_compute_instances_are_written_in_one_order(
    client: TestClient, host: GpuHost, h100: str
) -> None:
    host.cut("3g.40gb@0(1c+2c)")
    (both,) = layouts(client, h100, beside="current", contains=["3g.40gb", "3g.40gb"])
    assert both == str(Layout.parse("3g.40gb(1c+2c)+3g.40gb"))


def test_beside_nothing_everything_fits(client: TestClient, h100: str) -> None:
    assert layouts(client, h100, beside="current") == layouts(client, h100, beside="empty") == layouts(client, h100)


def test_what_is_full_depends_on_what_lies_where(client: TestClient, h100: str) -> None:
    assert "3g.40gb+3x1g.10gb" in layouts(client, h100, beside="3g.40gb@0")
    assert "3g.40gb+3x1g.10gb" not in layouts(client, h100, beside="3g.40gb@4")


REFUSED_QUERIES = {
    "unknown profile": ({"contains": "9g.90gb"}, "contains", "1g.10gb"),
    "no layout": ({"beside": "3g.40gb@"}, "beside", "cannot be read"),
    "no places": ({"beside": "3g.40gb"}, "beside", "places"),
    "MIG is off": ({"beside": "off"}, "beside", "places"),
    "unknown profile beside": ({"beside": "3g.20gb@0"}, "beside", "no profile"),
    "no place for it": ({"beside": "3g.40gb@1"}, "beside", "3g.40gb@0, 3g.40gb@4"),
    "overlap": ({"beside": "3g.40gb@0+1g.10gb@2"}, "beside", "overlap"),
    "twice at one place": ({"beside": "1g.10gb@0+1g.10gb@0"}, "beside", "two instances at the same place 0"),
    "unknown parameter": ({"ful": "true"}, "ful", "unknown"),
    "neither true nor false": ({"full": "perhaps"}, "full", "boolean"),
}


@pytest.mark.parametrize(("query", "field", "detail"), REFUSED_QUERIES.values(), ids=REFUSED_QUERIES.keys())
def test_a_question_that_makes_no_sense_names_the_parameter(
    client: TestClient, h100: str, query: dict[str, str], field: str, detail: str
) -> None:
    answer = client.get(f"{h100}/layouts", params=query)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/validation")
    (error,) = answer.json()["errors"]
    assert error["field"] == field
    assert detail in error["detail"]


@both_databases
def test_a_gpu_that_cannot_be_cut_has_no_layouts_and_says_so(client: TestClient, host: GpuHost) -> None:
    uuid = host.gpu(1).uuid
    for answer in (
        client.get(f"/v1/gpus/{uuid}/layouts"),
        client.put(f"/v1/gpus/{uuid}/layout", json={"layout": "1g.6gb"}),
    ):
        assert (answer.status_code, answer.json()["type"]) == (409, "/problems/not-cuttable")
        assert "L40S" in answer.json()["detail"]
    assert client.put(f"/v1/gpus/{uuid}/layout", json={"layout": "off"}).status_code == 200


def test_legal_layouts_do_not_depend_on_which_gpu_was_asked_first(
    client: TestClient, database: Database, tmp_path: Path
) -> None:
    """They are kept by what the GPU can do, so boards that differ only in their names must not share them."""
    host = GpuHost.registered(database, tmp_path, "h100-80gb", "h200-141gb")
    names = [set(layouts(client, f"/v1/gpus/{gpu.uuid}")) for gpu in discover(host.driver).gpus]
    assert not names[0] & names[1]
