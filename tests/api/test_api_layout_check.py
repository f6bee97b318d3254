"""Checking a layout over HTTP: what it calls legal is what brute force over all placements calls legal."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.schemas.layout_check import LayoutCheck
from migperf.gpus.geometry import Geometry, Placed
from migperf.gpus.gpu import Gpu
from migperf.gpus.known_boards import gpu_of_board
from migperf.gpus.layout import InstanceSpec, Layout
from migperf.gpus.simulation.boards import BOARDS
from migperf.store.database import Database
from tests.api.gpu_host import PROBLEM, GpuHost
from tests.api.serving import TestClient
from tests.api.steps import both_databases, row_counts
from tests.api.test_api_fuzz import ANY_JSON
from tests.api.test_api_layouts_fuzz import NEAR_LAYOUTS
from tests.gpus.test_geometry import legal

MIG_BOARDS = [key for key, board in BOARDS.items() if board.has_mig]
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def asked(client: TestClient, layout: str, **subject: str) -> dict[str, Any]:
    """The answer, which must be as documented."""
    answer = client.post("/v1/layouts/check", json={"layout": layout, **(subject or {"board": "h100-80gb"})})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    assert LayoutCheck.model_validate(document).model_dump(mode="json") == document
    return document


def refused(client: TestClient, body: object) -> dict[str, Any]:
    answer = client.post("/v1/layouts/check", json=body)
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    return dict(error)


def geometry_of(gpu: Gpu) -> Geometry:
    assert gpu.geometry is not None
    return gpu.geometry


def written(placed: Sequence[Placed]) -> str:
    return str(Layout.of(InstanceSpec(one.profile, one.placement.start) for one in placed))


@pytest.mark.no_cover
@pytest.mark.parametrize("board", MIG_BOARDS)
@SLOW
@given(data=st.data())
def test_verdict_and_moves_are_those_of_the_rules_said_of_the_whole_set(
    client: TestClient, board: str, data: st.DataObject
) -> None:
    """``legal`` of the geometry's tests says the rules once more, without going instance by instance."""
    geometry = geometry_of(gpu_of_board(board))
    starts = st.sampled_from(geometry.candidates)
    placed = tuple(data.draw(st.lists(starts, max_size=5, unique_by=lambda one: one.placement.start)))
    found = asked(client, written(placed), board=board)
    assert found["legal"] == legal(geometry, placed)
    assert found["legal"] == (found["objection"] is None)
    if not found["legal"]:
        assert (found["moves"], found["instances"], found["full"]) == ([], [], None)
        return
    moves = {move["instance"]: move for move in found["moves"]}
    assert set(moves) == {str(one) for one in geometry.candidates}
    possible = {str(one) for one in geometry.candidates if legal(geometry, (*placed, one))}
    assert {name for name, move in moves.items() if move["objection"] is None} == possible
    assert found["full"] == (not possible)
    if possible:
        onward = moves[sorted(possible)[0]]
        assert asked(client, onward["layout"], board=board)["layout"] == onward["layout"]


BROKEN = {
    "an unknown profile": ("9g.90gb", "profile", {"instance": "9g.90gb"}),
    "no place there": ("3g.40gb@1", "start", {"instance": "3g.40gb@1"}),
    "units that are taken": (
        "4g.40gb@0+2g.20gb@2",
        "overlap",
        {"instance": "2g.20gb@2", "beside": "4g.40gb@0", "memory_units": {"start": 2, "size": 2}},
    ),
    "too many of one": ("3x3g.40gb", "max_count", {"instance": "3g.40gb"}),
    "compute slices": ("4g.40gb+3g.40gb+1g.10gb", "arrangement", {"instance": None}),
    "compute instances": ("3g.40gb(2x2c)", "compute_instances", {"instance": "3g.40gb(2x2c)"}),
}


@pytest.mark.parametrize(("layout", "rule", "about"), BROKEN.values(), ids=BROKEN.keys())
def test_the_rule_that_is_broken_is_named_with_what_breaks_it(
    client: TestClient, layout: str, rule: str, about: dict[str, object]
) -> None:
    found = asked(client, layout)
    objection = found["objection"]
    assert (found["legal"], objection["rule"]) == (False, rule)
    assert {name: objection[name] for name in about} == about


