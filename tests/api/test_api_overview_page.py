"""The overview draws GPUs as their slices, with what holds each."""

from api.gpu_drawing import DrawnGpu
from api.schemas.gpus import GpuList
from api.slices import SliceState
from tests.api.gpu_host import PROBLEM, GpuHost
from tests.api.serving import TestClient
from tests.api.test_api_schedule_pages import check_page, page_of, text_of


def drawn(client: TestClient, index: int) -> DrawnGpu:
    found = GpuList.model_validate(client.get("/v1/gpus").json()).items
    models = sorted(found, key=lambda gpu: gpu.model)
    return DrawnGpu.of(models[index])


def test_instances_are_drawn_by_what_holds_them(client: TestClient, host: GpuHost) -> None:
    host.cut("3g.40gb+1g.10gb")
    run = host.run_on(host.partition("1g.10gb"))
    found = drawn(client, 0)
    states = {one.lines[0]: one.compute[0].state for one in found.drawing.slices}
    assert states == {"1g.10gb": SliceState.LEASED, "3g.40gb": SliceState.FREE}
    assert found.runs == (("1g.10gb", run),)
    page = page_of(client, "/")
    assert "1g.10gb, memory unit 0, 1 compute slice: leased" in page
    assert f'href="/runs/{run}"' in page
    assert "simulated" in text_of(page)
    assert f"/layouts?gpu={host.gpu().uuid}" in page
    assert f"/layouts?gpu={host.gpu(1).uuid}" not in page, "it has no layouts"
    check_page(client, "/")


def test_a_gpu_with_a_problem_says_which(client: TestClient, host: GpuHost) -> None:
    host.fail()
    assert PROBLEM in text_of(page_of(client, "/"))


def test_a_gpu_that_is_held_whole_is_one_slice(client: TestClient, host: GpuHost) -> None:
    run = host.run_on(host.gpu(1).uuid)
    found = drawn(client, 1)
    [whole] = found.drawing.slices
    assert (whole.memory.state, found.runs) == (SliceState.LEASED, (("whole", run),))
