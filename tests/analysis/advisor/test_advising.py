"""Answers to demands: right by hand on published figures, sound on made-up ones, and helpful where there is none."""

import re
import signal
from collections import Counter
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from migperf.analysis.advisor.advice import Advice
from migperf.analysis.advisor.advising import advise
from migperf.analysis.advisor.boards import named_stock
from migperf.analysis.advisor.demand import Demand
from migperf.analysis.advisor.errors import AdviceError
from migperf.analysis.advisor.interference import Instances, Slowdown
from migperf.analysis.advisor.status import Status
from migperf.analysis.advisor.unmeasured import experiment_name
from migperf.experiments.document import parse
from migperf.experiments.plan import make_plan
from migperf.experiments.target import Target
from migperf.gpus.inventory import discover
from migperf.gpus.layout import Layout
from migperf.gpus.legal_layouts import legal_layouts
from migperf.gpus.simulation.driver import open_in_memory

ONE_A100 = [{"model": "A100-SXM4-80GB", "count": 1}]
RESNET = {"7g.80gb": (192, 5.21), "3g.40gb": (191, 5.24), "2g.20gb": (171, 5.85), "1g.10gb": (127, 7.86)}
"""Published: ResNet-50 inference at batch 1 on A100, images/s and mean ms."""
RESNET_256 = {"7g.80gb": (3070, 83.4), "3g.40gb": (1479, 173.1), "2g.20gb": (840, 304.9), "1g.10gb": (420, 609)}
TRAINING = {"7g.80gb": (806, None), "3g.40gb": (434, None), "2g.20gb": (259, None), "1g.10gb": (132, None)}
"""Published: ResNet-50 training at batch 64 on A100, images/s."""


def figures(of: str, known: dict[str, tuple[float, float | None]], **more: Any) -> list[dict[str, Any]]:
    return [
        {"of": of, "profile": profile, "throughput_per_s": per_s, "source": "a test", **more}
        | ({} if ms is None else {"latency": {"statistic": "mean", "ms": ms}})
        for profile, (per_s, ms) in known.items()
    ]


def demand(**given: Any) -> Demand:
    return Demand.model_validate({"migperf": 1, "gpus": ONE_A100, **given})


def answer(slowdowns: Sequence[Slowdown] = (), **given: Any) -> Advice:
    asked = demand(**given)
    assert not isinstance(asked.gpus, str)
    return advise(asked, named_stock(asked.gpus), {}, slowdowns)


def service(
    name: str = "thumbnails", rate: float | None = 800, limit_ms: float | None = 10, **more: Any
) -> dict[str, Any]:
    latency = {} if limit_ms is None else {"latency": {"statistic": "mean", "limit_ms": limit_ms}}
    return {"name": name, "rate_per_s": rate, **latency, **more}


def test_at_batch_1_seven_slices_do_what_takes_five_whole_gpus() -> None:
    found = answer(services=[service(rate=889)], measured=figures("thumbnails", RESNET))
    assert found.status is Status.OPTIMAL
    (gpu,) = found.gpus
    assert (gpu.layout, gpu.slices_used, gpu.memory_units_used) == ("7x1g.10gb", 7, 7)
    (job,) = found.jobs
    assert (job.capacity_per_s, job.headroom_per_s, job.instances) == (889, 0, 7)
    uncut = {"7g.80gb": RESNET["7g.80gb"]}
    many = answer(
        gpus=[{"model": "a100-80gb", "count": 8}], services=[service(rate=889)], measured=figures("thumbnails", uncut)
    )
    assert (len(many.gpus), many.proof.bound) == (5, 5)


