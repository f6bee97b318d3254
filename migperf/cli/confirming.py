"""Buying runs for a comparison as people see it: each run and each look in a line, then what it came to."""

from rich.text import Text

from migperf.cli.comparisons import exit_status, print_comparison
from migperf.cli.output import as_data, emit_json, out, remark
from migperf.cli.remote import INTERRUPTED
from migperf.client import Client, ComparisonView, Confirmation, ConfirmationPlan, Confirmer, EndedBy, RunView
from migperf.software_environment import DEFAULT
from migperf.statistics.digits import duration

FAILED = 1


class LineWatching:
    """Says each run and each look in a line on standard error."""

    def began(self, pair: int, side: str, run: RunView) -> None:
        """See client.confirmation.Watching."""
        remark(f"pair {pair}, {side}: {run.id}")

    def looked(self, pairs: int, comparison: ComparisonView) -> None:
        """See client.confirmation.Watching."""
        remark(f"{pairs} pairs: {comparison.candidates[0].headline}")


def confirm_runs(client: Client, baseline: str, candidate: str, plan: ConfirmationPlan, *, as_json: bool) -> int:
    """Run the benchmarks of two runs by turns, print what came of it, and return the exit status."""
    runs = client.run(baseline), client.run(candidate)
    confirmer = Confirmer(client, *runs, plan, LineWatching())
    place = confirmer.partition
    remark(f"by turns on {place.profile or place.kind} of {place.model} ({place.uuid}), with what is installed now")
    first, second = (run.benchmark.environment or DEFAULT for run in runs)
    if first != second:
        remark(f"the baseline in the software environment {first}, the candidate in {second}")
    elif runs[0].fingerprint == runs[1].fingerprint:
        remark("both runs are of one benchmark: it is compared with itself")
    found = confirmer.run()
    if as_json:
        emit_json(as_data(found))
    else:
        _print(found)
    return _status(found)


def _print(found: Confirmation) -> None:
    console = out()
    if found.comparison is not None:
        print_comparison(console, found.comparison)
        console.print()
    console.print(Text(f"{found.why}; {len(found.pairs)} pairs in {duration(found.took_s)}"))
    console.print(Text(_looks(found), "dim"))
    console.print(Text(f"runs: `migperf runs list -l confirm={found.label}`", "dim"), soft_wrap=True)


def _looks(found: Confirmation) -> str:
    looks = f"{len(found.looks)} of {found.looks_planned} planned looks"
    return f"{looks}, each at {100 * found.level_each_look:.4g} %, so that all together keep the level asked for"


def _status(found: Confirmation) -> int:
    match found.ended_by:
        case EndedBy.INTERRUPTED:
            return INTERRUPTED
        case EndedBy.RUN_ENDED:
            return FAILED
    return exit_status([found.verdict])
