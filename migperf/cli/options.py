"""Options that several commands share, as groups, and the reading of ``name=value``.

Holds nothing heavy: every ``--help`` imports it.
"""

import functools
import inspect
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

if TYPE_CHECKING:
    from migperf.settings import Settings

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, and nothing else there.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of the run.")]

_FOR_SERVICE = "Settings of the service"


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take groups of options: each parameter whose type is a dataclass becomes one option a field."""
    signature = inspect.signature(command, eval_str=True)
    groups: dict[str, Any] = {p.name: p.annotation for p in signature.parameters.values() if is_dataclass(p.annotation)}

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:  # noqa: ANN401 - each option has its own type
        for name, group in groups.items():
            given[name] = group(**{option.name: given.pop(option.name) for option in fields(group)})
        command(**given)

    parameters: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        options = _options(groups[parameter.name]) if parameter.name in groups else [parameter]
        parameters += [option.replace(kind=inspect.Parameter.KEYWORD_ONLY) for option in options]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapper


def _options(group: Any) -> list[inspect.Parameter]:  # noqa: ANN401 - any dataclass
    annotations = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            option.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_default(option),
            annotation=annotations[option.name],
        )
        for option in fields(group)
    ]


def _default(option: Field[Any]) -> Any:  # noqa: ANN401 - each option has its own type
    return option.default if option.default_factory is MISSING else option.default_factory()


def _workload_names(incomplete: str) -> list[str]:
    from workloads.registry import catalogue

    return [name for name in catalogue() if name.startswith(incomplete)]


Workload = Annotated[
    str,
    typer.Argument(
        metavar="WORKLOAD", help="Name of the workload; `migperf workloads` lists them.", autocompletion=_workload_names
    ),
]
OptionalWorkload = Annotated[
    str | None,
    typer.Argument(
        metavar="[WORKLOAD]",
        help="Name of the workload; `migperf workloads` lists them.",
        autocompletion=_workload_names,
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkOptions:
    """What makes a benchmark out of a workload. What is left out takes the benchmark's own default."""

    scenario: Annotated[
        str | None,
        typer.Option(
            "--scenario",
            "-s",
            metavar="NAME",
            help="How work arrives: offline, single_stream, multi_stream, server or train (default: what the workload "
            "offers first).",
        ),
    ] = None
    parameters: Annotated[
        list[str],
        typer.Option(
            "--param",
            "-p",
            metavar="NAME=VALUE",
            help="A parameter of the workload, such as batch_size=8; can be repeated.",
        ),
    ] = field(default_factory=list)
    method: Annotated[
        list[str],
        typer.Option(
            "--method",
            "-m",
            metavar="NAME=VALUE",
            help="How to measure: warmup_steps, warmup_s, steady_within, warmup_max_s, min_steps, min_s, precision, "
            "precision_of, level, max_s, sample_hz, estimate_power; can be repeated.",
        ),
    ] = field(default_factory=list)
    load: Annotated[
        list[str],
        typer.Option(
            "--load",
            metavar="NAME=VALUE",
            help="Details of multi_stream and server: streams; rate_per_s, arrivals, burst_factor, burst_share, "
            "burst_s, trace_s, max_batch, max_delay_ms, queue_limit, timeout_ms; can be repeated.",
        ),
    ] = field(default_factory=list)
    max_rate: Annotated[
        str | None,
        typer.Option(
            "--max-rate",
            metavar="PERCENTILE=MS",
            help="Search for the highest rate of a server at which a percentile of latency keeps its limit, such as "
            "p99=50.",
        ),
    ] = None
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            metavar="NAME",
            help="What executes the model: eager, compile, cuda_graph or onnx_runtime (default: eager).",
        ),
    ] = None
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision", metavar="NAME", help="What it computes in: fp32, tf32, bf16 or fp16 (default: fp32)."
        ),
    ] = None
    channels_last: Annotated[
        bool, typer.Option("--channels-last", help="Put images and convolutions in memory with channels innermost.")
    ] = False
    where: Annotated[
        str | None,
        typer.Option(
            "--where",
            "-w",
            metavar="CONDITIONS",
            help="Partitions it may run on, such as kind=mig,profile=1g.10gb (default: any).",
        ),
    ] = None
    environment: Annotated[
        str | None,
        typer.Option(
            "--environment",
            metavar="NAME",
            help="Software environment of its node that the payload runs in (default: the worker's own).",
        ),
    ] = None
    max_batch: Annotated[
        int | None,
        typer.Option(
            "--max-batch",
            metavar="N",
            help="Instead of measuring, search for the largest batch_size that fits into memory, N at most.",
        ),
    ] = None
    profile: Annotated[
        bool, typer.Option("--profile", help="Record a profile of some more steps after the measured ones.")
    ] = False
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", help="Seed of weights, data and arrivals (default: 0)."),
    ] = None
    timeout_s: Annotated[
        float | None,
        typer.Option("--timeout-s", metavar="N", help="Stop the run after so many seconds (default: 3600)."),
    ] = None

    def fields_given(self) -> dict[str, Any]:
        """Return the fields of a request that these options set."""
        given: dict[str, Any] = {
            "scenario": self.scenario,
            "parameters": parse_values(self.parameters, "--param"),
            "method": parse_values(self.method, "--method"),
            "load": parse_values(self.load, "--load"),
            "search": self._search(),
            "engine": self._engine_given(),
            "environment": self.environment,
            "where": self.where,
            "profile": self.profile or None,
            "seed": self.seed,
            "timeout_s": self.timeout_s,
        }
        return {name: value for name, value in given.items() if value is not None and value != {}}

    def _search(self) -> dict[str, Any] | None:
        rate = max_rate_search(self.max_rate)
        if rate is not None and self.max_batch is not None:
            raise typer.BadParameter("one run searches for one thing", param_hint="'--max-rate', '--max-batch'")
        return rate if self.max_batch is None else {"kind": "max_batch", "limit": self.max_batch}

    def _engine_given(self) -> dict[str, Any]:
        given = {"runtime": self.engine, "precision": self.precision, "channels_last": self.channels_last or None}
        return {name: value for name, value in given.items() if value is not None}