def test_ctrl_c_reaches_python_after_an_answer_as_before() -> None:
    """The solver would leave it to the system, and the next Ctrl-C would end the whole process without a word."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert answer(services=[service()], measured=figures("thumbnails", RESNET)).proof is not None
        caught = re.search(r"^SigCgt:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.MULTILINE)
        assert caught is not None
        assert int(caught[1], 16) & 1 << signal.SIGINT - 1
    finally:
        signal.signal(signal.SIGINT, before)


def test_at_batch_256_slices_gain_nothing_and_no_more_than_4_per_cent_are_lost() -> None:
    found = answer(services=[service(rate=3070, limit_ms=None)], measured=figures("thumbnails", RESNET_256))
    # One 7g would do as well and has as many slices; 1479 + 2 x 840 leaves more headroom than 3070.
    assert [gpu.layout for gpu in found.gpus] == ["3g.40gb+2x2g.20gb"]
    assert found.jobs[0].capacity_per_s == 1479 + 2 * 840
    short = answer(services=[service(rate=3070, limit_ms=None)], measured=figures("thumbnails", RESNET_256)[3:])
    assert short.status is Status.INFEASIBLE
    assert short.served_share == pytest.approx(7 * 420 / 3070, abs=1e-3)


def test_a_latency_limit_excludes_slices_that_are_too_slow_and_says_so() -> None:
    found = answer(services=[service(rate=340, limit_ms=6)], measured=figures("thumbnails", RESNET))
    assert {each.profile for gpu in found.gpus for each in gpu.instances} <= {"2g.20gb", "3g.40gb", "7g.80gb"}
    (one,) = found.jobs[0].excluded
    assert (one.profile, one.why) == ("1g.10gb", "mean of latency is 7.86 ms at best, the limit 6 ms")
    assert any("kept from 1g.10gb" in line for line in found.binds)


def test_the_rate_is_split_in_proportion_to_capacities() -> None:
    found = answer(services=[service(rate=600)], measured=figures("thumbnails", RESNET)[1:])
    instances = [each for gpu in found.gpus for each in gpu.instances]
    assert sum(each.share_per_s for each in instances) == pytest.approx(600)
    assert len({round(each.share_per_s / each.capacity_per_s, 9) for each in instances}) == 1


def test_a_reserve_stays_free() -> None:
    kept = answer(services=[service(rate=800)], measured=figures("thumbnails", RESNET), reserve=0.1)
    assert kept.jobs[0].capacity_per_s == pytest.approx(0.9 * 889)
    over = answer(services=[service(rate=801)], measured=figures("thumbnails", RESNET), reserve=0.1)
    assert over.status is Status.INFEASIBLE


def test_training_gets_what_the_services_leave() -> None:
    found = answer(
        goal="most_throughput",
        services=[service(rate=250)],
        training=[{"name": "finetune", "weight": 2}],
        measured=[*figures("thumbnails", RESNET), *figures("finetune", TRAINING)],
    )
    assert found.status is Status.OPTIMAL
    # Two slices serve 254/s; of the five that are left 3g + 2 x 1g train most: 434 + 2 x 132.
    assert [gpu.layout for gpu in found.gpus] == ["3g.40gb+4x1g.10gb"]
    assert (found.proof.value, found.proof.bound) == (2 * 698, 2 * 698)
    assert {job.name: job.capacity_per_s for job in found.jobs} == {"thumbnails": 254, "finetune": 698}


def test_what_is_beyond_at_most_is_worth_nothing() -> None:
    found = answer(
        goal="most_throughput",
        training=[{"name": "a", "weight": 1, "at_most_per_s": 130}, {"name": "b", "weight": 0.1}],
        measured=[*figures("a", TRAINING), *figures("b", TRAINING)],
    )
    assert found.jobs[0].instances == 1
    assert found.proof.value == pytest.approx(130 + 0.1 * found.jobs[1].capacity_per_s)


INTERFERING = {
    "services": [service(rate=127), service("texts", rate=127)],
    "measured": [*figures("thumbnails", RESNET), *figures("texts", RESNET)],
    "interference": [{"of": "thumbnails", "beside": "texts", "slowdown": 1.05}],
}


def test_neighbours_that_cost_something_are_kept_apart_or_paid_for() -> None:
    alone = answer(**INTERFERING | {"interference": []})
    assert alone.gpus[0].layout == "2x1g.10gb"
    paid = answer(**INTERFERING)
    by_job = {each.job: each for each in paid.gpus[0].instances}
    assert (by_job["thumbnails"].slowdown, by_job["texts"].slowdown) == (1.05, 1)
    assert by_job["thumbnails"].capacity_per_s < RESNET[by_job["thumbnails"].profile][0]
    assert paid.jobs[0].capacity_per_s >= 127


def test_a_slowdown_that_breaks_the_limit_keeps_jobs_apart() -> None:
    breaking = {"interference": [{"of": "thumbnails", "beside": "texts", "slowdown": 2.5}]}
    assert answer(**INTERFERING | breaking).status is Status.INFEASIBLE
    two = answer(**INTERFERING | breaking | {"gpus": [{"model": "a100-80gb", "count": 2}]})
    assert [{each.job for each in gpu.instances} for gpu in two.gpus] in (
        [{"texts"}, {"thumbnails"}],
        [{"thumbnails"}, {"texts"}],
    )
    assert two.proof.gap == 0


def test_what_is_unknown_of_neighbours_is_said() -> None:
    found = answer(**INTERFERING)
    pairs = {(one.job, neighbour.job) for one in found.never_measured_together for neighbour in one.beside}
    assert ("texts", "thumbnails") in pairs
    assert ("thumbnails", "texts") not in pairs
    assert "neighbours that were never measured together cost each other nothing" in found.assumptions
    every = [{"of": a, "beside": b, "slowdown": 1} for a in ("thumbnails", "texts") for b in ("thumbnails", "texts")]
    known = answer(**INTERFERING | {"interference": every})
    assert known.never_measured_together == []
    assert not any("never measured together" in line for line in known.assumptions)


def slowdown(factor: float, of: str, beside: str, on: tuple[str, str], board: str = "A100-SXM4-80GB") -> Slowdown:
    return Slowdown(
        of=of, beside=beside, factor=factor, says="a test measured it", on=Instances(board, *on), runs=("run-1",)
    )


PAIR = {
    "services": [service(rate=127), service("texts", rate=171)],
    "measured": [
        *figures("thumbnails", {"1g.10gb": RESNET["1g.10gb"]}),
        *figures("texts", {"2g.20gb": RESNET["2g.20gb"]}),
    ],
}


def test_what_was_measured_together_counts_on_the_profiles_and_the_board_that_it_was_measured_on() -> None:
    here = slowdown(1.1, "thumbnails", "texts", ("1g.10gb", "2g.20gb"))
    found = answer([here], **PAIR)
    by_job = {job.name: job for job in found.jobs}
    assert (by_job["thumbnails"].instances, by_job["texts"].instances) == (2, 1)
    assert by_job["thumbnails"].capacity_per_s == pytest.approx(2 * 127 / 1.1)
    text = " ".join(found.explanation)
    assert "thumbnails beside texts, 1g.10gb beside 2g.20gb of A100-SXM4-80GB: a test measured it." in text
    (known,) = found.interference
    assert (known.profile, known.beside_profile, known.runs, known.used) == ("1g.10gb", "2g.20gb", ["run-1"], True)
    elsewhere = [
        slowdown(1.1, "thumbnails", "texts", ("1g.10gb", "3g.40gb")),
        slowdown(1.1, "thumbnails", "texts", ("2g.20gb", "2g.20gb")),
        slowdown(1.1, "thumbnails", "texts", ("1g.10gb", "2g.20gb"), board="H100-SXM5-80GB"),
    ]
    unslowed = answer(elsewhere, **PAIR)
    assert [job.instances for job in unslowed.jobs] == [1, 1]
    assert {(one.job, one.profile) for one in unslowed.never_measured_together} == {
        ("thumbnails", "1g.10gb"),
        ("texts", "2g.20gb"),
    }


def test_a_neighbour_is_put_on_the_profile_on_which_it_was_measured_to_cost_less() -> None:
    pair = PAIR | {"measured": [*PAIR["measured"], *figures("texts", {"3g.40gb": RESNET["3g.40gb"]})]}
    breaking = slowdown(2, "thumbnails", "texts", ("1g.10gb", "2g.20gb"))
    gpus = answer([breaking], **pair).gpus
    assert [gpu.layout for gpu in gpus] == ["3g.40gb+1g.10gb"]
    assert [each.slowdown for each in gpus[0].instances] == [1, 1]


def test_what_is_given_by_hand_wins_over_what_was_measured_and_it_is_said() -> None:
    given_by_hand = {"interference": [{"of": "thumbnails", "beside": "texts", "slowdown": 1, "source": "a guess"}]}
    found = answer([slowdown(1.1, "thumbnails", "texts", ("1g.10gb", "2g.20gb"))], **PAIR | given_by_hand)
    assert [job.instances for job in found.jobs] == [1, 1]
    text = " ".join(found.explanation)
    assert "thumbnails beside texts: given by hand: 1 (a guess)." in text
    assert "thumbnails beside texts: what was measured is not used, as the demand gives it by hand." in text
    assert [(one.used, one.slowdown, one.model) for one in found.interference] == [
        (True, 1, None),
        (False, 1.1, "A100-SXM4-80GB"),
    ]


def test_several_neighbours_are_said_to_slow_down_as_the_worst_alone() -> None:
    said = "beside several neighbours an instance is slowed down as by the worst of them alone"
    one = answer([slowdown(1.1, "thumbnails", "texts", ("1g.10gb", "2g.20gb"))], **PAIR | {"services": LESS})
    assert [len(gpu.instances) for gpu in one.gpus] == [2]
    assert said not in one.assumptions
    both = answer([slowdown(1.1, "thumbnails", "texts", ("1g.10gb", "2g.20gb"))], **PAIR)
    assert said in both.assumptions


LESS = [service(rate=100), service("texts", rate=171)]


def test_what_was_never_measured_together_is_offered_as_an_experiment_that_can_be_run() -> None:
    spoken = {"benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1}}}
    found = answer(
        services=[service(rate=127, **spoken), service("silent", rate=100)],
        training=[{"name": "finetune", "throughput_per_s": 259, "benchmark": {"workload": "resnet50"}}],
        measured=[
            *figures("thumbnails", {"1g.10gb": RESNET["1g.10gb"]}),
            *figures("silent", {"1g.10gb": RESNET["1g.10gb"]}),
            *figures("finetune", {"2g.20gb": TRAINING["2g.20gb"]}),
        ],
    )
    unknown = {(one.job, one.experiment is not None): one for one in found.never_measured_together}
    assert unknown["silent", False].no_experiment == (
        "silent names no benchmark, so there is nothing to measure; name its workload"
    )
    assert [each.job for each in unknown["thumbnails", False].beside] == ["silent"]
    offered = unknown["thumbnails", True]
    assert [(each.job, each.profile) for each in offered.beside] == [("finetune", "2g.20gb")]
    (gpu,) = discover(open_in_memory(["a100-80gb"]), offer_cpu=False).gpus
    for one in (offered, unknown["finetune", True]):
        planned = make_plan(parse(one.experiment or ""), Target(gpu=gpu.model_copy(update={"simulated": False})))
        assert [cell.skipped for cell in planned.cells] == [None, None]
    apart, together = make_plan(
        parse(offered.experiment or ""), Target(gpu=gpu.model_copy(update={"simulated": False}))
    ).cells
    assert apart.spec is not None
    assert together.spec is not None
    assert [member.benchmark.where.profile for member in apart.spec.members] == ["1g.10gb"]
    client, neighbour = together.spec.members
    assert (client.role, client.benchmark.where.profile, client.benchmark.scenario) == (
        "client",
        "1g.10gb",
        "single_stream",
    )
    assert (neighbour.role, neighbour.benchmark.where.profile, neighbour.benchmark.scenario) == (
        "neighbour",
        "2g.20gb",
        "train",
    )
    assert client.benchmark.fingerprint() == apart.spec.members[0].benchmark.fingerprint()


def test_experiments_have_names_of_their_own_however_long_those_of_the_jobs_are() -> None:
    names = {experiment_name("beside", "1g.10gb", "a" * 62 + last, "NVIDIA A100") for last in "xyz"}
    assert len(names) == 3
    assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name) for name in names)


def test_too_few_gpus_are_told_with_the_part_that_they_serve_and_how_many_would_do() -> None:
    found = answer(services=[service(rate=1800)], measured=figures("thumbnails", RESNET))
    assert (found.status, found.gpus) == (Status.INFEASIBLE, [])
    assert found.served_share == pytest.approx(889 / 1800, abs=1e-3)
    assert found.would_do is not None
    assert [(each.model, each.count) for each in found.would_do] == [("NVIDIA A100-SXM4-80GB", 3)]
    assert "3 × NVIDIA A100-SXM4-80GB would do" in found.headline


def test_a_service_that_nothing_can_serve_is_named_with_the_reason() -> None:
    found = answer(
        services=[service(limit_ms=2), service("other", rate=1)],
        measured=[*figures("thumbnails", RESNET), *figures("other", RESNET)],
    )
    assert found.headline == "cannot be served: thumbnails"
    reason = found.jobs[0].cannot_be_served
    assert reason is not None
    assert "measure the other profiles" in reason
    assert found.jobs[1].cannot_be_served is None
    assert found.would_do is None


def test_with_one_gpu_fewer_it_says_how_much_would_be_missing() -> None:
    found = answer(
        gpus=[{"model": "a100-80gb", "count": 4}], services=[service(rate=1000)], measured=figures("thumbnails", RESNET)
    )
    assert len(found.gpus) == 2
    assert "with 1 GPU no more than 88.9 % of every rate could be served at once" in found.binds


def test_what_was_never_measured_is_offered_as_an_experiment_that_can_be_run() -> None:
    spoken = {"benchmark": {"workload": "resnet50", "parameters": {"batch_size": 1}}}
    p99 = {"latency": {"statistic": "p99", "limit_ms": 20}}
    found = answer(
        services=[service(**spoken) | p99, service("free", rate=5, **spoken), service("silent", rate=5)],
        training=[{"name": "finetune", "throughput_per_s": 5, "benchmark": {"workload": "resnet50"}}],
        measured=figures("thumbnails", {"1g.10gb": RESNET["1g.10gb"]}),
    )
    unknown = {(one.job, one.why): one for one in found.never_measured}
    assert unknown["silent", "never measured"].experiment is None
    assert "names no benchmark" in (unknown["silent", "never measured"].no_experiment or "")
    assert unknown["thumbnails", "measured, but without the p99 of latency"].profiles == ["1g.10gb"]
    texts = {one.job: one.experiment for one in found.never_measured if one.experiment}
    (gpu,) = discover(open_in_memory(["a100-80gb"]), offer_cpu=False).gpus
    for text in texts.values():
        planned = make_plan(parse(text), Target(gpu=gpu.model_copy(update={"simulated": False})))
        assert [cell.skipped for cell in planned.cells] == [None] * len(planned.cells)
    offered = {job: yaml.safe_load(text) for job, text in texts.items()}
    assert offered["free"]["matrix"]["partition"] == [
        "whole",
        "7g.80gb",
        "4g.40gb",
        "3g.40gb",
        "2g.20gb",
        "1g.20gb",
        "1g.10gb",
    ]
    assert offered["thumbnails"]["benchmark"]["search"] == {"kind": "max_rate", "percentile": 99, "limit_ms": 20}
    assert offered["finetune"]["benchmark"]["scenario"] == "train"


def test_what_will_hardly_fit_is_said_where_it_was_never_measured() -> None:
    known = figures("thumbnails", {"7g.80gb": RESNET["7g.80gb"]}, memory_mib=12_000)
    found = answer(services=[service(rate=1)], measured=known)
    (tight,) = [one for one in found.never_measured if "hardly fit" in one.why]
    assert tight.profiles == ["1g.10gb"]


def test_latency_without_queueing_is_said_to_be_that() -> None:
    closed = answer(services=[service(rate=1)], measured=figures("thumbnails", RESNET))
    assert any("without queueing for thumbnails" in line for line in closed.assumptions)
    loaded = answer(services=[service(rate=1)], measured=figures("thumbnails", RESNET, loop="open"))
    assert not any("without queueing" in line for line in loaded.assumptions)


def test_a_figure_for_another_board_is_remarked_on_and_one_for_no_profile_is_refused() -> None:
    other = figures("thumbnails", {"1g.10gb": (10, 1)}, model="H100*")
    found = answer(services=[service(rate=1)], measured=[*figures("thumbnails", RESNET), *other])
    assert found.remarks == ["measured.4: no GPU that may be used is a H100*"]
    with pytest.raises(AdviceError, match=r"has no profile 1g\.5gb; it has whole, 7g\.80gb") as caught:
        answer(services=[service()], measured=figures("thumbnails", {"1g.5gb": (10, 1)}))
    assert caught.value.where == ("measured", 0, "profile")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"services": []}, ("services",)),
        ({"services": [service(), service()]}, ("services", 0, "name")),
        ({"services": [service(rate=None)]}, ("services", 0, "rate_per_s")),
        ({"services": [service(weight=1)]}, ("services", 0, "weight")),
        ({"services": [service(at_most_per_s=1)]}, ("services", 0, "at_most_per_s")),
        ({"goal": "most_throughput"}, ("goal",)),
        ({"goal": "most_throughput", "services": [service(rate=None)]}, ("services", 0, "weight")),
        ({"measured": figures("nobody", RESNET)}, ("measured", 0, "of")),
        ({"gpus": "at_hand", "measured": figures("thumbnails", RESNET)}, ("measured", 0, "model")),
        ({"interference": [{"of": "thumbnails", "beside": "x", "slowdown": 2}]}, ("interference", 0, "beside")),
        ({"interference": [{"of": "thumbnails", "beside": "thumbnails", "slowdown": 2}] * 2}, ("interference", 0)),
        ({"services": [service(benchmark={"workload": "nothing"})]}, ("services", 0, "benchmark", "workload")),
        (
            {"services": [service(benchmark={"workload": "resnet50", "parameters": {"batch_size": 0}})]},
            ("services", 0, "benchmark", "parameters", "batch_size"),
        ),
        ({"measured": [{"of": "thumbnails", "profile": "1g.10gb", "source": "x"}]}, ("measured", 0)),
    ],
)
def test_a_demand_that_makes_no_sense_names_the_field(changes: dict[str, Any], where: tuple[object, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        demand(**{"services": [service()]} | changes)
    assert caught.value.errors()[0]["loc"] == where


RATES = st.integers(1, 400)
A30 = ("4g.24gb", "2g.12gb", "1g.6gb", "whole")


@st.composite
def made_up(draw: st.DrawFn) -> dict[str, Any]:
    names = ["a", "b", "c"][: draw(st.integers(1, 3))]
    known = {
        name: {p: (draw(RATES) / 8, draw(st.integers(1, 20))) for p in A30 if draw(st.booleans())} for name in names
    }
    pairs = [
        {"of": of, "beside": beside, "slowdown": draw(st.sampled_from([1.0, 1.1, 1.5, 2.0]))}
        for of in names
        for beside in names
        if draw(st.integers(0, 3)) == 0
    ]
    together = [
        slowdown(draw(st.sampled_from([1.0, 1.1, 1.5, 2.0])), of, beside, on, board="A30")
        for of in names
        for beside in names
        for on in product(A30[:-1], repeat=2)
        if draw(st.integers(0, 5)) == 0
    ]
    return {
        "slowdowns": together,
        "gpus": [{"model": "A30", "count": draw(st.integers(1, 3))}],
        "services": [
            service(name, rate=draw(RATES) / 8, limit_ms=draw(st.sampled_from([10, 20, None]))) for name in names
        ],
        "measured": [one for name in names for one in figures(name, known[name])],
        "interference": pairs,
        "reserve": draw(st.sampled_from([0.0, 0.1])),
    }


@pytest.mark.no_cover
@settings(max_examples=80, deadline=None)
@given(made_up())
def test_whatever_is_answered_holds_in_truth(given_demand: dict[str, Any]) -> None:
    found = answer(**given_demand)
    measured = {(one.of, one.beside, *one.on[1:]): one.factor for one in given_demand.pop("slowdowns")}
    asked = demand(**given_demand)
    known = {(one.of, one.profile): one for one in asked.measured}
    slowdowns = {(one.of, one.beside): one.slowdown for one in asked.interference}
    limits = {one.name: one.latency for one in asked.services}
    (board,) = named_stock(asked.gpus if not isinstance(asked.gpus, str) else [])
    assert board.geometry is not None
    legal = {Counter(layout.profiles).__repr__() for layout in legal_layouts(board.geometry)} | {"off"}
    capacity: Counter[str] = Counter()
    for gpu in found.gpus:
        content = Counter(each.profile for each in gpu.instances)
        assert content == {"whole": 1} or repr(Counter(Layout.parse(gpu.layout).profiles)) in legal
        assert gpu.layout == "off" or Counter(Layout.parse(gpu.example).profiles) == content
        for place, each in enumerate(gpu.instances):
            beside = [other for n, other in enumerate(gpu.instances) if n != place]
            stored = [measured.get((each.job, other.job, each.profile, other.profile), 1.0) for other in beside]
            known_of = [slowdowns.get((each.job, other.job), k) for other, k in zip(beside, stored, strict=True)]
            factor = max([1.0, *known_of])
            figure, limit = known[each.job, each.profile], limits[each.job]
            assert figure.throughput_per_s is not None
            assert figure.latency is not None
            if limit is not None:
                assert figure.latency.ms * factor <= limit.limit_ms
            assert each.slowdown == factor
            assert each.capacity_per_s == pytest.approx(figure.throughput_per_s / factor * (1 - asked.reserve))
            assert each.share_per_s <= each.capacity_per_s * (1 + 1e-9)
            capacity[each.job] += each.capacity_per_s
    if found.gpus:
        assert found.status is Status.OPTIMAL
        for one in asked.services:
            assert capacity[one.name] >= (one.rate_per_s or 0) * (1 - 1e-12)
    else:
        assert found.status is Status.INFEASIBLE
        assert found.served_share is not None or any(job.cannot_be_served for job in found.jobs)
