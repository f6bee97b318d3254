"""`migperf layouts check`: legal or not by its exit status, and which rule stands in the way."""

from tests.cli.conftest import Cli


def test_a_legal_layout_is_told_with_what_can_be_added(cli: Cli, service_url: str) -> None:
    said = cli("layouts", "check", "4g.40gb+2g.20gb", "--board", "h100-80gb", "--url", service_url)
    assert said.status == 0, said.err
    assert said.out.splitlines() == [
        "4g.40gb@0+2g.20gb@4 is legal on NVIDIA H100 80GB HBM3",
        "1 of 7 compute slices left",
        "can be added: 1g.10gb@6, 1g.10gb+me@6, 1g.20gb@6",
    ]
    full = cli("layouts", "check", "7g.80gb", "--board", "h100-80gb", "--url", service_url)
    assert full.out.endswith("can be added: nothing\n")


def test_an_illegal_one_has_a_status_of_its_own_and_the_rule(cli: Cli, service_url: str) -> None:
    asked = ("layouts", "check", "4g.40gb@0+2g.20gb@2", "--board", "h100-80gb", "--url", service_url)
    said = cli(*asked)
    assert said.status == 1
    assert "is not legal on NVIDIA H100 80GB HBM3 (overlap)" in " ".join(said.out.split())
    assert "2g.20gb@2 would overlap with 4g.40gb@0" in " ".join(said.out.split())
    assert cli(*asked, "--json").document["objection"]["memory_units"] == {"start": 2, "size": 2}


def test_without_a_board_it_says_what_is_missing(cli: Cli, service_url: str) -> None:
    said = cli("layouts", "check", "7g.80gb", "--url", service_url)
    assert said.status not in (0, 1)
    assert "give either board or gpu" in said.err
