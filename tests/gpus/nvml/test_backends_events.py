"""What the drivers tell of on their own: changes of the layout, and errors (XID)."""

from migperf.gpus.driver import XidEvent
from tests.gpus.nvml.mig import mig_device, with_mig_on

A30, H100, T4 = "a30-24gb", "h100-80gb", "t4-16gb"


def test_changes_of_the_layout_are_told(bench) -> None:
    driver = bench(T4, H100).driver
    gpu = with_mig_on(driver, 1)
    with driver.mig_changes() as changes:
        assert changes.wait(0) is False
        instance = driver.create_gpu_instance(gpu, 19)
        assert changes.wait(5) is True
        assert changes.wait(0) is False
        driver.destroy_gpu_instance(instance)
        assert changes.wait(5) is True


def test_errors_are_told_once_to_each_who_listened_before(bench) -> None:
    host = bench(T4)
    driver, gpu = host.driver, host.driver.device_by_index(0)
    host.report_xid(0, 31)
    with driver.xid_events(gpu) as early:
        assert early.poll() == ()
        host.report_xid(0, 79)
        with driver.xid_events(gpu) as late:
            host.report_xid(0, 48)
            assert [event.xid for event in early.poll()] == [79, 48]
            assert [event.xid for event in late.poll()] == [48]
            assert early.poll() == late.poll() == ()


def test_errors_of_another_gpu_are_nobodys_here(bench) -> None:
    host = bench(H100, A30)
    driver = host.driver
    gpus = [driver.device_by_index(index) for index in range(2)]
    with driver.xid_events(gpus[0]) as first, driver.xid_events(gpus[1]) as second:
        host.report_xid(1, 94)
        assert first.poll() == ()
        assert second.poll() == (
            XidEvent(gpu_uuid=driver.uuid(gpus[1]), xid=94, gpu_instance_id=None, compute_instance_id=None),
        )


def test_an_error_in_an_instance_is_told_with_its_ids_to_the_gpu_and_to_that_instance_alone(bench) -> None:
    host = bench(H100)
    driver = host.driver
    gpu = with_mig_on(driver)
    hit, spared = mig_device(driver, gpu, "2g")[2], mig_device(driver, gpu, "1g")[2]
    event = XidEvent(
        gpu_uuid=driver.uuid(gpu), xid=13, gpu_instance_id=driver.gpu_instance_id_of(hit), compute_instance_id=0
    )
    with driver.xid_events(gpu) as of_gpu, driver.xid_events(hit) as of_hit, driver.xid_events(spared) as of_spared:
        host.report_xid(0, 13, driver.uuid(hit))
        assert of_gpu.poll() == of_hit.poll() == (event,)
        assert of_spared.poll() == ()


def test_a_gpu_that_is_lost_is_told_of(bench) -> None:
    """XID 79 is the driver's word for a GPU that has fallen off the bus: it must come through."""
    host = bench(H100)
    with host.driver.xid_events(host.driver.device_by_index(0)) as events:
        host.lose(0)
        host.report_xid(0, 79)
        assert [event.xid for event in events.poll()] == [79]
