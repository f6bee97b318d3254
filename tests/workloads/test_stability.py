"""Protects the stability study: its error distribution, its trials and their outcomes, and the effect it must show."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import workloads
from workloads.base import Context, TaskNotOfferedError
from workloads.complexity import count_macs, count_parameters
from workloads.image_parameters import OptimizerName
from workloads.recipe.optimisation import Tuned
from workloads.registry import card
from workloads.vit_conv_stem.model import VisionTransformer
from workloads.vit_conv_stem.stability import figure
from workloads.vit_conv_stem.stability.digits import load_split
from workloads.vit_conv_stem.stability.edf import error_distribution
from workloads.vit_conv_stem.stability.parameters import StabilityParameters
from workloads.vit_conv_stem.stability.report import report_on
from workloads.vit_conv_stem.stability.training import SMALL_MODELS
from workloads.vit_conv_stem.stability.trials import Arm, Outcome, StemName, Trial, plan
from workloads.vit_conv_stem.stability.workload import StabilityStudy, StudyFinishedError

CPU = torch.device("cpu")
ERRORS = st.lists(st.none() | st.floats(0, 100), min_size=1, max_size=30)


def study(*, seed: int = 0, **parameters) -> StabilityStudy:
    small = {"trials": 1, "steps": 2, "batch_size": 8}
    return StabilityStudy(StabilityParameters.model_validate(small | parameters), Context(device=CPU, seed=seed))


def run(payload: StabilityStudy) -> list[float]:
    return [float(payload.step(payload.stage(payload.next_batch()))) for _ in range(payload.total_steps)]


def figures(payload: StabilityStudy) -> dict[str, float | None]:
    return {figure.name: figure.value for figure in payload.report().figures}


@given(errors=ERRORS, thresholds=st.lists(st.floats(-1, 101), min_size=2))
def test_edf_never_falls(errors, thresholds):
    distribution = error_distribution(errors)
    values = [distribution.at(threshold) for threshold in sorted(thresholds)]
    assert values == sorted(values)
    assert all(0 <= value <= 1 for value in values)


@given(errors=ERRORS)
def test_edf_ends_at_the_share_of_converged_trials(errors):
    distribution = error_distribution(errors)
    converged = sum(error is not None for error in errors) / len(errors)
    assert distribution.at(math.inf) == converged
    assert distribution.fractions[-1:] == ((converged,) if converged else ())


@given(errors=ERRORS, threshold=st.floats(0, 100))
def test_edf_is_the_count_that_its_definition_says(errors, threshold):
    found = [error for error in errors if error is not None]
    within = sum(error - min(found) <= threshold for error in found)
    assert error_distribution(errors).at(threshold) == within / len(errors)


@given(errors=ERRORS)
def test_edf_starts_at_the_best_trial(errors):
    distribution = error_distribution(errors)
    if distribution.deltas:
        assert distribution.deltas[0] == 0
        assert distribution.at(0) >= 1 / len(errors)
        assert distribution.at(-1e-9) == 0


def test_edf_of_no_trials_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        error_distribution([])


def test_small_models_have_the_documented_size_and_the_stem_costs_one_block():
    patchify, convolutional = (VisionTransformer(SMALL_MODELS[name]) for name in StemName)
    assert (count_parameters(patchify), count_parameters(convolutional)) == (173_002, 154_682)
    assert len(patchify.blocks) - len(convolutional.blocks) == 1
    image = torch.zeros(1, 1, 32, 32)
    assert patchify.embed(image).shape == convolutional.embed(image).shape == (1, 17, 64)
    assert count_macs(convolutional, image) == pytest.approx(count_macs(patchify, image), rel=0.05)


def test_the_split_is_real_data_in_the_documented_sizes_and_does_not_overlap():
    train, test = load_split()
    assert (len(train.labels), len(test.labels)) == (1400, 397)
    assert train.scans.shape[1:] == (16, 16)
    assert float(train.scans.min()) == 0
    assert float(train.scans.max()) == 1
    # Scans that happen to be identical twins would fail this; the data set has none.
    together = torch.cat((train.scans, test.scans)).flatten(1)
    assert len(together.unique(dim=0)) == 1797


def test_a_canvas_shows_the_whole_digit_somewhere_and_noise_elsewhere():
    train, _ = load_split()
    canvases = train.canvases(torch.arange(200), torch.Generator().manual_seed(0))
    assert canvases.shape == (200, 1, 32, 32)
    assert canvases.mean().item() == pytest.approx(0, abs=0.05)
    assert canvases.std().item() == pytest.approx(1, abs=0.05)
    placed = canvases.std(dim=0)[0]
    assert placed[16, 16] > 1.2 * placed[0, 0]


def test_both_stems_try_the_same_settings_inside_the_ranges():
    parameters = StabilityParameters(trials=50)
    trials = plan(parameters, seed=0)
    assert len(trials) == 2 * 2 * 50
    for optimizer, rate, decay in ((OptimizerName.ADAMW, 2e-3, 0.2), (OptimizerName.SGD, 0.1, 3e-5)):
        settings = [{t.setting for t in trials if t.arm == Arm(stem=stem, optimizer=optimizer)} for stem in StemName]
        assert settings[0] == settings[1]
        assert len(settings[0]) == 50
        assert all(rate / 8 <= setting.learning_rate <= rate * 4 for setting in settings[0])
        assert all(decay / 8 <= setting.weight_decay <= decay * 4 for setting in settings[0])


def test_settings_are_log_uniform():
    """Of a range from 1/8 to 4 times, three fifths of the doublings lie below the good value."""
    trials = plan(StabilityParameters(trials=1000, optimizers=(OptimizerName.SGD,)), seed=1)
    below = sum(trial.setting.learning_rate < 0.1 for trial in trials) / len(trials)
    assert below == pytest.approx(0.6, abs=0.05)


def test_order_of_trials_is_shuffled_and_fixed_by_the_seed():
    parameters = StabilityParameters(trials=8)
    assert plan(parameters, seed=3) == plan(parameters, seed=3)
    assert plan(parameters, seed=3) != plan(parameters, seed=4)
    stems = [trial.arm.stem for trial in plan(parameters, seed=3)]
    assert stems not in ([*StemName] * 16, sorted(stems), sorted(stems, reverse=True))


def test_a_study_has_an_end_and_refuses_to_go_on():
    payload = study(trials=2, steps=3)
    assert payload.total_steps == 2 * 2 * 2 * 3
    assert len(run(payload)) == payload.total_steps
    with pytest.raises(StudyFinishedError, match="24"):
        payload.step(payload.stage(payload.next_batch()))


def test_each_trial_starts_afresh_on_the_same_batches():
    payload = study(steps=2)
    first = [payload.next_batch() for _ in range(2)]
    second = [payload.next_batch() for _ in range(2)]
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0].images, first[1].images)
    models = []
    for _ in payload.trials:
        models.append(payload.model)
        payload.step(payload.stage(first[0]))
        payload.step(payload.stage(first[1]))
    assert len({id(model) for model in models}) == len(payload.trials)


def test_a_study_is_the_same_under_a_seed():
    one, two, other = study(seed=1), study(seed=1), study(seed=2)
    assert run(one) == run(two)
    assert one.report() == two.report()
    assert run(other) != run(study(seed=1))


def test_a_report_covers_every_arm_and_its_table_is_json():
    payload = study(trials=2)
    run(payload)
    table = json.loads(json.dumps(payload.report().tables["edf"]))
    assert set(table) == {"p_adamw", "p_sgd", "c_adamw", "c_sgd"}
    for arm, curve in table.items():
        assert figures(payload)[f"{arm}_trials"] == 2
        assert curve["fraction"][-1] == 1
        assert {"learning_rate", "weight_decay", "error_pct", "diverged"} == set(curve["trials"][0])


def test_a_report_in_the_middle_counts_finished_trials_only():
    payload = study()
    payload.step(payload.stage(payload.next_batch()))
    assert payload.report().figures == ()
    payload.step(payload.stage(payload.next_batch()))
    assert len(payload.report().tables["edf"]) == 1


def test_a_diverged_training_is_reported_as_such():
    """A learning rate of 1e30 overflows at once; the trial still takes all its steps."""
    payload = study(steps=4, optimizers=["sgd"], sgd_learning_rate=1e30)
    assert not all(map(math.isfinite, run(payload)))
    found = {figure.name: figure for figure in payload.report().figures}
    assert found["p_sgd_diverged"].value == found["c_sgd_diverged"].value == 100
    assert found["p_sgd_edf_at_4_points"].value == 0
    assert found["p_sgd_best_error"].value is None
    assert found["p_sgd_best_error"].absent == "every trial diverged"
    assert payload.report().tables["edf"]["p_sgd"]["delta_error_points"] == []


def test_figures_of_known_outcomes():
    arm = Arm(stem=StemName.CONVOLUTIONAL, optimizer=OptimizerName.SGD)
    trial = Trial(arm=arm, setting=Tuned(learning_rate=0.1, weight_decay=1e-5))
    outcomes = [Outcome(trial=trial, error_pct=error) for error in (12.0, 10.0, 14.0, 30.0, None)]
    found = {figure.name: figure.value for figure in report_on(outcomes).figures}
    assert found == {
        "c_sgd_best_error": 10.0,
        "c_sgd_median_error_of_converged": 13.0,
        "c_sgd_diverged": 20.0,
        "c_sgd_edf_at_4_points": 60.0,
        "c_sgd_trials": 5,
    }


def test_the_card_offers_training_only():
    entry = card("vit-stem-stability")
    parameters = entry.parameters.model_validate({"trials": 1, "steps": 2})
    payload = entry.load().training(parameters, Context(device=CPU, seed=0))
    assert payload.total_steps == 8
    with pytest.raises(TaskNotOfferedError, match="no inference"):
        entry.load().inference(parameters, Context(device=CPU, seed=0))


def command(folder: Path, *options: str) -> str:
    finished = subprocess.run(
        [sys.executable, "-m", "workloads.vit_conv_stem.stability", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(workloads.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=True,
    )
    return finished.stdout


def test_the_study_runs_alone_and_leaves_its_curves_as_json(tmp_path):
    told = command(tmp_path, "--trials", "1", "--steps", "2", "--optimizers", "sgd", "--out", "edf.png")
    written = json.loads((tmp_path / "edf.json").read_text())
    assert set(written["edf"]) == {"p_sgd", "c_sgd"}
    assert "c_sgd_best_error" in told
    assert "edf.json" in told
    assert (tmp_path / "edf.png").exists() == figure.can_draw()


@pytest.mark.skipif(not figure.can_draw(), reason="matplotlib is not installed")
def test_the_figure_is_drawn(tmp_path):
    figure.draw({"c_sgd": error_distribution([10.0, 12.0, None])}, tmp_path / "edf.png")
    assert (tmp_path / "edf.png").stat().st_size > 1000


@pytest.fixture
def one_thread():
    """Two threads on cores that others use wait for each other most of the time."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.learn
def test_with_sgd_the_conv_stem_beats_the_patchify_stem_by_five_points(one_thread):
    """The paper's claim as far as this size can show it: best over learning rates, SGD only.

    Margins seen with these parameters: 26.9, 39.3 and 30.7 points for seeds 0, 1 and 2 (21 to 52 with 150 steps). With
    AdamW no reliable difference appears in so few steps, and the order of the error distributions is no claim either.
    """
    payload = study(
        trials=2, steps=200, batch_size=96, optimizers=["sgd"], sgd_learning_rate=0.1, spread_below=4, spread_above=1.5
    )
    assert all(map(math.isfinite, run(payload)))
    found = figures(payload)
    assert found["c_sgd_best_error"] <= found["p_sgd_best_error"] - 5
