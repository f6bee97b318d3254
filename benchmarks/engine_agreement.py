"""How far engines are from the eager model in fp32, on every registered image classifier: what tolerances rest on.

    python benchmarks/engine_agreement.py --task inference --engine eager:bf16 --engine onnx_runtime:fp32

Prints a line for each workload and engine: the differences that a run would check, without holding them to anything.
"""

import argparse
import time
from collections.abc import Iterator

import torch

from migperf.measure.engine import Engine
from migperf.measure.engines import agreement
from migperf.measure.engines.agreement import Tolerances
from migperf.measure.engines.preparing import prepare_engine
from workloads.base import ALL_ENGINES, Card, Context, Payload, Task
from workloads.registry import catalogue

UNBOUNDED = Tolerances(output=1e9, loss=1e9, gradients=1e9, one_gradient=1e9)


def main() -> None:
    """Prepare each engine on each workload and print its differences."""
    asked = _arguments()
    agreement.TOLERANCES.update(dict.fromkeys(agreement.TOLERANCES, UNBOUNDED))
    device = torch.device(asked.device)
    for card in _cards(asked.workload):
        for text in asked.engine:
            begun = time.monotonic()
            try:
                differences = _differences(card, Task(asked.task), _engine(text), device, asked)
            except Exception as error:  # noqa: BLE001 - the others go on
                differences = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            print(f"{card.name} {asked.task} {text}: {differences} ({time.monotonic() - begun:.0f} s)", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=[str(task) for task in Task], default="inference")
    parser.add_argument("--engine", action="append", required=True, help="RUNTIME:PRECISION[:channels_last]")
    parser.add_argument("--workload", action="append", help="name (default: all that offer every engine)")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--image-size", type=int, default=64)
    return parser.parse_args()


def _cards(names: list[str] | None) -> Iterator[Card]:
    for card in catalogue().values():
        if card.engines == ALL_ENGINES and (names is None or card.name in names):
            yield card


def _engine(text: str) -> Engine:
    runtime, precision, *layout = text.split(":")
    return Engine.model_validate({"runtime": runtime, "precision": precision, "channels_last": bool(layout)})


def _differences(card: Card, task: Task, engine: Engine, device: torch.device, asked: argparse.Namespace) -> str:
    sizes = {"batch_size": asked.batch_size, "image_size": asked.image_size, "classes": 100, "data_pool": 1}
    workload, parameters = card.load(), card.parameters.model_validate(sizes)
    context = Context(device=device, seed=0)
    build = workload.training if task is Task.TRAINING else workload.inference
    payload: Payload = build(parameters, context)
    (figure,) = prepare_engine(engine, payload, device).figures
    said = (figure.method or "").partition(": ")[2]
    return said.replace(f" (relative L2), {UNBOUNDED.output:g} is allowed", "")


if __name__ == "__main__":
    main()
