"""The tables of a report that tell which framework works where, and why it does not elsewhere. Pure."""

from collections.abc import Mapping

from migperf.analysis.compatibility import UNTRIED, Cell, Column, CompatibilityMatrix, Verdict
from migperf.analysis.experiments.tables import Finding, ReportCell, ReportTable

_Reason = tuple[str, Verdict, str]
"""Framework, verdict and reason: what is explained once, however many cells it is true of."""


def matrix_table(matrix: CompatibilityMatrix) -> ReportTable:
    """Return the verdicts; a number in brackets leads to the reason, which is too long to stand in a column."""
    numbers = _numbers(matrix)
    rows: tuple[tuple[ReportCell, ...], ...] = tuple(
        (row.framework, row.task, *(_finding(row.framework, cell, numbers) for cell in row.cells))
        for row in matrix.rows
    )
    columns = ("Framework or server", "Task", *map(_heading, matrix.columns))
    return ReportTable(caption="Which framework, or server, does which task where", columns=columns, rows=rows)


def reason_table(matrix: CompatibilityMatrix) -> ReportTable:
    """Return why something does not work: each reason of a framework once, whole, by its number."""
    rows = tuple(
        (str(number), framework, Finding(_words(verdict), "", str(verdict)), why)
        for (framework, verdict, why), number in _numbers(matrix).items()
    )
    columns = ("No.", "Framework or server", "Verdict", "Why")
    return ReportTable(
        caption="Why not, by the numbers in brackets", columns=columns, rows=rows, numeric=frozenset({0})
    )


def _numbers(matrix: CompatibilityMatrix) -> Mapping[_Reason, int]:
    reasons = (_reason(row.framework, cell) for row in matrix.rows for cell in row.cells)
    return {reason: number for number, reason in enumerate(dict.fromkeys(filter(None, reasons)), start=1)}


def _reason(framework: str, cell: Cell) -> _Reason | None:
    """Return what is to be explained; of what nobody has probed the verdict says it all."""
    return None if cell.reason is None or cell == UNTRIED else (framework, cell.verdict, cell.reason)


def _finding(framework: str, cell: Cell, numbers: Mapping[_Reason, int]) -> Finding:
    reason = _reason(framework, cell)
    number = "" if reason is None else f" ({numbers[reason]})"
    return Finding(f"{_words(cell.verdict)}{number}", _details(cell), str(cell.verdict))


def _details(cell: Cell) -> str:
    """Return versions and device, such as ``0.10.2, jaxlib 0.10.2; on cpu:0 (cpu)``; what is not known is left out."""
    versions = (cell.version, *(f"{name} {version}" for name, version in sorted((cell.companions or {}).items())))
    device = None if cell.device is None else f"on {cell.device}"
    return "; ".join(filter(None, (", ".join(filter(None, versions)), device)))


def _heading(column: Column) -> str:
    return f"{column.partition} (simulated)" if column.simulated else column.partition


def _words(verdict: Verdict) -> str:
    return str(verdict).replace("_", " ")
