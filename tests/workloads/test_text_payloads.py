"""Protects what a harness relies on in language payloads, and that each mistake of the published scripts stays away."""

import subprocess
import sys

import pytest
import torch
from pydantic import ValidationError

from tests.workloads.texts import TINY, inference, losses, training
from workloads.registry import card

PUBLISHED_RATES = (2e-5, 5e-5)
"""For fine-tuning BERT (arXiv 1810.04805, appendix A.3)."""


@pytest.mark.parametrize("length", [8, 100, 512])
@pytest.mark.parametrize("name", TINY)
def test_the_model_is_given_exactly_the_length_asked_for_with_a_mask(name, length):
    payload, seen = inference(name, sequence_length=length, batch_size=2), []
    payload.engine = lambda *inputs: seen.append(inputs) or payload.model(*inputs)
    for _ in range(3):
        payload.infer(payload.stage(payload.next_batch()))
    assert {tuple(tensor.shape) for inputs in seen for tensor in inputs} == {(2, length)}
    assert all(valid.all() for _, valid in seen), "no token is padding unless asked for"


@pytest.mark.parametrize("name", TINY)
def test_inference_is_in_eval_and_inference_mode_and_repeats_itself(name):
    payload = inference(name)
    batch = payload.stage(payload.next_batch())
    first, again = payload.infer(batch), payload.infer(batch)
    assert first.shape == (4, 2)
    assert first.is_inference()
    assert not payload.model.training
    assert torch.equal(first, again), "nothing is dropped"


@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("build", [inference, training])
def test_samples_are_sequences_and_tokens_are_told(build, batch_size):
    payload = build("bert-tiny", batch_size=batch_size, sequence_length=40, padding=0.1)
    assert (payload.samples_per_step, payload.sample_unit) == (batch_size, "sequence")
    figures = {figure.name: (figure.value, figure.unit) for figure in payload.report().figures}
    assert figures["tokens_per_step"] == (40 * batch_size, "token")
    assert figures["valid_tokens_per_step"] == (36 * batch_size, "token")


@pytest.mark.parametrize("name", TINY)
def test_a_training_step_moves_the_weights_and_returns_a_scalar_loss_without_graph(name):
    payload = training(name, learning_rate=1e-3)
    before = payload.model.network.base_model.get_input_embeddings().weight.detach().clone()
    loss = payload.step(payload.stage(payload.next_batch()))
    assert (loss.shape, loss.requires_grad) == ((), False)
    assert payload.model.training
    assert not torch.equal(before, payload.model.network.base_model.get_input_embeddings().weight)


@pytest.mark.parametrize("name", TINY)
def test_training_lowers_the_loss(name):
    values = losses(training(name, batch_size=16, learning_rate=1e-3), 40)
    assert values[0] == pytest.approx(0.693, abs=0.05)
    assert max(values[-4:]) < 0.3


@pytest.mark.parametrize("name", [*TINY, "distilbert", "bert-base", "bert-large", "roberta-base", "xlnet-base"])
def test_the_learning_rate_is_a_published_one_unless_asked_otherwise(name):
    assert PUBLISHED_RATES[0] <= card(name).parameters().learning_rate <= PUBLISHED_RATES[1]


def test_the_optimiser_is_adamw_with_the_parameters_rate_and_no_decay_of_biases_and_norms():
    payload = training("bert-tiny", learning_rate=3e-5, weight_decay=0.02)
    assert isinstance(payload.optimizer, torch.optim.AdamW)
    assert [group["lr"] for group in payload.optimizer.param_groups] == [3e-5, 3e-5]
    assert [group["weight_decay"] for group in payload.optimizer.param_groups] == [0.02, 0.0]


def test_dropout_is_where_the_parameter_says_and_only_in_training():
    payload = training("distilbert-tiny", dropout=0.25)
    rates = {layer.p for layer in payload.model.modules() if isinstance(layer, torch.nn.Dropout)}
    assert rates == {0.25}
    batch = payload.next_batch()
    assert not torch.equal(payload.loss(batch), payload.loss(batch))


@pytest.mark.parametrize("name", TINY)
def test_a_seed_fixes_weights_sequences_and_labels(name):
    first, same, other = (losses(training(name, seed=seed, dropout=0), 3) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_building_leaves_the_callers_random_state_alone():
    before = torch.get_rng_state()
    training("xlnet-tiny")
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("build", [inference, training])
def test_a_rehearsal_leaves_the_next_batches_as_they_were(build):
    payload, untouched = build("bert-tiny"), build("bert-tiny")
    with payload.rehearsal():
        tried = [payload.next_batch() for _ in range(3)]
    following, expected = payload.next_batch(), untouched.next_batch()
    assert torch.equal(tried[0].token_ids, following.token_ids)
    assert torch.equal(following.token_ids, expected.token_ids)
    assert torch.equal(following.labels, expected.labels)


def test_requests_are_joined_in_their_order_and_answered_as_alone():
    payload = inference("bert-tiny", padding=0.25)
    requests = [payload.next_batch() for _ in range(2)]
    together = payload.infer(payload.join(requests))
    alone = torch.cat([payload.infer(request) for request in requests])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("bert-base", {"sequence_length": 513}, "less than or equal to 512"),
        ("roberta-base", {"sequence_length": 513}, "less than or equal to 512"),
        ("bert-base", {"sequence_length": 7}, "greater than or equal to 8"),
        ("bert-base", {"learning_rate": 0.1}, "less than or equal to 0.01"),
        ("bert-base", {"padding": 1.0}, "less than 1"),
        ("bert-base", {"sequence_length": 16, "padding": 0.9}, "leaves 2 of 16 tokens.*lower padding"),
        ("bert-base", {"weights": "models/bert"}, "no absolute path"),
        ("bert-base", {"batch_size": 4096, "sequence_length": 512, "data_pool": 1024}, "lower data_pool"),
        ("bert-base", {"classes": 1}, "greater than or equal to 2"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_with_the_reason(name, values, message):
    with pytest.raises(ValidationError, match=message):
        card(name).parameters.model_validate(values)


def test_xlnet_takes_sequences_longer_than_bert_has_positions_for():
    payload = inference("xlnet-tiny", sequence_length=600, batch_size=1, data_pool=1)
    assert payload.infer(payload.next_batch()).isfinite().all()


def test_listing_and_validating_do_not_import_the_library():
    script = (
        "import sys\n"
        "from workloads.registry import catalogue\n"
        "[card.parameters() for card in catalogue().values()]\n"
        "sys.exit('transformers' in sys.modules or 'torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_building_opens_no_connection():
    script = (
        "import sys\n"
        "def watch(event, arguments):\n"
        "    if event in ('socket.connect', 'socket.getaddrinfo'):\n"
        "        raise SystemExit(f'{event} {arguments}')\n"
        "sys.addaudithook(watch)\n"
        "from tests.workloads.texts import TINY, inference\n"
        "for name in TINY: inference(name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
