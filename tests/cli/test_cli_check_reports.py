"""The reports of a check: JUnit XML that counts what is in it, and Markdown whose tables no text can break."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migperf.analysis.terms import Aspect, Per, StatisticName
from migperf.cli.check_junit import junit
from migperf.cli.check_markdown import escaped, markdown
from migperf.cli.check_words import summary
from migperf.client import Check, CheckedBenchmark, ComparedView, DifferenceView, FigureBeside, Finding, Outcome, Place
from migperf.gpus.partition import PartitionKind
from migperf.statistics.verdict import Verdict

ODD = st.text(max_size=40) | st.sampled_from(
    [
        "a|b",
        "\\|",
        "<script>alert(1)</script>",
        "]]>",
        "\0\x1b[31m",
        "\ud800",
        "\r\n\t",
        "&amp;",
        "`x`",
        "*_~[a](b)",
        "%",
    ]
)


def parsed(file: bytes) -> ET.Element:
    return ET.fromstring(file)  # noqa: S314 - our own


def compared(ratio: float = 1.1) -> ComparedView:
    return ComparedView.model_validate(
        {
            "unit": "ms",
            "baseline_value": 5.0,
            "candidate_value": 5.0 * ratio,
            "verdict": Verdict.SLOWER,
            "ratio": ratio,
            "interval": {"low": ratio - 0.02, "high": ratio + 0.02, "level": 0.95, "method": "t"},
            "basis": "runs",
            "baseline_runs": 5,
            "candidate_runs": 3,
            "spread_rel": 0.01,
            "ranks": {"p_value": 0.01, "unit": "runs", "baseline_units": 5, "candidate_units": 3},
            "effect": {"superiority": 0.1, "cliffs_delta": -0.8},
            "why": "why",
        }
    )


def finding(outcome: Outcome, why: str = "the p50 differs", statistic: StatisticName = StatisticName.P50) -> Finding:
    return Finding(statistic=statistic, outcome=outcome, why=why, per=Per.STEP, compared=compared())


def benchmark(*findings: Finding, **more: Any) -> CheckedBenchmark:
    given = {
        "workload": "resnet18",
        "scenario": "offline",
        "fingerprint": "0123456789" * 6 + "abcd",
        "parameters": {"batch_size": 8},
        "place": Place(kind=PartitionKind.MIG, profile="1g.10gb", model="NVIDIA H100", simulated=False),
        "baseline": ("run-1", "run-2"),
        "candidate": ("run-3",),
        "outcome": Outcome.worst(each.outcome for each in findings),
        "findings": findings,
        "took_s": 12.0,
    }
    return CheckedBenchmark.model_validate(given | more)


def check(*benchmarks: CheckedBenchmark, **more: Any) -> Check:
    given = {"reference": "label:branch=main", "margin": 0.01, "level": 0.95, "label": "4f1", "took_s": 61.0}
    return Check.model_validate(given | {"benchmarks": benchmarks} | more)


MIXED = check(
    benchmark(
        finding(Outcome.REGRESSED),
        finding(Outcome.PASSED, statistic=StatisticName.P99),
        finding(Outcome.COULD_NOT_TELL, statistic=StatisticName.MEAN),
    ),
    benchmark(finding(Outcome.PASSED), place=Place(kind=PartitionKind.CPU, profile=None, model="C", simulated=True)),
    benchmark(outcome=Outcome.REGRESSED, why="run run-3 does not fit into memory"),
)


def counts(element: ET.Element) -> dict[str, int]:
    return {name: int(element.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}


def test_a_case_for_each_statistic_and_the_counts_are_right() -> None:
    root = parsed(junit(MIXED))
    assert counts(root) == {"tests": 5, "failures": 2, "errors": 1, "skipped": 0}
    assert [counts(suite) for suite in root] == [
        {"tests": 3, "failures": 1, "errors": 1, "skipped": 0},
        {"tests": 1, "failures": 0, "errors": 0, "skipped": 0},
        {"tests": 1, "failures": 1, "errors": 0, "skipped": 0},
    ]
    suite = root[0]
    assert suite.attrib["name"] == "resnet18 offline 01234567 on 1g.10gb of NVIDIA H100"
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    assert {name: [child.tag for child in case] for name, case in cases.items()} == {
        "p50": ["failure"],
        "p99": ["system-out"],
        "mean": ["error"],
    }
    assert cases["p50"][0].attrib == {"message": "the p50 differs", "type": "regressed"}
    assert sum(float(case.attrib["time"]) for case in cases.values()) == pytest.approx(12.0)
    properties = {p.attrib["name"]: p.attrib["value"] for p in suite.iter("property")}
    assert (properties["baseline_runs"], properties["candidate_runs"]) == ("run-1,run-2", "run-3")


def test_only_what_the_common_schema_knows_is_written_in_its_order() -> None:
    """As Jenkins' schema has it: properties, cases, output; a case has one ending at most."""
    root = parsed(junit(MIXED))
    assert root.tag == "testsuites"
    for suite in root:
        assert re.fullmatch("(properties )?(testcase )+(system-out )?", "".join(f"{child.tag} " for child in suite))
        assert set(suite.attrib) == {"name", "tests", "failures", "errors", "skipped", "time"}
        for case in suite.iter("testcase"):
            assert set(case.attrib) == {"classname", "name", "time"}
            assert re.fullmatch("(failure |error |system-out )?", "".join(f"{child.tag} " for child in case))


