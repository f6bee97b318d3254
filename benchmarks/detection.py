"""How well changes in histories of results are found, beside Apache Otava and a z-score with a look-back window.

Every method gets the same synthetic histories point by point, and says after each point where it sees changes. An
alarm is right if it is raised after the change and its place, as last seen, is within ten points of it; what is within
ten points of an alarm belongs to it. Precision counts alarms, recall histories; the delay is in points at the new
level, the one that raised the alarm included. Then unchanged histories, of which none should raise an alarm, and the
time per appended point.

Otava is optional, and left out where it is not there (pip install --no-deps --target FOLDER apache-otava, and
PYTHONPATH=FOLDER: its own pins do not fit ours, and its analysis needs no more than numpy and scipy).

    python benchmarks/detection.py
"""

import argparse
import importlib.util
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter

from migperf.statistics.detection.histories import Histories
from migperf.statistics.detection.history import History
from migperf.statistics.detection.metric_rule import Better, MetricRule
from migperf.statistics.detection.points import Point
from migperf.statistics.samples import Samples

SEED = 2_026
EACH = 200
LENGTH = 120
CHANGES_FROM, CHANGES_TO = 40, 90
UNCHANGED_LENGTH = 200
NEAR = 10
RAMP = 40
NOISE = 0.01
UNCHANGED_NOISE = 0.005, 0.03
"""Relative standard deviations; of unchanged histories each has its own, log-uniform between these."""
MINIMUM_EFFECT = 0.005
"""Of every method: half of the smallest step."""
LOOK_BACK = 100
Z_THRESHOLDS = 5.0, 3.0
OTAVA_P_VALUE = 0.001
"""Its default, and a window of 50."""

Noise = Callable[[int, float, np.random.Generator], Samples]
Judge = Callable[[float], Sequence[int]]
"""Takes the next value and returns before which points the level changed, as far as is known by now."""


def main() -> None:
    """Print a table of the changed histories, one of the unchanged, and the times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=EACH, help="histories of each kind")
    parser.add_argument("--seed", type=int, default=SEED, help="another one than that of the documented figures")
    parser.add_argument("--only", choices=methods(), help="judge by one method only")
    given = parser.parse_args()
    chosen = {name: make for name, make in methods().items() if given.only in {None, name}}
    if importlib.util.find_spec("otava") is None:
        print("Apache Otava is not installed and left out; see the head of this file")
    for name, make in chosen.items():
        report_changed(name, make, given.each, given.seed)
    for name, make in chosen.items():
        report_unchanged(name, make, given.each, given.seed)
    if "migperf" in chosen:
        report_families(given.each, given.seed)
    for name, make in chosen.items():
        print(f"{name:12} {1000 * cost_s(make, given.seed):8.3f} ms of CPU per appended point", flush=True)


def methods() -> dict[str, Callable[[], Judge]]:
    """Return what makes a fresh judge, by the name of the method."""
    found: dict[str, Callable[[], Judge]] = {"migperf": by_migperf}
    for threshold in Z_THRESHOLDS:
        found[f"z-score {threshold:g}"] = lambda threshold=threshold: by_z_score(threshold)
    if importlib.util.find_spec("otava") is not None:
        found["otava"] = by_otava
    return found


def by_migperf() -> Judge:
    """Judge as migperf does, without intervals of the points, which the others cannot use."""
    history = History(rule=MetricRule(better=Better.LOWER, minimum_effect=MINIMUM_EFFECT))

    def judge(value: float) -> Sequence[int]:
        nonlocal history
        history = history.append(Point(value))
        return [change.first for change in history.judgement.changes]

    return judge


def by_otava() -> Judge:
    """Judge as Otava's ``AnalyzedSeries.append`` does, with its defaults."""
    from otava.analysis import compute_change_points

    values: list[float] = []
    weak = None

    def judge(value: float) -> Sequence[int]:
        nonlocal weak
        values.append(value)
        appended = {} if weak is None else {"new_data": 1, "old_weak_cp": weak}
        found, weak = compute_change_points(values, max_pvalue=OTAVA_P_VALUE, min_magnitude=MINIMUM_EFFECT, **appended)
        return [int(change.index) for change in found]

    return judge


