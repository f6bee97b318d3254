"""``migperf whoami``: whom a service takes this command line for."""

from migperf.cli.options import AsJson, ServiceOptions, grouped


@grouped
def whoami(*, service: ServiceOptions, as_json: AsJson = False) -> None:
    """Show which API key the service sees, and what it allows."""
    from migperf.cli.output import as_data, emit_json, moment, out
    from migperf.client import Client

    with Client(service.url) as client:
        found = client.whoami()
        url = client.url
    if as_json:
        return emit_json(as_data(found))
    scopes = ", ".join(found.scopes)
    if found.key_id is None:
        return out().print(f"{url} asks for no key: everybody may do everything")
    until = "" if found.expires_at is None else f", until {moment(found.expires_at)}"
    return out().print(f"{found.name} ({found.key_id}): {scopes}{until}")
