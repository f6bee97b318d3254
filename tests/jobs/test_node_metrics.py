"""The page of a node: what it says is what the meters showed at the scrape, and what they do not show has a reason."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

import migperf
from migperf.errors import ConfigurationError
from migperf.gpus.inventory import Inventory
from migperf.jobs import node_readings
from migperf.jobs.node_metrics import NodeMetrics
from migperf.settings import load_settings
from tests.gpus.faults import FaultyDriver
from tests.jobs.known_meters import MIB
from tests.jobs.node_host import OPENMETRICS, Busy, NodeHost, Sampler, Scrape
from tests.metrics.gpu import world

NODE = {"node": "node-7"}
Host = Callable[..., NodeHost]


@pytest.fixture
def make_host(tmp_path: Path) -> Host:
    return lambda *boards, **more: NodeHost(tmp_path, boards, **more)


# Where it is


def test_there_is_no_page_unless_a_port_is_set(make_host: Host, tmp_path: Path) -> None:
    host = make_host("h100-80gb")
    metrics = NodeMetrics(load_settings(data_dir=tmp_path), host.driver, host.inventory)
    metrics.start()
    assert metrics.port is None
    metrics.close()


def test_a_port_that_is_taken_is_said_with_the_setting_to_change(make_host: Host, tmp_path: Path) -> None:
    host = make_host("h100-80gb")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        metrics = NodeMetrics(load_settings(data_dir=tmp_path, metrics_port=port), host.driver, host.inventory)
        with pytest.raises(ConfigurationError, match=rf"MIGPERF_METRICS_PORT.*127\.0\.0\.1:{port}.*in use"):
            metrics.start()
        metrics.close()


def test_an_address_that_is_not_this_hosts_is_said_too(make_host: Host, tmp_path: Path) -> None:
    host = make_host("h100-80gb")
    settings = load_settings(data_dir=tmp_path, metrics_port=0, metrics_host="203.0.113.7")
    with pytest.raises(ConfigurationError, match="MIGPERF_METRICS_HOST"):
        NodeMetrics(settings, host.driver, host.inventory).start()


def test_a_closed_page_does_not_answer(make_host: Host) -> None:
    host = make_host("h100-80gb")
    with host.served():
        host.scrape()
    with pytest.raises(httpx.ConnectError):
        host.page()


# What it says


def test_a_whole_gpu_shows_what_its_meters_show_in_base_units(make_host: Host) -> None:
    host = make_host("h100-80gb")
    meters, gpu = host.meters, {"gpu": host.gpu(), **NODE}
    with host.served():
        before = meters.seconds(time.monotonic_ns())
        found = host.scrape()
        after = meters.seconds(time.monotonic_ns())
    assert meters.energy_j(before) <= found.one("migperf_gpu_energy_joules_total", **gpu) <= meters.energy_j(after)
    used = found.one("migperf_partition_fb_used_bytes", **gpu, partition=host.gpu(), profile="")
    assert meters.used_mib(None, before) * MIB <= used <= meters.used_mib(None, after) * MIB
    clock_hz = found.one("migperf_gpu_clock_sm_hertz", **gpu)
    assert 1e6 * round(1500 + 100 * before) <= clock_hz <= 1e6 * round(1500 + 100 * after)
    assert found.one("migperf_gpu_power_limit_watts", **gpu) == 700
    assert found.one("migperf_gpu_temperature_celsius", **gpu) == 41
    assert found.one("migperf_gpu_temperature_memory_celsius", **gpu) == 55
    assert found.one("migperf_gpu_utilization_memory_ratio", **gpu) == 0.07
    assert found.one("migperf_gpu_ecc_corrected_total", **gpu) == 2
    assert found.one("migperf_node_info", **NODE, version=migperf.__version__) == 1


def test_means_are_since_the_scrape_before_and_the_first_has_none(make_host: Host) -> None:
    host = make_host("h100-80gb")
    with host.served():
        first = host.scrape()
        begin = host.meters.seconds(time.monotonic_ns())
        time.sleep(0.3)
        second = host.scrape()
        end = host.meters.seconds(time.monotonic_ns())
    assert not first.all("migperf_partition_gract_ratio")
    assert "gract" not in first.absences(), "it is merely too early"
    assert not first.all("migperf_host_cpu_cores")
    middle = host.meters.activity_pct(None, (begin + end) / 2) / 100
    assert second.one("migperf_partition_gract_ratio", gpu=host.gpu()) == pytest.approx(
        middle, abs=0.05 * (end - begin)
    )
    assert second.one("migperf_gpu_pcie_sent_bytes_per_second", gpu=host.gpu()) == 20 * MIB


def test_instances_have_memory_and_activity_of_their_own_and_share_the_boards_power(make_host: Host) -> None:
    host = make_host("h100-80gb")
    partitions = host.cut("3g.40gb+2g.20gb+1g.10gb")
    with host.served():
        found = host.scraped_twice()
    assert len(found.all("migperf_gpu_power_instant_watts")) == 1
    for partition in partitions:
        instance = host.real.gpu_instance_id_of(host.real.device_by_uuid(partition.uuid))
        place = {"gpu": host.gpu(), "partition": partition.uuid, "profile": str(partition.profile), **NODE}
        used = found.one("migperf_partition_fb_used_bytes", **place) / MIB
        assert used == pytest.approx(1000 + 100 * instance, abs=30)
        assert 100 * found.one("migperf_partition_gract_ratio", **place) == pytest.approx(40 + instance, abs=15)
        assert found.one("migperf_partition_ecc_uncorrected_total", **place) == 0
    assert not found.all("migperf_gpu_ecc_uncorrected_total"), "of a board that is cut its instances tell"


def test_what_holds_clocks_down_is_told_by_its_reason(make_host: Host) -> None:
    host = make_host("h100-80gb", meters=world.KnownMeters())
    with host.served():
        seen = [host.scrape() for _ in range(12)]
    reasons = {"power_cap", "hw_slowdown", "hw_thermal", "hw_power_brake", "sw_thermal", "sync_boost"}
    for found in seen:
        assert {labels["reason"] for labels, _ in found.samples["migperf_gpu_throttled"]} == reasons
        assert set(found.all("migperf_gpu_throttled")) <= {0, 1}
    assert len({tuple(found.all("migperf_gpu_throttled")) for found in seen}) > 1
    assert all(len(found.all("migperf_gpu_clocks_idle")) == 1 for found in seen)


def test_errors_of_a_gpu_are_counted_from_the_first_scrape_on(make_host: Host) -> None:
    host = make_host("h100-80gb", "h100-80gb")
    with host.served():
        first = host.scrape()
        for xid in (48, 79):
            host.real.report_xid(host.gpu(), xid)
        time.sleep(0.12)
        second = host.scrape()
    assert first.all("migperf_gpu_xid_errors_total") == [0, 0]
    assert not first.all("migperf_gpu_xid_last")
    assert second.one("migperf_gpu_xid_errors_total", gpu=host.gpu()) == 2
    assert second.one("migperf_gpu_xid_errors_total", gpu=host.gpu(1)) == 0
    assert second.one("migperf_gpu_xid_last") == 79


def test_the_host_shows_memory_and_processors(make_host: Host) -> None:
    host = make_host()
    with host.served():
        found = host.scraped_twice(1.1)
    assert found.one("migperf_host_memory_available_bytes", **NODE) > 1 << 20
    assert found.one("migperf_host_cpu_cores", **NODE) >= 0
    assert found.one("process_cpu_seconds_total") > 0
    assert 0 < found.one("migperf_node_reading_seconds", **NODE) < 60


def test_the_worker_says_which_partitions_it_uses_and_what_its_samplers_did(make_host: Host) -> None:
    host = make_host("h100-80gb")
    mine, other, *_ = host.cut("2x1g.10gb")
    work = Busy([mine.uuid], [Sampler(host.gpu(), turns=100, cost_s=0.5, lateness_s=0.02), Sampler("host", 0, 0, 0)])
    with host.served(work):
        found = host.scrape()
    assert found.one("migperf_partition_in_use", partition=mine.uuid, profile="1g.10gb", gpu=host.gpu(), **NODE) == 1
    assert found.one("migperf_partition_in_use", partition=other.uuid) == 0
    assert found.all("migperf_partition_in_use", gpu="") == [0], "the host's CPU is a partition as well"
    assert found.one("migperf_sampler_cost_seconds_sum", sampler=host.gpu(), **NODE) == 0.5
    assert found.one("migperf_sampler_cost_seconds_count", sampler=host.gpu()) == 100
    assert found.one("migperf_sampler_lateness_seconds_sum", sampler=host.gpu()) == 0.02
    assert found.one("migperf_sampler_lateness_seconds_count", sampler="host") == 0


# What it does not say


def test_what_a_board_does_not_tell_is_named_with_the_kind_of_reason(make_host: Host) -> None:
    host = make_host("a100-80gb")
    host.cut("7x1g.10gb")
    with host.served():
        found = host.scraped_twice()
    assert found.absences(gpu=host.gpu(), partition="")["utilization_gpu"] == "not_supported"
    assert found.absences(gpu=host.gpu(), partition="")["power_average"] == "not_supported"
    for name in ("gpu_utilization_ratio", "gpu_power_average_watts", "partition_gract_ratio"):
        assert not found.all(f"migperf_{name}")
    assert found.one("migperf_gpu_power_instant_watts") > 0


def test_simulated_gpus_have_no_meters_and_no_samples(make_host: Host) -> None:
    host = make_host("h100-80gb", meters=None)
    host.cut("2x3g.40gb")
    with host.served(Busy()):
        found = host.scraped_twice()
    about_gpus = {name for name in found.samples if name.startswith(("migperf_gpu", "migperf_partition"))}
    assert about_gpus == {"migperf_partition_in_use"}
    assert not found.absences(gpu=host.gpu())
    assert found.all("migperf_host_memory_available_bytes")


def test_a_gpu_that_is_lost_does_not_hide_the_others(make_host: Host) -> None:
    host = make_host("h100-80gb", "h100-80gb")
    known = host.inventory()
    host.inventory = lambda: known  # type: ignore[method-assign]
    with host.served():
        host.scrape()
        host.real.lose(host.real.device_by_index(0))
        time.sleep(1.1)
        found = host.scrape()
    lost, other = (gpu.uuid for gpu in known.gpus)
    assert not found.all("migperf_gpu_power_instant_watts", gpu=lost)
    assert found.all("migperf_gpu_power_instant_watts", gpu=other)
    assert set(found.absences(gpu=lost, partition="").values()) == {"lost"}
    assert "energy" in found.absences(gpu=lost, partition="")
    assert "power_instant" not in found.absences(gpu=other)


def test_each_kind_of_failure_is_told_apart_and_never_a_number(make_host: Host) -> None:
    states = {4: "no_permission", 21: "no_data", 15: "lost", 999: "failed"}
    for code, state in states.items():
        host = make_host("h100-80gb")
        host.driver = FaultyDriver(host.real)
        host.driver.fail_always("temperature_c", code)
        with host.served():
            found = host.scrape()
        assert found.absences()["temperature_gpu"] == state
        assert not found.all("migperf_gpu_temperature_celsius")
        assert found.all("migperf_gpu_power_limit_watts"), "the same source tells the rest"


def test_rates_from_a_counter_that_wraps_between_scrapes_are_left_out(make_host: Host) -> None:
    """NVML's counters of bytes over PCIe have 32 bits: a mean over 15 s would be far too low."""
    host = make_host("l40s-48gb", meters=world.KnownMeters())
    with host.served():
        found = host.scraped_twice()
    assert found.all("migperf_gpu_power_limit_watts")
    assert not [name for name in found.samples if "pcie_sent" in name or "pcie_received" in name]


