"""A source that says that nothing but values has changed is right: recorded without looking, it reads the same."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migperf.metrics.recording import Recording
from migperf.metrics.recording_reader import RecordingReader
from migperf.metrics.series import Series
from migperf.metrics.source import SteadySource
from tests.metrics.gpu.broken import BLANKS, BrokenDriver
from tests.metrics.gpu.test_gpu_failures import CODES
from tests.metrics.gpu.world import MIB, MS, KnownMeters, S, World

CALLS = ("clock_mhz", "clocks_event_reasons", "field_values", "power_mw", "energy_mj", "memory", "utilization")


class Jumping(KnownMeters):
    """Counters of bytes go back when a test says so, as after the driver was loaded anew."""

    def __init__(self) -> None:
        self.gone_back_mib = 0

    def sent_bytes(self, now_ns: int) -> int:  # type: ignore[override]
        return super().sent_bytes(now_ns) - self.gone_back_mib * MIB


changes = st.one_of(
    st.tuples(st.just("fail"), st.sampled_from(CALLS), st.sampled_from(sorted(CODES))),
    st.tuples(st.just("blank"), st.sampled_from([call for call in CALLS if call in BLANKS]), st.just(0)),
    st.tuples(st.sampled_from(["heal", "jump", "nothing", "nothing"]), st.just(""), st.just(0)),
)


@pytest.mark.parametrize("board", ["h100-80gb", "a100-80gb"])
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(changes, st.sampled_from([10 * MS, 200 * MS, 11 * S])), min_size=3, max_size=15))
def test_what_is_steady_needs_no_look(board: str, steps: list[tuple[tuple[str, str, int], int]]) -> None:
    meters = Jumping()
    world = World(board, meters=meters)
    driver = BrokenDriver(world.driver, clock=lambda: world.now_ns)
    sources = world.sources(driver)  # type: ignore[arg-type]
    pairs = [(Recording(source.metrics), Recording(source.metrics)) for source in sources]
    readers = [(RecordingReader(looked, 0), RecordingReader(trusted, 0)) for looked, trusted in pairs]
    for (what, call, code), passed_ns in steps:
        change(driver, meters, what, call, code)
        for _ in range(2):
            world.now_ns += passed_ns
            for source, (looked, trusted) in zip(sources, pairs, strict=True):
                row = source.read(world.now_ns)
                looked.append(world.now_ns, row, source.why_not, steady=False)
                steady = isinstance(source, SteadySource) and source.steady
                trusted.append(world.now_ns, row, source.why_not, steady=steady)
    for looked_reader, trusted_reader in readers:
        assert told(trusted_reader) == told(looked_reader)


def change(driver: BrokenDriver, meters: Jumping, what: str, call: str, code: int) -> None:
    if what == "fail":
        driver.fail_always(call, code)
    elif what == "blank":
        driver.blank(call)
    elif what == "heal":
        driver.heal()
    elif what == "jump":
        meters.gone_back_mib += 100


def told(reader: RecordingReader) -> list[tuple[object, ...]]:
    return [told_of(series) for series in reader.series()]


def told_of(series: Series) -> tuple[object, ...]:
    return series.metric.name, series.chunk.time_ns.tolist(), series.chunk.value.tolist(), series.gaps
