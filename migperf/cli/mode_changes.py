"""What is shown of a change of MIG mode and of a reset, and what is left to do afterwards."""

from rich.text import Text

from migperf.cli.host_gpus import HostGpu, heading
from migperf.cli.output import emit_json, out
from migperf.gpus.gpu import Gpu
from migperf.jobs.local_layouts import ModeChange


def show_mode(index: int, made: ModeChange, *, what: str, as_json: bool) -> None:
    """Print the mode of a GPU after ``what`` was done, and the next step where there is one."""
    gpu, one = made.after, HostGpu(index, made.after)
    following = next_step(gpu, what)
    if as_json:
        mig = None if gpu.mig is None else gpu.mig.model_dump(mode="json")
        layout = str(gpu.layout)
        return emit_json(one.as_data() | {"mig": mig, "layout": layout, "changed": made.changed, "next": following})
    console = out()
    console.print(heading(one), soft_wrap=True)
    already = "" if made.changed else " already" if what != "reset" else ", as before"
    console.print(f"{_mode(gpu)}{already}")
    if following is not None:
        console.print(Text(following), soft_wrap=True)
    return None


def next_step(gpu: Gpu, what: str) -> str | None:
    """Return what is to be done for the mode to be there, or with it; None where nothing is."""
    mig = gpu.mig
    if mig is None:
        return None
    if mig.enabled == mig.pending:
        return (
            f"next: `migperf mig apply LAYOUT --gpu {gpu.uuid}` cuts it" if mig.enabled and what == "enable" else None
        )
    if gpu.simulated:
        return f"next: `migperf mig reset --gpu {gpu.uuid}`"
    if mig.resetless:
        return f"next: end every program that uses the GPU, then run `migperf mig {what} --gpu {gpu.uuid}` again"
    return (
        "next: end every program that uses the GPU (also DCGM and other monitors), then run "
        f"`nvidia-smi --gpu-reset -i {gpu.uuid}` as root, or reboot the host"
    )


def _mode(gpu: Gpu) -> str:
    mig = gpu.mig
    if mig is None:
        return "the GPU has no MIG"
    now, then = ("on" if mode else "off" for mode in (mig.enabled, mig.pending))
    return f"MIG is {now}" if now == then else f"MIG is {now}, and {then} after a reset of the GPU"
