"""What the numbers of tokens mean in each family: which are words, what frames a sequence, and where padding goes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """The tokens that a sequence is made of: ``opening``, words, ``closing``; padding before it or after it.

    ``words`` are those tokens that are neither special nor unused.
    """

    size: int
    words: range
    opening: tuple[int, ...]
    closing: tuple[int, ...]
    padding: int
    padded_on_the_left: bool = False


BERT = Vocabulary(size=30_522, words=range(999, 30_522), opening=(101,), closing=(102,), padding=0)
"""BERT's uncased English vocabulary: [CLS] words [SEP]; what is below 999 is special or unused."""

ROBERTA = Vocabulary(size=50_265, words=range(4, 50_261), opening=(0,), closing=(2,), padding=1)
"""RoBERTa's bytes in pairs: <s> words </s>; the last four are fillers and the mask."""

XLNET = Vocabulary(size=32_000, words=range(10, 32_000), opening=(), closing=(4, 3), padding=5, padded_on_the_left=True)
"""XLNet's SentencePiece: words <sep> <cls>. The last token is what is classified, so padding goes before the words."""