@pytest.mark.parametrize(
    "told", [check(problem="no service answers"), check(), check(MIXED.benchmarks[1], problem="x")]
)
def test_a_check_that_ended_early_is_an_error_and_not_an_empty_file(told: Check) -> None:
    root = parsed(junit(told))
    assert counts(root)["errors"] == 1
    (case,) = [case for case in root.iter("testcase") if case.find("error") is not None]
    assert case.attrib["name"] == "complete"
    assert "**could not tell**" not in markdown(told)
    assert markdown(told).startswith("## migperf check: could not tell\n")


@given(name=ODD, why=ODD, model=ODD, value=ODD)
def test_no_text_breaks_the_xml(name: str, why: str, model: str, value: str) -> None:
    place = Place(kind=PartitionKind.CPU, profile=None, model=model, simulated=False)
    odd = benchmark(finding(Outcome.REGRESSED, why), workload=name, place=place, parameters={"note": value})
    root = parsed(junit(check(odd, reference=value)))
    assert counts(root) == {"tests": 1, "failures": 1, "errors": 0, "skipped": 0}
    (failure,) = root.iter("failure")
    if why.isprintable():
        assert failure.attrib["message"] == why
        assert (failure.text or "") == why


def table_rows(text: str) -> list[list[str]]:
    """The rows of the first table."""
    lines = text.split("\n")
    first = next(number for number, line in enumerate(lines) if line.startswith("| Benchmark"))
    found = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


@given(name=ODD, why=ODD, model=ODD, value=ODD)
def test_no_text_breaks_a_table_or_the_document(name: str, why: str, model: str, value: str) -> None:
    place = Place(kind=PartitionKind.CPU, profile=None, model=model, simulated=False)
    difference = DifferenceView(aspect=Aspect.ENVIRONMENT, name=name, baseline=(value,), candidate=(None, 3))
    odd = benchmark(
        finding(Outcome.COULD_NOT_TELL, why), workload=name, place=place, differences=(difference,), parameters={}
    )
    text = markdown(check(odd, reference=value))
    plain = markdown(check(benchmark(finding(Outcome.COULD_NOT_TELL, "why"), differences=(difference,), parameters={})))
    assert len(text.split("\n")) == len(plain.split("\n")), "each text stays in its line"
    assert {len(row) for row in table_rows(text)} == {9}
    assert not re.search(r"<\w", text), "no HTML gets through"
    text.encode()


@given(ODD)
def test_what_is_escaped_reads_as_it_was(text: str) -> None:
    """As a reader of Markdown takes escapes and entities back; blanks count once, and one line stays one."""
    shown = re.sub(r"\\([\\`*_\[\]~$#])", r"\1", escaped(text))
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&#124;", "|"), ("&amp;", "&")):
        shown = shown.replace(entity, character)
    if text.isprintable():
        assert shown == " ".join(text.split())
    assert len(escaped(text).splitlines()) <= 1


def test_the_markdown_has_a_row_for_each_statistic_and_says_what_differs() -> None:
    differences = (DifferenceView(aspect=Aspect.ENVIRONMENT, name="torch", baseline=("2.12",), candidate=("2.13",)),)
    figure = FigureBeside(name="energy_per_sample", unit="J/image", baseline=(1.0, 1.2), candidate=(1.5,))
    text = markdown(check(benchmark(finding(Outcome.REGRESSED), differences=differences, figures=(figure,))))
    assert text.startswith("## migperf check: regressed\n")
    (row,) = table_rows(text)[2:]
    assert row == [
        "resnet18 offline 01234567",
        "1g.10gb of NVIDIA H100",
        "p50",
        "5.00",
        "5.50",
        "ms/step",
        "+10.0 %",
        "+8.0 to +12.1 %",
        "**regressed**",
    ]
    assert "Not in the same environment:" in text
    assert "| torch | 2.12 | 2.13 |" in text
    assert "energy\\_per\\_sample: 1.10 and now 1.50 J/image (mean over 2 and 1 runs; not judged)" in text


def test_the_summary_counts_what_came_of_the_benchmarks() -> None:
    assert summary(MIXED) == (
        "regressed: 3 benchmarks (1 passed, 2 regressed) against label:branch=main with a margin of 1 %, in 1 min 1 s"
    )
    assert summary(check(problem="x")).startswith("could not tell: no benchmark was compared against ")
