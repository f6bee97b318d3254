"""``migperf environments``: the software environments that the nodes of a service offer."""

from typing import TYPE_CHECKING

from migperf.cli.options import AsJson, ServiceOptions, grouped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.text import Text

    from migperf.client import EnvironmentView, NodeView


@grouped
def environments(*, service: ServiceOptions, as_json: AsJson = False) -> None:
    """List the software environments of all nodes, and what is installed in each."""
    from migperf.cli.output import as_data, emit_json
    from migperf.client import Client

    with Client(service.url) as client:
        nodes = client.nodes()
    return emit_json(as_data(nodes)) if as_json else _print_environments(nodes)


def _print_environments(nodes: "Iterable[NodeView]") -> None:
    from rich.text import Text

    from migperf.cli.output import out, remark, table

    made = table("Environment", "Node", "Software", whole=("Environment",))
    for node in nodes:
        name = Text.assemble(node.name, "" if node.alive else (" (silent)", "red"))
        for environment in node.environments:
            made.add_row(environment.name, name, _words(environment))
    if made.row_count:
        out().print(made)
    else:
        remark("the service knows no software environments: no worker has started yet (`migperf worker`)")


def _words(environment: "EnvironmentView") -> "Text":
    from rich.text import Text

    if environment.problem is not None:
        return Text(f"cannot be used: {environment.problem}", "red")
    payloads = (f"{name} {version}" for name, version in (environment.payloads or {}).items())
    return Text(", ".join((f"Python {environment.python}", f"torch {environment.torch}", *payloads)))
