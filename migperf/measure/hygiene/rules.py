"""The rules of hygiene: from facts to taints. Pure functions; each says what it saw, its threshold and a remedy.

A rule is broken only by what may have moved the figures. What it needs and nobody could read leaves it unchecked, with
the reason; what does not matter to the run at hand leaves it out.
"""

from collections.abc import Callable
from dataclasses import dataclass

from migperf.measure.hygiene.facts import Facts, Taint, Thresholds
from migperf.statistics.steady_state import Steadiness

Finding = tuple[str, str]
"""What was seen, and the threshold, in words."""
_UNSTEADY = (Steadiness.CHANGING, Steadiness.DRIFTING)
_IDLE_NEIGHBOURS = "leave the rest of the GPU idle: its instances share power, clocks and links"
_DYNAMIC_POWERSAVE = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")
"""With these drivers ``powersave`` is the ordinary governor and raises clocks under load (kernel, admin-guide/pm)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rules that are broken, and why others could not be applied, by their names."""

    taints: tuple[Taint, ...]
    not_checked: dict[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """``needs`` are the facts without which it cannot be applied."""

    name: str
    needs: tuple[str, ...]
    look: Callable[[Facts, Thresholds], Finding | None]
    remedy: str


def judge(facts: Facts, thresholds: Thresholds | None = None) -> Verdict:
    """Apply every rule to the facts of a run."""
    limits = thresholds or Thresholds()
    taints, not_checked = [], {}
    for rule in RULES:
        if (unknown := next((name for name in rule.needs if name in facts.absent), None)) is not None:
            not_checked[rule.name] = facts.absent[unknown]
        elif all(getattr(facts, name) is not None for name in rule.needs) and (found := rule.look(facts, limits)):
            taints.append(Taint(rule=rule.name, seen=found[0], threshold=found[1], remedy=rule.remedy))
    return Verdict(tuple(taints), not_checked)


def _throttled(facts: Facts, limits: Thresholds) -> Finding | None:
    share = facts.throttled_share or 0.0
    by = f" ({', '.join(facts.throttled_by)})" if facts.throttled_by else ""
    seen = f"clocks were held down for {share:.1%} of the window{by}"
    return (seen, f"{limits.throttled_share:.0%}") if share > limits.throttled_share else None


def _clock_unsteady(facts: Facts, limits: Thresholds) -> Finding | None:
    return _above(facts.clock_sm_spread_rel, limits.clock_sm_spread_rel, "the SM clock varied by {:.1%}", "{:.1%}")


def _device_shared(facts: Facts, limits: Thresholds) -> Finding | None:
    return _above(facts.device_processes, limits.device_processes, "{} processes computed on the device", "{}")


def _busy_instances(facts: Facts, limits: Thresholds) -> Finding | None:
    seen = "the GPU's other instances were active for {:.1f} % of the time"
    return _above(facts.neighbours_sm_active_pct, limits.neighbours_sm_active_pct, seen, "{:g} %")


def _used_instances(facts: Facts, limits: Thresholds) -> Finding | None:
    return _above(facts.used_instances, limits.used_instances, "{} of the GPU's other instances had processes", "{}")


def _board_recut(facts: Facts, _limits: Thresholds) -> Finding | None:
    return facts.board_recut or "", "the same layout before and after"


def _busy_neighbours(facts: Facts, limits: Thresholds) -> Finding | None:
    processors, others, busy = facts.processors or 1, facts.others_cpu_cores or 0.0, facts.host_cpu_cores or 0.0
    if others <= limits.others_cpu_cores:
        return None
    if facts.has_all_processors:
        most = max(limits.others_cpu_cores, limits.others_cpu_share * processors)
        return _above(others, most, f"others kept {{:.2f}} of {processors} processors busy", "{:.2f} processors")
    seen = f"{{:.0%}} of {processors} processors were busy, {others:.2f} of them with others' work"
    return _above(busy / processors, limits.host_cpu_share, seen, "{:.0%}")


def _cpu_governor(facts: Facts, _limits: Thresholds) -> Finding | None:
    if facts.cpu_governor != "powersave" or facts.cpu_scaling_driver in _DYNAMIC_POWERSAVE:
        return None
    return "the governor powersave keeps clocks at their lowest", "any other governor"


def _memory_pressure(facts: Facts, limits: Thresholds) -> Finding | None:
    seen = "something waited for memory for {:.1%} of the time"
    return _above(facts.memory_pressure_share, limits.memory_pressure_share, seen, "{:.1%}")


def _swapped(facts: Facts, limits: Thresholds) -> Finding | None:
    return _above(facts.swapped_mib_per_s, limits.swapped_mib_per_s, "{:.3g} MiB/s went to and from swap", "{:g} MiB/s")


def _not_steady(facts: Facts, _limits: Thresholds) -> Finding | None:
    return _unsteady(facts.steadiness, facts.steadiness_why)


def _warmup_not_steady(facts: Facts, _limits: Thresholds) -> Finding | None:
    return _unsteady(facts.warmup_steadiness, facts.warmup_steadiness_why)


def _overloaded(facts: Facts, limits: Thresholds) -> Finding | None:
    return _above(facts.utilisation, limits.utilisation, "streams were answering {:.1%} of the time", "{:.0%}")


def _arrivals_late(facts: Facts, _limits: Thresholds) -> Finding | None:
    seen = "{:.4g} requests arrived per second"
    return _above(facts.offered_per_s, facts.generator_honest_per_s or 0.0, seen, "{:.4g} per second")


def _sampler_late(facts: Facts, limits: Thresholds) -> Finding | None:
    most_ms = limits.sampler_periods * (facts.sampler_period_ms or 0.0)
    return _above(facts.sampler_lateness_ms, most_ms, "readings began up to {:.1f} ms late", "{:.1f} ms")


def _above(value: float | None, most: float, seen: str, threshold: str) -> Finding | None:
    if value is None or value <= most:
        return None
    return seen.format(value), threshold.format(most)


def _unsteady(state: str | None, why: str | None) -> Finding | None:
    return (why or state or "", "steady within steady_within") if state in _UNSTEADY else None


RULES = (
    Rule(
        "throttled",
        ("throttled_share",),
        _throttled,
        "cool the board, raise its power limit, or lock its clocks where they can be held (nvidia-smi -lgc)",
    ),
    Rule(
        "clock_unsteady",
        ("clock_sm_spread_rel",),
        _clock_unsteady,
        "lock the clocks (nvidia-smi -lgc), or warm up for longer",
    ),
    Rule(
        "device_shared",
        ("device_processes",),
        _device_shared,
        "end what is no part of the run; a payload that computes in several processes is better kept in one",
    ),
    Rule(
        "busy_instances",
        ("neighbours_sm_active_pct",),
        _busy_instances,
        _IDLE_NEIGHBOURS,
    ),
    Rule(
        "used_instances",
        ("used_instances",),
        _used_instances,
        _IDLE_NEIGHBOURS,
    ),
    Rule(
        "board_recut",
        ("board_recut",),
        _board_recut,
        "run again, and change layouts when no run is on the GPU",
    ),
    Rule(
        "busy_neighbours",
        ("others_cpu_cores", "host_cpu_cores", "processors"),
        _busy_neighbours,
        "end or move what else runs on the host, and run again",
    ),
    Rule(
        "cpu_governor",
        ("cpu_governor",),
        _cpu_governor,
        "choose the governor performance (cpupower frequency-set -g performance)",
    ),
    Rule(
        "memory_pressure",
        ("memory_pressure_share",),
        _memory_pressure,
        "free memory on the host, or choose a smaller batch",
    ),
    Rule(
        "swapped",
        ("swapped_mib_per_s",),
        _swapped,
        "free memory on the host, or turn swapping off (swapoff)",
    ),
    Rule(
        "not_steady",
        ("steadiness",),
        _not_steady,
        "warm up for longer (warmup_s, warmup_steps), and look at the series for what changes",
    ),
    Rule(
        "warmup_not_steady",
        ("warmup_steadiness",),
        _warmup_not_steady,
        "raise warmup_max_s; if it never becomes steady, look at the series for what changes",
    ),
    Rule(
        "overloaded",
        ("utilisation",),
        _overloaded,
        "lower the rate: what waits grows as long as one measures, and so do latencies",
    ),
    Rule(
        "arrivals_late",
        ("offered_per_s", "generator_honest_per_s"),
        _arrivals_late,
        "lower the rate, or leave a processor to the run: migperf itself could not take requests on time",
    ),
    Rule(
        "sampler_late",
        ("sampler_lateness_ms", "sampler_period_ms"),
        _sampler_late,
        "lower sample_hz, or leave a processor to the sampler",
    ),
)
"""In the order in which taints are shown."""
