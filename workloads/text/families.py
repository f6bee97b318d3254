"""The published sizes of each family, and one small size of each for tests and studies on a CPU.

Fields that the library's defaults have otherwise are those of the published checkpoints.
"""

from transformers import (
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
    XLNetConfig,
    XLNetForSequenceClassification,
)

from workloads.text import vocabulary
from workloads.text.architecture import Architecture, Family
from workloads.text.classifier import XLNetClassifier

BERT = Family(
    network=BertForSequenceClassification,
    configuration=BertConfig,
    vocabulary=vocabulary.BERT,
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"),
    fields={"max_position_embeddings": 512, "type_vocab_size": 2},
)
DISTIL = Family(
    network=DistilBertForSequenceClassification,
    configuration=DistilBertConfig,
    vocabulary=vocabulary.BERT,
    dropouts=("dropout", "attention_dropout", "seq_classif_dropout"),
    fields={"max_position_embeddings": 512, "sinusoidal_pos_embds": False},
)
ROBERTA = Family(
    network=RobertaForSequenceClassification,
    configuration=RobertaConfig,
    vocabulary=vocabulary.ROBERTA,
    dropouts=("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"),
    # Positions are counted from behind the padding token's number, so two of 514 are never used.
    fields={"max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
)
XLNET = Family(
    network=XLNetForSequenceClassification,
    configuration=XLNetConfig,
    vocabulary=vocabulary.XLNET,
    dropouts=("dropout", "summary_last_dropout"),
    fields={"attn_type": "bi", "mem_len": None, "use_mems_eval": False, "use_mems_train": False},
    attention="eager",
    classifier=XLNetClassifier,
)


def bert_sizes(*, layers: int, hidden: int, heads: int) -> dict[str, int]:
    """Return fields of BERT's and RoBERTa's configuration; the feed-forward layer is four times as wide."""
    return {
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
    }


def distil_sizes(*, layers: int, hidden: int, heads: int) -> dict[str, int]:
    """Return the same in the words of DistilBERT's configuration."""
    return {"n_layers": layers, "dim": hidden, "n_heads": heads, "hidden_dim": 4 * hidden}


def xlnet_sizes(*, layers: int, hidden: int, heads: int) -> dict[str, int]:
    """Return the same in the words of XLNet's configuration."""
    return {"n_layer": layers, "d_model": hidden, "n_head": heads, "d_inner": 4 * hidden}


DISTILBERT = Architecture(family=DISTIL, sizes=distil_sizes(layers=6, hidden=768, heads=12))
BERT_BASE = Architecture(family=BERT, sizes=bert_sizes(layers=12, hidden=768, heads=12))
BERT_LARGE = Architecture(family=BERT, sizes=bert_sizes(layers=24, hidden=1024, heads=16))
ROBERTA_BASE = Architecture(family=ROBERTA, sizes=bert_sizes(layers=12, hidden=768, heads=12))
XLNET_BASE = Architecture(family=XLNET, sizes=xlnet_sizes(layers=12, hidden=768, heads=12))

DISTILBERT_TINY = Architecture(family=DISTIL, sizes=distil_sizes(layers=2, hidden=128, heads=2))
BERT_TINY = Architecture(family=BERT, sizes=bert_sizes(layers=2, hidden=128, heads=2))
ROBERTA_TINY = Architecture(family=ROBERTA, sizes=bert_sizes(layers=2, hidden=128, heads=2))
XLNET_TINY = Architecture(family=XLNET, sizes=xlnet_sizes(layers=2, hidden=128, heads=2))