def by_z_score(threshold: float) -> Judge:
    """Judge each value by its distance from the mean of up to 100 before it, from ten on (conbench takes two)."""
    values: list[float] = []
    alarms: list[int] = []

    def judge(value: float) -> Sequence[int]:
        window = np.array(values[-LOOK_BACK:])
        if len(window) >= NEAR:
            away = abs(value - window.mean())
            if away > max(threshold * window.std(ddof=1), MINIMUM_EFFECT * window.mean()):
                alarms.append(len(values))
        values.append(value)
        return alarms

    return judge


def independent(count: int, spread: float, generator: np.random.Generator) -> Samples:
    """Normal noise."""
    return 1 + spread * generator.standard_normal(count)


def skewed(count: int, spread: float, generator: np.random.Generator) -> Samples:
    """Lognormal noise with a long tail towards slow."""
    shape = 0.5
    mean = math.exp(shape**2 / 2)
    deviations = np.exp(shape * generator.standard_normal(count)) - mean
    return 1 + spread * deviations / (mean * math.sqrt(math.expm1(shape**2)))


def outlying(count: int, spread: float, generator: np.random.Generator) -> Samples:
    """Normal noise, and in 3 of 100 points an outlier, slower by 20 standard deviations on average."""
    hit = generator.random(count) < 0.03
    away = np.where(hit, generator.exponential(20 * spread, size=count), 0.0)
    return independent(count, spread, generator) * (1 + away)


def bimodal(count: int, spread: float, generator: np.random.Generator) -> Samples:
    """Three of ten runs land in a mode that is four standard deviations slower, as by placement of memory."""
    return independent(count, 0.7 * spread, generator) + 4 * spread * (generator.random(count) < 0.3)


def autocorrelated(count: int, spread: float, generator: np.random.Generator) -> Samples:
    """AR(0.5): half of each point's deviation comes from the point before."""
    shocks = generator.standard_normal(count) * math.sqrt(1 - 0.5**2)
    shocks[0] = generator.standard_normal()
    return 1 + spread * np.asarray(lfilter([1.0], [1.0, -0.5], shocks))


@dataclass(frozen=True, slots=True)
class Kind:
    """Histories with a change: by how much, over how many points, and with what noise."""

    size: float
    noise: Noise = independent
    ramp: int = 1


KINDS = {
    "step of 1 %": Kind(0.01),
    "step of 2 %": Kind(0.02),
    "step of 5 %": Kind(0.05),
    "step of 10 %": Kind(0.10),
    "step of 20 %": Kind(0.20),
    "drift of 10 %": Kind(0.10, ramp=RAMP),
    "5 %, outliers": Kind(0.05, outlying),
    "5 %, bimodal": Kind(0.05, bimodal),
    "5 %, AR(0.5)": Kind(0.05, autocorrelated),
}
UNCHANGED: dict[str, Noise] = {
    "independent": independent,
    "skewed": skewed,
    "outliers": outlying,
    "bimodal": bimodal,
    "AR(0.5)": autocorrelated,
}


@dataclass(frozen=True, slots=True)
class Changed:
    """A history, and from where to where its level changes."""

    values: Samples
    begin: int
    end: int


def changed(kind: Kind, each: int, seed: Sequence[int]) -> Iterator[Changed]:
    """Make histories whose level changes at a random place, up or down by chance."""
    for number in range(each):
        generator = np.random.default_rng([*seed, number])
        begin = int(generator.integers(CHANGES_FROM, CHANGES_TO))
        size = kind.size if generator.random() < 0.5 else -kind.size
        level = 1 + size * np.clip((np.arange(LENGTH) - begin + 1) / kind.ramp, 0, 1)
        yield Changed(level * kind.noise(LENGTH, NOISE, generator), begin, begin + kind.ramp - 1)


def unchanged(noise: Noise, each: int, seed: Sequence[int]) -> Iterator[Samples]:
    """Make histories whose level never changes."""
    least, most = (math.log(spread) for spread in UNCHANGED_NOISE)
    for number in range(each):
        generator = np.random.default_rng([*seed, number])
        yield noise(UNCHANGED_LENGTH, math.exp(generator.uniform(least, most)), generator)


@dataclass(slots=True)
class Alarm:
    """Raised at which point, for a change at which place, and how far the places reach that belong to it."""

    raised: int
    place: int
    members: set[int]


