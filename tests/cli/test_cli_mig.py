"""``migperf mig``: planning, applying, comparing and exporting layouts, and the MIG mode, on simulated hosts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from migperf.cli.problems import present
from migperf.errors import MigperfError
from migperf.gpus.host_cpu import host_identity
from migperf.gpus.inventory import find_gpu, partitions_of
from migperf.gpus.layout import Layout
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.stores import FileStore
from migperf.jobs.local_layouts import LocalLayouts
from migperf.settings import load_settings
from migperf.store import leases, nodes, runs, schema
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from tests import builders
from tests.cli.conftest import Cli
from tests.cli.simulated_host import simulate, uuid_of

COMMANDS = ("plan", "apply", "export", "assert", "enable", "disable", "reset", "profiles", "layouts")


@pytest.fixture
def hopper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimulatedDriver:
    """A host with one H100."""
    return simulate(monkeypatch, tmp_path / "data", "h100-80gb")


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimulatedDriver:
    """A host with an H100 and an H200."""
    return simulate(monkeypatch, tmp_path / "data", "h100-80gb", "h200-141gb")


def layout(driver: SimulatedDriver, index: int = 0) -> str:
    return str(find_gpu(driver, uuid_of(driver, index)).layout)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    said = cli("mig", command, "--help")
    assert said.status == 0
    assert f"Usage: migperf mig {command}" in said.out
    assert "--json" in said.out


def test_help_of_gpus_and_mig_imports_nothing_heavy() -> None:
    """Help answers at once: no driver, file format or database is loaded for it."""
    code = """
import sys
from migperf.cli.main import main
for command in (["gpus"], ["mig"], ["mig", "apply"]):
    try:
        main([*command, "--help"])
    except SystemExit:
        pass