def test_the_board_its_instances_and_each_move_are_told_in_full(client: TestClient) -> None:
    found = asked(client, "3g.40gb@4(1c+2c)")
    moves = {move["instance"]: move for move in found.pop("moves")}
    assert found == {
        "model": "NVIDIA H100 80GB HBM3",
        "gpu": None,
        "layout": "3g.40gb@4(2c+1c)",
        "legal": True,
        "objection": None,
        "instances": [
            {
                "profile": "3g.40gb",
                "placement": {"start": 4, "size": 4},
                "slices": 3,
                "compute_placements": [{"start": 0, "size": 2}, {"start": 2, "size": 1}],
            }
        ],
        "memory_units": 8,
        "compute_slices": 7,
        "slices_left": 4,
        "full": False,
    }
    assert moves["1g.20gb@2"] == {
        "instance": "1g.20gb@2",
        "profile": "1g.20gb",
        "placement": {"start": 2, "size": 2},
        "slices": 1,
        "layout": "3g.40gb@4(2c+1c)+1g.20gb@2",
        "objection": None,
    }
    assert moves["7g.80gb@0"] == {
        "instance": "7g.80gb@0",
        "profile": "7g.80gb",
        "placement": {"start": 0, "size": 8},
        "slices": 7,
        "layout": None,
        "objection": {
            "rule": "overlap",
            "detail": "7g.80gb@0 would overlap with 3g.40gb@4",
            "instance": "7g.80gb@0",
            "beside": "3g.40gb@4",
            "memory_units": {"start": 4, "size": 4},
        },
    }


def test_media_engines_and_boards_without_mig_have_rules_too(client: TestClient) -> None:
    found = asked(client, "1g.24gb+me.all@0", board="rtx-pro-6000-96gb")
    rules = {move["instance"]: move["objection"] and move["objection"]["rule"] for move in found["moves"]}
    assert rules["1g.24gb@3"] == "media_engines"
    assert rules["1g.24gb-me@3"] is None
    none = asked(client, "1g.6gb", board="l40s-48gb")
    assert (none["legal"], none["objection"]["rule"], none["compute_slices"]) == (False, "no_mig", None)
    assert asked(client, "off", board="l40s-48gb")["legal"] is True


def test_places_that_are_left_open_are_filled_in(client: TestClient) -> None:
    found = asked(client, "3g.40gb(2c+1c)+2x2g.20gb", board="NVIDIA H100 80GB HBM3")
    assert found["layout"] == "3g.40gb@4(2c+1c)+2g.20gb@0+2g.20gb@2"
    assert (found["slices_left"], found["full"]) == (0, True)
    assert found["instances"][-1]["compute_placements"] == [{"start": 0, "size": 2}, {"start": 2, "size": 1}]


@both_databases
def test_a_gpu_of_the_service_is_asked_as_if_it_were_empty(
    client: TestClient, host: GpuHost, database: Database
) -> None:
    host.cut("3g.40gb@4+1g.10gb@0")
    before = row_counts(database)
    uuid = host.gpu().uuid
    found = asked(client, "4g.40gb+3g.40gb", gpu=uuid)
    assert (found["legal"], found["gpu"]) == (True, uuid)
    assert found["layout"] == "4g.40gb@0+3g.40gb@4"
    assert row_counts(database) == before
    assert [one["profile"] for one in found["instances"]] == ["4g.40gb", "3g.40gb"], "also what is there already"
    assert str(host.gpu().layout) == "3g.40gb@4+1g.10gb@0", "nothing is cut"


def test_a_gpu_that_is_unknown_or_cannot_be_read_is_refused(client: TestClient, host: GpuHost) -> None:
    assert client.post("/v1/layouts/check", json={"gpu": "GPU-none", "layout": "off"}).status_code == 404
    uuid = host.gpu().uuid
    host.fail()
    answer = client.post("/v1/layouts/check", json={"gpu": uuid, "layout": "7g.80gb"})
    assert answer.status_code == 409
    assert PROBLEM in answer.json()["detail"]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"layout": "7g.80gb"}, "board", "either board or gpu"),
        ({"layout": "7g.80gb", "board": "h100-80gb", "gpu": "GPU-1"}, "board", "either board or gpu"),
        ({"layout": "7g.80gb", "board": "h1000"}, "board", "h100-80gb"),
        ({"layout": "3g.40gb@", "board": "h100-80gb"}, "layout", "cannot be read"),
        ({"layout": "1g.10gb@0+1g.10gb@0", "board": "h100-80gb"}, "layout", "same place 0"),
        ({"board": "h100-80gb"}, "layout", "required"),
    ],
)
def test_a_question_that_makes_no_sense_names_its_field(
    client: TestClient, body: dict[str, str], field: str, said: str
) -> None:
    error = refused(client, body)
    assert error["field"] == field
    assert said in error["detail"]


@pytest.mark.no_cover
@SLOW
@given(
    st.fixed_dictionaries(
        {"layout": NEAR_LAYOUTS | ANY_JSON},
        optional={"board": st.sampled_from(list(BOARDS)) | ANY_JSON, "gpu": ANY_JSON},
    )
    | ANY_JSON
)
def test_no_body_makes_the_service_fail(client: TestClient, body: object) -> None:
    sent = json.dumps(body).encode()
    answer = client.post("/v1/layouts/check", content=sent, headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 400, 404, 422), answer.text
