"""What a GPU can be cut into: its profiles, and its legal layouts."""

from collections.abc import Sequence
from typing import Any

from migperf.cli.host_gpus import HostGpu, choose_gpu, count_text, heading, host_gpus, memory_text
from migperf.cli.output import emit_json, out, remark, table
from migperf.cli.problems import UsageProblem
from migperf.cli.slices import Pen, draw_memory
from migperf.errors import MigperfError
from migperf.gpus.driver import Driver
from migperf.gpus.geometry import Geometry, compute_geometry
from migperf.gpus.legal_layouts import LegalLayout, has_profiles, legal_layouts
from migperf.gpus.profile import Profile

DRAWN_COLUMNS = 41
"""Five for each of eight units, so that the layout's text fits beside it on 80."""


def show_profiles(driver: Driver, gpu: str | None, *, as_json: bool) -> None:
    """Print the profiles of a GPU as its driver lists them, and how instances of each size can be cut further."""
    one = choose_gpu(host_gpus(driver), gpu)
    geometry = _geometry(one)
    cuts = {slices: compute_geometry(slices).profiles for slices in sorted({p.slices for p in geometry.profiles})}
    if as_json:
        return emit_json(_profiles_data(one, geometry, cuts))
    console = out()
    console.print(heading(one), soft_wrap=True)
    made = table(
        "Profile", "ID", "Slices", "Memory", "SMs", "Max", "Starts", right=("ID", "Slices", "Memory", "SMs", "Max")
    )
    for p in geometry.profiles:
        row = (str(p.id), str(p.slices), memory_text(p.memory_mib), count_text(p.sm_count), str(p.max_count))
        made.add_row(p.name, *row, _starts(p))
    console.print(made)
    console.print()
    made = table("Instance of", "Compute instance", "Max", "Starts", right=("Max",))
    for slices, profiles in cuts.items():
        for number, p in enumerate(profiles):
            made.add_row("" if number else _slices_text(slices), p.name, str(p.max_count), _starts(p))
    console.print(made)
    remark("Compute instances as NVIDIA documents them; where an instance exists, its driver has the last word.")
    return None


def show_layouts(driver: Driver, gpu: str | None, contains: Sequence[str], *, every: bool, as_json: bool) -> None:
    """Print the legal layouts of a GPU, one a line, the largest instances first."""
    one = choose_gpu(host_gpus(driver), gpu)
    geometry = _geometry(one)
    if unknown := [name for name in contains if name not in geometry.by_name]:
        raise UsageProblem(f"{one} has no profile {unknown[0]}; it has {', '.join(geometry.by_name)}")
    found = [legal for legal in legal_layouts(geometry) if (every or legal.full) and has_profiles(legal, contains)]
    if as_json:
        return emit_json(one.as_data() | {"layouts": list(map(_layout_data, found))})
    console = out()
    console.print(heading(one), soft_wrap=True)
    pen = Pen(DRAWN_COLUMNS, Pen.of(console).coloured)
    made = table("Memory", "Layout", whole=("Memory",))
    for legal in found:
        made.add_row(draw_memory(geometry, legal.example(), pen), str(legal.layout))
    console.print(made)
    remark(f"{len(found)} layouts; where several places are possible, one is drawn")
    return None


def _layout_data(legal: LegalLayout) -> dict[str, Any]:
    return {
        "layout": str(legal.layout),
        "example": str(legal.example()),
        "profiles": list(legal.profiles),
        "full": legal.full,
        "slices_left": legal.slices_left,
    }


def _geometry(one: HostGpu) -> Geometry:
    """Return the grid of a GPU that can be cut. Raises MigperfError for another."""
    if one.gpu.mig is None:
        raise UsageProblem(f"{one} cannot be cut: {one.gpu.problem or 'it has no MIG'}")
    if one.gpu.geometry is None:
        raise MigperfError(f"the driver lists no profiles for {one}; `migperf mig enable` may help")
    return one.gpu.geometry


def _profiles_data(one: HostGpu, geometry: Geometry, cuts: dict[int, tuple[Profile, ...]]) -> dict[str, Any]:
    compute = [{"slices": slices, "profiles": list(map(_cut_data, found))} for slices, found in cuts.items()]
    return one.as_data() | {
        "memory_units": geometry.units,
        "compute_slices": geometry.slices,
        "profiles": list(map(_profile_data, geometry.profiles)),
        "compute_instances": compute,
    }


def _profile_data(profile: Profile) -> dict[str, Any]:
    known = {"id": profile.id, "memory_mib": profile.memory_mib, "sm_count": profile.sm_count}
    return _cut_data(profile) | known


def _cut_data(profile: Profile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "slices": profile.slices,
        "max_count": profile.max_count,
        "units": profile.placements[0].size if profile.placements else None,
        "starts": [place.start for place in profile.placements],
    }


def _starts(profile: Profile) -> str:
    return ", ".join(str(place.start) for place in profile.placements)


def _slices_text(slices: int) -> str:
    return f"{slices} slice{'s' if slices > 1 else ''}"
