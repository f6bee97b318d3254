"""The explorer of layouts: legal places are offered, others are explained, and all rules are the geometry's."""

import html
import re

import pytest

from migperf.gpus.simulation.boards import BOARDS
from tests.api.gpu_host import GpuHost
from tests.api.serving import TestClient
from tests.api.test_api_schedule_pages import check_page, page_of, text_of


def links_of(page: str, prefix: str) -> dict[str, str]:
    """Return where the links lead whose labels begin so, by the rest of the label."""
    found = re.findall(rf'<a class="place[^"]*" href="([^"]+)" aria-label="{prefix} ([^"]+)"', page)
    return {label: html.unescape(link) for link, label in found}


def layout_of(page: str) -> str:
    [text] = re.findall(r'<code id="layout-text">([^<]*)</code>', page)
    return html.unescape(text)


@pytest.mark.parametrize("board", [board.key for board in BOARDS.values() if board.has_mig])
def test_every_board_begins_empty_with_all_places_offered(client: TestClient, board: str) -> None:
    page = page_of(client, f"/layouts?board={board}")
    places = sum(len(profile.starts) for profile in BOARDS[board].profiles)
    assert (layout_of(page), len(links_of(page, "Add")), links_of(page, "Why not")) == ("empty", places, {})


def test_places_are_taken_one_after_the_other_until_nothing_can_be_added(client: TestClient) -> None:
    page = page_of(client, links_of(page_of(client, "/layouts"), "Add")["3g.40gb@4"])
    assert layout_of(page) == "3g.40gb@4"
    assert "3g.40gb@0" in links_of(page, "Add")
    page = page_of(client, links_of(page, "Add")["4g.40gb@0"])
    assert layout_of(page) == "4g.40gb@0+3g.40gb@4"
    assert links_of(page, "Add") == {}
    assert "Nothing can be added." in text_of(page)
    [back] = re.findall(r'<a href="([^"]+)" aria-label="3g.40gb, memory units 4 to 7[^"]*Take it away"', page)
    assert layout_of(page_of(client, html.unescape(back))) == "4g.40gb@0"


@pytest.mark.parametrize(
    ("layout", "move", "why"),
    [
        ("2g.20gb@2", "3g.40gb@0", "3g.40gb@0 would overlap with 2g.20gb@2"),
        ("1g.10gb+me@4", "1g.10gb+me@5", "a GPU holds at most 1 of 1g.10gb+me"),
        ("4g.40gb@0", "1g.10gb@9", "1g.10gb cannot begin at 9"),
    ],
)
def test_a_move_that_is_not_legal_is_explained(client: TestClient, layout: str, move: str, why: str) -> None:
    page = client.get("/layouts", params={"board": "h100-80gb", "layout": layout, "try": move}).text
    assert why in text_of(page)
    assert layout_of(page) == layout, "nothing is lost"


def test_compute_slices_and_media_engines_are_reasons_too(client: TestClient) -> None:
    for board, layout, move, why in (
        ("h100-80gb", "1g.10gb@0+1g.10gb@1+1g.10gb@2+1g.20gb@6+3g.40gb@4", "1g.10gb@3", "overlap"),
        ("rtx-pro-6000-96gb", "1g.24gb+me.all@0", "1g.24gb@3", "only instances without any (-me) fit"),
    ):
        page = client.get("/layouts", params={"board": board, "layout": layout, "try": move}).text
        assert why in text_of(page)


def test_a_typed_layout_is_given_places_or_refused_with_the_reason(client: TestClient) -> None:
    page = client.get("/layouts", params={"layout": "3g.40gb+2x2g.20gb"}).text
    assert layout_of(page) == "3g.40gb@4+2g.20gb@0+2g.20gb@2"
    for text, why in (
        ("3x3g.40gb", "a GPU holds at most 2 of 3g.40gb"),
        ("<b>", "cannot be read"),
        ("9g.9gb", "no profile"),
    ):
        page = client.get("/layouts", params={"layout": text}).text
        assert why in text_of(page)
        assert "<b>" not in page


@pytest.mark.parametrize("name", ["0g.10gb", "99999999999g.1gb", "3g.40gb+0g.10gb@0"])
def test_a_profile_that_cannot_be_read_is_explained_wherever_the_address_has_it(client: TestClient, name: str) -> None:
    why = f"'{name.rpartition('+')[2].partition('@')[0]}' is no MIG profile; one looks like 1g.10gb"
    answer = client.get("/layouts", params={"layout": name})
    assert answer.status_code == 200
    assert why in text_of(answer.text)
    assert 'id="objection" class="warning" role="alert"' in answer.text
    assert f'value="{name}"' in answer.text, "what was typed can be mended"
    assert len(links_of(answer.text, "Add")) > 1, "and one can begin anew"
    page = client.get("/layouts", params={"layout": "3g.40gb@4", "try": name}).text
    assert why in text_of(page)
    assert layout_of(page) == "3g.40gb@4", "nothing is lost"


def test_what_a_layout_serves_is_told_by_profile(client: TestClient) -> None:
    page = client.get("/layouts", params={"layout": "4g.40gb(2x2c)+3x1g.10gb"}).text
    told = text_of(page.partition('id="served"')[2].partition("</section>")[0])
    assert "2c.4g.40gb 2 40,448 MiB a part" in told
    assert "1g.10gb 3 9,984 MiB 16" in told


def test_all_layouts_to_which_nothing_can_be_added_are_listed_and_counted(client: TestClient) -> None:
    page = page_of(client, "/layouts?board=a30-24gb")
    assert "8 of 19 legal layouts" in text_of(page)
    listed = re.findall(r'<li><a class="mono" href="([^"]+)"', page)
    assert len(listed) == 8
    for link in listed:
        assert "Nothing can be added." in text_of(page_of(client, html.unescape(link)))


def test_a_gpu_begins_as_it_is_cut_and_can_be_cut_anew(client: TestClient, host: GpuHost) -> None:
    host.cut("3g.40gb+1g.10gb")
    uuid = host.gpu().uuid
    page = page_of(client, f"/layouts?gpu={uuid}")
    assert layout_of(page) == str(host.gpu().layout)
    assert f'data-gpu="/v1/gpus/{uuid}"' in page
    assert "simulated" in text_of(page)
    assert 'data-action="plan"' in page
    assert 'data-action="plan"' not in page_of(client, "/layouts"), "a board is no GPU"


def test_what_is_not_known_or_cannot_be_cut_is_said(client: TestClient, host: GpuHost) -> None:
    for path in ("board=h1000", "gpu=GPU-none", f"gpu={host.gpu(1).uuid}", "board=l40s-48gb"):
        assert "There is no such thing" in page_of(client, f"/layouts?{path}", 404)


def test_the_page_can_be_read_aloud_and_loads_nothing_from_elsewhere(client: TestClient, h100: str) -> None:
    check_page(client, "/layouts?board=a30-24gb&layout=2g.12gb@0")
    check_page(client, f"/layouts?gpu={h100.rpartition('/')[2]}")