# How it goes on


def test_the_page_follows_the_layout(make_host: Host) -> None:
    host = make_host("h100-80gb")
    with host.served():
        whole = host.scrape()
        first = {partition.uuid for partition in host.cut("2x3g.40gb")}
        cut = host.scrape()
        second = {partition.uuid for partition in host.cut("7x1g.10gb")}
        cut_again = host.scraped_twice()
    assert seen(whole) == {host.gpu()}
    assert seen(cut) == first
    assert seen(cut_again) == second
    assert len(cut_again.all("migperf_partition_gract_ratio")) == 7
    assert "lost" not in cut_again.absences().values()


def test_scrapes_at_the_same_time_do_not_overlap(make_host: Host) -> None:
    host = make_host("h100-80gb")
    known, inside, most = host.inventory(), threading.Semaphore(1), []

    def inventory() -> Inventory:
        most.append(inside.acquire(blocking=False))
        time.sleep(0.05)
        inside.release()
        return known

    host.inventory = inventory  # type: ignore[method-assign]
    with host.served(), ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: host.page(), range(4)))
    assert [page.status_code for page in pages] == [200] * 4
    assert most == [True] * 4


def test_a_scrape_that_hangs_makes_the_next_fail_and_not_pile_up(
    make_host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_readings, "PATIENCE_S", 0.1)
    host = make_host("h100-80gb")
    known, asked, go_on = host.inventory(), threading.Event(), threading.Event()

    def inventory() -> Inventory:
        asked.set()
        assert go_on.wait(30)
        return known

    host.inventory = inventory  # type: ignore[method-assign]
    with host.served(), ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(host.page)
        assert asked.wait(30)
        assert host.page().status_code == 500
        go_on.set()
        assert hanging.result().status_code == 200
        assert host.page().status_code == 200


def test_both_formats_are_well_formed_and_say_the_same(make_host: Host) -> None:
    host = make_host("h100-80gb")
    host.cut("3g.40gb+2g.20gb")
    with host.served(Busy(done=[Sampler("host", 3, 0.1, 0.2)])):
        host.scraped_twice()
        plain, opened = host.page(), host.page(OPENMETRICS)
    assert plain.headers["Content-Type"].startswith("text/plain; version=")
    assert opened.headers["Content-Type"].startswith("application/openmetrics-text")
    text, metrics = Scrape.parsed(plain.text), Scrape.parsed(opened.text, as_openmetrics=True)
    assert text.samples.keys() == metrics.samples.keys()
    for name, samples in text.samples.items():
        assert len({frozenset(labels.items()) for labels, _ in samples}) == len(samples), f"{name}: a sample twice"
        assert [labels for labels, _ in samples] == [labels for labels, _ in metrics.samples[name]]


def seen(found: Scrape) -> set[str]:
    return {labels["partition"] for labels, _ in found.samples["migperf_partition_fb_used_bytes"]}