def _hand_on(key: str | None) -> str | None:
    """Put an API key where every client of this command finds it. It is in no message, and no default shows it."""
    if key is not None:
        os.environ["MIGPERF_API_KEY"] = key
    return key


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """Where the service is, and what opens it."""

    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            envvar="MIGPERF_URL",
            metavar="URL",
            help="Where the service is (default: http://127.0.0.1:8642, or as the settings say).",
        ),
    ] = None
    api_key: Annotated[
        str | None,
        typer.Option(
            "--api-key",
            envvar="MIGPERF_API_KEY",
            metavar="KEY",
            callback=_hand_on,
            show_default=False,
            help="API key, where the service asks for one. Better in the variable: all on this host can see options.",
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageOptions:
    """Where the service keeps what it knows."""

    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="MIGPERF_DATA_DIR", help="Folder of the service's files.", rich_help_panel=_FOR_SERVICE),
    ] = None
    database_url: Annotated[
        str | None,
        typer.Option(
            envvar="MIGPERF_DATABASE_URL",
            metavar="URL",
            help="Database (default: SQLite in the data folder).",
            rich_help_panel=_FOR_SERVICE,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """Where wake-ups travel."""

    broker_url: Annotated[
        str | None,
        typer.Option(
            envvar="MIGPERF_BROKER_URL",
            metavar="URL",
            help="Celery broker (default: files in the data folder).",
            rich_help_panel=_FOR_SERVICE,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressOptions:
    """Where the API listens."""

    host: Annotated[
        str | None,
        typer.Option(
            envvar="MIGPERF_HOST",
            metavar="ADDRESS",
            help="Address that the API listens on (default: 127.0.0.1).",
            rich_help_panel=_FOR_SERVICE,
        ),
    ] = None
    port: Annotated[
        int | None,
        typer.Option(
            envvar="MIGPERF_PORT",
            metavar="N",
            min=0,
            max=65535,
            help="Port of the API (default: 8642).",
            rich_help_panel=_FOR_SERVICE,
        ),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeOptions:
    """What this host is called."""

    node_name: Annotated[
        str | None,
        typer.Option(
            envvar="MIGPERF_NODE_NAME",
            metavar="NAME",
            help="Name of this worker's node (default: the host's name).",
            rich_help_panel=_FOR_SERVICE,
        ),
    ] = None


def settings_with(*groups: StorageOptions | BrokerOptions | AddressOptions | NodeOptions) -> "Settings":
    """Return the settings with these options put into the environment, where the processes we start see them too.

    Raises ConfigurationError.
    """
    from migperf.settings import load_settings

    for group in groups:
        for option in fields(group):
            value = getattr(group, option.name)
            if value is not None:
                text = str(value.expanduser().absolute()) if isinstance(value, Path) else str(value)
                os.environ[f"MIGPERF_{option.name.upper()}"] = text
    return load_settings()


def parse_values(pairs: Iterable[str], option: str) -> dict[str, Any]:
    """Read ``name=value`` pairs; a value is JSON if it can be, else text. Raises typer.BadParameter."""
    return {name: _value(text) for name, text in parse_pairs(pairs, option).items()}


def parse_pairs(pairs: Iterable[str], option: str) -> dict[str, str]:
    """Read ``name=value`` pairs with values as text. Raises typer.BadParameter."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{pair!r} is not of the form name=value", param_hint=f"'{option}'")
        if name.strip() in found:
            raise typer.BadParameter(f"{name.strip()!r} is given twice", param_hint=f"'{option}'")
        found[name.strip()] = value
    return found


def max_rate_search(text: str | None) -> dict[str, Any] | None:
    """Read ``p99=50``: the search for the highest rate with that percentile within so many ms."""
    if text is None:
        return None
    read = re.fullmatch(r"p(50|90|95|99)=([0-9.]+)", text)
    if read is None:
        raise typer.BadParameter(f"{text!r} is not of the form p99=50 (p50, p90, p95, p99)", param_hint="'--max-rate'")
    return {"kind": "max_rate", "percentile": int(read[1]), "limit_ms": parse_values([f"ms={read[2]}"], "")["ms"]}


def _value(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text


def _refuse_constant(name: str) -> Any:  # noqa: ANN401 - never returns
    raise ValueError(f"{name} is no JSON")
