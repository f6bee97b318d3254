"""Protects the language models' published sizes, their masks, and what their steps are counted to cost."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.workloads.texts import TINY, inference, training
from workloads.complexity import count_parameters
from workloads.cost import count_step
from workloads.registry import card
from workloads.text import families

# name, parameters of the encoder (BERT: with its pooler), with a head for two classes, published (millions or None)
SIZES = [
    ("distilbert", "DISTILBERT", 66_362_880, 66_955_010, 66),
    ("bert-base", "BERT_BASE", 109_482_240, 109_483_778, 110),
    ("bert-large", "BERT_LARGE", 335_141_888, 335_143_938, 340),
    ("roberta-base", "ROBERTA_BASE", 124_055_040, 124_647_170, 125),
    ("xlnet-base", "XLNET_BASE", 116_718_336, 117_310_466, None),
    ("bert-tiny", "BERT_TINY", 4_385_920, 4_386_178, 4.4),
]


def on_meta(architecture: str, classes: int = 2) -> nn.Module:
    with torch.device("meta"):
        return getattr(families, architecture).classifier(classes=classes, dropout=0.1, weights=None)


def bert_base_parameters() -> int:
    """Parameters of BERT base by hand: embeddings and their norm, twelve layers, the pooler."""
    hidden, inner = 768, 3072
    attention = 4 * (hidden * hidden + hidden) + 2 * hidden
    feed_forward = hidden * inner + inner + inner * hidden + hidden + 2 * hidden
    embeddings = (30_522 + 512 + 2) * hidden + 2 * hidden
    return embeddings + 12 * (attention + feed_forward) + hidden * hidden + hidden


def bert_macs(*, layers: int, hidden: int, length: int, classes: int) -> tuple[int, int]:
    """Multiply-adds of linear layers and of attention's two products, for one sequence, by hand."""
    linear = layers * length * (4 * hidden * hidden + 2 * hidden * 4 * hidden) + hidden * hidden + hidden * classes
    return linear, layers * 2 * length * length * hidden


@pytest.mark.parametrize(("name", "architecture", "encoder", "whole", "published_m"), SIZES)
def test_published_sizes_are_met(name, architecture, encoder, whole, published_m):
    model = on_meta(architecture)
    assert count_parameters(model.network.base_model) == encoder
    assert count_parameters(model) == whole
    assert card(name).facts.get("parameters") == (published_m and f"{published_m} M")
    if published_m is not None:
        assert encoder / 1e6 == pytest.approx(published_m, rel=0.02)


def test_counted_parameters_agree_with_arithmetic_by_hand():
    assert bert_base_parameters() == 109_482_240


def test_the_published_attention_is_computed_by_pytorchs_own():
    names = ("DISTILBERT", "BERT_BASE", "BERT_LARGE", "ROBERTA_BASE")
    assert {on_meta(name).network.config._attn_implementation for name in names} == {"sdpa"}


def test_flops_of_bert_base_at_64_tokens_are_those_by_hand():
    linear, attention = bert_macs(layers=12, hidden=768, length=64, classes=2)
    cost = count_step(inference("bert-base", batch_size=1, sequence_length=64, data_pool=1))
    assert cost.flops == 2 * (linear + attention)
    assert cost.flops == pytest.approx(11.1e9, rel=0.01)


def test_least_bytes_of_an_answer_are_the_weights_but_of_embeddings_only_the_rows_that_are_used():
    payload = inference("bert-tiny", batch_size=1)
    embeddings = payload.model.network.bert.embeddings
    tables = embeddings.word_embeddings.weight.nbytes + embeddings.position_embeddings.weight.nbytes
    rest, rows = sum(p.nbytes for p in payload.model.parameters()) - tables, 2 * 32 * 128 * 4
    assert count_step(payload).least_bytes == pytest.approx(rest + rows, rel=0.01)


@pytest.mark.parametrize("padding", [0.0, 0.5])
def test_flops_of_training_are_those_by_hand_and_padding_is_computed_too(padding):
    """The backward pass has two products for each of a linear layer and, fused, five for attention's two."""
    linear, attention = bert_macs(layers=2, hidden=128, length=32, classes=2)
    cost = count_step(training("bert-tiny", batch_size=4, dropout=0, padding=padding))
    assert cost.flops == 2 * 4 * (3 * linear + attention + 5 * attention // 2)


def logits(payload, token_ids, valid):
    with torch.inference_mode():
        return payload.model(token_ids, valid)


@pytest.mark.parametrize("name", TINY)
def test_what_padding_consists_of_changes_no_answer(name):
    payload = inference(name, padding=0.5)
    batch = payload.next_batch()
    others = torch.where(batch.valid, batch.token_ids, 2000)
    answer = payload.infer(batch)
    torch.testing.assert_close(logits(payload, others, batch.valid), answer, rtol=1e-5, atol=1e-7)
    everything = torch.ones_like(batch.valid)
    assert not torch.allclose(logits(payload, others, everything), answer, rtol=1e-3), "without a mask it would"


@pytest.mark.parametrize("name", TINY)
def test_a_padded_sequence_is_answered_as_the_sequence_alone(name):
    payload = inference(name, padding=0.5)
    batch = payload.next_batch()
    alone = batch.token_ids[batch.valid].view(4, -1)
    whole = torch.ones_like(alone).bool()
    torch.testing.assert_close(logits(payload, alone, whole), payload.infer(batch), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("padding", [0.0, 0.25])
@pytest.mark.parametrize("name", TINY)
def test_answers_are_those_of_the_library_called_as_its_users_call_it(name, padding):
    payload = inference(name, padding=padding)
    batch = payload.next_batch()
    extra = {"token_type_ids": torch.zeros_like(batch.token_ids)} if name == "xlnet-tiny" else {}
    with torch.inference_mode():
        theirs = payload.model.network(input_ids=batch.token_ids, attention_mask=batch.valid.long(), **extra).logits
    torch.testing.assert_close(payload.infer(batch), theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("name", ["bert-tiny", "xlnet-tiny"])
def test_the_mask_is_applied_also_where_no_token_is_padding(name):
    """What is timed must not depend on what the tokens are: the library leaves a mask of ones out if it may."""
    costs = {padding: count_step(inference(name, padding=padding)) for padding in (0.0, 0.5)}
    assert costs[0.0] == costs[0.5]


def test_xlnet_attends_to_segments_and_keeps_no_memory_of_earlier_sequences():
    payload = training("xlnet-tiny", dropout=0)
    batch = payload.next_batch()
    functional.cross_entropy(payload.model(batch.token_ids, batch.valid), batch.labels).backward()
    assert payload.model.network.transformer.layer[0].rel_attn.r_s_bias.grad.abs().sum() > 0
    payload = inference("xlnet-tiny")
    with torch.inference_mode():
        assert payload.model.network(input_ids=batch.token_ids).mems is None
