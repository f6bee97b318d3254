"""A check as a JUnit XML file: a suite for each benchmark, a case for each statistic.

There is no standard; what is written here is what Jenkins, GitLab and the viewers of GitHub Actions have in common.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

from migperf.cli.check_words import OUTCOME_WORDS, background, parameters_words, sendable, summary
from migperf.client import Check, CheckedBenchmark, Outcome

_ENDINGS = {Outcome.REGRESSED: "failure", Outcome.COULD_NOT_TELL: "error"}
"""What cannot be told is an error, not a skipped case: those are shown in green, and nobody would look."""
_WHOLE, _COMPARISON, _COMPLETE = "migperf check", "comparison", "complete"


def junit(check: Check) -> bytes:
    """Return the file. A check that ended early has a case of its own for that."""
    root = ET.Element("testsuites", name=_WHOLE)
    for checked in check.benchmarks:
        root.append(_suite(check, checked))
    if check.problem is not None or not check.benchmarks:
        root.append(_incomplete(check))
    _count(root, check.took_s)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))


def _suite(check: Check, checked: CheckedBenchmark) -> ET.Element:
    name = sendable(checked.name)
    suite = ET.Element("testsuite", name=name)
    properties = ET.SubElement(suite, "properties")
    for key, value in _properties(check, checked):
        ET.SubElement(properties, "property", name=key, value=sendable(value))
    cases = [(str(finding.statistic), finding.outcome, finding.why) for finding in checked.findings]
    cases = cases or [(_COMPARISON, checked.outcome, checked.why or "")]
    for case, outcome, why in cases:
        # Viewers add the cases up, so the time of the runs, which serve all statistics, is divided among them.
        _case(suite, (name, case), outcome, why, checked.took_s / len(cases))
    if told := "\n".join(background(checked)):
        ET.SubElement(suite, "system-out").text = sendable(told)
    _count(suite, checked.took_s)
    return suite


def _properties(check: Check, checked: CheckedBenchmark) -> Iterator[tuple[str, str]]:
    yield "baseline", check.reference
    yield "baseline_runs", ",".join(checked.baseline)
    yield "candidate_runs", ",".join(checked.candidate)
    yield "margin", f"{check.margin:g}"
    yield "level", f"{check.level:g}"
    yield "fingerprint", checked.fingerprint
    yield "parameters", parameters_words(checked)
    yield "label", f"check={check.label}"


def _incomplete(check: Check) -> ET.Element:
    suite = ET.Element("testsuite", name=_WHOLE)
    _case(suite, (_WHOLE, _COMPLETE), Outcome.COULD_NOT_TELL, check.problem or summary(check), 0.0)
    _count(suite, 0.0)
    return suite


def _case(suite: ET.Element, name: tuple[str, str], outcome: Outcome, why: str, time_s: float) -> None:
    case = ET.SubElement(suite, "testcase", classname=name[0], name=name[1], time=f"{time_s:.3f}")
    told = sendable(why)
    if outcome in _ENDINGS:
        ending = ET.SubElement(case, _ENDINGS[outcome], message=told, type=OUTCOME_WORDS[outcome])
        ending.text = told
    elif told:
        ET.SubElement(case, "system-out").text = told


def _count(element: ET.Element, time_s: float) -> None:
    """Write the counts that viewers show without looking at the cases."""
    element.set("tests", str(len(list(element.iter("testcase")))))
    element.set("failures", str(len(list(element.iter("failure")))))
    element.set("errors", str(len(list(element.iter("error")))))
    element.set("skipped", "0")
    element.set("time", f"{time_s:.3f}")
