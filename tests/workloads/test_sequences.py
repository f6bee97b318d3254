"""Protects sequences of exactly the length asked for, framed and padded as each family's models were trained on."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workloads.data.sequences import ZipfSequences
from workloads.text.vocabulary import BERT, ROBERTA, XLNET, Vocabulary

VOCABULARIES = [BERT, ROBERTA, XLNET]


def drawn(count: int, vocabulary: Vocabulary = BERT, *, seed: int = 0, **sizes: int):
    source = ZipfSequences(vocabulary=vocabulary, **({"classes": 2, "length": 64} | sizes))
    return source.draw(count, torch.Generator().manual_seed(seed))


@given(
    vocabulary=st.sampled_from(VOCABULARIES),
    length=st.integers(8, 600),
    spare=st.integers(4, 600),
    classes=st.integers(2, 1000),
)
def test_every_sequence_has_the_length_asked_for_and_as_much_padding(vocabulary, length, spare, classes):
    padding = max(0, length - spare)
    batch = drawn(3, vocabulary, length=length, padding_tokens=padding, classes=classes)
    assert (batch.token_ids.shape, batch.token_ids.dtype) == ((3, length), torch.int64)
    assert (batch.valid.shape, batch.valid.dtype) == ((3, length), torch.bool)
    assert batch.valid.sum(dim=1).tolist() == [length - padding] * 3
    assert torch.equal(batch.token_ids == vocabulary.padding, ~batch.valid), (
        "what is masked is padding, and nothing else"
    )
    assert batch.token_ids.min() >= 0
    assert batch.token_ids.max() < vocabulary.size


def test_sequences_are_framed_and_padded_as_each_family_has_it():
    bert, roberta, xlnet = (drawn(1, each, length=10, padding_tokens=3).token_ids[0] for each in VOCABULARIES)
    assert (bert[0], bert[6], bert[7:].tolist()) == (101, 102, [0, 0, 0])
    assert (roberta[0], roberta[6], roberta[7:].tolist()) == (0, 2, [1, 1, 1])
    assert (xlnet[:3].tolist(), xlnet[8:].tolist()) == ([5, 5, 5], [4, 3]), "its last token is the one classified"
    assert all(word >= 999 for word in bert[1:6])


def test_words_follow_zipfs_law():
    """The first word of a class comes ln 2 / ln (n + 1) of the time, the second ln 1.5 / ln (n + 1)."""
    batch = drawn(4000, classes=2, length=66)
    first = batch.token_ids[batch.labels == 0, 1:-1].flatten()
    shares = [float((first == BERT.words.start + rank).double().mean()) for rank in range(2)]
    assert shares == pytest.approx([0.0673, 0.0394], abs=0.003)


def test_classes_have_frequent_words_of_their_own():
    batch = drawn(400, classes=4)
    common = [int(batch.token_ids[batch.labels == label, 1:-1].mode().values.mode().values) for label in range(4)]
    assert len(set(common)) == 4


def test_a_seed_fixes_sequences_and_labels():
    first, same, other = drawn(8, seed=1), drawn(8, seed=1), drawn(8, seed=2)
    assert torch.equal(first.token_ids, same.token_ids)
    assert torch.equal(first.labels, same.labels)
    assert not torch.equal(first.token_ids, other.token_ids)