def alarms_of(values: Samples, judge: Judge) -> list[Alarm]:
    """Return all alarms that a method ever raises on a history, also those that it takes back later."""
    alarms: list[Alarm] = []
    for at, value in enumerate(values):
        places = judge(float(value))
        for place in places:
            ours = next(
                (alarm for alarm in alarms if any(abs(place - member) <= NEAR for member in alarm.members)), None
            )
            if ours is None:
                alarms.append(Alarm(at, place, {place}))
            else:
                ours.members.add(place)
                ours.place = ours.place if ours.place in places else place
    return alarms


@dataclass(slots=True)
class Score:
    """Counts over histories."""

    found: int = 0
    missed: int = 0
    false: int = 0
    delays: list[int] = field(default_factory=list)

    def count(self, history: Changed, alarms: Iterable[Alarm]) -> None:
        """Add one history."""
        right = [
            alarm
            for alarm in alarms
            if alarm.raised >= history.begin and history.begin - NEAR <= alarm.place <= history.end + NEAR
        ]
        self.false += sum(alarm not in right for alarm in alarms)
        self.found += bool(right)
        self.missed += not right
        if right:
            self.delays.append(right[0].raised - history.begin + 1)

    def add(self, other: "Score") -> None:
        """Add the counts of another kind."""
        self.found, self.missed, self.false = (
            self.found + other.found,
            self.missed + other.missed,
            self.false + other.false,
        )
        self.delays += other.delays

    def __str__(self) -> str:
        precision = self.found / max(1, self.found + self.false)
        recall = self.found / max(1, self.found + self.missed)
        f1 = 2 * self.found / max(1, 2 * self.found + self.false + self.missed)
        median, late = np.quantile(self.delays or [math.nan], [0.5, 0.9])
        return f"{precision:9.1%} {recall:9.1%} {f1:7.3f} {median:8.0f} {late:8.0f}"


def report_changed(name: str, make: Callable[[], Judge], each: int, seed: int) -> None:
    """Print what a method makes of the changed histories."""
    print(f"\n{name:18} precision    recall      F1    delay (median, p90)")
    total = Score()
    for order, (title, kind) in enumerate(KINDS.items()):
        score = Score()
        for history in changed(kind, each, (seed, 0, order)):
            score.count(history, alarms_of(history.values, make()))
        total.add(score)
        print(f"  {title:14} {score}", flush=True)
    print(f"  {'all':14} {total}", flush=True)


def report_unchanged(name: str, make: Callable[[], Judge], each: int, seed: int) -> None:
    """Print how many unchanged histories ever raise an alarm."""
    counts = {}
    for order, (title, noise) in enumerate(UNCHANGED.items()):
        histories = unchanged(noise, each, (seed, 1, order))
        counts[title] = sum(bool(alarms_of(values, make())) for values in histories)
    of_each = ", ".join(f"{title} {count}" for title, count in counts.items())
    print(f"{name:12} {sum(counts.values())} of {each * len(counts)} unchanged raise an alarm ({of_each})", flush=True)


def report_families(each: int, seed: int) -> None:
    """Print how many families of four unchanged metrics ever raise an alarm in any of them."""
    rule = MetricRule(better=Better.LOWER, minimum_effect=MINIMUM_EFFECT)
    noises = list(unchanged(independent, 4 * each, (seed, 4)))
    raised = 0
    for family in range(each):
        histories = Histories.of({f"metric {number}": rule for number in range(4)})
        alarmed = False
        for values in zip(*noises[4 * family : 4 * family + 4], strict=True):
            histories = histories.append({f"metric {place}": Point(float(value)) for place, value in enumerate(values)})
            alarmed |= any(history.judgement.changes for history in histories.histories.values())
        raised += alarmed
    print(f"migperf      {raised} of {each} families of four unchanged metrics raise an alarm", flush=True)


def cost_s(make: Callable[[], Judge], seed: int) -> float:
    """Return the CPU time per appended point, in seconds, over ten unchanged and ten changed histories."""
    series = [*unchanged(independent, 10, (seed, 2)), *(each.values for each in changed(Kind(0.05), 10, (seed, 3)))]
    begun = time.process_time()
    for values in series:
        judge = make()
        for value in values:
            judge(float(value))
    return (time.process_time() - begun) / sum(map(len, series))


if __name__ == "__main__":
    main()
