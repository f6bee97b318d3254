"""The comparison of sharing modes: order alternates, clients add up, and a client without a figure leaves none."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st
from sharing import ON_GPU, STREAMS, Case, Client, Measured, cases, line

from migperf.measure.outcome import Ending

WORKLOADS = st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True)
CLIENTS = st.lists(st.integers(1, 8), min_size=1, max_size=3, unique=True)
CASE = Case(workload="resnet50", clients=2, mode="mps", repeat=0)


def client(throughput: float | None, latency_p50_ms: float | None = 1.0) -> Client:
    return Client(
        ending=Ending.SUCCEEDED,
        reason=None,
        throughput=throughput,
        unit="image/s",
        latency_p50_ms=latency_p50_ms,
        environment={},
    )


def measured(*clients: Client, problem: str | None = None) -> Measured:
    return Measured(case=CASE, problem=problem, clients=clients)


@given(WORKLOADS, CLIENTS, st.integers(1, 4))
def test_the_order_of_modes_is_reversed_from_one_turn_to_the_next_and_between_repeats(
    workloads: list[str], clients: list[int], repeats: int
) -> None:
    turns = groupby(cases(workloads, clients, ON_GPU, repeats), lambda case: (case.repeat, case.clients, case.workload))
    orders = {turn: [case.mode for case in of_turn] for turn, of_turn in turns}
    for (repeat, count, workload), order in orders.items():
        expected = [str(mode) for mode in ON_GPU if (count, mode) != (1, STREAMS)]
        assert order in (expected, expected[::-1])
        if repeat > 0:
            assert order == orders[repeat - 1, count, workload][::-1]


@given(WORKLOADS, CLIENTS, st.integers(1, 4))
def test_no_case_is_measured_twice(workloads: list[str], clients: list[int], repeats: int) -> None:
    every = list(cases(workloads, clients, ON_GPU, repeats))
    alone = sum(count == 1 for count in clients)
    assert len(set(every)) == len(every) == repeats * len(workloads) * (len(clients) * len(ON_GPU) - alone)


def test_throughput_is_that_of_all_clients_and_latency_the_slowest_ones() -> None:
    both = measured(client(10.0, 3.0), client(20.0, 2.0))
    assert (both.throughput, both.latency_p50_ms) == (30.0, 3.0)
    assert "30.0 image/s, median 3.00 ms" in line(both)


def test_a_client_without_a_figure_leaves_none_for_all() -> None:
    assert measured(client(10.0), client(None)).throughput is None
    assert measured(client(10.0), client(10.0, None)).latency_p50_ms is None
    assert measured().throughput is None
    assert line(measured(problem="no MPS here")).endswith("no MPS here")
