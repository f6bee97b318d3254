"""``migperf experiments validate`` and ``plan``, without a service: files read, boards planned for and cut."""

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Cli

BASE = {
    "migperf": 1,
    "name": "test",
    "benchmark": {"workload": "null", "scenario": "single_stream", "method": {"min_s": 1, "precision": None}},
    "matrix": {"partition": ["1g", "3g", "7g"]},
    "repeats": 2,
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return written(tmp_path)


def written(folder: Path, **more: object) -> Path:
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump({**BASE, **more}, sort_keys=False))
    return path


def test_a_file_whose_cells_could_all_be_run_is_valid(cli: Cli, file: Path) -> None:
    said = cli("experiments", "validate", str(file))
    assert (said.status, said.out) == (0, "")
    assert "'test'" in said.err
    assert cli("experiments", "validate", str(file), "--json").document["valid"] is True


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"repeats": 0}, "repeats: "),
        ({"matrix": {"benchmark.parameters.size": [1]}}, "cell size = 1: benchmark.parameters.size: "),
        ({"matrix": {"benchmrk.workload": ["null"]}}, "matrix.benchmrk.workload: "),
        ({"clients": 2}, "sharing: runs that are measured together need it"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_without_a_traceback(
    cli: Cli, tmp_path: Path, more: dict[str, object], told: str
) -> None:
    path = str(written(tmp_path, **more))
    for command in (["validate", path], ["plan", path, "--board", "a100-80gb"], ["plan", path, "--here"]):
        said = cli("experiments", *command)
        assert (said.status, said.out) == (2, "")
        assert told in said.err
        assert "Traceback" not in said.err


def test_what_is_no_yaml_or_no_text_is_told_with_its_place(cli: Cli, tmp_path: Path) -> None:
    for content, told in ((b"migperf: [1", "line 1"), (b"name: \xff", "not text")):
        path = tmp_path / "broken.yaml"
        path.write_bytes(content)
        said = cli("experiments", "validate", str(path))
        assert (said.status, told in said.err) == (2, True)


@pytest.mark.parametrize(
    ("board", "skipped", "layouts"),
    [("a30-24gb", 2, {"1g.6gb"}), ("a100-80gb", 0, {"1g.10gb", "3g.40gb", "7g.80gb"})],
)
def test_a_plan_for_a_board_names_layouts_that_the_simulated_board_then_has(
    cli: Cli, file: Path, board: str, skipped: int, layouts: set[str]
) -> None:
    plan = cli("experiments", "plan", str(file), "--board", board, "--apply", "--json").document
    assert sum(cell["skipped"] is not None for cell in plan["cells"]) == skipped
    assert {one["layout"]: one["as_asked"] for one in plan["applied"]} == dict.fromkeys(layouts, True)
    assert len(plan["order"]) == 2 * (3 - skipped)


def test_a_plan_is_a_table_with_the_reasons_of_what_is_skipped(cli: Cli, file: Path) -> None:
    said = cli("experiments", "plan", str(file), "--board", "a30-24gb", "--apply")
    assert said.status == 0
    assert "skipped: NVIDIA A30 has" in said.out
    assert "applied 1g.6gb in 2 steps: read back as asked" in said.out


def test_a_layout_with_mig_off_is_skipped_where_that_takes_a_reset_and_applied_where_not(
    cli: Cli, tmp_path: Path
) -> None:
    path = str(written(tmp_path, matrix={"device": {"cut": {"partition": "1g"}, "off": {"layout": "off"}}}))
    ampere, hopper = (
        cli("experiments", "plan", path, "--board", board, "--apply", "--json").document
        for board in ("a100-80gb", "h100-80gb")
    )
    assert "takes a reset" in ampere["cells"][1]["skipped"]
    assert {one["layout"]: one["as_asked"] for one in hopper["applied"]} == {"1g.10gb": True, "off": True}


def test_this_hosts_cpu_can_be_planned_for(cli: Cli, tmp_path: Path) -> None:
    path = str(written(tmp_path, matrix={"sharing": ["pinned", "mps"]}))
    pinned, mps = cli("experiments", "plan", path, "--here", "--json").document["cells"]
    assert (pinned["skipped"], pinned["sharing"]) == (None, "pinned")
    assert "cannot be shared by mps" in mps["skipped"]


@pytest.mark.parametrize("options", [["--apply", "--here"], ["--board", "a10"]])
def test_only_a_simulated_board_that_there_is_can_be_cut(cli: Cli, file: Path, options: list[str]) -> None:
    said = cli("experiments", "plan", str(file), *options)
    assert (said.status, said.out) == (2, "")
    assert "board" in said.err