print("heavy:", sorted({"pydantic_settings", "yaml", "sqlalchemy", "pynvml", "filelock", "numpy"} & set(sys.modules)))
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_host_without_gpus_is_a_usage_error(cli: Cli, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("MIGPERF_GPUS", "none")
    wanted = ["empty"] if command in {"plan", "apply", "assert"} else []
    said = cli("mig", command, *wanted)
    assert (said.status, said.out) == (2, "")
    assert "MIGPERF_GPUS can be" in said.err


# Plan and apply


def test_a_plan_is_drawn_before_and_after_and_changes_nothing(cli: Cli, hopper: SimulatedDriver) -> None:
    cli("mig", "apply", "4g.40gb+2g.20gb")
    (doomed,) = (p.uuid for p in partitions_of(find_gpu(hopper, uuid_of(hopper))) if p.profile == "2g.20gb")
    said = cli("mig", "plan", "4g.40gb+1g.10gb")
    assert said.status == 0
    assert [line.rstrip() for line in said.out.splitlines()][2:] == [
        "before  4g.40gb@0+2g.20gb@4",
        "  memory  |4g.40gb------------------------|2g.20gb--------|.......|.......|",
        "  compute |4c-----------------------------|2c-------------|.......|",
        "to do",
        "  1. destroy compute instance 0 (2g.20gb,",
        f"     {doomed}) of GPU instance 3",
        "  2. destroy GPU instance 3 (2g.20gb@4)",
        "  3. create GPU instance 1g.10gb@4",
        "  4. create compute instance of 1 slice in the GPU instance at 4",
        "after   4g.40gb@0+1g.10gb@4",
        "  memory  |4g.40gb------------------------|1g.10gb|.......|.......|.......|",
        "  compute |4c-----------------------------|1c-----|.......|.......|",
    ]
    assert layout(hopper) == "4g.40gb@0+2g.20gb@4"
    assert cli("mig", "apply", "--dry-run", "4g.40gb+1g.10gb").out == said.out
    assert layout(hopper) == "4g.40gb@0+2g.20gb@4"


def test_applying_turns_mig_on_cuts_and_is_idempotent(cli: Cli, hopper: SimulatedDriver) -> None:
    (first,) = cli("mig", "apply", "3g.40gb+2x2g.20gb", "--json").document
    assert (first["before"], first["done"]) == ("off", True)
    assert first["after"] == layout(hopper)
    assert first["steps"][0] == "turn MIG on"
    (second,) = cli("mig", "apply", "3g.40gb+2x2g.20gb", "--json").document
    assert (second["steps"], second["done"]) == ([], False)
    assert "is cut so already" in cli("mig", "apply", "3g.40gb+2x2g.20gb").out


def test_what_stays_keeps_its_uuid_and_json_names_what_goes(cli: Cli, hopper: SimulatedDriver) -> None:
    cli("mig", "apply", "3g.40gb+2g.20gb")
    before = {p.profile: p.uuid for p in partitions_of(find_gpu(hopper, uuid_of(hopper)))}
    (change,) = cli("mig", "apply", "3g.40gb", "--json").document
    assert change["destroys"] == [before["2g.20gb"]]
    assert [p.uuid for p in partitions_of(find_gpu(hopper, uuid_of(hopper)))] == [before["3g.40gb"]]


def test_a_busy_gpu_is_refused_and_it_is_said_whose_process_it_is(cli: Cli, hopper: SimulatedDriver) -> None:
    cli("mig", "apply", "7g.80gb")
    (partition,) = partitions_of(find_gpu(hopper, uuid_of(hopper)))
    hopper.add_process(4711, "trainer", partition.uuid, 1)
    for command in (["apply", "empty"], ["disable"]):
        said = cli("mig", *command)
        assert (said.status, said.out) == (1, "")
        assert f"process 4711 (trainer) uses {partition.uuid}" in said.err
    forced = cli("mig", "apply", "empty", "--force")
    assert forced.status == 1
    assert "cut as before: 7g.80gb@0" in forced.err
    assert layout(hopper) == "7g.80gb@0"


@pytest.mark.parametrize(
    ("wanted", "status", "reason"),
    [
        ("4x2g.20gb", 1, "at most 3 of 2g.20gb"),
        ("9g.80gb", 1, "it has 1g.10gb, 2g.20gb"),
        ("3g.40gb@1", 1, "cannot begin at 1; it can at 0, 4"),
        ("3g.40gb(2c+2c)", 1, "cannot be cut into compute instances 2c+2c"),
        ("3g;40gb", 2, "cannot be read at '3g;40gb'"),
        ("no-such.yaml", 2, "there is no file 'no-such.yaml'"),
    ],
)
def test_what_cannot_be_had_is_refused_with_what_could(
    cli: Cli, hopper: SimulatedDriver, wanted: str, status: int, reason: str
) -> None:
    said = cli("mig", "apply", wanted)
    assert (said.status, said.out) == (status, "")
    assert reason in said.err
    assert "Traceback" not in said.err
    assert layout(hopper) == "off"


def test_a_process_without_the_right_to_cut_is_told_which_right(hopper: SimulatedDriver) -> None:
    """The driver's refusal comes out as one line with a remedy, not as a fault in migperf."""
    settings = load_settings()
    store = FileStore(settings.simulated_host_file, ["h100-80gb"], host_identity())
    unprivileged = LocalLayouts(settings, SimulatedDriver(store, privileged=False))
    with pytest.raises(MigperfError) as raised:
        unprivileged.apply(uuid_of(hopper), Layout.parse("1g.10gb"))
    said = present(raised.value)
    assert said.status == 1
    assert "CAP_SYS_ADMIN" in said.headline


# Which GPU


def test_with_several_gpus_one_has_to_be_named(cli: Cli, two: SimulatedDriver) -> None:
    for command in (
        ["apply", "empty"],
        ["plan", "empty"],
        ["enable"],
        ["disable"],
        ["reset"],
        ["profiles"],
        ["layouts"],
    ):
        said = cli("mig", *command)
        assert (said.status, said.out) == (2, "")
        assert "--gpu" in said.err
        assert f"GPU 0 (NVIDIA H100 80GB HBM3, simulated, {uuid_of(two, 0)})" in said.err
        assert f"GPU 1 (NVIDIA H200, simulated, {uuid_of(two, 1)})" in said.err


def test_a_gpu_goes_by_index_uuid_and_the_beginning_of_it(cli: Cli, two: SimulatedDriver) -> None:
    uuid = uuid_of(two, 1)
    for name in ("1", uuid, uuid[:12], uuid[:12].upper()):
        assert [one["gpu"] for one in cli("mig", "plan", "empty", "--gpu", name, "--json").document] == [uuid]
    for name, reason in (("GPU-", "several GPUs"), ("2", "none of"), ("MIG-1", "none of"), ("", "none of")):
        said = cli("mig", "plan", "empty", "--gpu", name)
        assert said.status == 2
        assert reason in said.err


def test_the_only_gpu_that_can_be_cut_need_not_be_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = simulate(monkeypatch, tmp_path, "l40s-48gb", "h100-80gb")
    assert cli("mig", "apply", "7g.80gb").status == 0
    assert layout(driver, 1) == "7g.80gb@0"
    said = cli("mig", "apply", "1g.10gb", "--gpu", "0")
    assert said.status == 1
    assert "has no MIG" in said.err
    simulate(monkeypatch, tmp_path, "l40s-48gb")
    said = cli("mig", "layouts")
    assert said.status == 2
    assert "no GPU of this host can be cut" in said.err


# Export, assert and files


def test_what_was_exported_can_be_asserted_and_applied_again(cli: Cli, two: SimulatedDriver, tmp_path: Path) -> None:
    cli("mig", "apply", "3g.40gb@4(2x1c)+1g.20gb@0", "--gpu", "0")
    file = tmp_path / "layouts.yaml"
    assert cli("mig", "export", "-o", str(file)).out == ""
    assert yaml.safe_load(file.read_text()) == {
        "version": 1,
        "gpus": [
            {"uuid": uuid_of(two, 0), "model": "NVIDIA H100 80GB HBM3", "layout": "3g.40gb@4(2x1c)+1g.20gb@0"},
            {"uuid": uuid_of(two, 1), "model": "NVIDIA H200", "layout": "off"},
        ],
    }
    assert cli("mig", "export").out == file.read_text()
    assert cli("mig", "export", "--json").document == yaml.safe_load(file.read_text())
    assert cli("mig", "assert", str(file)).status == 0
    cli("mig", "apply", "7g.80gb", "--gpu", "0")
    cli("mig", "enable", "--gpu", "1")
    assert cli("mig", "assert", str(file)).status == 1
    assert [one["done"] for one in cli("mig", "apply", str(file), "--json").document] == [True, True]
    assert (layout(two, 0), layout(two, 1)) == ("3g.40gb@4(2x1c)+1g.20gb@0", "off")
    assert cli("mig", "assert", str(file)).status == 0


def test_an_assertion_says_what_differs_and_places_count_only_where_they_are_given(
    cli: Cli, hopper: SimulatedDriver
) -> None:
    cli("mig", "apply", "3g.40gb@4+1g.10gb@2")
    for equal in ("3g.40gb+1g.10gb", "1g.10gb+3g.40gb@4", "3g.40gb@4(3c)+1g.10gb@2"):
        assert cli("mig", "assert", equal).status == 0, equal
    said = cli("mig", "assert", "3g.40gb@0+1g.10gb")
    assert said.status == 1
    assert "is cut 3g.40gb@4+1g.10gb@2, not 3g.40gb@0+1g.10gb" in said.out
    assert "to do: create GPU instance 3g.40gb@0" in said.out
    document = cli("mig", "assert", "off", "--json").document
    assert document["equal"] is False
    assert document["gpus"][0]["differences"][-1] == "to do: turn MIG off"
    assert layout(hopper) == "3g.40gb@4+1g.10gb@2"


def test_an_assertion_of_a_layout_concerns_every_gpu_that_can_be_cut(cli: Cli, two: SimulatedDriver) -> None:
    cli("mig", "enable", "--gpu", "0")
    assert cli("mig", "assert", "empty", "--gpu", "0").status == 0
    said = cli("mig", "assert", "empty")
    assert said.status == 1
    assert "H200, simulated" in said.out
    cli("mig", "enable", "--gpu", "1")
    assert cli("mig", "assert", "empty").status == 0


def test_a_layout_that_a_gpu_cannot_have_is_a_difference(cli: Cli, hopper: SimulatedDriver) -> None:
    said = cli("mig", "assert", "1g.5gb")
    assert said.status == 1
    assert "no profile 1g.5gb" in said.out


def test_a_file_names_gpus_by_index_and_by_model(cli: Cli, two: SimulatedDriver, tmp_path: Path) -> None:
    """An unquoted off is false to YAML, and means off all the same."""
    file = tmp_path / "layouts.yaml"
    file.write_text("version: 1\ngpus:\n  - {index: 0, layout: 7g.80gb}\n  - {model: '*h2?0*', layout: empty}\n")
    assert cli("mig", "apply", str(file)).status == 0
    assert (layout(two, 0), layout(two, 1)) == ("7g.80gb@0", "empty")
    file.write_text("version: 1\ngpus:\n  - {model: 'NVIDIA H*', layout: off}\n")
    assert cli("mig", "apply", str(file)).status == 0
    assert (layout(two, 0), layout(two, 1)) == ("off", "off")


@pytest.mark.parametrize(
    ("content", "place"),
    [
        ("version: 1\ngpus: [\n", "line 3, column 1"),
        ("gpus: [{index: 0, layout: empty}]", "version: Field required"),
        ("version: 2\ngpus: [{index: 0, layout: empty}]", "version: "),
        ("version: 1\ngpus: []", "gpus: "),
        ("version: 1\ngpus: [{index: 0, layout: 3g-40gb}]", "gpus[0].layout: layout '3g-40gb' cannot be read"),
        ("version: 1\ngpus: [{index: 0, layout: empty}, {layout: empty}]", "gpus[1]: names no GPU"),
        ("version: 1\ngpus: [{index: true, layout: empty}]", "gpus[0].index: "),
        ("version: 1\ngpus: [{index: 0, layout: empty, lay: out}]", "gpus[0].lay: Extra"),
        ("version: 1\ngpus: [{index: 7, layout: empty}]", "gpus[0] means no GPU of this host"),
        ("version: 1\ngpus: [{index: 0, layout: off}, {model: '*', layout: empty}]", "gpus[1] means GPU 0"),
        ("just a text", "the whole: "),
        ("\x00", "line 1, column 1: this is not YAML"),
        ("version: 1\ngpus: []\nversion: 1", "line 3, column 1: this is not YAML: the key 'version' is there twice"),
        ("version: 1\ngpus:\n- &a {index: 0, layout: empty}\n- *a", "line 4, column 3: this is not YAML: aliases"),
    ],
)
def test_an_error_in_a_file_names_its_place(
    cli: Cli, two: SimulatedDriver, tmp_path: Path, content: str, place: str
) -> None:
    file = tmp_path / "layouts.yaml"
    file.write_text(content)
    for command in ("apply", "assert"):
        said = cli("mig", command, str(file))
        assert (said.status, said.out) == (2, "")
        assert place in said.err


def test_a_file_one_of_whose_layouts_is_illegal_changes_nothing(cli: Cli, two: SimulatedDriver, tmp_path: Path) -> None:
    file = tmp_path / "layouts.yaml"
    file.write_text("version: 1\ngpus:\n  - {index: 0, layout: 7g.80gb}\n  - {index: 1, layout: 7g.80gb}\n")
    assert cli("mig", "apply", str(file)).status == 1
    assert (layout(two, 0), layout(two, 1)) == ("off", "off")
    assert cli("mig", "apply", str(file), "--gpu", "0").status == 2


# Mode


def test_on_ampere_enabling_says_that_a_reset_is_needed_and_the_reset_makes_it_effective(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    driver = simulate(monkeypatch, tmp_path, "a100-80gb")
    refused = cli("mig", "apply", "7g.80gb")
    assert refused.status == 1
    assert "migperf mig enable" in refused.err
    said = cli("mig", "enable")
    assert said.status == 0
    assert "MIG is off, and on after a reset of the GPU" in said.out
    assert f"migperf mig reset --gpu {uuid_of(driver)}" in said.out
    assert cli("mig", "enable", "--json").document["mig"] == {"enabled": False, "pending": True, "resetless": False}
    done = cli("mig", "reset", "--json").document
    assert (done["mig"]["enabled"], done["changed"], done["next"]) == (True, True, None)
    assert cli("mig", "apply", "7g.80gb").status == 0
    assert cli("mig", "disable", "--json").document["layout"] == "empty"
    cli("mig", "reset")
    assert layout(driver) == "off"


def test_on_hopper_the_mode_is_there_at_once(cli: Cli, hopper: SimulatedDriver) -> None:
    document = cli("mig", "enable", "--json").document
    assert (document["changed"], document["mig"]["enabled"]) == (True, True)
    assert f"migperf mig apply LAYOUT --gpu {uuid_of(hopper)}" in document["next"]
    assert "already" in cli("mig", "enable").out
    cli("mig", "apply", "2x3g.40gb")
    assert cli("mig", "disable").status == 0
    assert layout(hopper) == "off"


# Tables


def test_profiles_are_those_of_the_driver_with_their_starts(cli: Cli, hopper: SimulatedDriver) -> None:
    said = cli("mig", "profiles")
    assert said.out.splitlines()[2:5] == [
        "Profile     ID  Slices    Memory  SMs  Max  Starts             ",
        "1g.10gb     19       1   9.8 GiB   16    7  0, 1, 2, 3, 4, 5, 6",
        "2g.20gb     14       2  19.6 GiB   32    3  0, 2, 4            ",
    ]
    document = cli("mig", "profiles", "--json").document
    assert (document["memory_units"], document["compute_slices"]) == (8, 7)
    three = next(profile for profile in document["profiles"] if profile["name"] == "3g.40gb")
    assert (three["id"], three["starts"], three["units"], three["sm_count"]) == (9, [0, 4], 4, 60)
    seven = document["compute_instances"][-1]
    assert (seven["slices"], [p["name"] for p in seven["profiles"]]) == (7, ["1c", "2c", "3c", "4c", "7c"])


def test_layouts_are_those_to_which_nothing_can_be_added(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    simulate(monkeypatch, tmp_path, "a30-24gb")
    said = cli("mig", "layouts")
    assert [line.rstrip() for line in said.out.splitlines()[3:]] == [
        "|4g.24gb--------------------------------|  4g.24gb",
        "|2g.12gb------------|2g.12gb------------|  2x2g.12gb",
        "|2g.12gb------------|2g.12gb+me---------|  2g.12gb+2g.12gb+me",
        "|1g.6gb---|1g.6gb---|2g.12gb------------|  2g.12gb+2x1g.6gb",
        "|1g.6gb---|1g.6gb+me|2g.12gb------------|  2g.12gb+1g.6gb+1g.6gb+me",
        "|1g.6gb---|1g.6gb---|2g.12gb+me---------|  2g.12gb+me+2x1g.6gb",
        "|1g.6gb---|1g.6gb---|1g.6gb---|1g.6gb---|  4x1g.6gb",
        "|1g.6gb---|1g.6gb---|1g.6gb---|1g.6gb+me|  3x1g.6gb+1g.6gb+me",
    ]
    every = cli("mig", "layouts", "--all", "--json").document["layouts"]
    assert [one["layout"] for one in every if one["full"]] == [line.split()[-1] for line in said.out.splitlines()[3:]]
    assert len(every) > 8


def test_every_layout_that_is_listed_can_be_applied(cli: Cli, hopper: SimulatedDriver) -> None:
    listed = cli("mig", "layouts", "--contains", "3g.40gb", "--contains", "1g.20gb", "--json").document["layouts"]
    assert len(listed) >= 4
    for one in listed:
        assert {"3g.40gb", "1g.20gb"} <= set(one["profiles"])
        assert cli("mig", "plan", one["layout"], "--json").status == 0
        assert cli("mig", "plan", one["example"], "--json").status == 0
    said = cli("mig", "layouts", "--contains", "5g.40gb")
    assert said.status == 2
    assert "no profile 5g.40gb" in said.err


# A service


def test_what_a_run_of_the_service_holds_is_not_destroyed(cli: Cli, hopper: SimulatedDriver, tmp_path: Path) -> None:
    """The database in the data folder is the service's; the command finds it there."""
    cli("mig", "apply", "7g.80gb")
    gpu = find_gpu(hopper, uuid_of(hopper))
    (partition,) = partitions_of(gpu)
    database = Database(f"sqlite:///{tmp_path / 'data' / 'migperf.db'}")
    schema.upgrade(database)
    with database.write() as session:
        here = builders.inventory(partition, builders.partition(), gpus=(gpu,))
        about = {"name": "node-1", "incarnation": "a", "host": "host", "version": "0"}
        nodes.register(session, nodes.Registration(**about, inventory=here), now(session), stale_s=20)
        run = builders.submit(session, now(session)).id
    with database.write() as session:
        berth = Berth(node="node-1", partition=partition.uuid, gpu=gpu.uuid)
        leases.grant(session, runs.lock(session, run), berth, now(session), builders.LEASE_S)
    said = cli("mig", "apply", "empty", "--force")
    assert (said.status, said.out) == (1, "")
    assert f"run {run} holds {partition.uuid}" in said.err
    assert layout(hopper) == "7g.80gb@0"
    database.close()


def test_json_is_one_document_and_remarks_stay_out_of_it(cli: Cli, hopper: SimulatedDriver) -> None:
    for command in (
        ["enable"],
        ["apply", "2x3g.40gb"],
        ["plan", "7g.80gb"],
        ["assert", "empty"],
        ["export"],
        ["profiles"],
        ["layouts"],
        ["disable"],
        ["reset"],
    ):
        said = cli("mig", *command, "--json")
        assert json.loads(said.out), command
