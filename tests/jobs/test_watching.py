"""What is stored of a run's GPU is what its meters said, from the driver through child and database to the figures.

Real children, databases and samplers; the meters of the simulated boards are known functions of time.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
from filelock import FileLock

from migperf.gpus.controller import Controller
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.partition import Partition
from migperf.gpus.simulation.driver import SimulatedDriver
from migperf.gpus.simulation.stores import MemoryStore
from migperf.jobs.execute import Executor
from migperf.jobs.layouts import NodeGpus
from migperf.jobs.sharing import DeviceSharing
from migperf.measure.figures import ResultFigure
from migperf.measure.launcher import Launcher
from migperf.measure.launchers import Launchers
from migperf.metrics.instruments import Instruments
from migperf.metrics.metric import NS_PER_S
from migperf.metrics.series import Chunk
from migperf.metrics.summary import SeriesSummary
from migperf.settings import Settings, load_settings
from migperf.store import leases, nodes, results, runs, series
from migperf.store.database import Database, now
from migperf.store.leases import Berth
from migperf.store.states import RunState
from tests.builders import submit
from tests.databases import BACKENDS, migrated_database
from tests.jobs.known_meters import KnownMeters

METHOD = {
    "warmup_steps": 1,
    "warmup_s": 0.7,
    "steady_within": None,
    "min_steps": 20,
    "min_s": 2.0,
    "precision": None,
    "sample_hz": 20,
}
READING_S = 0.02
"""Between the time that a sample is given and the moment when the meter was read, on a busy host."""


@dataclass
class Node:
    """A node with one simulated board that has meters."""

    settings: Settings
    database: Database
    driver: SimulatedDriver
    meters: KnownMeters
    launcher: Launcher

    def run_on(self, *partitions: Partition, **request: object) -> list["Watched"]:
        """Run the test payload on each partition at the same time."""
        executor = self._executor()
        with ThreadPoolExecutor(len(partitions)) as pool:
            granted = [self._place(partition, request) for partition in partitions]
            list(pool.map(executor.execute, [token for token, _ in granted]))
        for _, run_id in granted:
            executor.tidy(run_id)
        return [Watched(self, run_id) for _, run_id in granted]

    @property
    def partitions(self) -> list[Partition]:
        return [p for p in discover(self.driver, offer_cpu=False).partitions if p.gpu_uuid]

    def _place(self, partition: Partition, request: dict[str, object]) -> tuple[int, str]:
        with self.database.write() as session:
            run = submit(session, now(session), **{"method": METHOD, "parameters": {"step_ms": 5}, **request})
            berth = Berth(node="test-node", partition=partition.uuid, gpu=partition.gpu_uuid)
            return leases.grant(session, run, berth, now(session), 60).id, run.id

    def _executor(self) -> Executor:
        stopping = threading.Event()
        gpus = NodeGpus(
            settings=self.settings, database=self.database, driver=self.driver, incarnation="a", stopping=stopping
        )
        return Executor(
            settings=self.settings,
            sharing=DeviceSharing.of(self.settings),
            database=self.database,
            launchers=Launchers(own=self.launcher),
            instruments=Instruments(self.driver),
            gpus=gpus,
            incarnation="a",
            stopping=stopping,
        )


class Watched:
    """A run that has ended, as the database has it; times in seconds of the meters."""

    def __init__(self, node: Node, run_id: str) -> None:
        with node.database.read() as session:
            run = runs.get(session, run_id)
            assert run.state is RunState.SUCCEEDED, run.reason
            assert run.clock_zero_ns is not None
            assert run.window_start_ns is not None
            assert run.window_end_ns is not None
            self._zero_ns = run.clock_zero_ns - node.meters.zero_ns
            self.window = self._seconds(run.window_start_ns), self._seconds(run.window_end_ns)
            self.figures = {figure.name: figure for figure in results.read_figures(session, run_id)}
            self.heads = {head.metric.name: head for head in series.list_heads(session, run_id)}
            self.chunks: dict[str, Chunk] = {name: series.read(session, head.id) for name, head in self.heads.items()}
            self.summaries = series.read_summaries(session, run_id)

    def _seconds(self, time_ns: int) -> float:
        return (time_ns + self._zero_ns) / NS_PER_S

    def times_s(self, name: str) -> np.ndarray:
        return (self.chunks[name].time_ns + self._zero_ns) / NS_PER_S

    def check(self, name: str, function: Callable[[float], float], within: float) -> None:
        """Samples are what the function says, up to what it changes while a reading takes.

        One in ten may be off by ten times as much: a host that stands still for 0.2 s does so within readings, too.
        """
        values = self.chunks[name].value
        assert len(values) > 5, name
        off = np.abs(values - np.array([function(t) for t in self.times_s(name)]))
        assert np.quantile(off, 0.9) <= within, name
        assert off.max() <= 10 * within, name

    def summary(self, name: str) -> SeriesSummary:
        return self.summaries[name]

    def value(self, name: str) -> float:
        figure: ResultFigure = self.figures[name]
        assert figure.value is not None, figure.absent
        return figure.value


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    with Launcher() as warm:
        warm.wait_until_warm()
        yield warm


@pytest.fixture(scope="module", params=BACKENDS)
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, str]]:
    """A database for all tests here: what differs between them are the boards."""
    with migrated_database(request.param, tmp_path_factory.mktemp("database")) as url:
        database = Database(url)
        yield database, url
        database.close()


@pytest.fixture(scope="module")
def make_node(
    stored: tuple[Database, str], launcher: Launcher, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Node]:
    database, database_url = stored
    tmp_path = tmp_path_factory.mktemp("node")

    def make(board: str, layout: str | None = None) -> Node:
        meters = KnownMeters(time.monotonic_ns())
        driver = SimulatedDriver(MemoryStore([board], identity=f"{board} {layout}"), meters=meters)
        if layout is not None:
            gpu = driver.device_by_index(0)
            uuid = driver.uuid(gpu)
            driver.set_mig_mode(gpu, enabled=True)
            driver.reset(gpu)  # boards of the Ampere generation need one
            Controller(driver=driver, lock=FileLock(tmp_path / "lock"), holders=lambda _: {}).apply(
                uuid, Layout.parse(layout)
            )
        settings = load_settings(
            data_dir=tmp_path / "data", database_url=database_url, node_name="test-node", samples_every_s=0.3
        )
        with database.write() as session:
            registration = nodes.Registration(
                name="test-node", incarnation="a", host="h", version="0", inventory=discover(driver, offer_cpu=False)
            )
            nodes.register(session, registration, now(session), 20)
        return Node(settings, database, driver, meters, launcher)

    return make


@pytest.fixture(scope="module")
def whole(make_node: Callable[..., Node]) -> tuple[Watched, KnownMeters]:
    """A run on a whole H100."""
    node = make_node("h100-80gb")
    (run,) = node.run_on(*node.partitions)
    return run, node.meters


def test_every_series_and_figure_of_a_whole_gpu_is_what_its_meters_said(whole: tuple[Watched, KnownMeters]) -> None:
    run, meters = whole
    steepest_w_s = 2 * np.pi / 1.5 * 100
    run.check("power_instant", meters.power_w, steepest_w_s * READING_S)
    run.check("energy", meters.energy_j, 400 * READING_S)
    run.check("clock_sm", lambda t: 1500 + 100 * t, 100 * READING_S + 0.5)
    run.check("fb_used", lambda t: meters.used_mib(None, t), 10 * READING_S + 0.01)
    run.check("fb_reserved", lambda _: 500.0, 1e-9)
    check_energy(run, meters)
    assert run.heads["fb_used"].metric.scope == "gpu"
    assert run.value("energy_per_sample") == pytest.approx(run.value("energy") / steps(run), rel=1e-6)
    assert run.summary("power_limit").mean == pytest.approx(700)
    throttled = run.summary("throttled_power")
    read_s = (run.window[1] - run.window[0]) * throttled.covered
    assert throttled.total == pytest.approx(0.3 * read_s, abs=0.3 * READING_S), "as far as readings reach"


def test_activity_is_averaged_between_readings_and_over_the_window(whole: tuple[Watched, KnownMeters]) -> None:
    run, meters = whole
    times = run.times_s("gract")
    middles = (times[1:] + times[:-1]) / 2
    expected = np.array([meters.activity_pct(None, t) for t in middles])
    assert np.abs(run.chunks["gract"].value[1:] - expected).max() < 5 * READING_S
    spread = np.diff(times)
    assert spread.min() > 0.1, "NVML gives no average over less than 100 ms"
    middle = meters.activity_pct(None, sum(run.window) / 2)
    assert run.value("gract_mean") == pytest.approx(middle, abs=5 * 0.4)
    assert run.summary("gract").minimum >= meters.activity_pct(None, run.window[0]) - 5 * READING_S, (
        "what was averaged over warm-up does not count"
    )


def test_throttling_is_the_share_of_the_window_in_which_it_was_seen(whole: tuple[Watched, KnownMeters]) -> None:
    run, meters = whole
    start, end = run.window
    true = np.mean([meters.throttled(t) for t in np.linspace(start, end, 10_000)])
    assert run.value("throttled") == pytest.approx(true, abs=0.06)


def test_runs_on_instances_share_the_boards_readings_and_have_activity_and_memory_of_their_own(
    make_node: Callable[..., Node],
) -> None:
    node = make_node("h100-80gb", "3g.40gb+2x1g.10gb+2g.20gb")
    watched = node.run_on(*node.partitions)
    assert len(watched) == 4
    ids = {p.uuid: node.driver.gpu_instance_id_of(node.driver.device_by_uuid(p.uuid)) for p in node.partitions}
    for run, instance in zip(watched, ids.values(), strict=True):
        run.check("fb_used", lambda t, i=instance: node.meters.used_mib(i, t), 10 * READING_S + 0.01)
        run.check("power_instant", node.meters.power_w, 2 * np.pi / 1.5 * 100 * READING_S)
        assert run.heads["fb_used"].metric.scope == "instance"
        assert run.heads["gract"].metric.scope == "instance"
        assert run.heads["power_instant"].metric.scope == "gpu"
        middle = node.meters.activity_pct(instance, sum(run.window) / 2)
        assert run.value("gract_mean") == pytest.approx(middle, abs=5 * 0.4)
        check_energy(run, node.meters)
        per_sample = run.figures["energy_per_sample"]
        assert per_sample.value is None
        assert "instances" in str(per_sample.absent), "the board's energy is never an instance's"
    first, *others = (set(run.times_s("power_instant").round(6)) for run in watched)
    assert all(len(first & other) > 20 for other in others), "the board was read once for all"


def test_what_a_board_in_mig_mode_does_not_tell_is_absent_with_the_reason(make_node: Callable[..., Node]) -> None:
    node = make_node("a100-80gb", "7x1g.10gb")
    (run,) = node.run_on(node.partitions[0])
    absence = run.heads["utilization_gpu"].absence
    assert absence is not None
    assert absence.state == "not_supported"
    assert len(run.chunks["utilization_gpu"]) == 0
    assert "gract" not in run.heads, "an A100 has no GPM, and there is no exporter here"
    assert run.summary("utilization_gpu").absent


def test_an_estimate_of_an_instances_power_is_called_so_and_is_only_made_when_asked_for(
    make_node: Callable[..., Node],
) -> None:
    node = make_node("h100-80gb", "3g.40gb+2x2g.20gb")
    (run,) = node.run_on(node.partitions[0], method={**METHOD, "estimate_power": True})
    assert run.heads["power_estimate"].metric.source == "estimate"
    (plain,) = node.run_on(node.partitions[0])
    assert "power_estimate" not in plain.heads


def check_energy(run: Watched, meters: KnownMeters) -> None:
    """The energy is that of the window, within what the board takes in one update period."""
    figure = run.figures["energy"]
    start, end = run.window
    assert figure.scope == "gpu"
    assert "counter" in str(figure.method)
    assert figure.update_period_ms is not None
    slack_j = 400 * figure.update_period_ms / 1000
    assert run.value("energy") == pytest.approx(meters.energy_j(end) - meters.energy_j(start), abs=slack_j)


def steps(run: Watched) -> int:
    samples = run.figures["throughput"].samples
    assert samples is not None
    return samples
