"""Runs the stability study on its own: ``python -m workloads.vit_conv_stem.stability --trials 8 --out edf.png``.

Writes the figures and curves as JSON beside the drawing, and the drawing itself if matplotlib is installed.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from pydantic import ValidationError
from rich.console import Console
from rich.progress import track
from rich.table import Table

from workloads.base import Context, Figure, Report
from workloads.image_parameters import OptimizerName
from workloads.vit_conv_stem.stability import figure
from workloads.vit_conv_stem.stability.parameters import StabilityParameters
from workloads.vit_conv_stem.stability.report import distributions
from workloads.vit_conv_stem.stability.workload import StabilityStudy


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study that the command line asks for."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        parameters = StabilityParameters(
            trials=options.trials,
            steps=options.steps,
            batch_size=options.batch_size,
            optimizers=tuple(options.optimizers),
        )
    except ValidationError as error:
        parser.error(str(error))
    study = StabilityStudy(parameters, Context(device=torch.device(options.device), seed=options.seed))
    console = Console()
    report = _run(study, console)
    console.print(_table(report.figures))
    for path in _write(study, report, options.out):
        console.print(f"wrote {path}")


def _parser() -> argparse.ArgumentParser:
    defaults = StabilityParameters()
    parser = argparse.ArgumentParser(prog="python -m workloads.vit_conv_stem.stability", description=__doc__)
    parser.add_argument("--trials", type=int, default=defaults.trials, help="settings for each stem and optimiser")
    parser.add_argument("--steps", type=int, default=defaults.steps, help="optimiser steps of one trial")
    parser.add_argument("--batch-size", type=int, default=defaults.batch_size, help="images in one step")
    parser.add_argument("--optimizers", nargs="+", type=OptimizerName, default=defaults.optimizers, help="adamw, sgd")
    parser.add_argument("--device", default="cpu", help="device as PyTorch names it")
    parser.add_argument("--seed", type=int, default=0, help="seed of settings, weights and data")
    parser.add_argument("--out", type=Path, default=Path("edf.png"), help="file to draw; the JSON lies beside it")
    return parser


def _run(study: StabilityStudy, console: Console) -> Report:
    for _ in track(range(study.total_steps), description="training", console=console):
        study.step(study.stage(study.next_batch()))
    return study.report()


def _table(figures: Sequence[Figure]) -> Table:
    table = Table("figure", "value", "unit")
    for entry in figures:
        table.add_row(entry.name, entry.absent if entry.value is None else f"{entry.value:.1f}", entry.unit)
    return table


def _write(study: StabilityStudy, report: Report, out: Path) -> list[Path]:
    """Write what can be written and return the files."""
    data = out.with_suffix(".json")
    content = {"figures": [asdict(entry) for entry in report.figures], **report.tables}
    data.write_text(json.dumps(content, indent=2) + "\n")
    if not figure.can_draw():
        return [data]
    figure.draw(distributions(study.outcomes()), out)
    return [data, out]


if __name__ == "__main__":
    main()
