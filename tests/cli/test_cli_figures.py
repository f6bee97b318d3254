"""Figures as people see them: units, intervals and reasons are there, and nothing is cut off at 80 columns."""

import io

from rich.console import Console

from migperf.cli.figures import environment_line, measured_line, print_figures
from migperf.measure.figures import Interval, ResultFigure
from migperf.metrics.metric import Scope

INTERVAL = Interval(low=60.1, high=62.4, level=0.95, method="batch means")
THROUGHPUT = ResultFigure(
    name="throughput", unit="image/s", scope=Scope.PROCESS, value=61.2345, interval=INTERVAL, samples=459
)
LOSS = ResultFigure(name="loss", unit="1", scope=Scope.PROCESS, value=0.123456)
P99 = ResultFigure(
    name="latency_p99",
    unit="ms",
    scope=Scope.PROCESS,
    samples=25,
    absent="needs at least 459 steps, 25 were measured; raise min_steps or min_s",
)


def _printed(*figures: ResultFigure, columns: int = 80) -> str:
    text = io.StringIO()
    print_figures(Console(file=text, width=columns, highlight=False), figures)
    return text.getvalue()


def test_a_figure_is_shown_with_unit_interval_scope_and_samples() -> None:
    heading, line = _printed(THROUGHPUT).splitlines()
    assert heading.split() == ["Figure", "Value", "Unit", "95", "%", "interval", "Scope", "Samples"]
    assert line.split() == ["throughput", "61.2", "image/s", "60.1", "to", "62.4", "process", "459"]


def test_what_is_not_known_is_a_dash_and_a_pure_number_has_no_unit() -> None:
    assert _printed(LOSS).splitlines()[1].split() == ["loss", "0.123", "–", "process", "–"]


def test_an_absent_figure_gives_its_reason_and_no_number() -> None:
    text = _printed(THROUGHPUT, P99)
    table, _, absent = text.partition("Not reported")
    assert "latency_p99" not in table
    assert " ".join(absent.split()) == f"latency_p99 {P99.absent}"


def test_nothing_is_cut_off_at_80_columns() -> None:
    wide = THROUGHPUT.model_copy(update={"scope": Scope.PROCESS_TREE, "name": "batch_time_mean", "value": 61234.5})
    text = _printed(wide, P99)
    assert "…" not in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_how_a_figure_was_come_by_is_shown_where_there_is_room() -> None:
    energy = ResultFigure(
        name="gpu_energy", unit="J", scope=Scope.GPU, value=1072.4, method="counter difference", update_period_ms=99.8
    )
    assert "counter difference, meter updated every 99.8 ms" in _printed(THROUGHPUT, energy, columns=130)
    assert "Method" not in _printed(THROUGHPUT, energy)
    assert "Method" not in _printed(THROUGHPUT, columns=130)


def test_no_figures_print_nothing() -> None:
    assert _printed() == ""


def test_the_environment_line_names_what_is_known_only() -> None:
    facts = {"processor": "AMD EPYC", "torch": "2.13.0", "torch_threads": 2, "cpu_governor": None, "seed": 0}
    assert environment_line(facts) == "AMD EPYC · torch 2.13.0 · 2 threads · seed 0"


def test_the_measured_line_tells_the_rules() -> None:
    assert measured_line(5.004, "steps", "max_s") == "measured 5.00 s (ended by max_s) after a warm-up ended by steps"
