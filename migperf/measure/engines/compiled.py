"""torch.compile: everything is compiled by the first calls, and nothing after them."""

import torch
import torch._dynamo
from pydantic import JsonValue
from torch._dynamo.utils import counters
from torch._inductor.async_compile import shutdown_compile_workers

from migperf.measure.engines.executable import Assignment, Executable
from migperf.measure.engines.precision import in_precision


def compiled(assignment: Assignment) -> Executable:
    """Return the compiled model. It is compiled when it is called, and its gradient when that is asked for."""
    torch.compiler.set_stance("default")
    torch._dynamo.reset()
    counters.clear()
    call = torch.compile(in_precision(assignment.model, assignment.engine, assignment.device))
    return Executable(call=call, settle=_settle)


def _settle() -> dict[str, JsonValue]:
    """Forbid to compile anything more, and end the processes that compiled: both would disturb what is timed."""
    torch.compiler.set_stance("fail_on_recompile")
    shutdown_compile_workers()
    return {"compiled_graphs": counters["stats"]["unique_graphs"], "graph_breaks": counters["graph_break"].total()}
