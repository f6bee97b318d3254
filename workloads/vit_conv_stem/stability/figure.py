"""Draws the error distributions of a finished study, where matplotlib happens to be installed."""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from workloads.vit_conv_stem.stability.edf import ErrorDistribution

_COLOURS = {"p": "tab:orange", "c": "tab:blue"}
_DASHES = {"adamw": "-", "sgd": "--"}


def can_draw() -> bool:
    """Return whether matplotlib is installed; it is no dependency."""
    return find_spec("matplotlib") is not None


def draw(curves: dict[str, ErrorDistribution], path: Path) -> None:
    """Write the curves, by arm such as ``c_sgd``, as a step plot; the image's format follows the file's ending."""
    pyplot = import_module("matplotlib.pyplot")
    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    for arm, curve in curves.items():
        stem, _, optimizer = arm.partition("_")
        style = {"color": _COLOURS[stem], "linestyle": _DASHES[optimizer]}
        axes.step(
            (0, *curve.deltas), (0, *curve.fractions), where="post", label=f"ViT-{stem.upper()}, {optimizer}", **style
        )
    axes.set(xlabel="error above the best setting (points)", ylabel="fraction of settings", ylim=(0, 1))
    axes.legend()
    figure.savefig(path)
    pyplot.close(figure)
