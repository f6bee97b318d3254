"""What the operators of a trace took, on the host and on the device, by name and shapes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from migperf.measure.profiling.intervals import nest
from migperf.measure.profiling.trace import OperatorCall, Trace

Key = tuple[str, str]


@dataclass(slots=True)
class Times:
    """What the calls of one operator with inputs of the same shapes took in all, ns.

    *Self* is without the operators that it called in turn; *total* is with them, a call within another one of the same
    operator and shapes left out, as its time is in there already.
    """

    calls: int = 0
    self_host_ns: int = 0
    total_host_ns: int = 0
    self_device_ns: int = 0
    total_device_ns: int = 0


@dataclass(slots=True)
class _Call:
    """A call with what is known of it by itself, and the calls that it lies in, innermost first."""

    key: Key
    took_ns: int
    self_ns: int
    outside: list["_Call"]

    @property
    def is_outermost(self) -> bool:
        return all(one.key != self.key for one in self.outside)


def operator_times(trace: Trace) -> tuple[dict[Key, Times], int]:
    """Return what the operators took by name and shapes, and the device time that no operator asked for, ns.

    Device time is summed over kernels, copies and fills; those that overlap count each.
    """
    times: dict[Key, Times] = defaultdict(Times)
    by_id: dict[int, _Call] = {}
    for id_, call in _calls(trace.operators):
        if id_ is not None:
            by_id[id_] = call
        of_it = times[call.key]
        of_it.calls += 1
        of_it.self_host_ns += call.self_ns
        of_it.total_host_ns += call.took_ns if call.is_outermost else 0
    return dict(times), _add_device_times(trace, by_id, times)


def _add_device_times(trace: Trace, by_id: dict[int, _Call], times: dict[Key, Times]) -> int:
    of_none_ns = 0
    for work in trace.device:
        took_ns = work.when.end_ns - work.when.start_ns
        asked = None if work.operator_id is None else by_id.get(work.operator_id)
        if asked is None:
            of_none_ns += took_ns
            continue
        times[asked.key].self_device_ns += took_ns
        for key in {asked.key, *(one.key for one in asked.outside)}:
            times[key].total_device_ns += took_ns
    return of_none_ns


def _calls(operators: Sequence[OperatorCall]) -> Iterator[tuple[int | None, _Call]]:
    """Yield the calls, thread by thread, with their ids."""
    threads: dict[object, list[OperatorCall]] = defaultdict(list)
    for call in operators:
        threads[call.thread].append(call)
    for calls in threads.values():
        nesting = nest([call.when for call in calls])
        made = [
            _Call((call.name, call.shapes), call.when.end_ns - call.when.start_ns, self_ns, [])
            for call, self_ns in zip(calls, nesting.self_ns, strict=True)
        ]
        for position, of_it in enumerate(made):
            of_it.outside.extend(made[outer] for outer in _outside(nesting.parent, position))
        yield from ((call.id, of_it) for call, of_it in zip(calls, made, strict=True))


def _outside(parent: Sequence[int | None], position: int) -> Iterator[int]:
    above = parent[position]
    while above is not None:
        yield above
        above = parent[above]
